"""A map that follows what a reader has shown: the model's where it reads guidance, else the model's mixed with
a graph cut. Clicks are always respected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import Mask, Pixels, Probability
from magic_demo.imaging.local_change import DOT
from magic_demo.imaging.resize import resize_pixels
from magic_demo.models.interfaces import Click, Guidance, Segmenter

SIDE = 256
"""Longest side, in pixels, of the map that is returned, where the photo is as large."""
CUT_WEIGHT = 0.4
"""The graph cut's share of the mixture away from any click; the best on four sets of photos with boxes."""
REACH = 0.12
"""How far a click raises the cut's share, a share of the photo's longer side: one standard deviation."""
OPEN_SHARE = 0.4
"""Share of the border of the window around a click: what is like the click beyond so much of it is background."""
KNOWN_SHARE = 0.15
"""Share of a box below which a map that marks no more of it does not know the lesion there."""
ROUNDS = 1


def refine_map(
    segmenter: Segmenter | None, pixels: Pixels, features: Any, guidance: Guidance, prompt: str = ""
) -> Probability:
    """Return the probability (h, w) float32 of a photo (H, W, 3) that ``segmenter.look`` gave ``features`` of.

    h, w: the photo's, at most SIDE. A click's pixel is at least the threshold for a lesion, below it for skin;
    outside a box it is 0. Without a segmenter the graph cut alone decides. Raises ModelError.
    """
    size = _working_size(pixels)
    if segmenter is not None and segmenter.reads_guidance:
        probability = resize_map(segmenter.segment(features, prompt, guidance), size)
    else:
        found = segmenter.segment(features, prompt) if segmenter is not None else None
        probability = mix_with_cut(pixels, found, guidance, segmenter.threshold if segmenter else 0.5)
    return respect(probability, guidance)


def mix_with_cut(
    pixels: Pixels, found: Probability | None, guidance: Guidance, threshold: float = 0.5
) -> Probability:
    """Return the mixture (h, w) of a model's map (of any size, None without a model) and of a graph cut that
    begins with it and with the guidance.

    Nearer to a click the cut counts more, and in a box of which the map marks next to nothing it alone counts.
    The step before, where there is one, stands for the model's map.
    """
    size = _working_size(pixels)
    known = guidance.previous if guidance.previous is not None else found
    prior = resize_map(known, size) if known is not None else None
    inside = draw_box(guidance, size)
    if prior is not None and guidance.box is not None and inside.any():
        prior = prior if (prior[inside] >= threshold).mean() >= KNOWN_SHARE else None
    cut = cut_from(pixels, prior, guidance, threshold).astype(np.float32)
    if prior is None:
        return cut
    nearness = np.zeros(size, np.float32)
    down, across = np.mgrid[: size[0], : size[1]].astype(np.float32)
    for click in guidance.clicks:
        x, y = to_pixel(click, size)
        distance = ((across - x) ** 2 + (down - y) ** 2) / (REACH * max(size)) ** 2
        nearness = np.maximum(nearness, np.exp(-distance / 2))
    weight = CUT_WEIGHT + (1 - CUT_WEIGHT) * nearness
    # a cut that says lesion counts as certain, whatever the threshold
    return np.asarray((1 - weight) * prior + weight * cut, dtype=np.float32)


