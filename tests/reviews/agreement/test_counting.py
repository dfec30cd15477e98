"""What each number is of: which readings, cases and photos are counted, and which are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from magic_demo.core.review_types import Outline, Review
from magic_demo.core.types import PhotoPrediction, Prediction, Scale
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.reviews.agreement import (
    CONSENSUS,
    MODEL,
    ModelReading,
    gather_panel,
    measure_agreement,
    read_model,
)
from magic_demo.reviews.agreement.again import ReadAgain, measure_again
from magic_demo.reviews.agreement.resampling import as_measured
from magic_demo.reviews.agreement.results import Agreement, FamilyNumbers
from tests.reviews.agreement.readings import (
    ITCH,
    NONE,
    itch,
    key,
    measure,
    model,
    outlined,
    read,
    save,
    site,
    square,
    values,
)

SHOWN = frozenset({"model"})
ON, HALF, OFF = square(9, 9, 0, 0, 4), square(9, 9, 0, 2, 4), square(9, 9, 0, 5, 4)
"""A mask, one that has a Dice of 0.5 with it, one that does not meet it."""


# -- each reader beside themselves ---------------------------------------------------------------------------


def _again(**choice: Any) -> tuple[ReadAgain, ...]:
    """Ann reads two cases twice; of the first she saves more than the two readings."""
    first = [
        (0, read(0, "Ann", itch(0), kind="blind")),
        (1, read(0, "Ann", itch(1), kind="revealed", known=SHOWN)),
        (3, read(1, "Ann", itch(1), kind="blind")),
        (40, read(0, "Ann", itch(2), kind="revealed", known=SHOWN, state="in progress")),
        (50, read(0, "Ann", itch(2), kind="consensus")),
        (9, read(2, "Ann", itch(2), kind="blind")),
    ]
    second = [
        (30, read(0, "Ann", itch(0), kind="blind")),
        (34, read(1, "Ann", itch(1), kind="blind")),
        (45, read(2, "Ann", itch(2), kind="revealed", state="in progress")),
        (60, read(3, "Ann", itch(2), kind="blind")),
    ]
    start = save(first[0][1])[0].saved_at
    first_rows, second_rows = (
        [
            replace(saved, saved_at=start + timedelta(days=day))
            for saved, (day, _) in zip(saves, rows, strict=True)
        ]
        for rows in (first, second)
        for saves in [save(*(review for _, review in rows))]
    )
    return measure_again(first_rows, second_rows, [ITCH], resamples=0, **choice)


@pytest.mark.parametrize(
    ("choice", "days", "same", "cases"),
    [
        ({}, (29, 31), 0.5, 2),
        ({"choice": "blind"}, (30, 31), 1, 2),
        ({"done_only": False}, (-10, 36), 2 / 3, 3),
    ],
    ids=str,
)
def test_days_and_numbers_are_of_the_readings_that_are_compared(
    choice: Mapping[str, Any], days: tuple[float, float], same: float, cases: int
) -> None:
    (ann,) = _again(**choice)
    assert (ann.days, ann.cases) == (days, cases)
    assert ann.overall.among_readers.same is not None
    assert (ann.overall.among_readers.same.value, ann.overall.among_readers.same.count) == (same, cases)


def test_only_photos_of_cases_that_were_read_twice_are_compared() -> None:
    first = [outlined(0, "Ann", ON), outlined(1, "Ann", ON)]
    (ann,) = measure_again(save(*first), save(outlined(0, "Ann", HALF)), [ITCH], resamples=0)
    assert ann.dice is not None and (ann.dice.value, ann.dice.count, ann.cases) == (0.5, 1, 1)


# -- answers -------------------------------------------------------------------------------------------------


def test_kappas_of_readers_count_by_their_cases() -> None:
    """Ann read eight cases like the model; Bo two that she did not, unlike it."""
    reviews = [read(n, "Ann", itch(n % 2)) for n in range(8)]
    reviews += [read(n, "Bo", itch((n + 1) % 2)) for n in (8, 9)]
    found = measure(reviews, model(*(itch(n % 2) for n in range(10)))).overall.with_model
    assert found.kappa is not None and found.kappa.count == 10
    assert found.kappa.value == pytest.approx(0.6)


def test_a_pair_without_a_kappa_is_not_counted_among_those_that_have_one() -> None:
    """Bo and the model say one and the same on both of his cases: no kappa, and no part of its count."""
    reviews = [read(n, "Ann", itch(n % 2)) for n in range(4)] + [read(n, "Bo", itch(0)) for n in (4, 5)]
    found = measure(reviews, model(*(itch(said) for said in (0, 1, 0, 1, 0, 0)))).overall.with_model
    assert found.same is not None and found.kappa is not None
    assert (found.same.count, found.kappa.count, found.kappa.value) == (6, 4, 1)


@pytest.mark.parametrize("cases", [4, 5])
def test_an_interval_needs_cases_not_comparisons(cases: int) -> None:
    """Three readers give three comparisons a case, three photos nine, but cases are drawn; what one reader alone read
    makes none."""
    names = ("Ann", "Bo", "Chen")
    masks = [{photo: encode_mask(mask) for photo in "PQR"} for mask in (ON, HALF, ON)]
    reviews = [
        read(n, name, itch((n + (n == place)) % 2), masks=masks[place])
        for n in range(cases)
        for place, name in enumerate(names)
    ]
    reviews += [read(10 + n, "Ann", itch(0), masks=masks[0]) for n in range(5)]
    found = measure(reviews)
    for number in (found.overall.among_readers.same, found.masks.dice_among_readers):
        assert number is not None and (number.low is not None) == (cases == 5)


def test_a_number_that_most_resamples_lack_has_no_interval() -> None:
    drawn = np.array([0.5, 0.4, 0.6, *[np.nan] * 3])
    found = as_measured(drawn, 9, 9)
    assert found is not None and (found.value, found.low, found.high) == (0.5, None, None)
    assert as_measured(drawn[:5], 9, 9) != found, "half of them are enough"


def _scaled(*rows: list[int]) -> FamilyNumbers:
    """Return what readers agree on where the options of itch are numbers, 0, 1 and 10."""
    asked = replace(ITCH, scale=Scale((0.0, 1.0, 10.0), True), not_mentioned=None)
    reviews = [
        read(n, f"reader {place}", itch(option))
        for place, row in enumerate(rows)
        for n, option in enumerate(row)
        if option >= 0
    ]
    (numbers,) = measure_agreement(gather_panel(save(*reviews), {}), [asked], resamples=0).families
    return numbers


def test_options_with_an_order_have_all_or_no_credit_and_near_ones_much_alpha() -> None:
    near, far = _scaled([0, 0, 2, 2], [1, 0, 2, 2]), _scaled([0, 0, 2, 2], [2, 0, 2, 2])
    for numbers in (near, far):
        assert numbers.among_readers.same and numbers.among_readers.credit
        assert numbers.among_readers.credit.value == numbers.among_readers.same.value == 0.75
    assert near.alpha is not None and far.alpha is not None
    assert near.alpha.value > 0.95 > far.alpha.value


def test_cases_that_one_reader_left_open_are_in_no_icc() -> None:
    first, second = [0, 1, 2, 2, 1], [1, 1, 2, 1, 2]
    whole, more = _scaled(first, second), _scaled([*first, 2, -1], [*second, -1, 0])
    assert whole.icc is not None and more.icc is not None
    assert more.icc.count == 5
    assert more.icc.value == pytest.approx(whole.icc.value)


# -- cases that differ ---------------------------------------------------------------------------------------


def test_a_pair_that_does_not_meet_in_a_case_takes_nothing_from_its_dispute() -> None:
    """Of three readers two read the first case and differ; all three read the second, and one differs."""
    reviews = [read(0, "Ann", itch(0)), read(0, "Bo", itch(1))]
    reviews += [read(1, name, itch(said)) for name, said in (("Ann", 0), ("Bo", 1), ("Chen", 1))]
    found = {case.case: case.dispute for case in measure(reviews).differing}
    assert found == {key(0): 1, key(1): pytest.approx(2 / 3)}


def test_who_did_not_answer_differs_from_nobody_and_says_nothing() -> None:
    """Chen leaves the sites open, Bo the itch, and of the second case Ann alone says anything."""
    reviews = [
        read(0, "Ann", {**itch(0), **site(1)}),
        read(0, "Bo", site(2)),
        read(0, "Chen", itch(0)),
        read(1, "Ann", itch(1)),
    ]
    (case,) = measure(reviews).differing
    (difference,) = case.families
    assert (case.case, difference.family_id) == (key(0), "CQID011")
    assert difference.labels_by_voice == (("Ann", frozenset({1, NONE})), ("Bo", frozenset({2, NONE})))


def test_the_photo_shown_of_a_case_is_the_one_that_overlaps_least_on_the_whole() -> None:
    """On P one of three pairs is far apart, on Q all are half apart."""
    masks = {"Ann": (ON, ON), "Bo": (ON, HALF), "Chen": (OFF, square(9, 9, 2, 0, 4))}
    reviews = [
        read(0, name, {}, masks={"P": encode_mask(first), "Q": encode_mask(second)})
        for name, (first, second) in masks.items()
    ]
    overlaps = measure(reviews)
    (case,) = overlaps.differing
    assert case.photo_id == "P"
    far = [replace(review, masks={**review.masks, "P": encode_mask(ON)}) for review in reviews[:2]]
    far.append(
        replace(reviews[2], masks={"P": encode_mask(square(9, 9, 0, 3, 4)), "Q": reviews[2].masks["Q"]})
    )
    (case,) = measure(far).differing
    assert case.photo_id == "Q"


# -- masks ---------------------------------------------------------------------------------------------------


def test_means_with_the_model_and_among_readers_are_of_the_same_photos() -> None:
    """The second photo is one reader's and the model's, the third both readers', without the model."""
    reviews = [
        read(0, "Ann", {}, masks={name: encode_mask(ON) for name in "PQR"}),
        read(0, "Bo", {}, masks={name: encode_mask(mask) for name, mask in (("P", HALF), ("R", OFF))}),
    ]
    spoken = {key(0): ModelReading({}, {name: encode_mask(mask) for name, mask in (("P", ON), ("Q", OFF))})}
    masks = measure(reviews, spoken).masks
    assert masks.dice_with_model is not None and masks.dice_among_readers is not None
    assert (masks.dice_with_model.value, masks.dice_with_model.count) == (0.75, 2)
    assert (masks.dice_among_readers.value, masks.dice_among_readers.count) == (0.5, 1)


