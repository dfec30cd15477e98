"""Lesions and other things laid on a photo's free skin, in its colours."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import Pixels
from training.runs.augment import Share

TRIES = 12
"""Places that are tried for what is laid on."""


def paste_lesion(
    pixels: Pixels, share: Share, donor: Pixels, donor_share: Share, random: np.random.Generator
) -> tuple[Pixels, Share]:
    """Lay the donor's lesion on free skin of a photo (H, W, 3), in its colours, and add it to the mask
    (H, W); both as they came where no place is free."""
    mask = donor_share >= 0.5
    if not mask.any():
        return pixels, share
    down, across = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    room = int(0.18 * max(len(down), len(across))) + 2
    rows = slice(max(0, down[0] - room), down[-1] + room + 1)
    columns = slice(max(0, across[0] - room), across[-1] + room + 1)
    turns = int(random.integers(4))
    turned = np.ascontiguousarray(np.rot90(donor[rows, columns], turns))
    turned_mask = np.ascontiguousarray(np.rot90(mask[rows, columns].astype(np.float32), turns))
    scale = random.uniform(0.15, 0.45) * max(pixels.shape[:2]) / max(turned.shape[:2])
    size = max(6, round(turned.shape[1] * scale)), max(6, round(turned.shape[0] * scale))
    part: NDArray[np.float32] = cv2.resize(turned, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    part_mask: Share = np.asarray(cv2.resize(turned_mask, size, interpolation=cv2.INTER_AREA), np.float32)
    place = _find_room(share, part_mask, random)
    if place is None:
        return pixels, share
    top, left = place
    onto = (slice(top, top + size[1]), slice(left, left + size[0]))
    skin = pixels[onto].astype(np.float32)
    around = part_mask < 0.2
    if around.any():  # the donor's skin becomes the photo's
        part += np.median(skin.reshape(-1, 3), axis=0) - np.median(part[around], axis=0)
    spread = max(1, round(0.06 * max(size)))
    grown = cv2.dilate(part_mask, np.ones((spread, spread), np.uint8))
    soft = np.asarray(cv2.GaussianBlur(grown, (0, 0), max(0.6, spread / 2)), np.float32)
    return _lay(pixels, share, onto, part, soft[..., None], part_mask)


def paste_thing(
    pixels: Pixels, share: Share, texture: Pixels, random: np.random.Generator, *, wanted: bool
) -> tuple[Pixels, Share]:
    """Lay a smooth shape of one colour or of another photo's texture on a photo (H, W, 3): whatever it is, a
    click can ask for it (``wanted``), and where nobody does it is no lesion."""
    height, width = pixels.shape[:2]
    side = max(8, round(random.uniform(0.1, 0.45) * min(height, width)))
    shape = draw_shape(side, random)
    place = _find_room(share, shape, random)
    if place is None:
        return pixels, share
    top, left = place
    onto = (slice(top, top + side), slice(left, left + side))
    skin = pixels[onto].astype(np.float32)
    colour = np.median(skin.reshape(-1, 3), axis=0) * random.uniform(0.45, 1.15, 3)
    filled = np.broadcast_to(colour, skin.shape) + random.normal(0, random.uniform(0, 10), skin.shape)
    if random.random() < 0.5:
        y = int(random.integers(max(1, texture.shape[0] - side)))
        x = int(random.integers(max(1, texture.shape[1] - side)))
        crop = np.ascontiguousarray(texture[y : y + side, x : x + side])
        filled = cv2.resize(crop, (side, side)).astype(np.float32)
        filled = filled - filled.mean(axis=(0, 1)) + colour
    else:
        filled = filled + 0.5 * (skin - skin.mean(axis=(0, 1)))
    strength = random.uniform(0.5, 1.0)
    soft = cv2.GaussianBlur(shape, (0, 0), random.uniform(0.5, 0.04 * side + 0.6))[..., None] * strength
    return _lay(pixels, share, onto, filled.astype(np.float32), soft, shape if wanted else None)


def draw_shape(side: int, random: np.random.Generator) -> Share:
    """Return (side, side) float32, 1 inside a smooth closed curve and 0 outside."""
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    radius = np.ones(48)
    for wave in range(2, 6):
        radius += random.normal(0, 0.28 / wave) * np.cos(wave * angles + random.uniform(0, 2 * np.pi))
    turn, flat = random.uniform(0, np.pi), random.uniform(0.45, 1.0)
    points = np.stack([radius * np.cos(angles), radius * np.sin(angles) * flat], axis=1)
    points = points @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = points / np.abs(points).max() * 0.48 * side + side / 2
    shape = np.zeros((side, side), np.float32)
    cv2.fillPoly(shape, [np.rint(points).astype(np.int32)], 1.0)
    return shape


def _find_room(share: Share, mask: Share, random: np.random.Generator) -> tuple[int, int] | None:
    """Return top and left of a free place for a mask on another one, apart from what is there."""
    taken = cv2.dilate((share >= 0.2).astype(np.uint8), np.ones((7, 7), np.uint8))
    free = taken.shape[0] - mask.shape[0], taken.shape[1] - mask.shape[1]
    if min(free) <= 0:
        return None
    for _ in range(TRIES):
        top, left = int(random.integers(free[0])), int(random.integers(free[1]))
        if not (taken[top : top + mask.shape[0], left : left + mask.shape[1]] * (mask > 0.2)).any():
            return top, left
    return None


def _lay(
    pixels: Pixels,
    share: Share,
    onto: tuple[slice, slice],
    part: NDArray[np.float32],
    soft: NDArray[np.float32],
    mask: Share | None,
) -> tuple[Pixels, Share]:
    laid, marked = pixels.copy(), share.copy()
    mixed = pixels[onto].astype(np.float32) * (1 - soft) + part * soft
    laid[onto] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    if mask is not None:
        marked[onto] = np.maximum(marked[onto], mask)
    return laid, marked
