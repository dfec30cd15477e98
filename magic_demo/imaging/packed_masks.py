"""Masks in bits: an eighth of the memory of bytes, compared and counted 64 pixels at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import Mask

Bits = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class PackedMask:
    """An (H, W) mask in bits, row after row, each row filled up with zeros to whole bytes; two masks of one
    shape lie bit on bit."""

    bits: Bits
    shape: tuple[int, int]


def pack_mask(mask: Mask) -> PackedMask:
    """Pack an (H, W) bool mask."""
    return pack_rows([mask], (mask.shape[0], mask.shape[1]))


def pack_rows(blocks: Iterable[NDArray[np.bool_] | NDArray[np.uint8]], shape: tuple[int, int]) -> PackedMask:
    """Pack a mask of ``shape`` that comes a few rows (h, W) at a time, bool or uint8 of which all but 0 is
    lesion."""
    packed = [np.packbits(block, axis=1).ravel() for block in blocks]
    short = -sum(block.size for block in packed) % 8
    return PackedMask(np.concatenate([*packed, np.zeros(short, np.uint8)]).view(np.uint64), shape)


def count_bits(bits: Bits) -> int:
    """Return how many bits are set."""
    return int(np.bitwise_count(bits).sum(dtype=np.int64))


def hold_at_least(masks: Sequence[NDArray[Any]], number: int) -> NDArray[Any]:
    """Return what at least ``number`` of the masks hold, bool pixels or packed bits: kept for every smaller
    number too, mask by mask."""
    at_least = [masks[0], *(np.zeros_like(masks[0]) for _ in range(number - 1))]
    for mask in masks[1:]:
        for index in range(number - 1, 0, -1):
            at_least[index] = at_least[index] | (at_least[index - 1] & mask)
        at_least[0] = at_least[0] | mask
    return at_least[-1]
