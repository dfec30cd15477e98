"""The magic wand: a box, or scribbles on lesion and skin, becomes a lesion mask by graph cut on a small copy
of the photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import Mask, Pixels
from magic_demo.imaging.resize import resize_pixels

CUT_SIDE = 208
"""Longest side, in pixels, of the region that is cut: it keeps a cut well under half a second."""
SAMPLES = 3
"""Pixels of the photo that are read along a side for each of those: more would only take longer."""
ROUNDS = 2
MARGIN = 0.6
"""How far around a box the cut looks for skin: a share of the box's longer side."""
REACH = 0.25
"""How far beyond strokes on it a lesion without a box may reach: a share of the photo's longer side."""

Point = tuple[float, float]
"""x, y in pixels of the photo, whose left top corner is (0, 0)."""


@dataclass(frozen=True)
class Hint:
    """What the reader has shown the wand. Without a box there is at least one stroke on the lesion.

    box: left, top, right, bottom; nothing outside it is lesion. lesion, skin: strokes; radius: half their
    width.
    """

    box: tuple[float, float, float, float] | None = None
    lesion: Sequence[Sequence[Point]] = ()
    skin: Sequence[Sequence[Point]] = ()
    radius: float = 6.0


def cut_lesion(pixels: Pixels, hint: Hint, size: tuple[int, int] | None = None) -> Mask:
    """Return the bool mask that the hint asks for in a (H, W, 3) RGB photo; empty where it shows no lesion.

    size: height and width that the hint was drawn at, and the mask's; without it the photo's own.
    Colours in Lab, so that lightness weighs no more than hue. From strokes alone only what hangs together
    with one of them is lesion.
    """
    size = size or (pixels.shape[0], pixels.shape[1])
    mask = np.zeros(size, dtype=np.bool_)
    left, top, right, bottom = _region(hint, size)
    if right - left < 2 or bottom - top < 2:
        return mask
    scale = min(1.0, CUT_SIDE / max(bottom - top, right - left))
    small_size = max(2, round((bottom - top) * scale)), max(2, round((right - left) * scale))
    down, across = pixels.shape[0] / size[0], pixels.shape[1] / size[1]
    part = pixels[round(top * down) : round(bottom * down), round(left * across) : round(right * across)]
    lab = cv2.cvtColor(_shrink(part, small_size), cv2.COLOR_RGB2LAB)
    marks = _mark(
        hint, small_size, (left, top), (small_size[1] / (right - left), small_size[0] / (bottom - top))
    )
    small = _cut(np.asarray(lab, dtype=np.uint8), marks)
    if hint.box is None:
        small = _keep_touched(small, marks == cv2.GC_FGD)
    grown = cv2.resize(
        small.view(np.uint8) * np.uint8(255), (right - left, bottom - top), interpolation=cv2.INTER_LINEAR
    )
    mask[top:bottom, left:right] = grown >= 128
    return mask


def _shrink(part: Pixels, size: tuple[int, int]) -> Pixels:
    """Return a (H, W, 3) part of a photo at ``size``, from SAMPLES of its pixels a side for each where it has
    as many."""
    step = max(1, min(part.shape[0] // size[0], part.shape[1] // size[1]) // SAMPLES)
    return resize_pixels(np.ascontiguousarray(part[::step, ::step]), size)


def _region(hint: Hint, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of what is cut: the hint with room around it, inside the photo."""
    points = np.array(
        [point for strokes in (hint.lesion, hint.skin) for stroke in strokes for point in stroke],
        dtype=np.float64,
    )
    corners = [points.reshape(-1, 2)]
    if hint.box is not None:
        corners.append(np.array(hint.box, dtype=np.float64).reshape(2, 2))
    shown = np.concatenate(corners)
    if not len(shown):
        return 0, 0, 0, 0
    (left, top), (right, bottom) = shown.min(axis=0), shown.max(axis=0)
    room = MARGIN * max(right - left, bottom - top)
    if hint.box is None:
        room = max(room, REACH * max(size))
    return (
        max(0, int(left - room)),
        max(0, int(top - room)),
        min(size[1], ceil(right + room)),
        min(size[0], ceil(bottom + room)),
    )


def _mark(
    hint: Hint, size: tuple[int, int], origin: tuple[int, int], scale: tuple[float, float]
) -> NDArray[np.uint8]:
    """Return (h, w) uint8 of OpenCV's GrabCut classes for the region's small copy."""
    marks = np.full(size, cv2.GC_PR_BGD if hint.box is None else cv2.GC_BGD, dtype=np.uint8)

    def to_pixel(x: float, y: float) -> tuple[int, int]:
        return round((x - origin[0]) * scale[0] - 0.5), round((y - origin[1]) * scale[1] - 0.5)

    if hint.box is not None:
        (left, top), (right, bottom) = to_pixel(*hint.box[:2]), to_pixel(*hint.box[2:])
        marks[max(0, top + 1) : max(0, bottom + 1), max(0, left + 1) : max(0, right + 1)] = cv2.GC_PR_FGD
    width = max(1, round(2 * hint.radius * min(scale)))
    for strokes, kind in ((hint.skin, cv2.GC_BGD), (hint.lesion, cv2.GC_FGD)):
        for stroke in strokes:
            line = np.array([to_pixel(x, y) for x, y in stroke], dtype=np.int32).reshape(-1, 1, 2)
            cv2.polylines(marks, [line], isClosed=False, color=int(kind), thickness=width)
    return marks


def _cut(lab: NDArray[np.uint8], marks: NDArray[np.uint8]) -> Mask:
    """Return the (h, w) bool mask of a graph cut that begins with ``marks``."""
    marks = marks.copy()
    # a box over the whole photo leaves no skin: its rim is taken for skin
    if not np.isin(marks, (cv2.GC_PR_BGD, cv2.GC_BGD)).any():
        marks[[0, -1], :] = cv2.GC_BGD
        marks[:, [0, -1]] = cv2.GC_BGD
    if not np.isin(marks, (cv2.GC_PR_FGD, cv2.GC_FGD)).any():
        return np.zeros(marks.shape, dtype=np.bool_)
    if not (marks == cv2.GC_PR_FGD).any():
        _guess(lab, marks)
    # the first clusters of colours are drawn at random: the same hint must give the same mask
    cv2.setRNGSeed(0)
    cv2.grabCut(lab, marks, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_MASK)
    return np.asarray(np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)), dtype=np.bool_)


def _guess(lab: NDArray[np.uint8], marks: NDArray[np.uint8]) -> None:
    """Call the unmarked pixels that are nearer in colour to the lesion's stroke than to skin probable lesion,
    in place.

    Skin is what was scribbled; without such a stroke it is the rim of the region.
    """
    lesion = np.median(lab[marks == cv2.GC_FGD].astype(np.float32), axis=0)
    skin_marks = marks == cv2.GC_BGD
    if not skin_marks.any():
        skin_marks = np.zeros(marks.shape, dtype=np.bool_)
        skin_marks[[0, -1], :] = skin_marks[:, [0, -1]] = True
    skin = np.median(lab[skin_marks].astype(np.float32), axis=0)
    colours = lab.astype(np.float32)
    nearer = np.square(colours - lesion).sum(axis=2) < np.square(colours - skin).sum(axis=2)
    marks[(marks == cv2.GC_PR_BGD) & nearer] = cv2.GC_PR_FGD


def _keep_touched(mask: Mask, touched: Mask) -> Mask:
    """Return the components of ``mask`` that hold a pixel of ``touched``."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8))
    reached = np.unique(labels[touched & mask])
    return np.asarray(np.isin(labels, reached[reached > 0]), dtype=np.bool_)
