"""How the overlay is drawn: probability map -> levels at the photo's size -> mask -> outline on the photo,
whose colours stay."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import Mask, Pixels, Probability

OUTLINE_RGB = (255, 214, 10)


def lesion_levels(probability: Probability, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Bring a (h, w) float32 map in 0..1 to ``size`` (height, width) as levels 0..255, bilinear.

    These levels are what the page draws and what batch mode thresholds, so that both show the same mask.
    """
    return _enlarge(probability, size).astype(np.uint8)


def level_of(threshold: float) -> int:
    """Return the lowest level that counts as lesion at a probability ``threshold`` in 0..1 (1 to 255: level 0
    never does)."""
    return min(255, max(1, math.ceil(threshold * 255 - 1e-9)))


def lesion_mask(probability: Probability, size: tuple[int, int], threshold: float) -> Mask:
    """Return the (H, W) bool mask of the pixels at or above ``threshold``, at the photo's ``size`` (height,
    width)."""
    return np.asarray(_enlarge(probability, size) >= np.float32(level_of(threshold)))


def _enlarge(probability: Probability, size: tuple[int, int]) -> NDArray[np.float32]:
    """Return levels (H, W) before they are cut off to whole numbers: a half above, so that cutting rounds,
    0.5..255.5."""
    height, width = size
    small = probability.astype(np.float32) * np.float32(255.0)
    levels = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    levels += np.float32(0.5)
    return levels


def draw_outline(
    pixels: Pixels, mask: Mask, rgb: tuple[int, int, int] = OUTLINE_RGB, thickness: int | None = None
) -> Pixels:
    """Draw the mask's borders on a copy of the photo, with a dark rim so that they show on any skin."""
    drawn = np.ascontiguousarray(pixels.copy())
    width = thickness if thickness is not None else max(2, round(max(pixels.shape[:2]) / 300))
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(drawn, contours, -1, (20, 20, 20), width + max(2, width // 2), cv2.LINE_AA)
    cv2.drawContours(drawn, contours, -1, rgb, width, cv2.LINE_AA)
    return drawn
