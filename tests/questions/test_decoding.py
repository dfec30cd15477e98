"""How option scores become answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from magic_demo.core.errors import CheckpointError, FormatError
from magic_demo.core.types import Family, Language, Question
from magic_demo.questions.decoding import (
    FamilyPriors,
    Labels,
    Siblings,
    choose_labels,
    count_priors,
    credit_matrix,
    decode_answers,
    list_sets,
    read_priors,
    write_priors,
)
from magic_demo.questions.families import load_challenge, load_families

FAMILIES = load_families()
OFFICIAL_COUNTS = {question.qid: question.option_count for question in load_challenge().questions}


def make_family(labels: int, slots: int, not_mentioned: int | None = None) -> Family:
    """Make a family of ``labels`` labels and "Not mentioned", in ``slots`` slots."""
    place = labels if not_mentioned is None else not_mentioned
    names = [f"label {index}" for index in range(labels)]
    names.insert(place, "Not mentioned")
    options: Mapping[Language, tuple[str, ...]] = {"en": tuple(names), "zh": tuple(names)}
    questions = tuple(
        Question(f"CQID900-{slot:03d}", {"en": "?", "zh": "?"}, options) for slot in range(1, slots + 1)
    )
    return Family("CQID900", {"en": "made", "zh": "made"}, questions, place)


numbers = st.integers(-600, 600).map(lambda hundredths: hundredths / 100)
"""Scores far enough from each other that no tie is broken by rounding."""


@st.composite
def scored_families(draw: st.DrawFn) -> tuple[Family, NDArray[np.float64], FamilyPriors]:
    """Draw a small family of several slots with scores and priors."""
    labels = draw(st.integers(1, 5))
    family = make_family(labels, draw(st.integers(2, 5)), draw(st.integers(0, labels)))
    count = labels + 1
    scores = np.array(draw(st.lists(numbers, min_size=count, max_size=count, unique=True)), np.float64)
    slots = st.lists(st.integers(0, labels), min_size=len(family.questions), max_size=len(family.questions))
    cases = [
        dict(zip((q.qid for q in family.questions), case, strict=True))
        for case in draw(st.lists(slots, min_size=1, max_size=12))
    ]
    priors = count_priors(cases, [family], smoothing=draw(st.floats(0.1, 20)), weight=draw(st.floats(0, 2)))
    return family, scores, priors["CQID900"]


def credit(reference: Labels, system: Labels) -> float:
    """Return the official credit of one pair of sets."""
    return len(reference & system) / max(len(reference), len(system))


def expected_credit(
    scores: NDArray[np.float64], family: Family, priors: FamilyPriors, system: Labels
) -> float:
    """Return a set's expected credit, added up one reference after another."""
    sets = list_sets(scores, family, priors)
    logs = sets.weigh(scores, priors.weight)
    weights = [float(np.exp(value - logs.max())) for value in logs]
    return sum(
        weight * credit(labels, system) for labels, weight in zip(sets.possible, weights, strict=True)
    ) / sum(weights)


@given(scored_families())
@settings(max_examples=60)
def test_the_chosen_set_is_the_best_of_all_by_brute_force(
    drawn: tuple[Family, NDArray[np.float64], FamilyPriors],
) -> None:
    family, scores, priors = drawn
    padding: Labels = frozenset({family.padding})
    labels = [label for label in range(len(scores)) if label != family.padding]
    slots = len(family.questions)
    every = [
        frozenset(chosen) | (padding if size < slots else frozenset())
        for size in range(slots + 1)
        for chosen in combinations(labels, size)
    ]
    best = max(expected_credit(scores, family, priors, system) for system in every)
    chosen = choose_labels(scores, family, priors)
    assert expected_credit(
        scores, family, priors, chosen | (padding if len(chosen) < slots else frozenset())
    ) == pytest.approx(best, abs=1e-9)


