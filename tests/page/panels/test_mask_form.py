"""Masks go to the page and come back: exact at the working size, under one working pixel off at the photo's
own."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from magic_demo.core.errors import FormError
from magic_demo.page.panels.viewer.mask_form import WORKING_SIDE, read_mask, working_size, write_runs


def blob(size: tuple[int, int]) -> np.ndarray:
    """Return a lesion with a hole and a second one, by formula at any size."""
    y, x = (np.arange(side, dtype=np.float32) / max(size) for side in size)
    dy, dx = (y - 0.35)[:, None], (x - 0.5)[None, :]
    distance, angle = np.hypot(dy, dx), np.arctan2(dy, dx)
    inside = (distance < 0.2 + 0.03 * np.sin(5 * angle)) & (distance > 0.05) | (
        np.hypot(dy - 0.2, dx - 0.35) < 0.03
    )
    return np.asarray(inside)


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_a_mask_at_its_working_size_comes_back_as_it_was(mask: np.ndarray) -> None:
    assert np.array_equal(read_mask(write_runs(mask), mask.shape), mask)


def test_runs_are_row_by_row_and_begin_outside_the_lesion() -> None:
    assert write_runs(np.array([[0, 1, 1, 0], [0, 0, 0, 0]], dtype=bool)) == {
        "width": 4,
        "height": 2,
        "runs": [1, 2, 5],
    }
    assert write_runs(np.array([[1, 0]], dtype=bool))["runs"] == [0, 1, 1]
    assert write_runs(np.ones((1, 3), dtype=bool))["runs"] == [0, 3]


def test_a_mask_that_was_drawn_far_smaller_comes_back_under_one_working_pixel_off() -> None:
    size = (2400, 8000)
    mask = blob(size)
    back = read_mask(write_runs(mask), size)
    assert back.shape == size and back.dtype == bool
    pixel = 8000 / WORKING_SIDE
    # how deep inside the one the other's outside reaches, at most
    for here, there in ((mask, back), (back, mask)):
        depth = cv2.distanceTransform(here.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        assert depth[~there].max() < pixel
    assert abs(int(back.sum()) - int(mask.sum())) < 0.001 * mask.sum()


def test_what_is_saved_and_shown_again_does_not_wander() -> None:
    size = (2600, 3100)
    runs = write_runs(blob(size))
    assert write_runs(read_mask(runs, size)) == runs


@pytest.mark.parametrize(
    "payload",
    [
        None,
        "runs",
        [1, 2],
        {},
        {"width": 4, "height": 3},
        {"width": 4, "height": 3, "runs": None},
        {"width": 4, "height": 3, "runs": "12"},
        {"width": 4, "height": 3, "runs": [12.0]},
        {"width": 4, "height": 3, "runs": [True] * 12},
        {"width": 4, "height": 3, "runs": [-1, 13]},
        {"width": 4, "height": 3, "runs": [5]},
        {"width": 4, "height": 3, "runs": [13]},
        {"width": 4, "height": 3, "runs": [0] * 100 + [12]},
        {"width": 3, "height": 4, "runs": [12]},
        {"width": "4" * 1000, "height": 3, "runs": [12]},
        {"width": 4, "height": 3, "runs": [10**30, -(10**30), 12]},
    ],
)
def test_what_is_not_a_mask_is_one_line(payload: Any) -> None:
    with pytest.raises(FormError) as problem:
        read_mask(payload, (3, 4))
    assert (
        "\n" not in str(problem.value)
        and "outline the photo again" in str(problem.value)
        and len(str(problem.value)) < 200
    )


@given(st.integers(1, 9000), st.integers(1, 9000))
def test_a_photo_is_never_drawn_larger_than_it_is(height: int, width: int) -> None:
    small = working_size((height, width))
    assert small[0] <= height and small[1] <= width and max(small) <= WORKING_SIDE and min(small) >= 1


def test_a_lesion_too_small_for_a_working_pixel_does_not_come_back_as_no_lesion() -> None:
    mask = np.zeros((6000, 8000), np.bool_)
    mask[3001, 4001] = True
    runs = write_runs(mask)["runs"]
    assert sum(runs[1::2]) == 1 and sum(write_runs(np.zeros_like(mask))["runs"][1::2]) == 0