def test_a_consensus_or_a_model_of_another_size_is_not_compared() -> None:
    other = encode_mask(square(9, 12, 0, 0, 4))
    rows = [outlined(0, "Ann", ON), replace(outlined(0, "Chen", ON, kind="consensus"), masks={"P": other})]
    masks = measure(rows, {key(0): ModelReading({}, {"P": other})}).masks
    assert masks.names == (MODEL, "Ann", CONSENSUS) and masks.dice_with_model is None
    assert np.isnan(masks.dice[0, 1]) and np.isnan(masks.dice[1, 2]) and masks.dice[0, 2] == 1
    alone = measure(rows[:1], {key(0): ModelReading({}, {"P": other})}).masks
    assert alone.names == ("Ann",)


def test_a_further_label_is_compared_with_its_own_consensus() -> None:
    def labelled(mask: Any) -> dict[str, Any]:
        return {"masks": {"P": encode_mask(OFF)}, "label_masks": {"ulcer": {"P": Outline(encode_mask(mask))}}}

    rows = [read(0, "Ann", {}, **labelled(ON)), read(0, "Chen", {}, kind="consensus", **labelled(HALF))]
    found = measure(rows)
    assert found.labels["ulcer"].names == ("Ann", CONSENSUS) and found.labels["ulcer"].dice[0, 1] == 0.5
    assert found.masks.dice[0, 1] == 1


