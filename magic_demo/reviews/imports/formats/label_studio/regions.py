"""Label Studio's regions as masks: brushes, polygons, rectangles and ellipses; and which photo a task is of,
whatever an upload made of its name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from magic_demo.core.types import Mask
from magic_demo.reviews.exports.label_studio.brush_code import decode_brush
from magic_demo.reviews.imports.gathering import Gathering
from magic_demo.reviews.imports.shapes import (
    check_size,
    fill_corners,
    fill_ellipse,
    read_points,
    turn_corners,
    unpack_png,
)

SHAPES = ("brush", "bitmask", "polygon", "rectangle", "ellipse")
"""Kinds of regions that cover pixels; with ``labels`` behind, they say themselves what they are."""
_UPLOAD = re.compile(r"[0-9a-f]{8}-(?=.)")
"""What Label Studio puts before the name of an uploaded file."""


def read_region(
    result: Mapping[str, Any], where: str, gathering: Gathering, labels: Mapping[str, Sequence[str]]
) -> dict[str, Mask]:
    """Return the pixels (H, W) bool of one result by the queue's labels that it has, "" the first; none where it is no
    region of them, which is named in ``left_out``. labels: a region's id -> what a labelling tag of its own calls it.

    Raises FormatError, LookupError, TypeError or ValueError for a region that cannot be read.
    """
    kind = str(result.get("type"))
    shape, left_out = kind.removesuffix("labels"), gathering.left_out
    if shape not in SHAPES:
        left_out.add("region or answer of a kind that is not read", where, kind)
        return {}
    value = result["value"]
    own = [str(label) for label in (value.get(f"{shape}labels") or labels.get(str(result.get("id")), ()))]
    found = [label for name in own if (label := gathering.find_label(name)) is not None]
    if not found:
        wanted = " or ".join(f"'{label.label_id}'" for label in gathering.questions.labels)
        left_out.add(f"region that is not labelled {wanted}", where, f"{kind} {', '.join(own)}".strip())
        return {}
    if result.get("image_rotation"):
        left_out.add("region on a photo that was turned in Label Studio", where, kind)
        return {}
    return dict.fromkeys(found, _fill(shape, value, read_size(result)))


def _fill(shape: str, value: Mapping[str, Any], size: tuple[int, int]) -> Mask:
    """Return what a shape covers; its numbers are percents of the photo's sides."""
    across, down = size[1] / 100, size[0] / 100
    if shape == "brush":
        return decode_brush(value["rle"], size)
    if shape == "bitmask":
        return unpack_png(str(value["imageDataURL"]), size)
    if shape == "polygon":
        return fill_corners(read_points(value["points"], (across, down)), size)
    x, y, turn = float(value["x"]), float(value["y"]), float(value.get("rotation", 0))
    if shape == "ellipse":
        radii = float(value["radiusX"]) * across, float(value["radiusY"]) * down
        return fill_ellipse((x * across, y * down), radii, turn, size)
    width, height = float(value["width"]), float(value["height"])
    around = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    corners = read_points(around, (across, down))
    return fill_corners(turn_corners(corners, turn, corners[0]), size)


def read_size(result: Mapping[str, Any]) -> tuple[int, int]:
    """Return the (height, width) of the photo that a result is of.

    Raises FormatError beyond the limit of pixels.
    """
    return check_size(result["original_height"], result["original_width"])


def name_photo(image: str, gathering: Gathering) -> str:
    """Return the id of the photo that a task's address names: a file's name without its ending, ``%20`` and
    the prefix of an upload.

    Of the photos that are known, one that the name fits with or without its prefix goes before.
    """
    parts = urlsplit(image)
    path = parse_qs(parts.query).get("d", [unquote(parts.path)])[0]
    stem = PurePosixPath(path.replace("\\", "/")).stem
    bare = _UPLOAD.sub("", stem, count=1)
    known = (gathering.find_photo(name) for name in (stem, bare, bare.replace("_", " ")))
    return next((photo_id for photo_id in known if photo_id is not None), bare)
