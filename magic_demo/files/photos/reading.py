"""The one way a photo comes in: limits, decoding, EXIF rotation, metadata dropped, and what a model's input is made of."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from magic_demo.photo_bounds import DEFAULT_LIMITS, PhotoLimits, read_photo_file
from magic_demo.photo_decoding import named, open_picture
from magic_demo.photo_kinds import PHOTO_KINDS, PHOTO_SUFFIXES
from magic_demo.types import Photo

__all__ = ["DEFAULT_LIMITS", "PHOTO_KINDS", "PHOTO_SUFFIXES", "PhotoLimits", "decode_photo", "read_photo", "resize_pixels"]


def read_photo(path: Path, *, photo_id: str | None = None, limits: PhotoLimits = DEFAULT_LIMITS) -> Photo:
    """Read a photo file; the id is the file's name without ending unless given. Raises PhotoError with one line."""
    data = read_photo_file(path, limits)
    return decode_photo(data, photo_id=photo_id or path.stem, name=path.name, limits=limits)


def decode_photo(data: bytes, *, photo_id: str, name: str = "", limits: PhotoLimits = DEFAULT_LIMITS) -> Photo:
    """Rebuild a photo from its pixels: upright, 8-bit sRGB, nothing else of the file kept.

    A colour profile is applied; CMYK, palette, grey and deeper colours are converted, transparency is laid on white, of several frames the
    first is taken (the full picture, where the first is a preview), and each of these is noted. Raises PhotoError with one line otherwise.
    """
    name = name or photo_id
    with named(name):
        picture = open_picture(data, name, limits)
        return Photo(photo_id=photo_id, pixels=picture.pixels(), notes=tuple(picture.notes))


def resize_pixels(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize (H, W, 3) or (H, W) uint8 to ``size`` (height, width) without aliasing: by area down, bilinear up."""
    height, width = size
    if pixels.shape[:2] == (height, width):
        return pixels
    shrinks = pixels.shape[0] > height or pixels.shape[1] > width
    resized = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(resized, dtype=np.uint8)