@pytest.mark.parametrize(("threshold", "pixels"), [(0.3, 64), (0.7, 0)])
def test_the_models_mask_is_of_its_own_threshold(threshold: float, pixels: int) -> None:
    said = Prediction(
        "C0", (PhotoPrediction("P", np.full((4, 4), 0.5, np.float32), (8, 8)),), threshold=threshold
    )
    whole = read_model(said, {"P"}).masks["P"]
    assert whole == encode_mask(np.full((8, 8), pixels > 0))


# -- which readings ------------------------------------------------------------------------------------------


def test_the_newest_reading_speaks_in_whatever_order_rows_come() -> None:
    rows = save(read(0, "Ann", itch(0)), read(0, "Ann", itch(1)))
    for order in (rows, rows[::-1]):
        found = measure_agreement(gather_panel(order, model(itch(1))), [ITCH], resamples=0)
        assert values(found.overall.with_model)[0] == 1


def test_an_unfinished_consensus_is_no_reference_where_unfinished_readings_count() -> None:
    rows = [
        *_switched(0, itch(0), itch(1)),
        replace(outlined(0, "Chen", ON, kind="consensus", state="in progress"), answers=itch(1)),
        outlined(0, "Bo", ON),
    ]
    found = measure(rows, done_only=False)
    assert found.switches.judged == 0 and CONSENSUS not in found.masks.names


