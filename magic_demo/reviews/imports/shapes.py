"""Shapes as masks: what polygons, rectangles, ellipses and pictures in a text surround."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from magic_demo.core.errors import FormatError
from magic_demo.core.limits import LIMITS
from magic_demo.core.types import Mask

MOST_CORNERS = 100_000
PNG_START = b"\x89PNG\r\n\x1a\n"
Corners = NDArray[np.float64]
"""(N, 2), x before y, in pixels."""
_FRACTION = 4
"""Bits of a pixel by which corners are placed."""


def check_size(height: Any, width: Any) -> tuple[int, int]:
    """Return a photo's (height, width) as whole numbers.

    Raises FormatError for none, and beyond the limit of pixels.
    """
    if isinstance(height, float | int | str) and isinstance(width, float | int | str):
        sides = int(float(height)), int(float(width))
        if min(sides) >= 1 and sides[0] * sides[1] <= LIMITS.photo_pixels:
            return sides
    raise FormatError(
        "a photo of {width}x{height} pixels; the limit is {limit} pixels",
        width=str(width)[:20],
        height=str(height)[:20],
        limit=LIMITS.photo_pixels,
    )


def read_points(points: Sequence[Any], scale: tuple[float, float] = (1, 1)) -> Corners:
    """Return corners of points, [x, y] each or x and y in turn. scale: what x and y are multiplied by.

    Raises FormatError for fewer than three or too many.
    """
    if len(points) > 2 * MOST_CORNERS:
        raise FormatError(
            "a polygon of {count} corners; {limit} is the most", count=len(points), limit=MOST_CORNERS
        )
    corners = np.asarray(points, np.float64).reshape(-1, 2) * np.array(scale)
    if len(corners) > MOST_CORNERS:
        raise FormatError(
            "a polygon of {count} corners; {limit} is the most", count=len(corners), limit=MOST_CORNERS
        )
    if len(corners) < 3 or not np.isfinite(corners).all():
        raise FormatError("a polygon needs three corners or more")
    return np.asarray(corners)


def turn_corners(corners: Corners, degrees: float, about: Corners) -> Corners:
    """Return corners turned clockwise about a point (2,)."""
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.asarray(about + (corners - about) @ turn)


def fill_corners(corners: Corners, size: tuple[int, int]) -> Mask:
    """Return what corners surround, (H, W) bool; a pixel's middle is at half."""
    filled = np.zeros(size, np.uint8)
    edge = 8 * max(size)
    places = np.round((np.clip(corners, -edge, edge) - 0.5) * 2**_FRACTION).astype(np.int32)
    cv2.fillPoly(filled, [places], 1, cv2.LINE_8, _FRACTION)
    return filled.astype(np.bool_)


def fill_box(left: float, top: float, right: float, bottom: float, size: tuple[int, int]) -> Mask:
    """Return the pixels whose middles lie in a rectangle, (H, W) bool."""
    if not np.isfinite([left, top, right, bottom]).all():
        raise FormatError("a rectangle needs four numbers")
    rows, columns = (np.arange(side) + 0.5 for side in size)
    return np.asarray(
        ((rows > top) & (rows < bottom))[:, None] & ((columns > left) & (columns < right))[None, :]
    )


def fill_ellipse(
    middle: tuple[float, float], radii: tuple[float, float], degrees: float, size: tuple[int, int]
) -> Mask:
    """Return the pixels whose middles lie in an ellipse turned clockwise. middle, radii: x before y."""
    (x, y), (across, down), angle = middle, radii, np.deg2rad(degrees)
    if not np.isfinite([x, y, across, down, angle]).all() or min(across, down) <= 0:
        raise FormatError("an ellipse needs a middle and two radii above 0")
    height, width = size
    right, below = np.arange(width)[None, :] + 0.5 - x, np.arange(height)[:, None] + 0.5 - y
    along, beside = (
        right * np.cos(angle) + below * np.sin(angle),
        below * np.cos(angle) - right * np.sin(angle),
    )
    return np.asarray((along / across) ** 2 + (beside / down) ** 2 <= 1, dtype=np.bool_)


def unpack_png(text: str, size: tuple[int, int]) -> Mask:
    """Return the mask of a PNG in base64, with or without ``data:...,`` before it: lesion where neither black nor
    transparent.

    Raises FormatError for what is none of this (height, width).
    """
    try:
        data = base64.b64decode(text.rpartition(",")[2], validate=True)
    except ValueError as error:
        raise FormatError("a mask's picture is not in base64") from error
    if data[:8] != PNG_START or len(data) < 24:
        raise FormatError("a mask's picture is no PNG")
    width, height = (int.from_bytes(data[start : start + 4], "big") for start in (16, 20))
    if (height, width) != size:  # said before a pixel is decoded
        raise FormatError(
            "a mask's picture of {width}x{height} pixels; {expected_width}x{expected_height} are expected",
            width=width,
            height=height,
            expected_width=size[1],
            expected_height=size[0],
        )
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise FormatError("a mask's picture cannot be read")
    if pixels.ndim == 2:
        return np.asarray(pixels > 0)
    shown = pixels[..., 3] > 0 if pixels.shape[2] == 4 else np.ones(pixels.shape[:2], np.bool_)
    return np.asarray(shown & (pixels[..., :3] > 0).any(axis=2))


def place(part: Mask, left: int, top: int, size: tuple[int, int]) -> Mask:
    """Return a mask (H, W) bool that is a part (h, w) at its place.

    Raises FormatError where the part does not lie within.
    """
    height, width = part.shape
    if left < 0 or top < 0 or top + height > size[0] or left + width > size[1]:
        raise FormatError("a mask that does not lie within its photo")
    mask = np.zeros(size, np.bool_)
    mask[top : top + height, left : left + width] = part
    return mask


def unpack_rows(lengths: Sequence[int], size: tuple[int, int]) -> Mask:
    """Return the mask (H, W) bool of run lengths row by row, background first.

    Raises FormatError where they do not add up to its pixels.
    """
    if len(lengths) > size[0] * size[1] + 1:
        raise FormatError("run lengths that are more than the pixels")
    runs = np.asarray(lengths, np.int64)
    if runs.ndim != 1 or (runs.size and runs.min() < 0) or int(runs.sum()) != size[0] * size[1]:
        raise FormatError(
            "run lengths add up to {total} pixels, the photo has {pixels}; take the mask and the "
            "size of one photo",
            total=int(runs.sum()),
            pixels=size[0] * size[1],
        )
    return np.repeat(np.arange(runs.size) % 2 == 1, runs).reshape(size)
