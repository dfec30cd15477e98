"""The official numbers, as pure functions: against a plain reference implementation written here, pixel by
pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from magic_demo.core.types import Mask
from magic_demo.questions.scoring import (
    Counts,
    PhotoCounts,
    answer_values,
    count_photo,
    count_pixels,
    credit,
    dice,
    jaccard,
    segmentation_values,
    vote,
)

QUICK = settings(max_examples=60)
Rows = list[list[int]]


def plain_pair(gold: Rows, system: Rows) -> tuple[int, int, int]:
    """Count both, system alone, reference alone, one pixel after another."""
    both = alone = missed = 0
    for gold_row, system_row in zip(gold, system, strict=True):
        for gold_pixel, system_pixel in zip(gold_row, system_row, strict=True):
            both += gold_pixel == 1 and system_pixel == 1
            alone += gold_pixel == 0 and system_pixel == 1
            missed += gold_pixel == 1 and system_pixel == 0
    return both, alone, missed


def plain_ratio(both: int, alone: int, missed: int, *, twice: bool) -> float:
    weight = 2 if twice else 1
    return weight * both / (weight * both + alone + missed) if both + alone + missed else 1.0


def plain_scores(photos: Sequence[tuple[list[Rows], Rows]]) -> dict[str, float]:
    """Compute the six numbers the long way: a pixel is lesion in the majority when at least half of its
    photo's annotators say so."""
    result: dict[str, float] = {}
    for name, twice in (("jaccard", False), ("dice", True)):
        best, means = [], []
        pooled = [0, 0, 0]
        for golds, system in photos:
            scores = [plain_ratio(*plain_pair(gold, system), twice=twice) for gold in golds]
            best.append(max(scores))
            means.append(sum(scores) / len(scores))
            majority = [
                [int(2 * sum(gold[y][x] for gold in golds) >= len(golds)) for x in range(len(system[0]))]
                for y in range(len(system))
            ]
            pooled = [a + b for a, b in zip(pooled, plain_pair(majority, system), strict=True)]
        result[f"{name}_meanofmax"] = sum(best) / len(best)
        result[f"{name}_meanofmean"] = sum(means) / len(means)
        result[name] = plain_ratio(*pooled, twice=twice)
    return result


@st.composite
def photo_masks(draw: st.DrawFn) -> tuple[list[Rows], Rows]:
    height, width = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    rows = st.lists(
        st.lists(st.integers(0, 1), min_size=width, max_size=width), min_size=height, max_size=height
    )
    return draw(st.lists(rows, min_size=1, max_size=4)), draw(rows)


def to_mask(rows: Rows) -> Mask:
    return np.array(rows, dtype=bool)


@QUICK
@given(st.lists(photo_masks(), min_size=1, max_size=12))
def test_masks_of_one_to_four_annotators_score_as_counted_pixel_by_pixel(
    photos: list[tuple[list[Rows], Rows]],
) -> None:
    values = segmentation_values(
        [count_photo([to_mask(gold) for gold in golds], to_mask(system)) for golds, system in photos]
    )
    for name, expected in plain_scores(photos).items():
        got = values[name]
        assert got is not None
        assert math.isclose(got, expected, rel_tol=0, abs_tol=1e-12), name
    assert values["number_segmentation_instances"] == len(photos)


@pytest.mark.parametrize(
    ("annotators", "lesion_from"),
    [(1, 1), (2, 1), (3, 2), (4, 2)],
)
def test_a_tie_of_two_or_four_annotators_is_lesion(annotators: int, lesion_from: int) -> None:
    for votes in range(annotators + 1):
        masks = [np.full((1, 1), number < votes) for number in range(annotators)]
        assert bool(vote(masks)[0, 0]) is (votes >= lesion_from)


@QUICK
@given(st.integers(1, 7), st.integers(1, 70), st.integers(0, 2**32 - 1))
def test_bits_count_and_vote_as_whole_numbers_do_for_any_number_of_annotators(
    annotators: int, pixels: int, seed: int
) -> None:
    masks = np.random.default_rng(seed).random((annotators, 3, pixels)) > 0.5
    system = np.random.default_rng(seed + 1).random((3, pixels)) > 0.5
    majority = 2 * masks.sum(axis=0) >= annotators
    assert np.array_equal(vote(list(masks)), majority)
    counted = count_photo(list(masks), system)
    assert counted.majority == count_pixels(majority, system)
    assert counted.annotators == tuple(count_pixels(mask, system) for mask in masks)


@QUICK
@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_dice_follows_from_jaccard_and_both_stay_between_zero_and_one(tp: int, fp: int, fn: int) -> None:
    counts = Counts(tp, fp, fn)
    overlap = jaccard(counts)
    assert 0 <= overlap <= dice(counts) <= 1
    assert math.isclose(dice(counts), 2 * overlap / (1 + overlap), abs_tol=1e-12)


def test_two_empty_masks_agree_and_a_mask_that_is_not_there_does_not() -> None:
    empty = np.zeros((3, 3), dtype=bool)
    assert count_pixels(empty, empty) == Counts()
    agree = segmentation_values([count_photo([empty], empty)])
    absent = segmentation_values([count_photo([empty], empty, undefined=0.0)])
    assert {value for name, value in agree.items() if not name.startswith("number")} == {1.0}
    assert {value for name, value in absent.items() if not name.startswith("number")} == {0.0}


def test_without_photos_nothing_is_measured() -> None:
    values = segmentation_values([])
    assert values.pop("number_segmentation_instances") == 0
    assert set(values.values()) == {None}


def test_pooled_numbers_weigh_pixels_and_means_weigh_photos() -> None:
    large, small = Counts(tp=90, fp=0, fn=10), Counts(tp=0, fp=1, fn=0)
    values = segmentation_values([PhotoCounts((large,), large), PhotoCounts((small,), small)])
    assert values["jaccard"] == 90 / 101
    assert values["jaccard_meanofmax"] == (0.9 + 0.0) / 2


@pytest.mark.parametrize(
    ("gold", "system", "expected"),
    [
        ({5, 7}, {5, 7}, 1.0),
        ({5, 7}, {5}, 1 / 2),
        ({5}, {5, 7}, 1 / 2),
        ({5, 7}, {1, 7, 2}, 1 / 3),
        ({5}, {7}, 0.0),
        ({5}, set(), 0.0),
    ],
)
def test_credit_is_the_common_share_of_the_larger_set(
    gold: set[int], system: set[int], expected: float
) -> None:
    assert credit(gold, system) == expected


def test_accuracy_all_weighs_every_family_of_every_encounter_alike() -> None:
    gold = {"E1": {"CQID010": {0}, "CQID011": {1, 7}}, "E2": {"CQID010": {1}, "CQID011": {2}}}
    system = {"E1": {"CQID010": {0}, "CQID011": {1}}, "E2": {"CQID010": {0}, "CQID011": {2}}}
    assert answer_values(gold, system, ["CQID011", "CQID010"]) == {
        "accuracy_CQID010": 1 / 2,
        "accuracy_CQID011": 3 / 4,
        "accuracy_all": 5 / 8,
        "number_cvqa_instances": 2,
    }


def test_a_family_without_reference_is_null_and_not_zero() -> None:
    values = answer_values({"E1": {"CQID010": {0}}}, {"E1": {"CQID010": {0}}}, ["CQID010", "CQID011"])
    assert values["accuracy_CQID011"] is None
    assert values["accuracy_all"] == 1.0