def cut_from(pixels: Pixels, prior: Probability | None, guidance: Guidance, threshold: float) -> Mask:
    """Return the mask (h, w) of a graph cut on a small copy of the photo.

    Clicks and the outside of the box are certain. The rest begins as the prior says, without one as lesion
    inside the box or as skin; what is like a click and around it begins as the click says.
    """
    size = _working_size(pixels)
    marks = np.full(size, cv2.GC_PR_BGD, np.uint8)
    if prior is not None:
        marks[prior >= threshold] = cv2.GC_PR_FGD
    inside = draw_box(guidance, size)
    if guidance.box is not None and (prior is None or not (marks[inside] == cv2.GC_PR_FGD).any()):
        marks[inside] = cv2.GC_PR_FGD
    marks[~inside] = cv2.GC_BGD
    blurred = cv2.GaussianBlur(resize_pixels(pixels, size), (3, 3), 0)
    lab = np.asarray(cv2.cvtColor(blurred, cv2.COLOR_RGB2LAB), dtype=np.uint8)
    for click in guidance.clicks:
        certain, probable = (cv2.GC_FGD, cv2.GC_PR_FGD) if click.lesion else (cv2.GC_BGD, cv2.GC_PR_BGD)
        alike = find_alike(lab, click)
        marks[alike & np.isin(marks, (cv2.GC_PR_FGD, cv2.GC_PR_BGD))] = probable
        cv2.circle(marks, to_pixel(click, size), _dot(size), int(certain), -1)
    lesion = np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD))
    if not lesion.any() or lesion.all():
        return np.asarray(lesion, dtype=np.bool_)
    if np.ptp(lab, axis=(0, 1)).max() < 3:  # one colour everywhere: nothing to cut along
        return np.asarray(marks == cv2.GC_FGD, dtype=np.bool_)
    cv2.setRNGSeed(0)  # the first clusters of colours are drawn at random
    cv2.grabCut(lab, marks, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_MASK)
    return np.asarray(np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)), dtype=np.bool_)


def find_alike(lab: NDArray[np.uint8], click: Click) -> Mask:
    """Return the mask (h, w) of what hangs together with a click and has its colour, in a photo (h, w, 3) in
    Lab: Otsu's split of the distances from its colour, within two REACH of it. Of the background it is a dot."""
    size = lab.shape[:2]
    (x, y), room, dot = to_pixel(click, size), round(2 * REACH * max(size)), _dot(size)
    top, left = max(0, y - room), max(0, x - room)
    part = lab[top : y + room + 1, left : x + room + 1].astype(np.float32)
    own = lab[max(0, y - dot) : y + dot + 1, max(0, x - dot) : x + dot + 1].reshape(-1, 3)
    distance = np.linalg.norm(part - np.median(own, axis=0), axis=2)
    _, near = cv2.threshold(
        np.clip(distance, 0, 255).astype(np.uint8), 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU
    )
    cv2.circle(near, (x - left, y - top), dot, 255, -1)
    _, labels = cv2.connectedComponents(near)
    alike = np.zeros(size, np.bool_)
    found = labels == labels[y - top, x - left]
    if _is_open(found, (y - room < 0, x - room < 0, y + room >= size[0], x + room >= size[1])):
        found = cv2.circle(np.zeros_like(near), (x - left, y - top), dot, 1, -1) > 0
    alike[top : y + room + 1, left : x + room + 1] = found
    return alike


def _is_open(found: Mask, at_edge: tuple[bool, bool, bool, bool]) -> bool:
    """Tell whether a region goes on beyond most of a window's border, the photo's own edges aside: it is the
    background, of which no colour says where it ends. at_edge: top, left, bottom, right."""
    sides = (found[0], found[:, 0], found[-1], found[:, -1])
    border = [side for side, edge in zip(sides, at_edge, strict=True) if not edge]
    return bool(border) and float(np.concatenate(border).mean()) > OPEN_SHARE


def respect(probability: Probability, guidance: Guidance) -> Probability:
    """Return the map with 0 outside the box, and 1 or 0 in a dot around each click; a later click's wins."""
    respected: NDArray[np.float32] = np.where(draw_box(guidance, probability.shape), probability, 0)
    respected = respected.astype(np.float32)
    for click in guidance.clicks:
        cv2.circle(
            respected,
            to_pixel(click, probability.shape),
            _dot(probability.shape),
            1.0 if click.lesion else 0.0,
            -1,
        )
    return respected


def draw_box(guidance: Guidance, size: Sequence[int]) -> Mask:
    """Return the bool mask (h, w) of the box's inside, all of it without a box."""
    if guidance.box is None:
        return np.ones((size[0], size[1]), np.bool_)
    left, top, right, bottom = guidance.box
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


def _working_size(pixels: Pixels) -> tuple[int, int]:
    scale = min(1.0, SIDE / max(pixels.shape[:2]))
    return max(1, round(pixels.shape[0] * scale)), max(1, round(pixels.shape[1] * scale))


def _dot(size: Sequence[int]) -> int:
    return max(1, round(DOT * max(size)))
