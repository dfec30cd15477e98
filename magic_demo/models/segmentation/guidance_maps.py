"""What a reader has shown, as maps that a decoder reads; and where on a map a click and a box lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import Mask, Probability
from magic_demo.imaging.local_change import DOT
from magic_demo.models.interfaces import Click, Guidance


def draw_guidance(guidance: Guidance, previous: Probability, size: tuple[int, int]) -> NDArray[np.float32]:
    """Return (4, h, w) float32 in 0..1 of ``size``: disks of the clicks on lesion, of those on skin, the
    outside of the box, the step before.

    previous: (h, w) of any size. All but the last are zero where nothing was shown.
    """
    maps = np.zeros((4, *size), np.float32)
    inverse = [replace(click, lesion=not click.lesion) for click in guidance.clicks]
    draw_clicks(maps[0], guidance.clicks)
    draw_clicks(maps[1], inverse)
    maps[2] = ~draw_box(guidance.box, size)
    maps[3] = resize_map(previous, size)
    return maps


def draw_clicks(onto: NDArray[np.float32], clicks: Sequence[Click]) -> None:
    """Draw a disk for each click on a map (h, w), in place: 1 for lesion, 0 for skin; a later one covers an
    earlier one."""
    for click in clicks:
        radius = max(1, round(DOT * max(onto.shape)))
        cv2.circle(onto, to_pixel(click, onto.shape), radius, 1.0 if click.lesion else 0.0, -1)


def draw_box(box: tuple[float, float, float, float] | None, size: Sequence[int]) -> Mask:
    """Return the bool mask (h, w) of a box's inside, all of it without a box."""
    if box is None:
        return np.ones((size[0], size[1]), np.bool_)
    left, top, right, bottom = box
    across, down = (np.arange(size[1]) + 0.5) / size[1], (np.arange(size[0]) + 0.5) / size[0]
    return np.asarray(
        ((down >= top) & (down <= bottom))[:, None] & ((across >= left) & (across <= right))[None],
        dtype=np.bool_,
    )


def to_pixel(click: Click, size: Sequence[int]) -> tuple[int, int]:
    """Return x, y of the pixel of a map (h, w) that a click lies in."""
    return (
        min(max(int(click.x * size[1]), 0), size[1] - 1),
        min(max(int(click.y * size[0]), 0), size[0] - 1),
    )


def resize_map(probability: Probability, size: tuple[int, int]) -> Probability:
    """Return a map (h, w) at another size."""
    if probability.shape == size:
        return probability
    shrinks = probability.shape[0] > size[0]
    resized = cv2.resize(
        probability, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return np.asarray(resized, dtype=np.float32)
