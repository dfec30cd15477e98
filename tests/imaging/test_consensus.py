"""One mask from several: majorities by hand, STAPLE against readers whose reliability is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from magic_demo.imaging.consensus import estimate_staple, take_majority

DISC: NDArray[np.bool_] = np.hypot(*(np.mgrid[:80, :80] - 40)) < 22


def flawed(truth: NDArray[np.bool_], sensitivity: float, specificity: float, seed: int) -> NDArray[np.bool_]:
    chance = np.random.default_rng(seed).random(truth.shape)
    return np.where(truth, chance < sensitivity, chance >= specificity)


def test_a_pixel_is_lesion_where_more_than_half_say_so() -> None:
    masks = [np.array([[1, 1, 1, 0]], bool), np.array([[1, 1, 0, 0]], bool), np.array([[1, 0, 0, 0]], bool)]
    assert take_majority(masks).tolist() == [[True, True, False, False]]
    assert take_majority(masks[:2]).tolist() == [[True, True, False, False]]
    assert take_majority(masks[:1]).tolist() == masks[0].tolist()


def test_a_tie_is_no_lesion() -> None:
    assert not take_majority([np.ones((2, 2), bool), np.zeros((2, 2), bool)]).any()


def test_staple_finds_how_reliable_each_reader_is() -> None:
    known = [(0.95, 0.97), (0.9, 0.92), (0.7, 0.99), (0.6, 0.75)]
    found = estimate_staple([flawed(DISC, *rates, seed) for seed, rates in enumerate(known)])
    assert np.allclose(found.sensitivity, [rates[0] for rates in known], atol=0.05)
    assert np.allclose(found.specificity, [rates[1] for rates in known], atol=0.05)
    assert (found.mask != DISC).mean() < 0.04


def test_staple_trusts_careful_readers_more_than_careless_ones() -> None:
    masks = [
        flawed(DISC, 0.97, 0.97, 1),
        flawed(DISC, 0.96, 0.98, 2),
        *(flawed(DISC, 0.65, 0.7, seed) for seed in (3, 4, 5)),
    ]
    wrong_by_majority = (take_majority(masks) != DISC).sum()
    assert (estimate_staple(masks).mask != DISC).sum() < wrong_by_majority / 2


def test_readers_who_agree_give_their_mask() -> None:
    assert np.array_equal(estimate_staple([DISC, DISC, DISC]).mask, DISC)


def test_nobody_marks_anything_and_nothing_is_lesion() -> None:
    assert not estimate_staple([np.zeros((5, 7), bool)] * 3).mask.any()


def test_a_larger_empty_background_changes_nothing() -> None:
    masks = [flawed(DISC, 0.9, 1.0, seed) for seed in range(3)]
    wide = [np.pad(mask, 60) for mask in masks]
    assert np.allclose(estimate_staple(wide).probability[60:-60, 60:-60], estimate_staple(masks).probability)


@pytest.mark.parametrize("masks", [[], [np.zeros((2, 2), bool), np.zeros((2, 3), bool)]])
def test_masks_that_cannot_be_compared_are_refused(masks: list[NDArray[np.bool_]]) -> None:
    with pytest.raises(ValueError, match="masks"):
        take_majority(masks)
    with pytest.raises(ValueError, match="masks"):
        estimate_staple(masks)
