"""Options with an order and numbers are agreed upon by how far apart they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from magic_demo.core.review_types import Review
from magic_demo.core.types import Scale
from magic_demo.questions.families import QuestionSet, read_questions
from magic_demo.reviews.agreement.answers import measure_families
from magic_demo.reviews.agreement.coefficients import cohens_kappa, intraclass
from magic_demo.reviews.agreement.panel import code_families, gather_panel
from magic_demo.reviews.agreement.results import FamilyNumbers
from tests.support.own_questions import THREE
from tests.support.store.reviewed_cases import save_all

SHROUT_FLEISS = np.array(
    [[9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7]], float
)
"""Four judges of six targets: table 2 of Shrout and Fleiss, 1979."""


@pytest.fixture
def asked(tmp_path: Path) -> QuestionSet:
    (tmp_path / "q.yaml").write_text(THREE, encoding="utf-8")
    return read_questions(tmp_path / "q.yaml")


def test_the_icc_is_the_published_one_of_the_published_table() -> None:
    assert intraclass(SHROUT_FLEISS, np.ones((1, 6)))[0] == pytest.approx(0.290, abs=0.0005)
    assert intraclass(SHROUT_FLEISS + 1e6, np.ones((1, 6)))[0] == pytest.approx(0.290, abs=0.0005)


def test_a_resample_counts_a_case_as_often_as_it_holds_it() -> None:
    twice = intraclass(SHROUT_FLEISS, np.array([[2.0, 1, 1, 1, 1, 0]]))[0]
    written_out = SHROUT_FLEISS[:, [0, 0, 1, 2, 3, 4]]
    assert twice == pytest.approx(intraclass(written_out, np.ones((1, 6)))[0])


def test_there_is_no_icc_where_nothing_varies() -> None:
    assert np.isnan(intraclass(np.full((2, 5), 3.0), np.ones((1, 5)))[0])
    assert np.isnan(intraclass(SHROUT_FLEISS[:, :1], np.ones((1, 1)))[0])


def _measure(asked: QuestionSet, qid: str, *readers: list[int]) -> FamilyNumbers:
    reviews = [
        Review(f"C{case}", f"reader {number}", "blind", "done", {qid: option})
        for number, options in enumerate(readers)
        for case, option in enumerate(options)
    ]
    saved = [replace(one, review=replace(one.review, missing=frozenset())) for one in save_all(reviews)]
    panel = gather_panel(saved, {})
    _, (numbers,) = measure_families(panel, code_families(panel, asked.families), resamples=50)
    return numbers


def test_kappa_of_options_with_an_order_weighs_how_far_apart_they_are(asked: QuestionSet) -> None:
    first, near, far = [0, 1, 2, 0, 1, 2], [1, 1, 2, 0, 1, 2], [2, 1, 2, 0, 1, 2]
    kappa = {}
    for name, other in (("near", near), ("far", far)):
        numbers = _measure(asked, "ITCH-001", first, other)
        assert numbers.among_readers.kappa is not None and numbers.icc is None
        kappa[name] = numbers.among_readers.kappa.value
        weights = 1 - (np.subtract.outer(np.arange(3), np.arange(3)) / 2) ** 2
        expected = cohens_kappa(np.array(first), np.array(other), weights)
        assert kappa[name] == pytest.approx(expected)
    assert kappa["near"] > kappa["far"]


def test_a_scale_that_begins_above_zero_is_weighed_by_its_own_span(asked: QuestionSet) -> None:
    plain = next(family for family in asked.families if family.family_id == "ITCH")
    scaled = replace(plain, scale=Scale((2.0, 3.0, 6.0)))
    rows = [Review(f"C{n}", "Ann", "blind", "done", {"ITCH-001": n}) for n in range(3)]
    saved = [replace(one, review=replace(one.review, missing=frozenset())) for one in save_all(rows)]
    (coded,) = code_families(gather_panel(saved, {}), [scaled])
    expected = 1 - (np.subtract.outer([2, 3, 6], [2, 3, 6]) / 4) ** 2
    np.testing.assert_allclose(coded.weights, expected)


def test_numbers_have_an_icc_over_the_cases_that_all_answered(asked: QuestionSet) -> None:
    options = [[int(2 * value) for value in row] for row in SHROUT_FLEISS]
    numbers = _measure(asked, "SIZE-001", *options)
    assert numbers.icc is not None and numbers.icc.count == 6
    assert numbers.icc.value == pytest.approx(0.290, abs=0.0005)
    assert numbers.icc.low is not None and numbers.icc.high is not None
    assert numbers.icc.low <= numbers.icc.value <= numbers.icc.high
