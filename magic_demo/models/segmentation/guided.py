"""A map that follows what a reader has shown, whatever the model: its own answer where it reads guidance, else a
second look at the box and a correction around each click. Clicks are always respected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import Pixels, Probability
from magic_demo.imaging.resize import resize_pixels
from magic_demo.models.interfaces import Guidance, Segmenter
from magic_demo.models.segmentation.boxed import find_in_box
from magic_demo.models.segmentation.clicked import follow_clicks, to_logit
from magic_demo.models.segmentation.guidance_maps import draw_box, draw_clicks, resize_map

SIDE = 320
"""Longest side, in pixels, of the map that is returned, where the photo is as large."""
DOUBT = 0.3
"""Probability of every pixel without a model and without a box."""
NOTHING = -20.0
"""Logit of a pixel where there is surely no lesion."""


def refine_map(
    segmenter: Segmenter | None,
    pixels: Pixels,
    features: Any,
    guidance: Guidance,
    prompt: str = "",
    small: Pixels | None = None,
    find: Callable[[], Probability] | None = None,
) -> Probability:
    """Return the probability (h, w) float32 of a photo (H, W, 3) that ``segmenter.look`` gave ``features`` of.

    h, w: the photo's, at most SIDE. A click's pixel is at least the threshold for a lesion, below it for skin;
    outside a box, and in a box of one colour, it is 0. Clicks correct the step before, where there is one; a box alone is looked at anew.
    Without a segmenter box and colours decide, and the threshold is 0.5. small: what ``shrink`` returns of the photo,
    find: what the segmenter finds without guidance, where either is at hand. Raises ModelError.
    """
    size = _working_size(pixels)
    small = small if small is not None else shrink(pixels)
    threshold = segmenter.threshold if segmenter is not None else 0.5
    if _is_plain(small[draw_box(guidance.box, size)]):
        return _respect(np.full(size, NOTHING, np.float32), guidance, threshold)
    corrects = bool(guidance.clicks) and guidance.previous is not None
    opinions = []
    if segmenter is not None and segmenter.reads_guidance and (guidance.clicks or guidance.box):
        opinions.append(to_logit(resize_map(segmenter.segment(features, prompt, guidance), size), threshold))
    elif guidance.previous is not None and guidance.clicks:
        opinions.append(to_logit(resize_map(guidance.previous, size), threshold))
    if not opinions or (guidance.box is not None and not corrects):
        known = np.full(size, DOUBT, np.float32)
        if segmenter is not None:
            known = resize_map(find() if find is not None else segmenter.segment(features, prompt), size)
        unguided = to_logit(known, threshold)
        boxed = find_in_box(segmenter, pixels, unguided, guidance.box, prompt) if guidance.box else unguided
        opinions.append(boxed)
    # of a box the guided decoder and the second look, which needs to know no lesions, count alike
    logits = np.asarray(np.mean(opinions, axis=0), dtype=np.float32)
    if guidance.clicks:
        logits = follow_clicks(logits, small, guidance.clicks)
    return _respect(logits, guidance, threshold)


def shrink(pixels: Pixels) -> Pixels:
    """Return a photo (H, W, 3) uint8 RGB as small as the map that follows clicks in it: for one of 12 megapixels
    that takes longer than a click."""
    return resize_pixels(pixels, _working_size(pixels))


def _is_plain(pixels: NDArray[np.uint8]) -> bool:
    """Return whether all of the pixels (N, 3) have one colour: no model is asked where there is nothing to see."""
    return bool((pixels == pixels[:1]).all())


def _respect(logits: NDArray[np.float32], guidance: Guidance, threshold: float) -> Probability:
    """Return logits (h, w), 0 at the threshold, as probabilities: 0 outside the box, 1 or 0 at a click."""
    probability = 1 / (1 + np.exp(-(logits + np.log(threshold / (1 - threshold)))))
    probability[~draw_box(guidance.box, logits.shape)] = 0
    draw_clicks(probability, guidance.clicks)
    return np.asarray(probability, dtype=np.float32)


def _working_size(pixels: Pixels) -> tuple[int, int]:
    scale = min(1.0, SIDE / max(pixels.shape[:2]))
    return max(1, round(pixels.shape[0] * scale)), max(1, round(pixels.shape[1] * scale))
