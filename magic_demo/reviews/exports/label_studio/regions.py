"""Label Studio's regions as masks: brushes, polygons, rectangles and ellipses; and which photo a task is of,
whatever an upload made of its name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import cv2
import numpy as np
from numpy.typing import NDArray

from magic_demo.core.errors import FormatError
from magic_demo.core.limits import LIMITS
from magic_demo.core.types import Mask
from magic_demo.files.findings import Findings
from magic_demo.reviews.exports.label_studio.brush_code import decode_brush

SHAPES = ("brushlabels", "polygonlabels", "rectanglelabels", "ellipselabels")
LESION = "lesion"
MOST_CORNERS = 100_000
Corners = NDArray[np.float64]
_UPLOAD = re.compile(r"[0-9a-f]{8}-(?=.)")
"""What Label Studio puts before the name of an uploaded file."""
_FRACTION = 4
"""Bits of a pixel by which corners are placed."""


def read_region(result: Mapping[str, Any], where: str, left_out: Findings) -> Mask | None:
    """Return the pixels (H, W) bool of one result, None where it is no region of a lesion; that is said in
    ``left_out``.

    Raises FormatError, LookupError, TypeError or ValueError for a region that cannot be read.
    """
    kind = str(result.get("type"))
    if kind not in SHAPES:
        left_out.add("region or answer of a kind that is not read", where, kind)
        return None
    value = result["value"]
    labels = [str(label) for label in value.get(kind, ())]
    if LESION not in (label.casefold() for label in labels):
        left_out.add(f"region that is not labelled '{LESION}'", where, f"{kind} {', '.join(labels)}".strip())
        return None
    if result.get("image_rotation"):
        left_out.add("region on a photo that was turned in Label Studio", where, kind)
        return None
    size = read_size(result)
    if kind == "brushlabels":
        return decode_brush(value["rle"], size)
    if kind == "ellipselabels":
        return _fill_ellipse(value, size)
    return _fill_corners(
        _corners(value, size) if kind == "rectanglelabels" else _points(value["points"], size), size
    )


def read_size(result: Mapping[str, Any]) -> tuple[int, int]:
    """Return the (height, width) of the photo that a result is of.

    Raises FormatError beyond the limit of pixels.
    """
    height, width = int(result["original_height"]), int(result["original_width"])
    if min(height, width) < 1 or height * width > LIMITS.photo_pixels:
        raise FormatError(
            "a photo of {width}x{height} pixels; the limit is {limit} pixels",
            width=width,
            height=height,
            limit=LIMITS.photo_pixels,
        )
    return height, width


def name_photo(image: str, owner: Mapping[str, str]) -> str:
    """Return the id of the photo that a task's address names: a file's name without its ending, ``%20`` and
    the prefix of an upload.

    owner: photo id -> case, of the photos that are known; of those, one that the name fits with or without
    its prefix goes before.
    """
    parts = urlsplit(image)
    path = parse_qs(parts.query).get("d", [unquote(parts.path)])[0]
    stem = PurePosixPath(path.replace("\\", "/")).stem
    known = {_fold(photo_id): photo_id for photo_id in owner}
    bare = _UPLOAD.sub("", stem, count=1)
    return (
        known.get(_fold(stem)) or known.get(_fold(bare)) or known.get(_fold(bare.replace("_", " "))) or bare
    )


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _points(points: Sequence[Sequence[float]], size: tuple[int, int]) -> Corners:
    """Return corners (N, 2), x before y, in pixels, of points in percent."""
    if len(points) > MOST_CORNERS:
        raise FormatError(
            "a polygon of {count} corners; {limit} is the most", count=len(points), limit=MOST_CORNERS
        )
    corners = np.asarray(points, np.float64).reshape(-1, 2) * np.array([size[1], size[0]]) / 100
    if len(corners) < 3 or not np.isfinite(corners).all():
        raise FormatError("a polygon needs three corners or more")
    return np.asarray(corners)


def _corners(value: Mapping[str, Any], size: tuple[int, int]) -> Corners:
    """Return a rectangle's corners, in pixels: it is turned about the one at the left above."""
    x, y, width, height = (float(value[key]) for key in ("x", "y", "width", "height"))
    corners = _points([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], size)
    angle = np.deg2rad(float(value.get("rotation", 0)))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.asarray(corners[0] + (corners - corners[0]) @ turn)


def _fill_corners(corners: Corners, size: tuple[int, int]) -> Mask:
    filled = np.zeros(size, np.uint8)
    edge = 8 * max(size)
    # a pixel's middle is at half
    places = np.round((np.clip(corners, -edge, edge) - 0.5) * 2**_FRACTION).astype(np.int32)
    cv2.fillPoly(filled, [places], 1, cv2.LINE_8, _FRACTION)
    return filled.astype(np.bool_)


def _fill_ellipse(value: Mapping[str, Any], size: tuple[int, int]) -> Mask:
    height, width = size
    x, y, across, down = (
        float(value[key]) * of / 100
        for key, of in (("x", width), ("y", height), ("radiusX", width), ("radiusY", height))
    )
    angle = np.deg2rad(float(value.get("rotation", 0)))
    if not np.isfinite([x, y, across, down, angle]).all() or min(across, down) <= 0:
        raise FormatError("an ellipse needs a middle and two radii above 0")
    right, below = np.arange(width)[None, :] + 0.5 - x, np.arange(height)[:, None] + 0.5 - y
    along, beside = (
        right * np.cos(angle) + below * np.sin(angle),
        below * np.cos(angle) - right * np.sin(angle),
    )
    return np.asarray((along / across) ** 2 + (beside / down) ** 2 <= 1, dtype=np.bool_)
