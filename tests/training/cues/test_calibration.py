"""Temperatures undo what scores overstate, and the margin divides what is known from what is not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from magic_demo.core.types import Family
from magic_demo.questions.families import load_families
from tests.questions.test_decoding import make_family
from training.cues.calibration import (
    MARGINS,
    JudgedFamily,
    ScoredFamily,
    calibration_error,
    choose_margin,
    divide,
    fit_temperature,
    join,
    judge_fold,
    measure_reliability,
    most_frequent_answer,
    summarise,
)

SINGLE = make_family(2, 1)


def _draw(count: int, sharpness: float, seed: int = 0, family: Family = SINGLE) -> ScoredFamily:
    """Draw answers from known probabilities and give the scores ``sharpness`` times the logits that those ask
    for."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(count, 3)) * 1.5
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    references = [frozenset({int(random.choice(3, p=row))}) for row in shares]
    return ScoredFamily(family, logits * sharpness, references, np.ones(count), None)


@pytest.mark.parametrize("sharpness", [0.6, 1.0, 2.0])
def test_the_temperature_is_how_much_the_scores_overstate(sharpness: float, training_seed: int) -> None:
    assert fit_temperature([_draw(3000, sharpness, training_seed)]) == pytest.approx(sharpness, rel=0.15)


def test_folds_are_judged_at_the_temperature_of_the_others(training_seed: int) -> None:
    folds = [_draw(800, 2.0, 10 * training_seed + number) for number in range(4)]
    judged = join([judge_fold(fold, [other for other in folds if other is not fold]) for fold in folds])
    before, after = (
        calibration_error(measure_reliability(chances, judged)) for chances in (judged.before, judged.after)
    )
    assert after < 0.03 < before
    overconfident = _draw(800, 20.0, 10 * training_seed + 9)
    alone = judge_fold(overconfident, [folds[0]])
    assert alone.after == pytest.approx(judge_fold(overconfident, [folds[0], folds[1]]).after, abs=0.05)


def test_expected_credit_is_what_answers_earn(training_seed: int) -> None:
    judged = judge_fold(_draw(4000, 1.0, 2 * training_seed + 1), [_draw(4000, 1.0, 2 * training_seed + 2)])
    assert judged.expected.mean() == pytest.approx(judged.credits.mean(), abs=0.02)


def test_the_most_frequent_answer_counts_cases_by_their_weights() -> None:
    references = [frozenset({0}), frozenset({0}), frozenset({1})]
    for weights, option, earned in (([1.0, 1.0, 1.0], 0, 2 / 3), ([0.1, 0.1, 1.0], 1, 1 / 1.2)):
        answer, prior_credit = most_frequent_answer(references, np.array(weights))
        assert answer == {option} and prior_credit == pytest.approx(earned)


def _judged(
    expected: NDArray[np.float64], right: NDArray[np.bool_], constant_right: NDArray[np.bool_]
) -> JudgedFamily:
    count = len(expected)
    references = tuple(
        frozenset({0 if r else 1 if c else 2}) for r, c in zip(right, constant_right, strict=True)
    )
    chances = np.tile([0.5, 0.3, 0.2], (count, 1))
    return JudgedFamily(
        SINGLE,
        references,
        (frozenset({0}),) * count,
        (frozenset({1}),) * count,
        chances,
        chances,
        expected,
        np.full(count, 0.5),
        np.ones(count),
    )


def test_the_margin_takes_in_what_is_no_better_than_the_most_frequent_answer() -> None:
    expected = np.array([0.52] * 100 + [0.9] * 100)
    right = np.array([True] * 50 + [False] * 50 + [True] * 90 + [False] * 10)
    constant = np.array([False] * 50 + [True] * 50 + [False] * 100)
    judged = _judged(expected, right, constant)
    margin = choose_margin([judged])
    known = divide([judged], margin)
    assert known.unsure == 0.5 and known.inside == known.inside_constant == 0.5
    assert known.outside == 0.9 and known.outside_constant == 0.0


def test_no_margin_where_even_the_least_sure_answers_are_better() -> None:
    judged = _judged(np.full(100, 0.45), np.array([True] * 90 + [False] * 10), np.zeros(100, np.bool_))
    assert choose_margin([judged]) == min(MARGINS)


def test_the_summary_has_none_where_nothing_is_unsure() -> None:
    judged = _judged(np.full(10, 0.99), np.ones(10, np.bool_), np.zeros(10, np.bool_))
    table = summarise([JudgedFamily(**{**vars(judged), "family": _official()})], 0.05)
    assert table["CQID035"]["inside"] is None and table["all"]["outside"] == 1.0


def _official() -> Family:
    return next(family for family in load_families() if family.family_id == "CQID035")


def test_reliability_weighs_cases() -> None:
    judged = _judged(np.array([0.5, 0.5]), np.array([True, False]), np.zeros(2, np.bool_))
    weighed = JudgedFamily(**{**vars(judged), "weights": np.array([3.0, 1.0])})
    (entry,) = measure_reliability(judged.after, weighed)
    assert entry.said == 0.5 and entry.true == 0.75 and calibration_error([entry]) == 0.25
