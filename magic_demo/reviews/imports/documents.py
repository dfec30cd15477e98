"""JSON and XML of a source: read whole, bounded, and with nothing in it that reaches outside."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from magic_demo.core.disk.user_files import read_user_text
from magic_demo.core.errors import FormatError, one_line
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message
from magic_demo.files.json_files import read_json

XML_SHARE = 4
"""An element in memory takes several times its text."""


def load_json(path: Path) -> Any:
    """Return a file's JSON; the last one is kept, as it is looked at before it is read. Raises FormatError."""
    try:
        status = path.stat()
    except OSError:
        return read_json(path, Message("annotations"))
    return _load_json(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1)
def _load_json(path: Path, _changed: int, _size: int) -> Any:
    return read_json(path, Message("annotations"))


def peek_json(path: Path) -> Any:
    """Return a file's JSON, None for one that cannot be read."""
    try:
        return load_json(path)
    except FormatError:
        return None


def load_xml(path: Path) -> ElementTree.Element:
    """Return an XML file's root.

    A document type is refused: annotations have none, and its entities could grow without end or name other
    files. Raises FormatError.
    """
    try:
        text = read_user_text(path, LIMITS.json_bytes // XML_SHARE)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise FormatError(
            "{path}: cannot be read ({reason})", path=path, reason=reason or one_line(error)
        ) from error
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise FormatError(
            "{path}: has a document type, which annotations need not have; take it out", path=path
        )
    try:
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise FormatError(
            "{path}: not XML that can be read ({reason})", path=path, reason=one_line(error)
        ) from error