def _switched(case: int, before: dict[str, int], after: dict[str, int], reader: str = "Ann") -> list[Review]:
    return [
        read(case, reader, before, kind="blind"),
        read(case, reader, after, kind="revealed", known=SHOWN),
    ]


def _count_known(found: Agreement) -> tuple[int, int, int]:
    return found.blind, found.after_model, found.after_others


@pytest.mark.parametrize(
    ("kind", "known", "counted"),
    [
        ("blind", (), (1, 0, 0)),
        ("blind", ("model",), (0, 1, 0)),
        ("blind", ("others",), (0, 0, 1)),
        ("compared", ("others",), (0, 0, 1)),
        ("revealed", ("model", "others"), (0, 1, 1)),
        ("assisted", (), (0, 0, 0)),
        ("assisted", ("model",), (0, 1, 0)),
    ],
)
def test_a_reading_counts_by_what_its_reader_knew_not_by_its_name(
    kind: str, known: tuple[str, ...], counted: tuple[int, int, int]
) -> None:
    assert _count_known(measure([read(0, "Ann", itch(0), kind=kind, known=frozenset(known))])) == counted


# -- switches ------------------------------------------------------------------------------------------------


def _judge(rows: list[Review], **more: Any) -> dict[str, int]:
    found = measure(rows, model(itch(1)), **more).switches
    return {name: value for name, value in vars(found).items() if isinstance(value, int) and value}


@pytest.mark.parametrize(
    ("rows", "more", "expected"),
    [
        pytest.param(
            lambda: _switched(0, itch(0), itch(0)),
            {"reference": {key(0): itch(1)}},
            {"readings": 1, "answers": 1, "wrong_wrong": 1},
            id="a wrong answer that stays is no other wrong one",
        ),
        pytest.param(
            lambda: _switched(0, itch(0), itch(2)),
            {"reference": {key(0): itch(1)}},
            {"readings": 1, "answers": 1, "wrong_wrong": 1, "wrong_other_wrong": 1, "beside": 1},
            id="a wrong answer that becomes another wrong one",
        ),
        pytest.param(
            lambda: _switched(0, {}, itch(1)),
            {},
            {"readings": 1},
            id="a family that was open before is no switch",
        ),
        pytest.param(
            lambda: [*_switched(0, itch(0), itch(1), "Bo"), read(0, "Ann", itch(0))],
            {"readers": {"Ann"}},
            {},
            id="a reader who is not asked for",
        ),
        pytest.param(
            lambda: [
                read(0, "Ann", itch(0), kind="blind", known=SHOWN),
                read(0, "Ann", itch(1), kind="revealed", known=SHOWN),
            ],
            {},
            {},
            id="one that was blind in name alone",
        ),
    ],
)
def test_switches_count(
    rows: Callable[[], list[Review]], more: dict[str, Any], expected: dict[str, int]
) -> None:
    assert _judge(rows(), **more) == expected


def test_outlines_of_a_photo_that_is_unusable_before_or_after_are_no_switch() -> None:
    for before, after in (({"P"}, set()), (set(), {"P"}), (set(), set())):
        rows = [
            outlined(0, "Ann", HALF, kind="blind", unusable=frozenset(before)),
            outlined(0, "Ann", ON, kind="revealed", known=SHOWN, unusable=frozenset(after)),
        ]
        found = measure(rows, {key(0): ModelReading({}, {"P": encode_mask(ON)})}).switches
        assert (found.dice_before is None) == bool(before or after)


@pytest.mark.parametrize("cases", [4, 5])
def test_the_interval_of_switches_needs_cases_not_answers(cases: int) -> None:
    rows = [
        row
        for n in range(cases)
        for name in ("Ann", "Bo")
        for row in _switched(n, {**itch(0), **site(1)}, {**itch(n % 2), **site(1)}, name)
    ]
    changed = measure(rows).switches.changed
    assert changed is not None and changed.count == 4 * cases and (changed.low is not None) == (cases == 5)
