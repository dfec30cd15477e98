"""A simulated reader: clicks where the outline is most wrong, and draws boxes as people do."""

from __future__ import annotations

import cv2
import numpy as np

from magic_demo.core.types import Mask
from magic_demo.models.interfaces import Click

Box = tuple[float, float, float, float]


def click_on_error(
    wanted: Mask, found: Mask, random: np.random.Generator | None = None, *, depth: float = 0.5
) -> Click | None:
    """Return the next click of a reader who wants the first mask (h, w) and sees the second; None where both
    are the same.

    It lies where the error is deepest, as in RITM's evaluation. random: then anywhere in the same error that
    is at least ``depth`` as deep, as people do.
    """
    missed, extra = _depth(wanted & ~found), _depth(found & ~wanted)
    lesion = bool(missed.max() >= extra.max())
    depths = missed if lesion else extra
    deepest = float(depths.max())
    if deepest <= 0:
        return None
    place = int(depths.argmax())
    if random is not None:
        _, labels = cv2.connectedComponents((depths > 0).astype(np.uint8))
        near = np.flatnonzero((depths >= depth * deepest) & (labels == labels.flat[place]))
        place = int(random.choice(near))
    return _to_click(place, wanted.shape, lesion)


def click_anywhere(mask: Mask, random: np.random.Generator) -> Click | None:
    """Return a click on lesion anywhere well inside a mask (h, w); None where it is empty."""
    depths = _depth(mask)
    inside = np.flatnonzero(depths > 0.2 * float(depths.max()))
    return _to_click(int(random.choice(inside)), mask.shape, True) if len(inside) else None


def draw_around(
    mask: Mask, larger: float = 0.0, random: np.random.Generator | None = None, *, jitter: float = 0.0
) -> Box | None:
    """Return the box around a mask (h, w), each side ``larger`` times as long, inside the photo; None where
    the mask is empty.

    left, top, right, bottom as shares of width and height. jitter: standard deviation of each of them, a share
    of the box's side.
    """
    down, across = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(down):
        return None
    box = np.array([across[0], down[0], across[-1] + 1, down[-1] + 1], np.float64)
    sides = np.tile(box[2:] - box[:2], 2)
    box += np.array([-0.5, -0.5, 0.5, 0.5]) * larger * sides
    if random is not None:
        box += random.normal(0, jitter, 4) * sides
    height, width = mask.shape
    left, top, right, bottom = np.clip(box / (width, height, width, height), 0, 1).tolist()
    return (left, top, right, bottom) if right > left and bottom > top else None


def _depth(mask: Mask) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Return how far each pixel of a mask (h, w) lies from its edge, the photo's edge included."""
    padded = np.pad(mask.astype(np.uint8), 1)
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1], dtype=np.float32)


def _to_click(place: int, size: tuple[int, ...], lesion: bool) -> Click:
    y, x = divmod(place, size[1])
    return Click((x + 0.5) / size[1], (y + 0.5) / size[0], lesion)
