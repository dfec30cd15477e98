"""From a case's truth to its photos: which views are taken, where the lesions lie in each, how annotators
outline them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import Mask, Pixels
from magic_demo.synthetic.drawing.lesions.layers import Lesion
from magic_demo.synthetic.drawing.noise import smooth_noise
from magic_demo.synthetic.drawing.skin import Body, View, draw_photo, shape_body
from magic_demo.synthetic.truth import Truth

SIDES = (480, 560, 640, 720, 800, 960, 1200, 1600)
SIDE_SHARES = (0.1, 0.12, 0.2, 0.18, 0.2, 0.12, 0.06, 0.02)
LIMBS = ("upper extremities", "lower extremities")


def draw_scene(
    truth: Truth, case_seed: tuple[int, ...], index: int, longest: int | None = None
) -> tuple[Pixels, Mask]:
    """Draw photo ``index`` of a case: (H, W, 3) uint8 RGB and its true (H, W) bool mask, which is never
    empty.

    longest: pixels of the longest side; drawn at random when None.
    """
    for attempt in range(20):
        rng = np.random.default_rng([*case_seed, 100 + index, attempt])
        view = _choose_view(truth, case_seed, index, longest, rng)
        body = shape_body(view, rng)
        lesions = _place_lesions(truth, view, body, case_seed, rng)
        if not lesions:
            continue
        pixels, mask = draw_photo(view, body, lesions, rng)
        if 0.0004 < float(mask.mean()) < 0.92:
            return pixels, mask
    # a fault of this module, never of a user
    raise AssertionError(f"no photo of case {case_seed} came out with a lesion in it")


def outline_mask(mask: Mask, rng: np.random.Generator) -> tuple[Mask, ...]:
    """Return one to four annotators' masks of a true mask: they differ smoothly at the border, and may miss a
    small lesion."""
    count = int(rng.choice([1, 2, 3, 4], p=[0.1, 0.25, 0.45, 0.2]))
    return tuple(_outline(mask, rng) for _ in range(count))


def _choose_view(
    truth: Truth, case_seed: tuple[int, ...], index: int, longest: int | None, rng: np.random.Generator
) -> View:
    side = longest or int(rng.choice(SIDES, p=SIDE_SHARES))
    short = round(side * float(rng.choice([0.75, 0.66, 0.8, 1.0], p=[0.6, 0.15, 0.15, 0.1])))
    size = (side, short) if rng.random() < 0.55 else (short, side)
    close = index > 0 and rng.random() < 0.5
    across = 2 * truth.radius
    if truth.arrangement == "widespread":
        field = rng.uniform(60, 110) if close else rng.uniform(120, 280)
    elif truth.arrangement == "grouped":
        field = max(45.0, 10 * truth.radius) * (rng.uniform(0.8, 1.2) if close else rng.uniform(1.1, 2.0))
    elif truth.arrangement == "several":
        field = across * rng.uniform(3.2, 6.5) + 10
    else:
        field = across * (rng.uniform(1.4, 2.3) if close else rng.uniform(2.0, 5.5)) + (4 if close else 8)
    form = "plain"
    if truth.kind == "naevus" and field < 45 and rng.random() < 0.45:
        form = "dermoscopy"
        field = max(13.0, across * 1.8)
    elif field > 60 and truth.site in LIMBS and rng.random() < 0.75:
        form = "limb"
        field = max(field, 90.0)
    elif field > 80 and rng.random() < 0.35:
        form = "side"
    scale = min(size) / float(field if form != "limb" else min(field, 260.0))
    first, second, third, hair = (float(value) for value in np.random.default_rng([*case_seed, 8]).random(4))
    return View(size, form, scale, truth.tone, (first, second, third), max(0.0, 1.4 * hair - 0.4))


def _place_lesions(
    truth: Truth, view: View, body: Body, case_seed: tuple[int, ...], rng: np.random.Generator
) -> list[Lesion]:
    height, width = view.size
    radius = truth.radius * view.scale
    shape_rng = np.random.default_rng([*case_seed, 7])
    irregular = float(shape_rng.uniform(0.06, 0.2)) * (
        1.3
        if truth.kind in ("patch", "eczema", "bruise")
        else 0.6
        if truth.kind in ("papule", "vesicle", "nodule")
        else 1.0
    )
    stretch = float(shape_rng.uniform(0.85, 1.2))
    seeds = shape_rng.integers(1, 2**31, max(200, truth.count))
    turn = rng.uniform(0, 2 * np.pi)
    if truth.arrangement == "single":
        spread, count = 0.12 * min(height, width), 1
    elif truth.arrangement == "grouped":
        spread, count = max(45.0, 10 * truth.radius) * view.scale * 0.28, truth.count
    else:
        spread, count = 0.0, truth.count
    middle = _find_room(body, rng, 0.3 if truth.arrangement != "widespread" else 0.0)
    drift = smooth_noise(rng, view.size, 0.4 * min(height, width))
    placed: list[Lesion] = []
    for number in range(count):
        own = np.random.default_rng(int(seeds[number]))
        size = radius * (
            1.0 if truth.arrangement == "single" else float(np.clip(np.exp(own.normal(0, 0.3)), 0.5, 1.8))
        )
        for _ in range(25):
            if truth.arrangement == "single":
                x, y = middle
            elif spread:
                x, y = middle[0] + rng.normal(0, spread), middle[1] + rng.normal(0, spread * 0.7)
            else:
                x, y = rng.uniform(0.03, 0.97) * width, rng.uniform(0.03, 0.97) * height
            column, row = int(np.clip(x, 0, width - 1)), int(np.clip(y, 0, height - 1))
            if not (0 <= x < width and 0 <= y < height) or body.room[row, column] < 0.5:
                continue
            if truth.arrangement == "widespread" and drift[row, column] < rng.normal(-0.6, 0.6):
                continue
            gap = 1.15 if truth.arrangement != "several" else 1.5
            if all(
                np.hypot(x - neighbour.x, y - neighbour.y) > gap * (size + neighbour.radius) * 0.85
                for neighbour in placed
            ):
                placed.append(
                    Lesion(
                        truth.kind,
                        truth.colour,
                        float(x),
                        float(y),
                        max(2.2, size),
                        stretch if truth.arrangement == "single" else float(own.uniform(0.85, 1.18)),
                        turn + (0.0 if truth.arrangement == "single" else float(own.uniform(0, np.pi))),
                        irregular,
                        float(np.clip(own.normal(1.0, 0.13), 0.7, 1.35)),
                        int(seeds[number]),
                    )
                )
                break
    return placed


def _find_room(body: Body, rng: np.random.Generator, margin: float) -> tuple[float, float]:
    """Return a point (x, y) on the body, off the photo's rim by ``margin`` of its sides, near the middle of
    the body."""
    height, width = body.room.shape
    best, best_depth = (width / 2, height / 2), -np.inf
    for _ in range(8):
        x, y = rng.uniform(margin, 1 - margin) * width, rng.uniform(margin, 1 - margin) * height
        depth = float(body.depth[int(y), int(x)])
        if depth > best_depth + 1:
            best, best_depth = (x, y), depth
    return best


def _outline(mask: Mask, rng: np.random.Generator) -> Mask:
    """Draw the border anew: nearer or farther as a smooth noise says, within a share of the lesions' own
    size."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA].astype(np.float64)
    radii = np.sqrt(areas / np.pi)
    found = mask
    if count > 3 and rng.random() < 0.35:
        missed = int(rng.choice(np.flatnonzero(areas <= np.quantile(areas, 0.4)))) + 1
        if areas[missed - 1] < 0.12 * areas.sum():
            found = mask & (labels != missed)
    typical = float(np.quantile(radii, 0.3))
    inside = cv2.distanceTransform(found.astype(np.uint8), cv2.DIST_L2, 3)
    outside = cv2.distanceTransform((~found).astype(np.uint8), cv2.DIST_L2, 3)
    signed = np.where(found, inside - 0.5, 0.5 - outside)  # distance to the border between the pixels
    sway = smooth_noise(rng, (mask.shape[0], mask.shape[1]), max(8.0, typical * 0.8)) * np.float32(
        0.075 * typical
    )
    bias = float(np.clip(rng.normal(0.04, 0.09), -0.12, 0.24)) * typical
    drawn: NDArray[np.bool_] = signed + sway + np.float32(bias) > 0
    return drawn if drawn.any() else found
