"""What clicks say of the pixels around them: a Gaussian process whose mean is the model's map."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import Pixels, Probability
from magic_demo.models.interfaces import Click
from magic_demo.models.segmentation.guidance_maps import to_pixel

NEAR = 0.12
"""How far a click reaches, a share of the map's longer side: one standard deviation of the kernel."""
ALIKE = 30.0
"""The same in colour: a distance in OpenCV's 8-bit Lab."""
AGREEING = 6.0
"""The same in the model's opinion: a difference of logits."""
DOT, DOT_SHARE = 0.02, 0.15
"""Reach and share of the kernel's second part, which minds neither colour nor model."""
CERTAIN = 2.0
"""Logit that a click asks for at its pixel; where the model says so anyway, nothing changes."""
NOISE = 0.1
LEAST = 0.01


def to_logit(probability: Probability, threshold: float) -> NDArray[np.float32]:
    """Return logits (h, w) that are 0 at the threshold."""
    clipped = np.clip(probability, LEAST, 1 - LEAST)
    return np.asarray(np.log(clipped / (1 - clipped)) - np.log(threshold / (1 - threshold)), dtype=np.float32)


def follow_clicks(
    logits: NDArray[np.float32], pixels: Pixels, clicks: Sequence[Click]
) -> NDArray[np.float32]:
    """Return logits (h, w) corrected by clicks on a photo (h, w, 3) uint8 RGB of the same size.

    A click changes what is near, of its colour and of one opinion with it; all clicks together are solved at
    once, so that one does not undo another. A click inside an outline reaches beyond the outline.
    """
    size = (logits.shape[0], logits.shape[1])
    lab = cv2.cvtColor(cv2.GaussianBlur(pixels, (0, 0), 0.008 * max(size)), cv2.COLOR_RGB2LAB)
    colours = np.asarray(lab, dtype=np.float32)
    places = [to_pixel(click, size) for click in clicks]
    rows, columns = np.array([y for _, y in places]), np.array([x for x, _ in places])
    signs = np.array([1.0 if click.lesion else -1.0 for click in clicks])
    inside = cv2.distanceTransform(np.pad((logits >= 0).astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    reaches = np.maximum(NEAR, 2.5 * inside[rows, columns] / max(size))
    kernels = np.stack(
        [_kernel(logits, colours, x, y, reach) for (x, y), reach in zip(places, reaches, strict=True)]
    )
    missing = np.maximum(0, CERTAIN - signs * logits[rows, columns]) * signs
    weights = np.linalg.solve(kernels[:, rows, columns].T + NOISE * np.eye(len(clicks)), missing)
    return np.asarray(logits + np.tensordot(weights, kernels, 1), dtype=np.float32)


def _kernel(
    logits: NDArray[np.float32], colours: NDArray[np.float32], x: int, y: int, reach: float
) -> NDArray[np.float32]:
    """Return how much every pixel (h, w) has to do with pixel x, y: 1 at the pixel itself, 0 far away."""
    height, width = logits.shape
    side = max(height, width)
    apart = (
        np.square((np.arange(height, dtype=np.float32) - y) / side)[:, None]
        + np.square((np.arange(width, dtype=np.float32) - x) / side)[None]
    )
    unlike = np.square(colours - colours[y, x]).sum(axis=2) / ALIKE**2
    opinion = np.square(logits - logits[y, x]) / AGREEING**2
    wide = np.exp(-(apart / reach**2 + unlike + opinion) / 2)
    return np.asarray((1 - DOT_SHARE) * wide + DOT_SHARE * np.exp(-apart / (2 * DOT**2)), dtype=np.float32)
