"""What a photo's header says before a pixel is unpacked: its size and how it lies."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from magic_demo.core.disk.user_files import open_user_file
from magic_demo.core.types import RemoteFile
from magic_demo.files.photos.bounds import DEFAULT_LIMITS, PhotoLimits, read_webp_size
from magic_demo.files.photos.decoding import know_heif
from magic_demo.files.photos.kinds import PHOTO_KINDS, sniff_kind
from magic_demo.files.photos.metadata import find_orientation
from magic_demo.files.pillow import own_bounds
from magic_demo.imaging.turning import turn_size

HEAD_BYTES = 2**18


@dataclass(frozen=True)
class PhotoHead:
    """A photo's size as stored, (height, width) in pixels, and its orientation, 1 to 8 as EXIF counts."""

    stored: tuple[int, int]
    orientation: int = 1

    @property
    def upright(self) -> tuple[int, int]:
        """Return (height, width) once the photo is turned upright."""
        return turn_size(self.stored, self.orientation)


def read_head(place: Path | str | RemoteFile, limits: PhotoLimits = DEFAULT_LIMITS) -> PhotoHead | None:
    """Read a photo's header; None where it says no size of a photo that ``limits`` allow.

    A photo that is cut short or broken may well have a header; of one that lies elsewhere it is looked for in the
    first ``HEAD_BYTES``. Of HEIC the size is the upright one: its container turns it, whoever reads it.
    """
    try:
        with _open(place, limits) as file, own_bounds():
            start = file.read(132)
            kind = sniff_kind(start)
            if kind not in PHOTO_KINDS:
                return None
            if kind == "HEIF":
                know_heif()
            if kind == "WEBP" and _is_too_large(*read_webp_size(start), limits):  # its reader makes room
                return None
            file.seek(0)
            with Image.open(file, formats=(kind,)) as image:
                orientation = find_orientation(image)[0]
                height, width = image.height, image.width
    except Exception:
        # Pillow's plugins raise OSError, SyntaxError, ValueError, struct.error and more on broken files
        return None
    if height < 1 or width < 1 or _is_too_large(width, height, limits):
        return None
    # of a TIFF Pillow says the size once turned
    return PhotoHead(turn_size((height, width), orientation if kind == "TIFF" else 1), orientation)


def _open(place: Path | str | RemoteFile, limits: PhotoLimits) -> BinaryIO:
    if not isinstance(place, RemoteFile):
        return open_user_file(Path(place), limits.max_bytes)
    from magic_demo.files.remote.files import read_remote_head  # what most runs do without

    return io.BytesIO(read_remote_head(place, HEAD_BYTES))


def _is_too_large(width: int, height: int, limits: PhotoLimits) -> bool:
    return width * height > limits.max_pixels
