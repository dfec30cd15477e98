"""Files that appear whole or not at all: written beside their place under another name, then moved into it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file whole, text as UTF-8: whoever reads ``path``, now or after a crash, sees the old content or the new, never a part.

    Missing folders are made. The half-written file lies in the same folder (a rename is atomic only within one file system) under
    a hidden name that ends in ``.part`` and is removed when writing fails. Raises OSError as the system gives it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content.encode("utf-8") if isinstance(content, str) else content)
            stream.flush()
            os.fsync(stream.fileno())
        part.chmod(0o666 & ~_umask())  # mkstemp makes files private; these are meant to be shared like any other
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a file to write that takes the place of ``path`` when the block ends, and is removed when it fails. Only its owner can read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        with part.open("rb+") as stream:
            os.fsync(stream.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def is_part(path: Path) -> bool:
    """Return whether a path is of something half written, which only a program that was killed leaves behind."""
    return path.name.startswith(".") and path.name.endswith(".part")


def write_json(path: Path, value: Any, *, indent: int | None = 4) -> None:
    """Write JSON whole, in UTF-8 with every script readable. Raises ValueError for NaN and infinities, which JSON does not know."""
    write_whole(path, json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False))


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to write into that takes the place of ``folder`` when the block ends, and is removed when it fails.

    ``folder`` is new or empty; missing folders above it are made. Raises OSError as the system gives it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".", suffix=".part", dir=folder.parent))
    try:
        yield part
        part.chmod(0o777 & ~_umask())
        if folder.is_dir():
            folder.rmdir()
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
