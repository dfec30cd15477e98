"""An outline changes where a reader has pointed, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from magic_demo.core.review_types import Mark
from magic_demo.core.types import Mask

LEAST_SHARE = 0.0005
"""Share of the photo below which an island is a speck and no lesion."""
DOT = 0.012
"""Radius around a click that is lesion or skin because it was clicked, a share of the photo's longer side."""
TOUCH = 0.004
"""How far from a click what changes may lie, a share of the photo's longer side."""


def change_locally(before: Mask, found: Mask, marks: Sequence[Mark]) -> Mask:
    """Return ``before`` with what the marks ask for of ``found``, both (H, W) bool of one photo.

    A click on the lesion adds the island at it that ``found`` has more; a click on skin takes away the island
    at it that ``found`` has less; a box takes all of ``found`` within it. What lies elsewhere stays.
    """
    result = before.copy()
    for box in (mark for mark in marks if mark.kind == "box"):
        inside = box_slices(box, before.shape)
        result[inside] = found[inside]
    for kind, changed in (("lesion", found & ~before), ("skin", before & ~found)):
        clicks = [mark for mark in marks if mark.kind == kind]
        if clicks:
            result[_touched(changed, clicks)] = kind == "lesion"
    return result


def is_followed(outline: Mask, mark: Mark, dot: float = 0.0) -> bool:
    """Tell whether an outline (H, W) does what a mark asks for: it holds a click on the lesion, or something
    in a box, that is more than a speck; or does not hold a click on skin.

    dot: radius around a click that holds whatever is there, a share of the longer side; an island that is
    hardly larger is a speck too.
    """
    if mark.kind == "box":
        return bool(np.count_nonzero(outline[box_slices(mark, outline.shape)]) >= LEAST_SHARE * outline.size)
    row, column = find_pixel(mark, outline.shape)
    if mark.kind == "skin":
        return not outline[row, column]
    if not outline[row, column]:
        return False
    _, labels = cv2.connectedComponents(outline.view(np.uint8), connectivity=8)
    least = max(LEAST_SHARE * outline.size, 1.5 * np.pi * (dot * max(outline.shape)) ** 2)
    return bool(np.count_nonzero(labels == labels[row, column]) >= least)


def box_slices(box: Mark, size: tuple[int, ...]) -> tuple[slice, slice]:
    """Return rows and columns of a photo (height, width) that a box touches."""
    left, top, right, bottom = box.at
    rows = slice(int(np.floor(top * size[0])), int(np.ceil(bottom * size[0])))
    return rows, slice(int(np.floor(left * size[1])), int(np.ceil(right * size[1])))


def find_pixel(mark: Mark, size: tuple[int, ...]) -> tuple[int, int]:
    """Return row and column of a click in a photo (height, width)."""
    x, y = mark.at
    return min(int(y * size[0]), size[0] - 1), min(int(x * size[1]), size[1] - 1)


def _touched(changed: Mask, clicks: Sequence[Mark]) -> Mask:
    """Return the islands of ``changed`` that lie at one of the clicks."""
    _, labels = cv2.connectedComponents(changed.view(np.uint8), connectivity=8)
    reach = max(1, round(TOUCH * max(changed.shape)))
    found: set[int] = set()
    for click in clicks:
        row, column = find_pixel(click, changed.shape)
        near = labels[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1]
        found.update(int(one) for one in np.unique(near))
    return np.asarray(np.isin(labels, sorted(found - {0})), dtype=np.bool_)
