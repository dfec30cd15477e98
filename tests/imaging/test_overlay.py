"""The overlay: levels and masks at the photo's size, and drawings that change only what they should."""

from __future__ import annotations

import numpy as np
import pytest

from magic_demo.core.types import Probability
from magic_demo.imaging.overlay import draw_outline, lesion_levels, lesion_mask, level_of


def _disc(side: int = 32, radius: float = 9.0) -> Probability:
    rows, columns = np.mgrid[:side, :side]
    distance = np.hypot(rows - side / 2 + 0.5, columns - side / 2 + 0.5)
    return np.asarray(np.clip(0.5 + (radius - distance) / 4, 0, 1), dtype=np.float32)


@pytest.mark.parametrize("threshold", [0.01, 0.3, 0.5, 0.5001, 0.77, 1.0])
def test_a_level_is_lesion_exactly_when_its_probability_reaches_the_threshold(threshold: float) -> None:
    lesion = [level for level in range(256) if level >= level_of(threshold)]
    assert lesion == [level for level in range(1, 256) if level / 255 >= threshold - 1e-9]


def test_nothing_is_lesion_where_the_model_says_nothing_even_at_threshold_zero() -> None:
    assert not lesion_mask(np.zeros((8, 8), np.float32), (20, 30), 0.0).any()


def test_levels_have_the_photos_size_and_range() -> None:
    levels = lesion_levels(_disc(), (75, 120))
    assert levels.shape == (75, 120) and levels.dtype == np.uint8
    assert levels[37, 60] == 255 and levels[0, 0] == 0


def test_a_mask_at_the_models_own_size_is_the_thresholded_map() -> None:
    probability = _disc()
    assert np.array_equal(lesion_mask(probability, (32, 32), 0.5), np.floor(probability * 255 + 0.5) >= 128)


def test_a_higher_threshold_never_adds_a_pixel() -> None:
    low, high = (lesion_mask(_disc(), (64, 64), threshold) for threshold in (0.3, 0.7))
    assert high.sum() < low.sum() and not (high & ~low).any()


@pytest.mark.parametrize("size", [(32, 32), (47, 101), (5, 1), (300, 400)])
def test_the_mask_is_exactly_where_the_levels_reach_the_thresholds(size: tuple[int, int]) -> None:
    probability = np.random.default_rng(3).random((32, 32)).astype(np.float32)
    for threshold in (0.0, 0.25, 0.45, 0.5, 1.0):
        expected = lesion_levels(probability, size) >= level_of(threshold)
        assert np.array_equal(lesion_mask(probability, size, threshold), expected)


def test_levels_are_rounded_to_the_nearest() -> None:
    for level in (0.4, 0.6, 127.4, 127.6, 254.6):
        assert (lesion_levels(np.full((3, 3), level / 255, np.float32), (3, 3)) == round(level)).all()


def test_outline_runs_along_the_border_and_leaves_the_photo_untouched() -> None:
    photo = np.full((64, 64, 3), 150, np.uint8)
    mask = lesion_mask(_disc(), (64, 64), 0.5)
    drawn = draw_outline(photo, mask, thickness=1)
    changed = (drawn != photo).any(axis=2)
    assert changed.any() and not changed[32, 32] and not changed[0, 0]
    assert (photo == 150).all()
