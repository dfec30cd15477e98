"""The ways to follow what a reader shows that an evaluation compares: the checkpoint's and those that need no
training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np

from magic_demo.core.types import Mask, Pixels, Probability
from magic_demo.imaging.resize import resize_pixels
from magic_demo.imaging.wand import Hint, cut_lesion
from magic_demo.models.interfaces import Guidance, Segmenter
from magic_demo.models.segmentation.boxed import measure_ellipse
from magic_demo.models.segmentation.guidance_maps import draw_box, resize_map
from magic_demo.models.segmentation.guided import refine_map

Way = Callable[[Guidance], Probability]
"""Turns what was shown into a map of the whole photo; at and above the model's threshold is lesion."""

OURS = "this checkpoint"
CUT_SIDE = 256
STROKE = 0.012
"""Radius of the wand's stroke that stands for a click, a share of the photo's longer side."""


def list_ways(
    segmenter: Segmenter, pixels: Pixels, features: Any, prompt: str, *, box: bool, baselines: bool
) -> Mapping[str, Way]:
    """Return name -> way for a photo (H, W, 3) that ``segmenter.look`` gave ``features`` of.

    box: the ways that begin with a box, otherwise those that follow clicks alone.
    """
    found = segmenter.segment(features, prompt)
    ways: dict[str, Way] = {OURS: lambda shown: refine_map(segmenter, pixels, features, shown, prompt)}
    if not baselines:
        return ways
    if box:
        whole = resize_map(found, (pixels.shape[0], pixels.shape[1]))
        ways["the model's map in the box"] = lambda shown: np.where(
            draw_box(shown.box, whole.shape), whole, np.float32(0)
        )
        ways["ellipse in the box"] = lambda shown: _certain(fill_ellipse(shown, pixels.shape[:2]))
        ways["GrabCut in the box"] = lambda shown: _certain(grab_box(pixels, shown))
    ways["wand"] = lambda shown: _certain(cut_by_wand(pixels, shown))
    return ways


def fill_ellipse(shown: Guidance, size: tuple[int, ...]) -> Mask:
    """Return the mask (h, w) of the ellipse that fills the box."""
    if shown.box is None:
        return np.zeros((size[0], size[1]), np.bool_)
    return np.asarray(measure_ellipse(shown.box, (size[0], size[1])) <= 1, dtype=np.bool_)


def grab_box(pixels: Pixels, shown: Guidance) -> Mask:
    """Return GrabCut's mask (h, w) as it was published (Rother et al., 2004): the whole photo, started from the
    box, five rounds; of a copy of at most CUT_SIDE pixels."""
    scale = min(1.0, CUT_SIDE / max(pixels.shape[:2]))
    size = max(1, round(pixels.shape[0] * scale)), max(1, round(pixels.shape[1] * scale))
    inside = draw_box(shown.box, size)
    if inside.all() or not inside.any():
        return inside
    marks = np.where(inside, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    cv2.setRNGSeed(0)
    small = resize_pixels(pixels, size)
    cv2.grabCut(small, marks, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_MASK)
    return np.asarray(np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)), dtype=np.bool_)


def cut_by_wand(pixels: Pixels, shown: Guidance) -> Mask:
    """Return the mask (H, W) of the wand, each click a stroke of one point."""
    height, width = pixels.shape[:2]
    points = [_dab(click.x * width, click.y * height) for click in shown.clicks]
    lesion = [point for point, click in zip(points, shown.clicks, strict=True) if click.lesion]
    skin = [point for point, click in zip(points, shown.clicks, strict=True) if not click.lesion]
    if shown.box is None and not lesion:
        return np.zeros((height, width), np.bool_)
    box = None
    if shown.box is not None:
        left, top, right, bottom = shown.box
        box = (left * width, top * height, right * width, bottom * height)
    return cut_lesion(pixels, Hint(box, lesion, skin, STROKE * max(height, width)))


def _dab(x: float, y: float) -> list[tuple[float, float]]:
    """Return a stroke of no length: a line of one point alone is not drawn."""
    return [(x, y), (x, y)]


def _certain(mask: Mask) -> Probability:
    return mask.astype(np.float32)
