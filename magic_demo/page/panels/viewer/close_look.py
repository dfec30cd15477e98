"""A closer look at what a click on the lesion lies on, and what was found so, kept as long as the case is open."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from magic_demo.core.review_types import Mark
from magic_demo.core.types import Mask, Photo, Probability
from magic_demo.imaging.local_change import box_slices, find_pixel
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.models.feature_cache import FeatureCache

CLOSE = (0.03, 0.06)
"""Sides of the squares that are looked at closely around a click, shares of the photo's longer side; the second
where the first is filled."""
LEAST_FILLED, MOST_FILLED = 0.04, 0.5
"""How much of a square a small lesion fills: skin fills next to nothing of it, and what fills it may go on outside."""

Refine = Callable[[Photo, Sequence[Mark], Mask | None], tuple[Probability, float]]
"""A photo, the marks on it and the outline to begin with, if any -> a map (h, w) that spans the photo, and the
probability from which it is lesion."""


@dataclass(frozen=True, eq=False)
class Island:
    """A small lesion: pixels (h, w) bool, of which the first is pixel ``top``, ``left`` of the outline."""

    top: int
    left: int
    pixels: Mask

    @property
    def slices(self) -> tuple[slice, slice]:
        """Return its rows and columns of the outline."""
        height, width = self.pixels.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    def holds(self, pixel: tuple[int, int]) -> bool:
        """Tell whether a pixel (row, column) of the outline lies on it."""
        row, column = pixel[0] - self.top, pixel[1] - self.left
        height, width = self.pixels.shape
        return 0 <= row < height and 0 <= column < width and bool(self.pixels[row, column])

    def divide(self, lesion: Sequence[tuple[int, int]], skin: Sequence[tuple[int, int]]) -> Mask:
        """Return the pixels (h, w) bool of it that are nearer to a click on the lesion than to one on skin, clicks
        being (row, column) of the outline."""
        if not skin:
            return self.pixels
        nearer = self._measure(lesion) < self._measure(skin)
        return np.asarray(self.pixels & nearer, dtype=np.bool_)

    def _measure(self, clicks: Sequence[tuple[int, int]]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
        down, across = np.ogrid[: self.pixels.shape[0], : self.pixels.shape[1]]
        far = [(down + self.top - row) ** 2 + (across + self.left - column) ** 2 for row, column in clicks]
        return np.asarray(np.min(far, axis=0), dtype=np.int64)


class CloseLooks:
    """The small lesions that clicks stand for, kept until the cache is full or the photo is covered."""

    def __init__(self, cache: FeatureCache | None = None, by: Hashable = None) -> None:
        """cache: of the open case, with which it goes. by: what finds them; another one looks anew."""
        self._cache = cache if cache is not None else FeatureCache()
        self._by = by

    def was_looked_at(self, photo: Photo, click: Mark) -> bool:
        """Tell whether a click was looked at closely."""
        return self._key("closely", photo, click) in self._cache

    def find(self, photo: Photo, click: Mark) -> Island | None:
        """Return what was found at a click by a close look; None for skin and where none was made."""
        found = self._cache.find(self._key("closely", photo, click))
        return found[0] if found is not None else None

    def find_shown(self, photo: Photo, click: Mark) -> Island | None:
        """Return what a map has shown at a click; None where nothing was kept."""
        found = self._cache.find(self._key("shown", photo, click))
        return found[0] if found is not None else None

    def look(self, photo: Photo, click: Mark, size: tuple[int, int], refine: Refine) -> Island | None:
        """Return the small lesion of an outline of ``size`` that a click lies on, looked at closely where it
        was not yet; None where there is none. Raises ModelError."""
        key = self._key("closely", photo, click)
        return self._cache.get(key, lambda: (look_closely(photo, click, size, refine),))[0]

    def keep_shown(self, photo: Photo, click: Mark, island: Island) -> None:
        """Keep what a map shows at a click."""
        self._cache.get(self._key("shown", photo, click), lambda: (island,))

    def _key(self, how: str, photo: Photo, click: Mark) -> Hashable:
        return how, self._by, photo, click.at


def is_small(island: Island, size: tuple[int, int]) -> bool:
    """Tell whether an island of an outline of ``size`` fits in the larger square of a close look."""
    height, width = island.pixels.shape
    longest: int = max(height, width)
    return longest <= CLOSE[-1] * max(size)


def look_closely(photo: Photo, click: Mark, size: tuple[int, int], refine: Refine) -> Island | None:
    """Return the small lesion of an outline of ``size`` that a click lies on, found in a box around it; None where
    there is none that stands out from the box. Raises ModelError."""
    pixel = find_pixel(click, size)
    for side in CLOSE:
        box = Mark("box", _surround(click, photo.size, side))
        probability, threshold = refine(photo, (box,), None)
        found = lesion_mask(probability, size, threshold)
        if not found[pixel]:
            return None
        island = find_island(found, pixel)
        rows, columns = box_slices(box, size)
        filled = np.count_nonzero(island.pixels) / ((rows.stop - rows.start) * (columns.stop - columns.start))
        if filled <= MOST_FILLED:
            return island if filled >= LEAST_FILLED else None
    return None


def find_island(mask: Mask, pixel: tuple[int, int]) -> Island:
    """Return the island of a mask (H, W) that a pixel of it lies on."""
    _, labels = cv2.connectedComponents(
        mask.view(np.uint8), connectivity=8
    )  # WithStats takes six times as long
    inside = labels == labels[pixel]
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    cut = inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Island(int(rows[0]), int(columns[0]), np.array(cut, dtype=np.bool_))


def _surround(click: Mark, size: tuple[int, int], side: float) -> tuple[float, ...]:
    """Return left, top, right, bottom, shares of a photo (height, width), of the square around a click whose side is a
    share of the longer of them."""
    x, y = click.at
    across, down = (side * max(size) / length / 2 for length in (size[1], size[0]))
    return max(0.0, x - across), max(0.0, y - down), min(1.0, x + across), min(1.0, y + down)
