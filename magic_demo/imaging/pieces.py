"""The lesions of a mask one by one: its parts that touch no other, numbered, each with its measures.

The page draws the same numbers (``page/panels/viewer/masks/pieces.mjs``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import Mask
from magic_demo.imaging.diameter import longest_diameter
from magic_demo.imaging.measure import SPECK_OF_LARGEST, SPECK_OF_PHOTO

NOTCHED_FROM = 0.15
"""Irregularity from which an outline is called irregular."""
LEAST_BORDER = 50
"""Pixels below which a part's border says nothing."""
REACH = 2
"""Pixels between a remark and the lesion that it still means: the page draws large photos smaller."""


@dataclass(frozen=True)
class Piece:
    """One part of a mask.

    number: from 1, lesions from the top, then specks. speck: too small to count as a lesion (``measure.py``). left, top:
    of its box in the photo. part: the (h, w) mask inside of that. at: x, y of a pixel of it, the middle of its longest
    row. diameter: the longest, in pixels. irregularity: 0 for a convex one, towards 1 the more it is notched; None for
    a part of fewer than LEAST_BORDER pixels.
    """

    number: int
    speck: bool
    left: int
    top: int
    part: Mask
    area: int
    at: tuple[int, int]
    diameter: float
    irregularity: float | None

    @property
    def border(self) -> str:
        """Return "regular" or "irregular", "" where its border says nothing."""
        if self.irregularity is None:
            return ""
        return "irregular" if self.irregularity >= NOTCHED_FROM else "regular"

    def draw(self, size: tuple[int, int]) -> Mask:
        """Return it as a mask of a photo of ``size`` (height, width)."""
        mask = np.zeros(size, np.bool_)
        height, width = self.part.shape
        mask[self.top : self.top + height, self.left : self.left + width] = self.part
        return mask

    def is_near(self, at: tuple[int, int], reach: int = 0) -> bool:
        """Tell whether it has a pixel within ``reach`` of this one, along rows and columns."""
        x, y = at[0] - self.left, at[1] - self.top
        rows, columns = (
            slice(max(0, y - reach), max(0, y + reach + 1)),
            slice(max(0, x - reach), max(0, x + reach + 1)),
        )
        return bool(self.part[rows, columns].any())


def split_pieces(mask: Mask) -> list[Piece]:
    """Return the parts of a mask (H, W) bool in the order of their numbers, none left out. Parts touch along sides and
    corners."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count == 1:
        return []
    areas = stats[:, cv2.CC_STAT_AREA]
    least = max(4.0, SPECK_OF_PHOTO * mask.size, SPECK_OF_LARGEST * float(areas[1:].max()))
    tops = stats[:, cv2.CC_STAT_TOP]
    order = sorted(
        range(1, count),
        key=lambda label: (areas[label] < least, tops[label], int(np.argmax(labels[tops[label]] == label))),
    )
    return [
        _cut(number, bool(areas[label] < least), labels, label, stats[label])
        for number, label in enumerate(order, start=1)
    ]


def find_piece(pieces: Sequence[Piece], at: tuple[int, int]) -> Piece | None:
    """Return the part that has a pixel of the photo, or else one near it; None where there is none."""
    for reach in (0, REACH):
        for piece in pieces:
            if piece.is_near(at, reach):
                return piece
    return None


def _cut(number: int, speck: bool, labels: NDArray[Any], label: int, stats: NDArray[Any]) -> Piece:
    left, top, width, height, area = (int(value) for value in stats)
    part = np.asarray(labels[top : top + height, left : left + width] == label)
    x, y = _longest_row(part)
    return Piece(
        number,
        speck,
        left,
        top,
        part,
        area,
        (left + x, top + y),
        longest_diameter(part),
        measure_irregularity(part) if area >= LEAST_BORDER else None,
    )


def _longest_row(part: Mask) -> tuple[int, int]:
    """Return x, y of the middle of the first longest run of a row."""
    edges = np.diff(np.pad(part.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    rows, starts = np.nonzero(edges == 1)
    ends = np.nonzero(edges == -1)[1]
    longest = int(np.argmax(ends - starts))
    return int(starts[longest] + ends[longest] - 1) // 2, int(rows[longest])


def measure_irregularity(part: Mask) -> float:
    """Return 1 - area / area of the convex hull of one connected part, both through the middles of its outer pixels;
    its holes count as lesion."""
    contours, _ = cv2.findContours(np.pad(part, 1).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hull = cv2.contourArea(cv2.convexHull(contours[0]))
    return float(np.clip(1 - cv2.contourArea(contours[0]) / hull, 0, 1)) if hull > 0 else 0.0
