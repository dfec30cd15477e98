"""Outlines that need no training, to compare a segmentation model with."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from magic_demo.core.types import Mask, Pixels
from magic_demo.imaging.resize import resize_pixels

WORK_SIDE = 256


def draw_nothing(pixels: Pixels) -> Mask:
    """Return the empty mask."""
    return np.zeros(pixels.shape[:2], dtype=np.bool_)


def draw_ellipse(pixels: Pixels, share: float = 0.6) -> Mask:
    """Return a centred ellipse whose axes are ``share`` of the photo's sides."""
    height, width = pixels.shape[:2]
    down, across = np.ogrid[:height, :width]
    inside = ((across - (width - 1) / 2) / (share * width / 2)) ** 2 + (
        (down - (height - 1) / 2) / (share * height / 2)
    ) ** 2 <= 1
    return np.asarray(inside, dtype=np.bool_)


def split_by_colour(pixels: Pixels) -> Mask:
    """Return Otsu's split of the distance from the skin's colour in Lab; the skin is the median along the
    border."""
    small = _shrink(pixels)
    lab = cv2.cvtColor(cv2.GaussianBlur(small, (5, 5), 0).astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    edge = max(2, min(small.shape[:2]) // 12)
    border = np.concatenate(
        [part.reshape(-1, 3) for part in (lab[:edge], lab[-edge:], lab[:, :edge], lab[:, -edge:])]
    )
    distance = np.linalg.norm(lab - np.median(border, axis=0), axis=2)
    scaled = np.clip(distance / max(float(distance.max()), 1e-6) * 255, 0, 255).astype(np.uint8)
    _, split = cv2.threshold(scaled, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return _grow(np.asarray(split) > 0, pixels)


def cut_from_centre(pixels: Pixels) -> Mask:
    """Return GrabCut's foreground, started from a rectangle that leaves 15% of the photo on each side."""
    small = _shrink(pixels)
    height, width = small.shape[:2]
    labels = np.zeros((height, width), np.uint8)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    rectangle = (round(width * 0.15), round(height * 0.15), round(width * 0.7), round(height * 0.7))
    cv2.setRNGSeed(0)
    cv2.grabCut(small, labels, rectangle, background, foreground, 3, cv2.GC_INIT_WITH_RECT)
    return _grow((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD), pixels)


BASELINES: Mapping[str, Callable[[Pixels], Mask]] = {
    "always empty": draw_nothing,
    "centred ellipse": draw_ellipse,
    "Otsu on Lab distance from the skin": split_by_colour,
    "GrabCut from the centre": cut_from_centre,
}


def _shrink(pixels: Pixels) -> Pixels:
    scale = min(1.0, WORK_SIDE / max(pixels.shape[:2]))
    return resize_pixels(
        pixels, (max(1, round(pixels.shape[0] * scale)), max(1, round(pixels.shape[1] * scale)))
    )


def _grow(mask: Mask, pixels: Pixels) -> Mask:
    return resize_pixels(mask.astype(np.uint8) * 255, (pixels.shape[0], pixels.shape[1])) > 127
