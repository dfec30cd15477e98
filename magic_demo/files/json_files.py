"""JSON files of other people, read whole or an item at a time, every fault said where it is."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from magic_demo.core.disk.json_items import decode_items
from magic_demo.core.disk.user_files import open_user_file, read_user_text
from magic_demo.core.disk.whole_text import mend_json
from magic_demo.core.errors import FormatError
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message
from magic_demo.files.entries import name_kind


def is_whole(text: str) -> bool:
    """Tell whether a text can be written as UTF-8: JSON can hold halves of characters."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def read_json(path: Path, expected: str) -> Any:
    """Read a JSON file, with or without a byte order mark; half characters become U+FFFD.

    Raises FormatError naming the line and column of the first fault.
    """
    try:
        return json.loads(mend_json(read_user_text(path, LIMITS.json_bytes)))
    except OSError as error:
        cure = (
            Message("split it")
            if error.errno == errno.EFBIG
            else Message("{expected} is expected", expected=expected)
        )
        raise FormatError(
            "{path}: cannot be read ({reason}); {cure}", path=path, reason=error.strerror or error, cure=cure
        ) from error
    except UnicodeDecodeError as error:
        raise FormatError(
            "{path}: not UTF-8 text (byte {position}); save {expected} as UTF-8",
            path=path,
            position=error.start,
            expected=expected,
        ) from error
    except json.JSONDecodeError as error:
        raise FormatError(
            "{path}: malformed JSON at line {line}, column {column}: {reason}",
            path=path,
            line=error.lineno,
            column=error.colno,
            reason=error.msg,
        ) from error
    except (RecursionError, ValueError) as error:  # nested too deep, or a number of thousands of digits
        raise FormatError(
            "{path}: this JSON is beyond what can be read ({reason}); {expected} is expected",
            path=path,
            reason=error,
            expected=expected,
        ) from error


def read_json_list(path: Path, expected: str) -> list[Any]:
    """Read a JSON file that holds a list. Raises FormatError otherwise."""
    entries = read_json(path, expected)
    if not isinstance(entries, list):
        raise FormatError(
            "{path}: holds {came}; {expected} is expected",
            path=path,
            came=name_kind(entries),
            expected=expected,
        )
    return entries


def iterate_json_list(path: Path, expected: str) -> Iterator[Any]:
    """Yield the items of a JSON file that holds a list, one at a time; of a long one only a part is in memory.

    Raises FormatError as ``read_json_list``, at the latest where the fault is.
    """
    try:
        with open_user_file(path, LIMITS.json_bytes) as file:
            yield from decode_items(file)
    except (OSError, ValueError, RecursionError) as error:
        read_json_list(path, expected)  # says what is wrong, and where
        raise FormatError("{path}: cannot be read ({reason})", path=path, reason=error) from error
