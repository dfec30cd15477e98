"""What a photo's file may ask for, looked at before a pixel is unpacked: bytes, pixels, scans, frames."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from magic_demo.core.disk.user_files import read_user_file
from magic_demo.core.errors import PhotoError
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message
from magic_demo.core.types import RemoteFile
from magic_demo.files.photos.formats.jpeg_scans import JpegScans

MOST_SCAN_PIXELS = 12 * 48_000_000
"""Scans of a JPEG times its pixels: each scan goes over the whole picture, however few bytes it has. A
progressive photo has up to a dozen."""
MOST_FRAMES = 100
"""Frames that are counted."""


@dataclass(frozen=True)
class PhotoLimits:
    """What is accepted: bytes of the file, pixels of the photo, and its shortest side in pixels."""

    max_bytes: int = LIMITS.photo_bytes
    max_pixels: int = LIMITS.photo_pixels
    min_side: int = LIMITS.photo_side


DEFAULT_LIMITS = PhotoLimits()
MakeRoom = Callable[[int], None]
"""Told how many bytes unpacking a photo will take."""


def no_room(count: int) -> None:
    """Let unpacking take what it takes."""


def check_bytes(count: int, limits: PhotoLimits) -> None:
    """Raise PhotoError (without a name, like all in here) where a file has too many bytes."""
    if count > limits.max_bytes:
        raise PhotoError(
            "{size:.0f} MB, the limit is {limit:.0f} MB; save it smaller",
            size=count / 2**20,
            limit=limits.max_bytes / 2**20,
        )


def read_photo_file(path: Path | RemoteFile, limits: PhotoLimits = DEFAULT_LIMITS) -> bytes:
    """Return a photo file's bytes. Raises PhotoError with one line."""
    try:
        if isinstance(path, RemoteFile):
            return _read_elsewhere(path, limits.max_bytes)
        return read_user_file(path, limits.max_bytes)
    except OSError as error:
        cure = Message("check that the file exists and is readable")
        if error.errno == errno.EFBIG:
            cure = Message("save it smaller")
        elif isinstance(path, RemoteFile):
            cure = Message("check the connection, and give the same command again")
        raise PhotoError(
            "{name}: cannot be read ({reason}); {cure}",
            name=path.name.rpartition("/")[2],
            reason=error.strerror or error,
            cure=cure,
        ) from error


def _read_elsewhere(file: RemoteFile, most: int) -> bytes:
    from magic_demo.files.remote.files import read_remote  # what most runs do without

    return read_remote(file, most)


def check_size(width: int, height: int, limits: PhotoLimits) -> None:
    """Raise PhotoError where a photo has too many pixels, or too few on a side."""
    if width * height > limits.max_pixels:
        raise PhotoError(
            "{width}x{height} is {size:.0f} megapixels, the limit is {limit:.0f}; make it smaller",
            width=width,
            height=height,
            size=width * height / 1000000.0,
            limit=limits.max_pixels / 1000000.0,
        )
    if min(width, height) < limits.min_side:
        raise PhotoError(
            "{width}x{height} pixels is too small, at least {least} a side are needed",
            width=width,
            height=height,
            least=limits.min_side,
        )


def check_scans(found: JpegScans, width: int, height: int) -> None:
    """Raise PhotoError where a JPEG goes over its pixels more often than a photo does."""
    if found.scans * width * height > MOST_SCAN_PIXELS and found.scans > 1:
        most = max(1, MOST_SCAN_PIXELS // (width * height))
        raise PhotoError(
            "the JPEG has {count} scans, at this size at most {most} are read; save it as a plain JPEG",
            count=found.scans,
            most=most,
        )


def read_webp_size(data: bytes) -> tuple[int, int]:
    """Return (width, height) that a WebP claims: its reader makes room for them on opening. (0, 0) where they
    cannot be told."""
    kind, body = data[12:16], data[20:30]
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF


def count_gif_frames(data: bytes) -> int:
    """Return how many frames a GIF holds, MOST_FRAMES at most, without decoding any."""
    offset = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    frames = 0
    while offset + 10 < len(data) and data[offset] in (0x21, 0x2C) and frames < MOST_FRAMES:
        if data[offset] == 0x2C:
            frames += 1
            flags = data[offset + 9]
            offset += 11 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
        else:
            offset += 2
        while offset < len(data) and data[offset]:  # blocks of up to 255 bytes, to one of none
            offset += 1 + data[offset]
        offset += 1
    return frames
