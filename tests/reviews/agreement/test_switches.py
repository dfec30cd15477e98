"""Answers and outlines before and after the model was seen, by hand on a few cases."""

from __future__ import annotations

from magic_demo.core.review_types import Review
from magic_demo.core.types import (
    Answers,
)
from tests.reviews.agreement.readings import (
    itch,
    key,
    measure,
    model,
    models_mask,
    outlined,
    read,
    site,
    square,
)


def twice(case: int, reader: str, before: Answers, after: Answers, **more: object) -> list[Review]:
    return [
        read(case, reader, before, kind="blind", **more),
        read(case, reader, after, kind="revealed", **more),
    ]


def test_switches_by_hand() -> None:
    """The model says 1 everywhere.

    Cases 0 to 4: 0->1, 1->0, 0->2, 1->1, 0->0; the reference is 1, 1, 1, 0 and none.
    """
    moves = [(0, 1), (1, 0), (0, 2), (1, 1), (0, 0)]
    reviews = [
        review
        for n, (before, after) in enumerate(moves)
        for review in twice(n, "Ann", itch(before), itch(after))
    ]
    reviews += [read(n, "Chen", itch(right), kind="consensus") for n, right in enumerate((1, 1, 1, 0))]
    found = measure(reviews, model(*[itch(1)] * 5)).switches
    assert (found.readings, found.answers) == (5, 5)
    assert found.changed is not None and (found.changed.value, found.changed.count) == (0.6, 5)
    assert (found.towards, found.away, found.beside) == (1, 1, 1)
    assert (found.wrong_right, found.right_wrong, found.wrong_wrong, found.right_right) == (1, 1, 2, 0)
    assert (found.wrong_other_wrong, found.judged) == (1, 4)


def test_sets_move_towards_the_model_by_their_credit() -> None:
    found = measure(twice(0, "Ann", site(1), site(1, 2)), model(site(1, 2, 3))).switches
    assert (found.towards, found.away, found.beside) == (1, 0, 0)


def test_a_reference_that_is_given_goes_before_the_consensus() -> None:
    reviews = [*twice(0, "Ann", itch(0), itch(1)), read(0, "Chen", itch(1), kind="consensus")]
    assert measure(reviews).switches.wrong_right == 1
    assert measure(reviews, reference={key(0): itch(0)}).switches.right_wrong == 1


def test_a_blind_reading_alone_or_one_not_revealed_to_the_end_is_no_switch() -> None:
    begun = [
        read(0, "Ann", itch(0), kind="blind"),
        read(0, "Ann", itch(1), kind="revealed", state="in progress"),
    ]
    assert measure(begun, done_only=False).switches.readings == 0


def test_a_reading_revealed_after_others_were_seen_alone_is_no_switch() -> None:
    others = frozenset({"others"})
    rows = [
        read(0, "Ann", itch(0), kind="compared", known=others),
        read(0, "Ann", itch(1), kind="revealed", known=others | {"model"}),
        *twice(1, "Ann", itch(0), itch(1)),
    ]
    assert measure(rows, model(itch(1), itch(1))).switches.readings == 1


def test_outlines_before_and_after_are_compared_with_the_models() -> None:
    shown, off = square(9, 9, 0, 0, 4), square(9, 9, 0, 2, 4)
    reviews = [outlined(0, "Ann", off, kind="blind"), outlined(0, "Ann", shown, kind="revealed")]
    found = measure(reviews, models_mask(shown)).switches
    assert found.dice_before is not None and found.dice_before.value == 0.5
    assert found.dice_after is not None and found.dice_after.value == 1
