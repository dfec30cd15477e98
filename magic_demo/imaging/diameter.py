"""The longest diameter of a lesion."""

from __future__ import annotations

import cv2
import numpy as np

from magic_demo.core.types import Mask


def longest_diameter(mask: Mask) -> float:
    """Return how far apart the two farthest points of the largest connected part of a mask (H, W) are, in pixels.

    Pixels are squares: one pixel is its diagonal long. Parts touch along sides and corners. 0 for an empty mask.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    if not areas.size:
        return 0.0
    part = labels == 1 + int(np.argmax(areas))
    rows = np.flatnonzero(part.any(axis=1))
    left = part[rows].argmax(axis=1)
    right = part.shape[1] - part[rows, ::-1].argmax(axis=1)
    corners = [np.stack([x, rows + below], axis=1) for x in (left, right) for below in (0, 1)]
    hull = cv2.convexHull(np.concatenate(corners).astype(np.int32))[:, 0].astype(np.float64)
    return float(np.sqrt(((hull[:, None] - hull[None]) ** 2).sum(axis=-1)).max())
