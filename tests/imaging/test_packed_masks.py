"""Masks in bits: what is packed, counted and voted on is what the pixels say."""

from __future__ import annotations

import numpy as np
import pytest

from magic_demo.imaging.packed_masks import count_bits, hold_at_least, pack_mask, pack_rows


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (5, 8), (4, 63), (2, 64), (9, 65)])
def test_every_lesion_pixel_is_one_bit_whatever_the_width(shape: tuple[int, int]) -> None:
    mask = np.random.default_rng(0).random(shape) > 0.5
    packed = pack_mask(mask)
    assert packed.shape == shape
    assert count_bits(packed.bits) == mask.sum()
    other = ~mask
    assert count_bits(packed.bits & pack_mask(other).bits) == 0
    assert count_bits(packed.bits | pack_mask(other).bits) == mask.size


@pytest.mark.parametrize("rows", [1, 2, 5, 100])
def test_a_mask_that_comes_a_few_rows_at_a_time_is_packed_as_the_whole(rows: int) -> None:
    mask = np.random.default_rng(1).random((11, 13)) > 0.5
    blocks = [mask[start : start + rows].astype(np.uint8) for start in range(0, len(mask), rows)]
    assert np.array_equal(pack_rows(blocks, mask.shape).bits, pack_mask(mask).bits)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_a_vote_in_bits_is_the_vote_of_the_pixels(number: int) -> None:
    masks = np.random.default_rng(2).random((5, 6, 9)) > 0.5
    held = masks.sum(axis=0) >= number
    assert np.array_equal(hold_at_least(list(masks), number), held)
    assert np.array_equal(
        hold_at_least([pack_mask(mask).bits for mask in masks], number), pack_mask(held).bits
    )
