"""The ways to follow what a reader shows that an evaluation compares: the checkpoint's and those that need no
training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import spsolve

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
WAND, WALKER = "wand", "random walker"
FROM_NOTHING = (WAND, WALKER)
"""Ways that have no map of their own to begin with."""
WALK_SIDE = 96
WALK_CONTRAST = 90.0
"""How strongly a difference of colour holds the walker up: beta of Grady (2006) on colours scaled to 0..1."""


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
    ways[WAND] = lambda shown: _certain(cut_by_wand(pixels, shown))
    ways[WALKER] = lambda shown: _certain(walk_randomly(pixels, shown))
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


def walk_randomly(pixels: Pixels, shown: Guidance) -> Mask:
    """Return the random walker's mask (h, w) (Grady, 2006): pixels from which a walker, held up by edges, is likelier
    to reach a mark on the lesion before one on skin; of a copy of at most WALK_SIDE pixels.

    Clicks are marks; outside a box is skin, the half of its size in its middle is lesion. Without a mark on skin
    the photo's rim is one.
    """
    scale = min(1.0, WALK_SIDE / max(pixels.shape[:2]))
    size = max(3, round(pixels.shape[0] * scale)), max(3, round(pixels.shape[1] * scale))
    lesion, skin = _mark_walk(shown, size)
    if not lesion.any():
        return lesion
    skin &= ~lesion
    chances = np.zeros(size, np.float64)
    chances[lesion] = 1
    free = ~(lesion | skin).ravel()
    laplacian = _weigh_edges(resize_pixels(pixels, size))
    if free.any():
        inner = laplacian[free]
        reached = spsolve(inner[:, free].tocsc(), -inner[:, ~free] @ chances.ravel()[~free])
        chances.ravel()[free] = reached
    return np.asarray(chances >= 0.5, dtype=np.bool_)


def _mark_walk(shown: Guidance, size: tuple[int, int]) -> tuple[Mask, Mask]:
    """Return the marks (h, w) on lesion and on skin."""
    lesion, skin = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    if shown.box is not None:
        lesion |= (measure_ellipse(shown.box, size) <= 0.5).astype(np.uint8)
        skin |= (~draw_box(shown.box, size)).astype(np.uint8)
    radius = max(1, round(STROKE * max(size)))
    for click in shown.clicks:
        at = (min(size[1] - 1, int(click.x * size[1])), min(size[0] - 1, int(click.y * size[0])))
        cv2.circle(lesion if click.lesion else skin, at, radius, 1, -1)
        cv2.circle(skin if click.lesion else lesion, at, radius, 0, -1)
    if not skin.any():
        skin[[0, -1]] = skin[:, [0, -1]] = 1
    return lesion.astype(np.bool_), skin.astype(np.bool_)


def _weigh_edges(pixels: Pixels) -> csr_array:
    """Return the graph's Laplacian (N, N) of a photo (h, w, 3): each pixel is joined to its four neighbours."""
    height, width = pixels.shape[:2]
    colours = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB).reshape(-1, 3).astype(np.float64) / 255
    index = np.arange(height * width).reshape(height, width)
    starts = np.concatenate([index[:, :-1].ravel(), index[:-1].ravel()])
    ends = np.concatenate([index[:, 1:].ravel(), index[1:].ravel()])
    apart = np.square(colours[starts] - colours[ends]).sum(axis=1)
    weights = np.exp(-WALK_CONTRAST * apart / max(float(apart.max()), 1e-9)) + 1e-6
    joined = csr_array((weights, (starts, ends)), shape=(index.size, index.size))
    joined = joined + joined.T
    return csr_array(diags_array(joined.sum(axis=1)) - joined)


def _dab(x: float, y: float) -> list[tuple[float, float]]:
    """Return a stroke of no length: a line of one point alone is not drawn."""
    return [(x, y), (x, y)]


def _certain(mask: Mask) -> Probability:
    return mask.astype(np.float32)
