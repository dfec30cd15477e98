"""Photos and masks at another size."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def resize_pixels(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize (H, W, 3) or (H, W) uint8 to ``size`` (height, width) without aliasing: by area down, bilinear
    up."""
    height, width = size
    if pixels.shape[:2] == (height, width):
        return pixels
    shrinks = pixels.shape[0] > height or pixels.shape[1] > width
    resized = cv2.resize(
        pixels, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return np.asarray(resized, dtype=np.uint8)