@given(scored_families(), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_permuting_the_options_permutes_the_answer(
    drawn: tuple[Family, NDArray[np.float64], FamilyPriors], random: object
) -> None:
    family, scores, priors = drawn
    order = list(range(len(scores)))
    random.shuffle(order)  # type: ignore[attr-defined]
    moved = {old: new for new, old in enumerate(order)}
    names = family.options["en"]
    options = {"en": tuple(names[old] for old in order), "zh": tuple(names[old] for old in order)}
    questions = tuple(Question(question.qid, question.text, options) for question in family.questions)  # type: ignore[arg-type]
    other = Family(family.family_id, family.title, questions, moved[family.padding])
    other_priors = FamilyPriors(
        {frozenset(moved[label] for label in labels): count for labels, count in priors.sets.items()},
        tuple(priors.rates[old] for old in order),
        priors.smoothing,
        priors.weight,
    )
    before = choose_labels(scores, family, priors)
    after = choose_labels(scores[order], other, other_priors)
    assert after == {moved[label] for label in before}


@given(st.data())
@settings(max_examples=40)
def test_every_question_gets_one_answer_in_range_and_siblings_hold_a_set(data: st.DataObject) -> None:
    scores = {
        qid: np.array(data.draw(st.lists(numbers, min_size=count, max_size=count)), np.float32)
        for qid, count in OFFICIAL_COUNTS.items()
    }
    cases = [
        {qid: data.draw(st.integers(0, count - 1)) for qid, count in OFFICIAL_COUNTS.items()}
        for _ in range(data.draw(st.integers(0, 3)))
    ]
    answers = decode_answers(scores, FAMILIES, count_priors(cases, FAMILIES) if cases else None)
    assert list(answers) == list(OFFICIAL_COUNTS)
    assert all(0 <= answers[qid] < count for qid, count in OFFICIAL_COUNTS.items())
    for family in FAMILIES:
        if len(family.questions) > 1:
            labels = [
                answers[question.qid]
                for question in family.questions
                if answers[question.qid] != family.not_mentioned
            ]
            assert len(set(labels)) == len(labels) <= len(family.questions)


def test_without_priors_the_siblings_mean_decides_and_the_rest_is_not_mentioned() -> None:
    family = make_family(3, 3)
    rows = ([2.0, 0.0, 0.0, 0.0], [0.0, 5.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.0])
    answers = decode_answers(
        {q.qid: np.array(row, np.float32) for q, row in zip(family.questions, rows, strict=True)}, [family]
    )
    assert answers == {"CQID900-001": 1, "CQID900-002": 3, "CQID900-003": 3}


def test_without_priors_not_mentioned_does_not_hide_a_likely_label_and_no_label_is_made_up() -> None:
    family = make_family(3, 3)
    assert choose_labels(np.array([1.0, -3.0, -3.0, 6.0]), family) == {0}
    assert choose_labels(np.array([-4.0, -3.0, -5.0, 6.0]), family) == frozenset()


def test_scores_that_repeat_the_base_rates_give_the_best_constant_set() -> None:
    family = make_family(3, 4)
    cases = [
        {q.qid: value for q, value in zip(family.questions, row, strict=True)}
        for row in ([0, 3, 3, 3], [0, 3, 3, 3], [1, 3, 3, 3], [0, 1, 3, 3])
    ]
    priors = count_priors(cases, [family], smoothing=1e-9)["CQID900"]
    rates = np.clip(np.array(priors.rates), 1e-3, 1 - 1e-3)
    assert choose_labels(np.log(rates / (1 - rates)), family, priors) == {0}
    strong = np.log(rates / (1 - rates)) + np.array([0.0, 6.0, 0.0, 0.0])
    assert 1 in choose_labels(strong, family, priors)


def test_the_credit_is_the_official_one() -> None:
    a, b, c = frozenset({0, 7}), frozenset({0, 3, 7}), frozenset({7})
    assert credit_matrix([a, b], [a, b, c]) == pytest.approx(np.array([[1, 2 / 3, 1 / 2], [2 / 3, 1, 1 / 3]]))


def test_many_labels_are_decoded_in_bounded_time() -> None:
    family = make_family(60, 6)
    priors = count_priors([{q.qid: index for index, q in enumerate(family.questions)}], [family])["CQID900"]
    assert len(list_sets(np.linspace(-3, 3, 61), family, priors).possible) < 1000


@pytest.mark.parametrize("bad", [np.zeros(2, np.float32), np.array([0, 0, 0, np.nan], np.float32)])
def test_scores_of_another_shape_or_not_finite_are_refused_by_name(bad: NDArray[np.float32]) -> None:
    family = make_family(3, 2)
    with pytest.raises(FormatError, match="CQID900-001"):
        decode_answers({"CQID900-001": bad, "CQID900-002": np.zeros(4, np.float32)}, [family])
    with pytest.raises(FormatError, match="CQID900-002"):
        decode_answers({"CQID900-001": np.zeros(4, np.float32)}, [family])


def test_priors_for_other_options_are_refused() -> None:
    family, other = make_family(3, 2), make_family(4, 2)
    priors = count_priors([{"CQID900-001": 0, "CQID900-002": 4}], [other])
    with pytest.raises(FormatError, match="5 options"):
        decode_answers({q.qid: np.zeros(4, np.float32) for q in family.questions}, [family], priors)


@given(scored_families())
@settings(max_examples=10)
def test_priors_survive_the_file(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[Family, NDArray[np.float64], FamilyPriors]
) -> None:
    family, _, priors = drawn
    path = tmp_path_factory.mktemp("priors") / "decoding.json"
    write_priors(path, {family.family_id: priors})
    again = read_priors(path)[family.family_id]
    assert again.sets == priors.sets
    assert again.rates == pytest.approx(priors.rates, abs=1e-6)
    assert (again.smoothing, again.weight) == (priors.smoothing, priors.weight)


@pytest.mark.parametrize(
    "content", ["not json", "[]", json.dumps({"CQID011": {"sets": 3}}), json.dumps({"CQID011": []})]
)
def test_a_broken_priors_file_is_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "decoding.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"decoding\.json"):
        read_priors(path)


def test_a_family_is_answered_by_its_parent_its_slots_alone_their_majority_or_their_consensus() -> None:
    family = load_families()[1]  # sites: six slots, eight options
    first, second, nothing = 2, 4, family.padding

    def answer(how: Siblings, *named: int) -> list[int]:
        scores = {}
        for question, option in zip(family.questions, named, strict=True):
            scores[question.qid] = np.full(8, -3, np.float32)
            scores[question.qid][option] = 3
        return list(decode_answers(scores, [family], None, how).values())

    split = (first, first, first, second, second, nothing)
    assert answer("none", *split) == list(split)
    assert answer("majority", *split) == [first, *[nothing] * 5]
    assert answer("consensus", *split) == [nothing] * 6
    assert answer("consensus", *[second] * 6) == [second, *[nothing] * 5]
    assert answer("majority", first, second, *[nothing] * 4) == [nothing] * 6
    assert answer("parent", *split) == [first, *[nothing] * 5]
    assert answer("consensus", *[second] * 5, first) == [nothing] * 6, "one slot that differs is enough"


def test_a_majoritys_tie_goes_to_the_better_scored_option() -> None:
    family = make_family(3, 2)
    for better in (0, 1):
        scores = {question.qid: np.full(4, -3, np.float32) for question in family.questions}
        for option, question in enumerate(family.questions):
            scores[question.qid][option] = 5 if option == better else 3
        answers = decode_answers(scores, [family], None, "majority")
        assert list(answers.values()) == [better, family.padding]


def test_cases_that_lack_a_slot_are_left_out_of_what_is_counted() -> None:
    family = make_family(2, 2)
    first, second = (question.qid for question in family.questions)
    cases = [{first: 0, second: 2}, {first: 1}, {}, {first: 0, second: 1}]
    priors = count_priors(cases, [family, make_family(2, 1)])["CQID900"]
    assert priors.sets == {frozenset({0, 2}): 1, frozenset({0, 1}): 1} and priors.rates == (1, 0.5, 0.5)


@pytest.mark.parametrize("smoothing", [0.0, 3.0])
def test_a_set_is_as_likely_as_it_was_frequent_and_as_independent_labels_make_it(smoothing: float) -> None:
    """Two labels in two slots, at rates of 0.5 and 0.2; the first alone came four times of ten, both once."""
    family = make_family(2, 2)
    sets = {frozenset({0, 2}): 4, frozenset({0, 1}): 1, frozenset({2}): 5}
    found = list_sets(np.zeros(3), family, FamilyPriors(sets, (0.5, 0.2, 0.9), smoothing))
    of_chance = {
        frozenset({2}): 0.5 * 0.8,
        frozenset({0, 2}): 0.5 * 0.8,
        frozenset({1, 2}): 0.5 * 0.2,
        frozenset({0, 1}): 0.5 * 0.2,
    }
    expected = {
        labels: (sets.get(labels, 0) + smoothing * share) / (10 + smoothing)
        for labels, share in of_chance.items()
    }
    likely = dict(zip(found.possible, np.exp(found.log_prior), strict=True))
    assert likely.keys() == expected.keys()
    for labels, share in expected.items():
        assert likely[labels] == pytest.approx(share, abs=1e-9)


@pytest.mark.parametrize("count", [5, 6])
def test_as_many_labels_as_there_are_slots_can_be_answered(count: int) -> None:
    family = next(entry for entry in load_families() if entry.family_id == "CQID011")
    scores = np.where(np.arange(8) < count, 8.0, -8.0)
    rates = tuple([0.3] * 7 + [1.0])
    priors = FamilyPriors({frozenset({0, 7}): 50, frozenset({2, 3, 7}): 50}, rates, smoothing=3.0)
    assert choose_labels(scores, family, priors) == frozenset(range(count))
