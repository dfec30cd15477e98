"""Scores become answers in one place: decoded, calibrated, and filled up where no model scored a family."""

from __future__ import annotations

import numpy as np
import pytest

from magic_demo.core.errors import FormatError
from magic_demo.core.types import Family, Language, Question
from magic_demo.questions.answering import Statistics
from magic_demo.questions.calibration import FamilyCalibration
from magic_demo.questions.decoding import FamilyPriors
from magic_demo.questions.families import QuestionSet


def make_family(family_id: str, options: tuple[str, ...], slots: int = 1) -> Family:
    texts: dict[Language, tuple[str, ...]] = {"en": options, "zh": options}
    questions = tuple(
        Question(f"{family_id}-{slot:03d}", {"en": "?", "zh": "?"}, texts) for slot in range(1, slots + 1)
    )
    nothing = options.index("Not mentioned") if "Not mentioned" in options else None
    return Family(family_id, {"en": family_id, "zh": family_id}, questions, nothing)


PAIN = make_family("PAIN", ("never", "at night"))
HEAT = make_family("HEAT", ("yes", "no", "Not mentioned"))
SITES = make_family("SITES", ("head", "back", "Not mentioned"), slots=2)
ASKED = QuestionSet((PAIN, HEAT, SITES))
SCORES = {"PAIN-001": np.array([0.0, 2.0], np.float32)}


def test_what_is_scored_is_answered_and_the_rest_falls_back() -> None:
    sheet = ASKED.answer(SCORES)
    assert sheet.answers == {"PAIN-001": 1}
    assert sheet.fallback == {"HEAT-001": 2, "SITES-001": 2, "SITES-002": 2}
    assert sheet.complete == {**sheet.answers, **sheet.fallback}


def test_without_statistics_the_fallback_is_not_mentioned_or_the_first_option_and_is_called_a_guess() -> None:
    sheet = ASKED.answer({})
    assert sheet.answers == {}
    assert sheet.fallback == {"PAIN-001": 0, "HEAT-001": 2, "SITES-001": 2, "SITES-002": 2}
    assert sheet.guessed == ("PAIN", "HEAT", "SITES")


def test_the_fallback_is_the_most_frequent_answer_where_statistics_are_known() -> None:
    priors = {
        "SITES": FamilyPriors(
            {frozenset({1, 2}): 5, frozenset({0, 1}): 2, frozenset({2}): 4}, (0.2, 0.6, 0.8)
        )
    }
    base = {"HEAT-001": np.array([3.0, 0.0, 1.0], np.float32)}
    sheet = ASKED.answer({}, Statistics(priors, base_scores=base))
    assert sheet.fallback == {"PAIN-001": 0, "HEAT-001": 0, "SITES-001": 1, "SITES-002": 2}
    assert sheet.guessed == ("PAIN",)


def test_only_calibrated_families_have_chances_and_can_be_unsure() -> None:
    scores = {**SCORES, "HEAT-001": np.array([1.0, 0.9, 0.8], np.float32)}
    fitted = FamilyCalibration(temperature=1.0, prior_credit=0.5)
    sheet = ASKED.answer(scores, Statistics(calibrations={"PAIN": (fitted, 0.0), "HEAT": (fitted, 0.0)}))
    assert set(sheet.chances) == {"PAIN", "HEAT"} and sheet.unsure == {"HEAT"}
    assert sheet.chances["PAIN"].sum() == pytest.approx(1.0)
    strict = ASKED.answer(scores, Statistics(calibrations={"PAIN": (fitted, 0.45)}))
    assert strict.unsure == {"PAIN"}


def test_a_family_that_is_scored_in_part_is_refused() -> None:
    with pytest.raises(FormatError, match="SITES-002"):
        ASKED.answer({"SITES-001": np.zeros(3, np.float32)})
