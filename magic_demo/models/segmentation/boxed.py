"""A second look: the lesion inside a box, from the model's map of the photo and of the box's surroundings, from
the box's shape, and from a graph cut."""

from __future__ import annotations

from math import ceil, floor

import cv2
import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import Mask, Pixels
from magic_demo.imaging.resize import resize_pixels
from magic_demo.models.interfaces import Segmenter
from magic_demo.models.segmentation.clicked import to_logit
from magic_demo.models.segmentation.guidance_maps import draw_box, resize_map

Box = tuple[float, float, float, float]
"""left, top, right, bottom as shares of the photo's width and height."""

ROOM = 0.3
"""What is looked at around the box: a share of its sides."""
SIDE = 192
"""Longest side, in pixels, of the copy that is cut."""
ROUNDS = 2
WEIGHTS = (0.15, 0.34, 6.99, 1.89, -1.18)
"""Of the logit of the photo's map, of that of the second look, of the depth in the box's ellipse (1 at its
centre, 0 on it), of the graph cut, and what is added: the logistic regression that ``python -m training
box-weights`` fits to train photos and to composites."""
CUT_ALONE = (0.0, 0.0, 0.0, 4.0, -2.0)
"""The same where there is no model: what the graph cut says."""


def find_in_box(
    segmenter: Segmenter | None, pixels: Pixels, logits: NDArray[np.float32], box: Box, prompt: str = ""
) -> NDArray[np.float32]:
    """Return the logits (h, w) under a box: those of ``logits``, the model's for a photo (H, W, 3), outside of
    what is looked at."""
    region, inner = find_region(box, pixels.shape)
    left, top, right, bottom = region
    part = np.ascontiguousarray(pixels[top:bottom, left:right])
    scale = logits.shape[0] / pixels.shape[0], logits.shape[1] / pixels.shape[1]
    rows = slice(floor(top * scale[0]), max(ceil(bottom * scale[0]), floor(top * scale[0]) + 1))
    columns = slice(floor(left * scale[1]), max(ceil(right * scale[1]), floor(left * scale[1]) + 1))
    features = describe_box(segmenter, part, logits[rows, columns], inner, prompt)
    weights = WEIGHTS if segmenter is not None else CUT_ALONE
    found = features @ np.array(weights[:-1], np.float32) + np.float32(weights[-1])
    looked = logits.copy()
    looked[rows, columns] = resize_map(found, logits[rows, columns].shape)
    return looked


def describe_box(
    segmenter: Segmenter | None, part: Pixels, known: NDArray[np.float32], inner: Box, prompt: str = ""
) -> NDArray[np.float32]:
    """Return the features (h, w, 4) of what is looked at: in the order of WEIGHTS.

    part: the region's pixels; known: the logits of the photo's map there, of any size; inner: the box, as
    shares of the region.
    """
    scale = min(1.0, SIDE / max(part.shape[:2]))
    size = max(2, round(part.shape[0] * scale)), max(2, round(part.shape[1] * scale))
    look = np.zeros(size, np.float32)
    if segmenter is not None:
        again = segmenter.segment(segmenter.look(part), prompt)
        look = resize_map(to_logit(again, segmenter.threshold), size)
    depth = 1 - measure_ellipse(inner, size)
    cut = cut_box(resize_pixels(part, size), draw_box(inner, size)).astype(np.float32)
    return np.stack([resize_map(known, size), look, np.clip(depth, -0.5, 1), cut], axis=-1)


def find_region(box: Box, shape: tuple[int, ...]) -> tuple[tuple[int, int, int, int], Box]:
    """Return left, top, right, bottom, in pixels of a photo (H, W, 3), of what is looked at, and the box as
    shares of that."""
    height, width = shape[:2]
    left, top, right, bottom = box
    across, down = ROOM * (right - left), ROOM * (bottom - top)
    x0, y0 = max(0, floor((left - across) * width)), max(0, floor((top - down) * height))
    x1 = max(min(width, ceil((right + across) * width)), min(width, x0 + 2))
    y1 = max(min(height, ceil((bottom + down) * height)), min(height, y0 + 2))
    x0, y0 = min(x0, x1 - 1), min(y0, y1 - 1)
    inner = (
        (left * width - x0) / (x1 - x0),
        (top * height - y0) / (y1 - y0),
        (right * width - x0) / (x1 - x0),
        (bottom * height - y0) / (y1 - y0),
    )
    return (x0, y0, x1, y1), inner


def measure_ellipse(box: Box, size: tuple[int, int]) -> NDArray[np.float32]:
    """Return how far each pixel (h, w) lies from the centre of the ellipse that fills a box: 1 on the
    ellipse."""
    left, top, right, bottom = box
    across, down = (np.arange(size[1]) + 0.5) / size[1], (np.arange(size[0]) + 0.5) / size[0]
    x = (across - (left + right) / 2) / max((right - left) / 2, 1e-6)
    y = (down - (top + bottom) / 2) / max((bottom - top) / 2, 1e-6)
    return np.asarray(np.sqrt(x[None] ** 2 + y[:, None] ** 2), dtype=np.float32)


def cut_box(pixels: Pixels, inside: Mask) -> Mask:
    """Return the mask (h, w) of GrabCut in Lab, started from the box; all of the box where it leaves no
    skin."""
    if inside.all() or not inside.any():
        return inside
    marks = np.where(inside, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    lab = cv2.cvtColor(cv2.GaussianBlur(pixels, (3, 3), 0), cv2.COLOR_RGB2LAB)
    cv2.setRNGSeed(0)  # the first clusters of colours are drawn at random
    cv2.grabCut(lab, marks, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_MASK)
    return np.asarray(np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)), dtype=np.bool_)
