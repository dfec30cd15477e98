"""Augmentation moves photo and mask together and leaves both usable."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from magic_demo.core.types import Pixels
from training.runs.augment import (
    AugmentSettings,
    Share,
    augment_pair,
    change_colours,
    change_surface,
    draw_hair,
    draw_marks,
    warp_pair,
)

MOVES_ALONE = AugmentSettings(colour=0, surface=0)


def draw_pair(height: int = 60, width: int = 90) -> tuple[Pixels, Share]:
    """Draw a photo that is white exactly where its mask is 1."""
    share = np.zeros((height, width), np.float32)
    share[10:35, 40:75] = 1
    share[45:52, 5:20] = 1
    return np.repeat((share * 255).astype(np.uint8)[:, :, None], 3, axis=2), share


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_photo_and_mask_move_together(seed: int) -> None:
    pixels, share = draw_pair()
    view, moved = augment_pair(pixels, share, (48, 48), np.random.default_rng(seed), MOVES_ALONE)
    assert view.shape == (48, 48, 3)
    assert moved.shape == (48, 48)
    assert np.abs(view[:, :, 0] / 255 - moved).max() <= 0.02


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_a_view_is_a_photo_and_its_target_is_in_0_to_1(seed: int) -> None:
    pixels, share = draw_pair()
    view, moved = augment_pair(
        pixels, share, (32, 64), np.random.default_rng(seed), AugmentSettings(surface=1.0)
    )
    assert view.dtype == np.uint8
    assert moved.dtype == np.float32
    assert 0 <= moved.min() <= moved.max() <= 1


def test_views_differ_and_repeat_with_their_seed() -> None:
    pixels, share = draw_pair()
    one, same, other = (
        augment_pair(pixels, share, (32, 32), np.random.default_rng(seed), AugmentSettings())[0]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_map_that_moves_nothing_leaves_both_as_they_are() -> None:
    pixels, share = draw_pair()
    view, moved = warp_pair(pixels, share, (60, 90), np.eye(3))
    np.testing.assert_array_equal(view, pixels)
    np.testing.assert_array_equal(moved, share)


def test_a_map_to_the_right_takes_the_lesion_to_the_right() -> None:
    pixels, share = draw_pair()
    shift = np.array([[1, 0, 12], [0, 1, 0], [0, 0, 1]], dtype=np.float64)
    _, moved = warp_pair(pixels, share, (60, 90), shift)
    np.testing.assert_array_equal(moved[:, 20:], share[:, 8:78])


@pytest.mark.parametrize("change", [draw_hair, draw_marks])
def test_marks_lie_on_the_photo_without_moving_it(change) -> None:  # type: ignore[no-untyped-def]
    pixels = np.random.default_rng(0).integers(100, 200, (80, 64, 3), dtype=np.uint8)
    for seed in range(12):
        drawn = change(pixels, np.random.default_rng(seed))
        assert drawn.shape == pixels.shape
        assert 0.2 < (drawn == pixels).all(axis=2).mean() < 1


def test_colour_and_surface_can_be_switched_off() -> None:
    pixels, _ = draw_pair()
    random = np.random.default_rng(0)
    np.testing.assert_array_equal(change_colours(pixels, random, 0), pixels)
    np.testing.assert_array_equal(change_surface(pixels, random, 0), pixels)
