"""Photos in which only guidance says what is wanted: further lesions and unknown things are laid on the skin,
and some of what is outlined is chosen."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from magic_demo.core.types import Mask, Pixels
from magic_demo.questions.scoring import vote
from training.runs.augment import Share
from training.segmentation.drawing.pasting import paste_lesion
from training.segmentation.sources import Example, Reader

LEAST = 0.004
"""Share of the photo below which a part of a mask is no lesion of its own."""
TRIES = 12
"""Of so many pairs of photos a composite is made at most."""
TWO_LESIONS = "two lesions, one wanted"
"""Source of the composites of an evaluation."""


def crop_near(pixels: Pixels, share: Share, random: np.random.Generator) -> tuple[Pixels, Share]:
    """Return the part of a photo and its mask around one lesion, as a second look sees it."""
    parts = list_parts(share)
    if not parts:
        return pixels, share
    mask = parts[int(random.integers(len(parts)))]
    down, across = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    room = random.uniform(0.15, 0.8) * np.array([len(down), len(across)])
    height, width = mask.shape
    top, bottom = max(0, int(down[0] - room[0])), min(height, int(down[-1] + room[0]) + 1)
    left, right = max(0, int(across[0] - room[1])), min(width, int(across[-1] + room[1]) + 1)
    if min(bottom - top, right - left) < 24:
        return pixels, share
    rows, columns = slice(top, bottom), slice(left, right)
    return np.ascontiguousarray(pixels[rows, columns]), np.ascontiguousarray(share[rows, columns])


def choose_wanted(share: Share, chance: float, random: np.random.Generator) -> Share:
    """Return the mask (H, W) of some of the lesions, where there are several, with ``chance``; else all."""
    parts = list_parts(share)
    if len(parts) < 2 or random.random() >= chance:
        return share
    count = 1 if random.random() < 0.7 else int(random.integers(1, len(parts)))
    chosen = random.choice(len(parts), count, replace=False)
    kept = np.any([parts[int(index)] for index in chosen], axis=0)
    return np.where(cv2.dilate(kept.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0, share, 0).astype(
        np.float32
    )


def list_parts(share: Share) -> list[Mask]:
    """Return the connected parts of a mask (H, W) that are no specks."""
    count, labels, facts, _ = cv2.connectedComponentsWithStats((share >= 0.5).astype(np.uint8))
    return [
        np.asarray(labels == label, dtype=np.bool_)
        for label in range(1, count)
        if facts[label, cv2.CC_STAT_AREA] >= LEAST * share.size
    ]


def list_composites(examples: Sequence[Example], count: int, seed: int = 1) -> list[Example]:
    """List photos of ``examples`` on which another one's lesion is laid; by turns one of the two is wanted.

    Photos on which no place is free are passed over, so there may be fewer.
    """
    listed: list[Example] = []
    random = np.random.default_rng(seed)
    for _ in range(TRIES * count if examples else 0):
        if len(listed) == count:
            break
        base, donor = (examples[int(index)] for index in random.integers(len(examples), size=2))
        read = _two_lesions(base, donor, int(random.integers(2**62)), wants_laid=len(listed) % 2 == 0)
        if base is not donor and read is not None:
            listed.append(Example(f"{base.photo_id} with {donor.photo_id}", TWO_LESIONS, read))
    return listed


def _two_lesions(base: Example, donor: Example, seed: int, *, wants_laid: bool) -> Reader | None:
    """Return what reads the composite, None where the lesion does not fit in."""

    def compose() -> tuple[Pixels, Share, Share]:
        (pixels, masks), (others, other_masks) = base.read(), donor.read()
        own = vote(masks).astype(np.float32)
        laid, both = paste_lesion(
            pixels, own, others, vote(other_masks).astype(np.float32), np.random.default_rng(seed)
        )
        return laid, own, np.clip(both - own, 0, 1)

    def read() -> tuple[Pixels, tuple[Mask, ...]]:
        laid, own, added = compose()
        return laid, (np.asarray((added if wants_laid else own) >= 0.5, dtype=np.bool_),)

    _, own, added = compose()
    fits = all((part >= 0.5).mean() >= LEAST for part in (own, added))
    return read if fits else None
