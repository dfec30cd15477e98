"""Kappa and alpha against published worked examples, by hand, and by what must hold for any answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from magic_demo.questions.decoding import credit_matrix
from magic_demo.reviews.agreement import cohens_kappa, krippendorffs_alpha
from magic_demo.reviews.agreement.coefficients import alphas, kappas
from magic_demo.reviews.agreement.resampling import as_measured, draw_cases

Codes = NDArray[np.int64]

# Cohen, Psychological Bulletin 70:213-220, 1968: two psychiatrists, 200 patients, three diagnoses; kappa
# .492, weighted kappa .348.
COHEN = ((88, 10, 2), (14, 40, 6), (18, 10, 12))
COHEN_DISAGREEMENT = ((0, 1, 3), (1, 0, 6), (3, 6, 0))

# Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011.
BINARY = ("0100000010", "1110010000")  # section A: two observers, two values; .095
NOMINAL = ("aabbdcccedda", "babbbccceddd")  # section B: two observers, five values; .692
MISSING = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")  # section C: four observers; .743


def codes(row: str) -> list[int]:
    return [-1 if sign == "." else ord(sign) - ord("0" if sign.isdigit() else "a") for sign in row]


def table_codes(table: tuple[tuple[int, ...], ...]) -> tuple[Codes, Codes]:
    cells = [
        (row, column)
        for row, counts in enumerate(table)
        for column, count in enumerate(counts)
        for _ in range(count)
    ]
    pairs = np.array(cells, np.int64)
    return pairs[:, 0], pairs[:, 1]


def test_kappa_is_cohens() -> None:
    assert cohens_kappa(*table_codes(COHEN)) == pytest.approx(0.492, abs=5e-4)


def test_weighted_kappa_is_cohens() -> None:
    assert cohens_kappa(*table_codes(COHEN), 1 - np.array(COHEN_DISAGREEMENT) / 6) == pytest.approx(
        0.348, abs=5e-4
    )


def test_kappa_by_hand() -> None:
    # 20 times both yes, 15 both no, 5 and 10 otherwise: 0.7 observed, 0.5 * 0.6 + 0.5 * 0.4 = 0.5 by chance
    assert cohens_kappa(*table_codes(((20, 5), (10, 15)))) == pytest.approx((0.7 - 0.5) / (1 - 0.5))


@pytest.mark.parametrize(("rows", "alpha"), [(BINARY, 0.095), (NOMINAL, 0.692), (MISSING, 0.743)])
def test_alpha_is_krippendorffs(rows: tuple[str, ...], alpha: float) -> None:
    assert krippendorffs_alpha(np.array([codes(row) for row in rows], np.int64)) == pytest.approx(
        alpha, abs=5e-4
    )


def test_alpha_with_distances_is_krippendorffs_interval_alpha() -> None:
    values = np.arange(6.0)
    answers = np.array([codes(row) for row in MISSING], np.int64)
    assert krippendorffs_alpha(answers, (values[:, None] - values) ** 2) == pytest.approx(0.849, abs=5e-4)


def test_one_category_alone_gives_no_coefficient() -> None:
    always = np.zeros(9, np.int64)
    assert cohens_kappa(always, always) is None
    assert krippendorffs_alpha(np.array([always, always])) is None


def test_one_voice_that_never_changes_is_at_chance() -> None:
    varied = np.array([0, 1, 0, 1], np.int64)
    assert cohens_kappa(np.zeros(4, np.int64), varied) == 0


def test_without_a_common_case_there_is_no_coefficient() -> None:
    one, other = np.array([0, 1, -1, -1]), np.array([-1, -1, 1, 0])
    assert cohens_kappa(one, other) is None
    assert krippendorffs_alpha(np.array([one, other])) is None


def test_padding_that_everybody_has_changes_no_kappa() -> None:
    """With one label each, kappa by credit on sets with "Not mentioned" is the plain kappa of the labels."""
    one, other = np.array([0, 0, 1, 2, 1, 0]), np.array([0, 1, 1, 2, 2, 0])
    sets = [frozenset({label, 9}) for label in range(3)]
    assert cohens_kappa(one, other, credit_matrix(sets, sets)) == pytest.approx(cohens_kappa(one, other))


def answers_of(voices: int, categories: int = 4, least: int = -1) -> st.SearchStrategy[Codes]:
    rows = st.integers(1, 14).flatmap(
        lambda cases: st.lists(
            st.lists(st.integers(least, categories - 1), min_size=cases, max_size=cases),
            min_size=voices,
            max_size=voices,
        )
    )
    return rows.map(lambda found: np.array(found, np.int64))


@given(answers_of(1, least=0))
def test_kappa_and_alpha_of_identical_answers_are_one_where_they_vary(answers: Codes) -> None:
    row = answers[0]
    expected = 1.0 if len(set(row.tolist())) > 1 else None
    assert cohens_kappa(row, row) == (pytest.approx(expected) if expected else None)
    assert krippendorffs_alpha(np.array([row, row])) == (pytest.approx(expected) if expected else None)


@given(answers_of(2))
def test_kappa_is_symmetric(answers: Codes) -> None:
    weights = credit_matrix(SETS, SETS)
    assert same(cohens_kappa(answers[0], answers[1], weights), cohens_kappa(answers[1], answers[0], weights))


@given(answers_of(4), st.permutations(range(4)))
def test_the_order_of_readers_changes_no_alpha(answers: Codes, order: list[int]) -> None:
    distances = 1 - credit_matrix(SETS, SETS)
    assert same(krippendorffs_alpha(answers, distances), krippendorffs_alpha(answers[order], distances))


@given(answers_of(3), st.permutations(range(4)))
def test_names_of_categories_change_nothing(answers: Codes, names: list[int]) -> None:
    renamed = np.where(answers < 0, -1, np.array(names)[np.maximum(answers, 0)])
    assert same(cohens_kappa(answers[0], answers[1]), cohens_kappa(renamed[0], renamed[1]))
    assert same(krippendorffs_alpha(answers), krippendorffs_alpha(renamed))


@given(answers_of(3), st.randoms(use_true_random=False))
def test_the_order_of_cases_changes_nothing(answers: Codes, random: object) -> None:
    order = list(range(answers.shape[1]))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert same(cohens_kappa(answers[0], answers[1]), cohens_kappa(answers[0][order], answers[1][order]))
    assert same(krippendorffs_alpha(answers), krippendorffs_alpha(answers[:, order]))


@given(answers_of(3))
def test_coefficients_are_never_above_one_and_kappa_never_below_minus_one(answers: Codes) -> None:
    kappa, alpha = cohens_kappa(answers[0], answers[1]), krippendorffs_alpha(answers)
    assert kappa is None or -1 - 1e-9 <= kappa <= 1 + 1e-9
    assert alpha is None or alpha <= 1 + 1e-9


@given(answers_of(2), st.lists(st.integers(0, 3), min_size=14, max_size=14))
def test_a_resample_is_what_its_cases_written_out_give(answers: Codes, times: list[int]) -> None:
    counts = np.array([times[: answers.shape[1]]], np.float64)
    written = np.repeat(answers, counts[0].astype(int), axis=1)
    weights = credit_matrix(SETS, SETS)
    if written.shape[1]:
        assert same(
            cohens_kappa(written[0], written[1], weights),
            number(kappas(answers[0], answers[1], weights, counts)[0]),
        )
        assert same(
            krippendorffs_alpha(written, 1 - weights), number(alphas(answers, 1 - weights, counts)[0])
        )


def test_intervals_hold_the_number_and_are_the_same_every_time() -> None:
    counts = draw_cases(40)
    values = counts @ np.arange(40.0) / 40
    first, again = as_measured(values, 40, 40), as_measured(draw_cases(40) @ np.arange(40.0) / 40, 40, 40)
    assert first == again
    assert first is not None and first.low is not None and first.high is not None
    assert first.low < first.value == 19.5 < first.high
    # of a mean of 40 the 95% interval is about 1.96 standard errors to each side
    assert first.high - first.low == pytest.approx(2 * 1.96 * np.arange(40.0).std() / np.sqrt(40), rel=0.1)


def test_a_handful_of_cases_has_no_interval() -> None:
    measured = as_measured(draw_cases(4) @ np.ones(4) / 4, 4, 4)
    assert measured is not None and measured.value == 1 and measured.low is None and measured.high is None


SETS = [frozenset({0}), frozenset({1, 9}), frozenset({0, 1, 9}), frozenset({9})]


def number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def same(one: float | None, other: float | None) -> bool:
    return one is other is None or (one is not None and other is not None and abs(one - other) < 1e-9)
