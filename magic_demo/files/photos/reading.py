"""The one way a photo comes in: limits, decoding, EXIF rotation, metadata dropped."""

from __future__ import annotations

from pathlib import Path

from magic_demo.core.types import Photo
from magic_demo.files.photos.bounds import DEFAULT_LIMITS, PhotoLimits, read_photo_file
from magic_demo.files.photos.decoding import named, open_picture
from magic_demo.files.photos.kinds import PHOTO_KINDS, PHOTO_SUFFIXES
from magic_demo.files.pillow import own_bounds

__all__ = ["DEFAULT_LIMITS", "PHOTO_KINDS", "PHOTO_SUFFIXES", "PhotoLimits", "decode_photo", "read_photo"]


def read_photo(path: Path, *, photo_id: str | None = None, limits: PhotoLimits = DEFAULT_LIMITS) -> Photo:
    """Read a photo file; the id is the file's name without ending unless given.

    Raises PhotoError with one line.
    """
    data = read_photo_file(path, limits)
    return decode_photo(data, photo_id=photo_id or path.stem, name=path.name, limits=limits)


def decode_photo(
    data: bytes, *, photo_id: str, name: str = "", limits: PhotoLimits = DEFAULT_LIMITS
) -> Photo:
    """Rebuild a photo from its pixels: upright, 8-bit sRGB, nothing else of the file kept.

    A colour profile is applied; CMYK, palette, grey and deeper colours are converted, transparency is laid on
    white, of several frames the first is taken (the full picture, where the first is a preview), and each of
    these is noted. Raises PhotoError with one line otherwise.
    """
    name = name or photo_id
    with own_bounds(), named(name):
        picture = open_picture(data, name, limits)
        return Photo(photo_id=photo_id, pixels=picture.pixels(), notes=tuple(picture.notes))
