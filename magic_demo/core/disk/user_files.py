"""The one way a file that somebody else wrote is read: a regular file, opened without waiting, of bounded
size."""

from __future__ import annotations

import codecs
import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import BinaryIO

from magic_demo.core.messages import Message

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)
"""A pipe that nobody writes to is opened at once, instead of never."""
LARGEST_CONFIG = 32 * 2**20
"""Bytes of a checkpoint's JSON, and of other small files."""
_PIECE = 2**20
_KINDS = (
    (stat.S_ISFIFO, Message("a pipe")),
    (stat.S_ISSOCK, Message("a socket")),
    (stat.S_ISCHR, Message("a device")),
    (stat.S_ISBLK, Message("a device")),
)


def read_user_file(path: Path, most: int) -> bytes:
    """Return a file's bytes, at most ``most``.

    Links are followed to what they name. Raises OSError, whose ``strerror`` says it in words: what is no
    regular file is not read, and of one that is larger, or grows while it is read, no more than ``most`` and
    a little.
    """
    with open_user_file(path, most) as file:
        pieces, size = [], 0
        while piece := file.read(max(_PIECE, most // 8)):
            pieces.append(piece)
            size += len(piece)
            if size > most:
                raise _too_large(path, size, most)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def open_user_file(path: Path, most: int) -> BinaryIO:
    """Return an open file for who reads it a part at a time.

    Raises OSError where it is no regular file, or larger than ``most``.
    """
    try:
        file = open(str(path), "rb", opener=lambda name, _: os.open(name, _FLAGS))  # noqa: SIM115 - the caller closes it
    except IsADirectoryError as error:
        raise OSError(errno.EISDIR, Message("a folder, not a file"), str(path)) from error
    try:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            kind = next((name for test, name in _KINDS if test(status.st_mode)), Message("no file"))
            raise OSError(errno.EINVAL, Message("{kind}, not a file", kind=kind), str(path))
        if status.st_size > most:
            raise _too_large(path, status.st_size, most)
    except BaseException:
        file.close()
        raise
    return file


def read_user_text(path: Path, most: int) -> str:
    """Return a file's text, UTF-8 with or without a byte order mark.

    Raises OSError as ``read_user_file`` and for UTF-16, as some programs of Windows write it, and
    UnicodeDecodeError.
    """
    data = read_user_file(path, most)
    if (
        data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        or data[:4:2] == b"\0\0"
        or (len(data) > 3 and data[1:4:2] == b"\0\0")
    ):
        raise OSError(errno.EILSEQ, Message("UTF-16 text; save it as UTF-8"), str(path))
    return data.decode("utf-8-sig")


def read_user_lines(path: Path, most: int) -> list[str]:
    """Return a text file's lines that are not blank, without what stands around them: names, one a line, may
    hold spaces. Raises as ``read_user_text``."""
    return [line.strip() for line in read_user_text(path, most).splitlines() if line.strip()]


def digest_user_file(path: Path, most: int) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal. Raises OSError as ``open_user_file``."""
    digest = hashlib.sha256()
    with open_user_file(path, most) as file:
        while part := file.read(2**20):
            digest.update(part)
    return digest.hexdigest()


def _too_large(path: Path, size: int, most: int) -> OSError:
    return OSError(
        errno.EFBIG,
        Message("{size:.0f} MB, the limit is {limit:.0f} MB", size=size / 2**20, limit=most / 2**20),
        str(path),
    )


def read_user_head(path: Path, count: int) -> bytes:
    """Return a file's first ``count`` bytes; nothing of what is no regular file, or cannot be read."""
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError:
        return b""
    try:
        return os.read(descriptor, count) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    except OSError:
        return b""
    finally:
        os.close(descriptor)
