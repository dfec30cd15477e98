"""Drawn feet and hands: toes, nails and a background around an ulcer or another lesion, or around none, so that a
model learns to leave all of it out."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import Mask, Pixels
from magic_demo.synthetic.drawing.lesions.layers import Lesion
from magic_demo.synthetic.drawing.noise import Field, smooth_noise, smooth_step
from magic_demo.synthetic.drawing.skin import Body, View, draw_photo

KINDS = (("ulcer", 0.6), ("scab", 0.15), ("crust", 0.1), ("plaque", 0.15))
"""What is drawn on a foot, and how often."""
BARE = 0.15
"""Share of the feet without any lesion."""
LEAST, MOST = 0.12, 0.9
"""Share of the photo that the foot takes."""
BURNT = 215
"""Mean brightness of a foot that is burnt out."""

Place = tuple[float, float]
Nail = tuple[Place, Place, float]
"""Middle (x, y), half axes and angle in degrees, pixels."""


def draw_foot(rng: np.random.Generator, side: int) -> tuple[Pixels, Mask]:
    """Draw a photo (side, side, 3) uint8 RGB of a foot or a hand, and the mask (side, side) of the lesion on it,
    which may be empty."""
    tone = int(rng.choice([1, 2, 3, 4, 5, 6], p=[0.15, 0.25, 0.25, 0.15, 0.1, 0.1]))
    shade = (float(rng.random()), float(rng.random()), float(rng.random()))
    view = View(
        (side, side), "limb", side / float(rng.uniform(70, 160)), tone, shade, 0.1 * float(rng.random())
    )
    while True:
        outline, nails = shape_foot(rng, side)
        if not LEAST < outline.mean() < MOST:
            continue
        pixels, mask = draw_on(view, outline, rng)
        if pixels[outline].mean() < BURNT:  # before a dark background the camera may have exposed for that
            return draw_nails(pixels, nails, rng), mask


def draw_on(view: View, outline: Mask, rng: np.random.Generator) -> tuple[Pixels, Mask]:
    """Draw a photo (H, W, 3) of a body with an outline (H, W), and the mask (H, W) of what is on it."""
    body = round_body(outline, rng)
    return draw_photo(view, body, _place(view, body, rng), rng)


def shape_foot(rng: np.random.Generator, side: int) -> tuple[Mask, list[Nail]]:
    """Return the outline (side, side) of a foot with five toes, or of a hand, and where its nails are; part of it
    may lie outside."""
    hand = rng.random() < 0.2
    shape = np.zeros((side, side), np.uint8)
    long = side * float(np.exp(rng.uniform(np.log(0.55), np.log(1.7))))
    wide = long * (rng.uniform(0.34, 0.46) if not hand else rng.uniform(0.5, 0.65))
    turn = rng.choice([0, 90, 180, 270]) + rng.uniform(-35, 35)
    middle = np.array([side / 2, side / 2]) + rng.uniform(-0.25, 0.25, 2) * max(side, long)
    along = np.array([np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))])
    across = np.array([-along[1], along[0]]) * rng.choice([-1, 1])

    def lay(at: float, aside: float, length: float, width: float, lean: float = 0.0) -> Place:
        place = middle + along * at * long + across * aside * wide
        axes = max(1, round(length * long)), max(1, round(width * wide))
        cv2.ellipse(shape, (round(place[0]), round(place[1])), axes, turn + lean, 0, 360, 1, -1)
        return float(place[0]), float(place[1])

    lay(0.12, 0.0, 0.3, 0.5)  # ball, or palm
    lay(-0.12, -0.05, 0.32, rng.uniform(0.34, 0.46))
    lay(-0.35, 0.0, 0.16, 0.36)  # heel, or wrist
    if hand or rng.random() < 0.5:
        lay(-0.75, 0.0, 0.5, rng.uniform(0.32, 0.4))  # leg or forearm
    nails: list[Nail] = []
    seen = rng.random() < 0.6  # nails are on one side
    for number, aside in enumerate(np.linspace(-0.38, 0.4, 5)):
        first = number == 0
        length = (0.24 if hand else 0.1) * (1.25 if first and not hand else 1 - 0.08 * abs(number - 2))
        width = (0.085 if hand else 0.095) * (1.5 if first else 1.0)
        reach = (0.4 if hand else 0.44) - (0.04 * number if not hand else 0.03 * abs(number - 2))
        lean = float(rng.normal(0, 5)) + (30 * (aside - 0.02) if hand else 0)
        place = lay(reach, float(aside), length, width, lean)
        if seen:
            end = np.array(place) + along * 0.55 * length * long
            size = (0.32 * min(length * long, 2.2 * width * wide), 0.55 * width * wide)
            nails.append(((float(end[0]), float(end[1])), size, turn + lean))
    sway = smooth_noise(rng, (side, side), side * 0.12) * np.float32(0.006 * side)
    soft = cv2.GaussianBlur(shape.astype(np.float32), (0, 0), side * 0.008)
    return np.asarray(soft + np.float32(0.02) * sway > 0.5, dtype=np.bool_), nails


def round_body(outline: Mask, rng: np.random.Generator) -> Body:
    """Return the body with an outline (H, W): it falls away towards its rim."""
    size, short = (outline.shape[0], outline.shape[1]), min(outline.shape)
    inside = cv2.distanceTransform(outline.astype(np.uint8), cv2.DIST_L2, 5)
    outside = cv2.distanceTransform((~outline).astype(np.uint8), cv2.DIST_L2, 5)
    reach = np.float32(rng.uniform(0.05, 0.11) * short)
    near = np.clip(inside / reach, 0.02, 1)
    dome = cv2.GaussianBlur(np.asarray(np.sqrt(near * (2 - near)) * reach, np.float32), (0, 0), 0.012 * short)
    slope_y, slope_x = np.gradient(dome + smooth_noise(rng, size, short * 0.4) * np.float32(0.02 * short))
    room = smooth_step(0.2, 0.5, np.asarray(inside / (0.08 * short), np.float32))
    return Body(
        _float(inside - outside), room, _float(slope_x), _float(slope_y), float(rng.uniform(0, np.pi))
    )


def draw_nails(pixels: Pixels, nails: list[Nail], rng: np.random.Generator) -> Pixels:
    """Lay pale or yellow nails with a darker rim on a photo (H, W, 3)."""
    drawn = pixels.astype(np.float32)
    tint = np.array([rng.uniform(1.0, 1.25), rng.uniform(0.98, 1.2), rng.uniform(0.75, 1.15)], np.float32)
    for (x, y), axes, angle in nails:
        for grown, colour in ((1.15, np.float32(0.82) * np.ones(3, np.float32)), (1.0, tint)):
            spot: NDArray[np.float32] = np.zeros(pixels.shape[:2], np.float32)
            size = max(1, round(axes[0] * grown)), max(1, round(axes[1] * grown))
            cv2.ellipse(spot, (round(x), round(y)), size, angle, 0, 360, 1.0, -1)
            share = np.asarray(cv2.GaussianBlur(spot, (0, 0), 0.7), np.float32)[..., None]
            drawn = drawn * (1 - share) + pixels.astype(np.float32) * colour * share
    return np.asarray(np.clip(np.rint(drawn), 0, 255), dtype=np.uint8)


def _place(view: View, body: Body, rng: np.random.Generator) -> list[Lesion]:
    """Return the lesions: none, one or two where the foot has room."""
    if rng.random() < BARE:
        return []
    height, width = view.size
    free = np.flatnonzero((body.room > 0.3) & (body.depth > 0.02 * min(view.size)))
    placed: list[Lesion] = []
    for _ in range(1 + int(rng.random() < 0.2) if len(free) else 0):
        row, column = divmod(int(rng.choice(free)), width)
        if not (0.06 * height < row < 0.94 * height and 0.06 * width < column < 0.94 * width):
            continue
        kind = str(rng.choice([name for name, _ in KINDS], p=[share for _, share in KINDS]))
        placed.append(
            Lesion(
                kind,
                "combination (please specify)" if kind == "ulcer" and rng.random() < 0.6 else "red",
                float(column),
                float(row),
                float(np.exp(rng.uniform(np.log(0.03), np.log(0.13))) * min(view.size)),
                float(rng.uniform(0.7, 1.4)),
                float(rng.uniform(0, 2 * np.pi)),
                float(rng.uniform(0.06, 0.2)),
                float(rng.uniform(0.8, 1.3)),
                int(rng.integers(1, 2**31)),
            )
        )
    return placed


def _float(values: NDArray[np.generic]) -> Field:
    return np.asarray(values, dtype=np.float32)
