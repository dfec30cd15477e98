"""Agreement of outlines, by hand on a few cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from magic_demo.core.errors import FormatError
from magic_demo.core.types import (
    Mask,
    PhotoPrediction,
    Prediction,
)
from magic_demo.imaging.run_lengths import decode_mask, encode_mask
from magic_demo.questions.scoring import count_pixels
from magic_demo.reviews.agreement import (
    CONSENSUS,
    MODEL,
    compare_runs,
    read_model,
)
from tests.reviews.agreement.readings import (
    measure,
    models_mask,
    outlined,
    read,
    square,
)


@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
        lambda size: st.tuples(*[arrays.arrays(np.bool_, size)] * 2)
    )
)
def test_runs_are_compared_as_pixels_are(masks: tuple[Mask, Mask]) -> None:
    one, other = masks
    assert compare_runs(encode_mask(one), encode_mask(other)) == count_pixels(one, other)


def test_masks_of_two_sizes_cannot_be_compared() -> None:
    with pytest.raises(FormatError, match="outline the same photo"):
        compare_runs(encode_mask(np.ones((2, 3), np.bool_)), encode_mask(np.ones((3, 2), np.bool_)))


def test_the_matrix_by_hand() -> None:
    """Squares of 4 by 4: Ann's and Bo's share 8 of 16 pixels, the model's and Ann's all, the model's and Bo's
    8."""
    reviews = [outlined(0, "Ann", square(10, 12, 2, 2, 4)), outlined(0, "Bo", square(10, 12, 2, 4, 4))]
    masks = measure(reviews, models_mask(square(10, 12, 2, 2, 4))).masks
    assert masks.names == (MODEL, "Ann", "Bo")
    assert masks.dice.tolist() == [[1, 1, 0.5], [1, 1, 0.5], [0.5, 0.5, 1]]
    assert masks.jaccard.round(6).tolist() == [
        [1, 1, round(1 / 3, 6)],
        [1, 1, round(1 / 3, 6)],
        [round(1 / 3, 6), round(1 / 3, 6), 1],
    ]
    assert masks.dice_with_model is not None and (
        masks.dice_with_model.value,
        masks.dice_with_model.count,
    ) == (0.75, 2)
    assert masks.dice_among_readers is not None and (
        masks.dice_among_readers.value,
        masks.dice_among_readers.count,
    ) == (0.5, 1)


def test_the_consensus_stands_in_the_matrix_and_in_no_mean() -> None:
    """Ann's mask is the consensus itself, the model's shares 8 of its 16 pixels; the unfinished one and a
    case without readers count for nothing."""
    agreed, off = square(10, 12, 2, 2, 4), square(10, 12, 2, 4, 4)
    reviews = [
        outlined(0, "Ann", agreed),
        outlined(0, "Chen", agreed, kind="consensus"),
        outlined(0, "Chen", off, kind="consensus", state="in progress"),
        outlined(1, "Chen", off, kind="consensus"),
    ]
    masks = measure(reviews, models_mask(off)).masks
    assert masks.names == (MODEL, "Ann", CONSENSUS)
    assert masks.dice.tolist() == [[1, 0.5, 0.5], [0.5, 1, 1], [0.5, 1, 1]] and masks.photos[2, 2] == 1
    assert masks.dice_with_model is not None and (
        masks.dice_with_model.value,
        masks.dice_with_model.count,
    ) == (0.5, 1)
    assert masks.dice_among_readers is None


def test_a_reader_without_a_mask_of_a_photo_is_not_compared_with_its_consensus() -> None:
    agreed = square(10, 12, 2, 2, 4)
    reviews = [
        outlined(0, "Ann", agreed),
        read(0, "Bo", {}),
        outlined(1, "Bo", agreed),
        outlined(0, "Chen", agreed, kind="consensus"),
    ]
    masks = measure(reviews).masks
    assert masks.names == ("Ann", "Bo", CONSENSUS)
    assert masks.photos[:, 2].tolist() == [1, 0, 1] and np.isnan(masks.dice[1, 2])


def test_two_empty_masks_agree() -> None:
    empty = np.zeros((5, 5), np.bool_)
    assert measure([outlined(0, "Ann", empty), outlined(0, "Bo", empty)]).masks.dice.tolist() == [
        [1, 1],
        [1, 1],
    ]


def test_unusable_photos_and_masks_of_another_size_are_left_out() -> None:
    whole = square(8, 8, 0, 0, 8)
    unusable = outlined(0, "Bo", whole, unusable=frozenset({"P"}))
    assert measure([outlined(0, "Ann", whole), unusable]).masks.dice_among_readers is None
    other_size = measure([outlined(0, "Ann", whole), outlined(0, "Bo", square(8, 9, 0, 0, 8))]).masks
    assert other_size.dice_among_readers is None and np.isnan(other_size.dice[0, 1])


def test_the_models_mask_is_its_map_at_the_threshold_and_the_photos_size() -> None:
    levels = np.zeros((4, 4), np.float32)
    levels[:2] = 0.6
    prediction = Prediction(
        "C0", (PhotoPrediction("P", levels, (8, 8)), PhotoPrediction("Q", levels, (8, 8))), threshold=0.5
    )
    reading = read_model(prediction, {"P"})
    assert list(reading.masks) == ["P"]
    rows = decode_mask(reading.masks["P"]).all(axis=1).tolist()
    assert rows == [True] * 3 + [False] * 5  # at the border the map falls from 0.6 through 0.45 and 0.15 to 0
