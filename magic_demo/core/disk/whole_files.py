"""Files that appear whole or not at all: written beside their place under another name, then moved into
it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from magic_demo.core.disk.parts import let_go, new_part, new_part_folder, sweep_once

_FLAT = frozenset({str, int, float, bool, type(None)})
_encode_flat = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",\n        ", ": ")).encode


def write_whole(path: Path, content: bytes | str, *, private: bool = False) -> None:
    """Write a file whole, text as UTF-8: whoever reads ``path``, now or after a crash, sees the old content
    or the new, never a part.

    Missing folders are made. The half-written file lies in the same folder (a rename is atomic only within
    one file system) as one of ``parts``.
    private: only its owner can read it; else whoever can read a new file here. Raises OSError as the system
    gives it.
    """
    with whole_file(path, private=private) as part:
        part.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


@contextmanager
def whole_file(path: Path, *, private: bool = True) -> Iterator[Path]:
    """Give a file to write that takes the place of ``path`` when the block ends, and is removed when it
    fails."""
    make_folders(path.parent, private=private)
    sweep_once(path.parent)
    part, handle = new_part(path.parent, private=private)
    try:
        yield part
        os.fsync(handle)
        handle = let_go(handle)
        part.replace(path)
    except BaseException as error:
        handle = let_go(handle)
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # of a full disk the system says no name
        raise
    finally:
        os.close(handle)


def write_json(path: Path, value: Any, *, indent: int | None = 4, private: bool = False) -> None:
    """Write JSON whole, in UTF-8 with every script readable.

    Raises ValueError for NaN and infinities, which JSON does not know.
    """
    write_whole(path, json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False), private=private)


def write_json_list(path: Path, items: Iterable[Any]) -> None:
    """Write the bytes that ``write_json`` writes of a list, its items taken one at a time."""
    with whole_file(path, private=False) as part, part.open("w", encoding="utf-8", newline="") as stream:
        between = "["
        for item in items:
            stream.write(f"{between}\n    {_encode_item(item)}")
            between = ","
        stream.write("[]" if between == "[" else "\n]")


def _encode_item(item: Any) -> str:
    """Return an item of a list as ``json.dumps`` indents it, five times faster where it is a flat object: with an
    indent it encodes in Python."""
    if isinstance(item, dict) and item and _FLAT.issuperset(map(type, item.values())):
        return f"{{\n        {_encode_flat(item)[1:-1]}\n    }}"
    return json.dumps(item, indent=4, ensure_ascii=False, allow_nan=False).replace("\n", "\n    ")


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to write into that takes the place of ``folder`` when the block ends, and is removed when
    it fails.

    ``folder`` is new or empty; missing folders above it are made. Raises OSError as the system gives it.
    """
    make_folders(folder.parent)
    sweep_once(folder.parent)
    part, handle = new_part_folder(folder.parent, private=False)
    try:
        yield part
        if folder.is_dir():
            folder.rmdir()
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    finally:
        os.close(handle)


def make_folders(folder: Path, *, private: bool = False) -> None:
    """Make a folder and those above it where there are none. private: only their owner can enter them."""
    if private and not folder.is_dir():
        make_folders(folder.parent, private=True)
        folder.mkdir(0o700, exist_ok=True)
    elif not private:
        folder.mkdir(parents=True, exist_ok=True)
