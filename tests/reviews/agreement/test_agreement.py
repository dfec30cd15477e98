"""Agreement between readers and model, by hand on a few cases, and what must hold for any readings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from magic_demo.core.review_types import MaskRuns
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.reviews.agreement import (
    MODEL,
    ModelReading,
    cohens_kappa,
    gather_panel,
    krippendorffs_alpha,
    measure_agreement,
)
from magic_demo.reviews.agreement.results import Agreed, Agreement
from tests.reviews.agreement.readings import (
    ITCH,
    NONE,
    SITE,
    family,
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

# -- answers -------------------------------------------------------------------------------------------------


def test_one_family_by_hand() -> None:
    """Ann yes yes no no, Bo yes no no no, the model yes yes yes no."""
    reviews = [
        read(n, name, itch(said))
        for name, row in (("Ann", "0011"), ("Bo", "0111"))
        for n, said in enumerate(map(int, row))
    ]
    found = measure(reviews, model(*(itch(int(said)) for said in "0001")))
    numbers = family(found, "CQID025")
    # Ann and Bo: 3 of 4 the same, by chance 0.5 * 0.25 + 0.5 * 0.75 = 0.5
    assert values(numbers.among_readers) == (0.75, 0.75, 0.5)
    # Ann and the model 3 of 4, chance 0.5 * 0.75 + 0.5 * 0.25; Bo and the model 2 of 4, chance 0.25 * 0.75 +
    # 0.75 * 0.25 = 0.375
    by_pair = {(pair.first, pair.second): values(pair.agreed) for pair in numbers.pairs}
    assert by_pair[MODEL, "Ann"] == (0.75, 0.75, 0.5)
    assert by_pair[MODEL, "Bo"] == (0.5, 0.5, round((0.5 - 0.375) / 0.625, 6))
    assert values(numbers.with_model) == (0.625, 0.625, round((0.5 + 0.2) / 2, 6))
    assert found.overall.with_model == numbers.with_model
    assert (found.cases, found.readings, found.readers, found.model_cases) == (4, 8, ("Ann", "Bo"), 4)


def test_families_of_several_slots_are_sets_with_partial_credit() -> None:
    """Two of three values in common: not the same, credit 2/3; the order of slots means nothing."""
    found = measure(
        [
            read(0, "Ann", site(1, 2)),
            read(0, "Bo", site(2)),
            read(1, "Ann", site(3, 1)),
            read(1, "Bo", site(1, 3)),
        ]
    )
    among = family(found, "CQID011").among_readers
    # sets: {1,2,-} {3,1,-} of Ann, {2,-} {1,3,-} of Bo; by chance the mean credit of every one of Ann's with
    # every one of Bo's
    observed, chance = (2 / 3 + 1) / 2, (2 / 3 + 2 / 3 + 1 / 3 + 1) / 4
    assert values(among) == (0.5, round(observed, 6), round((observed - chance) / (1 - chance), 6))


def test_alpha_is_of_the_cases_that_two_readers_answered_and_overall_the_mean_of_the_families() -> None:
    """Ann and Bo on six cases; the last but one only Ann answers, the last nobody of itch."""
    rows = {"Ann": [0, 0, 1, 1, 0, None], "Bo": [0, 1, 1, 1, None, None]}
    sites = {"Ann": [{1}, {1}, {2}, {2}, {1}, {1}], "Bo": [{1}, {1}, {2}, {1}, {1}, {2}]}
    reviews = [
        read(n, name, {**(itch(said) if said is not None else {}), **site(*sites[name][n])})
        for name, row in rows.items()
        for n, said in enumerate(row)
    ]
    found = measure(reviews, model(*[itch(2)] * 6))
    codes = np.array([[-1 if said is None else said for said in row] for row in rows.values()])
    of_itch, of_site = family(found, ITCH.family_id).alpha, family(found, SITE.family_id).alpha
    assert of_itch is not None and of_site is not None and found.overall.alpha is not None
    assert of_itch.value == pytest.approx(krippendorffs_alpha(codes)) and of_itch.count == 4
    assert of_site.count == 6
    assert found.overall.alpha.value == pytest.approx((of_itch.value + of_site.value) / 2)
    assert found.overall.alpha.count == 6


def test_pairs_count_by_their_cases() -> None:
    """Ann read four cases like the model, Bo another one unlike it."""
    reviews = [read(n, "Ann", itch(n % 2)) for n in range(4)] + [read(4, "Bo", itch(2))]
    found = measure(reviews, model(*(itch(n % 2) for n in range(5))))
    assert found.overall.with_model.same is not None
    assert (found.overall.with_model.same.value, found.overall.with_model.same.count) == (0.8, 5)


def test_both_sides_are_of_the_same_cases_and_each_pair_of_its_own() -> None:
    """Ann read four cases, Bo the first of them too, Bo and Cy another that the model is silent on."""
    reviews = [read(n, "Ann", itch(n % 2)) for n in range(4)]
    reviews += [read(0, "Bo", itch(2)), read(4, "Bo", itch(1)), read(4, "Cy", itch(1))]
    found = measure(reviews, model(*(itch(n % 2) for n in range(4))))
    for numbers in (found.overall, family(found, "CQID025")):
        assert numbers.with_model.same and numbers.among_readers.same
        assert (numbers.with_model.same.value, numbers.with_model.same.count) == (0.5, 2)
        assert (numbers.among_readers.same.value, numbers.among_readers.same.count) == (0.0, 1)
        counts = {(pair.first, pair.second): pair.agreed.same for pair in numbers.pairs}
        assert {ends: same.count for ends, same in counts.items() if same} == {
            (MODEL, "Ann"): 4,
            (MODEL, "Bo"): 1,
            ("Ann", "Bo"): 1,
            ("Bo", "Cy"): 1,
        }


def test_where_everybody_always_says_the_same_there_is_agreement_but_no_kappa_and_no_alpha() -> None:
    found = family(measure([read(n, name, itch(0)) for n in range(3) for name in ("Ann", "Bo")]), "CQID025")
    assert values(found.among_readers) == (1.0, 1.0, None)
    assert found.alpha is None


def test_a_family_with_an_open_slot_is_not_answered() -> None:
    half = dict(list(site(1).items())[:-1])
    assert measure([read(0, "Ann", half), read(0, "Bo", site(1))]).families == ()


def test_nobody_to_compare_gives_nothing() -> None:
    found = measure([read(0, "Ann", itch(0))])
    assert (found.families, found.overall.with_model, found.differing, found.masks.dice_with_model) == (
        (),
        Agreed(),
        (),
        None,
    )
    assert measure([]).cases == 0


def test_the_newest_finished_own_reading_speaks_and_a_consensus_does_not() -> None:
    reviews = [
        read(0, "Ann", itch(0), kind="blind"),
        read(0, "Ann", itch(1), kind="revealed"),
        read(0, "Ann", itch(2), kind="consensus"),
        read(0, "Ann", itch(2), kind="revealed", state="in progress"),
    ]
    models = model(itch(1))
    assert values(measure(reviews, models).overall.with_model)[0] == 1
    assert values(measure(reviews, models, choice="blind").overall.with_model)[0] == 0
    assert values(measure(reviews, model(itch(2)), done_only=False).overall.with_model)[0] == 1


def test_an_unfinished_blind_reading_is_never_shown_beside_the_model() -> None:
    found = measure(
        [read(0, "Ann", itch(0), kind="blind", state="in progress")], model(itch(1)), done_only=False
    )
    assert (found.cases, found.model_cases, found.differing) == (0, 0, ())


def test_a_reading_finished_with_something_left_open_does_not_count() -> None:
    complete, empty = read(0, "Ann", itch(1)), read(0, "Bo", {}, missing=frozenset({"CQID025"}))
    found = measure(
        [complete, empty, read(1, "Bo", itch(0), missing=frozenset({"IMG1"}))], model(itch(1), itch(1))
    )
    assert (found.readings, found.readers, found.incomplete, found.cases) == (1, ("Ann",), 2, 1)
    assert measure([complete, empty], done_only=False).readings == 2
    reopened = measure([complete, replace(complete, answers={}, missing=frozenset({"CQID025"}))])
    assert (reopened.readings, reopened.incomplete) == (0, 1), "what a reader says last is what counts"


def test_blind_readings_are_blind_to_the_model_and_to_others() -> None:
    said = [
        read(0, "Ann", itch(0), kind="blind"),
        # of an older version, the model shown in another tab
        read(0, "Bo", itch(1), kind="blind", known=frozenset({"model"})),
        read(0, "Chen", itch(1), kind="blind"),
        read(0, "Chen", itch(0), kind="compared", known=frozenset({"others"})),
    ]
    blind = measure(said, choice="blind")
    assert (blind.readers, blind.blind, blind.after_model, blind.after_others) == (("Ann", "Chen"), 2, 0, 0)
    assert values(family(blind, "CQID025").among_readers)[0] == 0
    newest = measure(said)
    assert (newest.blind, newest.after_model, newest.after_others) == (1, 1, 1)


def test_what_changed_after_others_were_seen_is_no_switch_to_the_model() -> None:
    blind = read(0, "Ann", itch(0), kind="blind")
    revealed = read(0, "Ann", itch(1), kind="revealed", known=frozenset({"model"}))
    assert measure([blind, revealed], model(itch(1))).switches.readings == 1
    assert (
        measure(
            [blind, replace(revealed, known=frozenset({"model", "others"}))], model(itch(1))
        ).switches.readings
        == 0
    )


def test_only_the_readers_asked_for_speak() -> None:
    found = measure([read(0, name, itch(0)) for name in ("Ann", "Bo", "Chen")], readers={"Ann", "Chen"})
    assert found.readers == ("Ann", "Chen")


def test_cases_of_two_queues_with_one_id_are_two() -> None:
    found = measure([read(0, "Ann", itch(0)), read(0, "Bo", itch(1), queue="other")])
    assert (found.cases, found.families) == (2, ())


# -- cases that differ ---------------------------------------------------------------------------------------


def test_cases_are_ranked_by_what_is_disagreed_on() -> None:
    """C0: nobody differs.

    C1: one of two readers differs from the model, and they from each other. C2: masks half apart.
    """
    reviews = [
        read(0, "Ann", itch(0)),
        read(0, "Bo", itch(0)),
        read(1, "Ann", itch(0)),
        read(1, "Bo", itch(1)),
    ]
    reviews += [outlined(2, "Ann", square(9, 9, 0, 0, 4)), outlined(2, "Bo", square(9, 9, 0, 2, 4))]
    found = measure(reviews, model(itch(0), itch(0))).differing
    assert [(case.case.case_id, case.dispute) for case in found] == [("C1", 1.5), ("C2", 0.5)]
    assert found[0].families[0].labels_by_voice == (
        (MODEL, frozenset({0})),
        ("Ann", frozenset({0})),
        ("Bo", frozenset({1})),
    )
    assert (found[1].photo_id, found[1].dice) == ("P", (("Ann", "Bo", 0.5),))


# -- whatever the readings -----------------------------------------------------------------------------------

NAMES = ("Ann", "Bo", "Chen")
some_answers = st.one_of(st.none(), st.tuples(st.integers(0, 2), st.sets(st.integers(0, 5), max_size=3)))


def as_answers(drawn: tuple[int, set[int]] | None) -> dict[str, int] | None:
    return None if drawn is None else {**itch(drawn[0]), **site(*sorted(drawn[1] - {NONE}))}


readings = st.lists(st.lists(some_answers, min_size=4, max_size=4), min_size=1, max_size=8)


def build(rows: Sequence[Sequence[tuple[int, set[int]] | None]], names: Sequence[str]) -> Agreement:
    reviews = [
        read(number, name, given)
        for number, row in enumerate(rows)
        for name, drawn in zip(names, row, strict=False)
        if (given := as_answers(drawn))
    ]
    models = {
        key(number): ModelReading(given) for number, row in enumerate(rows) if (given := as_answers(row[3]))
    }
    return measure_agreement(gather_panel(save(*reviews), models), [ITCH, SITE], resamples=0)


@settings(max_examples=50)
@given(readings, st.permutations(NAMES))
def test_readers_names_change_nothing_but_names(
    rows: list[list[tuple[int, set[int]] | None]], names: list[str]
) -> None:
    one, other = build(rows, NAMES), build(rows, names)
    assert values(one.overall.with_model) == values(other.overall.with_model)
    assert values(one.overall.among_readers) == values(other.overall.among_readers)
    alphas = [
        None if found.overall.alpha is None else round(found.overall.alpha.value, 9) for found in (one, other)
    ]
    assert alphas[0] == alphas[1]
    assert [round(case.dispute, 9) for case in one.differing] == [
        round(case.dispute, 9) for case in other.differing
    ]


@settings(max_examples=50)
@given(readings)
def test_whoever_repeats_the_model_agrees_with_it_completely(
    rows: list[list[tuple[int, set[int]] | None]],
) -> None:
    found = build([[row[3], row[3], row[3], row[3]] for row in rows], NAMES)
    for numbers in found.families:
        assert values(numbers.with_model)[:2] == (1, 1)
        assert values(numbers.with_model)[2] in (1, None)
    assert found.differing == ()


@settings(max_examples=50)
@given(readings)
def test_the_kappa_of_a_family_of_one_slot_is_cohens(rows: list[list[tuple[int, set[int]] | None]]) -> None:
    found = build(rows, NAMES)
    coded = [[-1 if drawn is None else drawn[0] for drawn in row] for row in rows]
    for numbers in found.families:
        for pair in numbers.pairs if numbers.family_id == "CQID025" else ():
            one, other = (
                np.array(coded).T[3 if name == MODEL else NAMES.index(name)]
                for name in (pair.first, pair.second)
            )
            expected = cohens_kappa(one, other)
            assert values(pair.agreed)[2] == (None if expected is None else round(expected, 6))


def test_a_readers_mask_is_kept_as_it_was_saved() -> None:
    mask: MaskRuns = encode_mask(square(5, 5, 1, 1, 2))
    review = replace(read(0, "Ann", {}), masks={"P": mask})
    assert gather_panel(save(review), {}).masks["Ann"] == {(key(0), "P"): mask}
