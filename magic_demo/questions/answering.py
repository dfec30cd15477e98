"""From scores to answers: what is decoded, how likely each option is, which answers are unsure, and what is
answered where no model scored a family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import Family, OptionScores
from magic_demo.questions.calibration import FamilyCalibration, expect_credit, find_chances
from magic_demo.questions.decoding import SetPriors, Siblings, average_siblings, decode_answers, fill_slots


@dataclass(frozen=True)
class Statistics:
    """What checkpoints know of the answers before a case is seen, with the indices of the questions asked.

    priors: of the families of several slots. calibrations: family id -> what its scores are calibrated with,
    and the margin below which an answer is unsure (``magic_demo.questions.calibration``). base_scores: qid ->
    (O,) float32, the scores of a case without words and photos, which rank options by how frequent they are.
    siblings: how the questions of a family become its answer, see ``decode_answers``.
    """

    priors: SetPriors = field(default_factory=dict)
    calibrations: Mapping[str, tuple[FamilyCalibration, float]] = field(default_factory=dict)
    base_scores: OptionScores = field(default_factory=dict)
    siblings: Siblings = "parent"


NOTHING_KNOWN = Statistics()


class AnswerSheet(NamedTuple):
    """What follows from the scores of one case.

    answers: qid -> option index, of every family that was scored. chances: family id -> (O,) float64 in 0..1,
    of the calibrated ones. unsure: the calibrated families whose answer hardly beats the most frequent one.
    fallback: qid -> option index, of every family that nobody scored: its most frequent answer; files of the
    challenge need one, a reader is shown none. guessed: those of the fallback's families of which no
    statistics are known either, answered with "Not mentioned" or else the first option.
    """

    answers: dict[str, int]
    chances: dict[str, NDArray[np.float64]]
    unsure: frozenset[str]
    fallback: dict[str, int]
    guessed: tuple[str, ...]

    @property
    def complete(self) -> dict[str, int]:
        """Return an answer to every question, the fallback's where there is no other."""
        return {**self.answers, **self.fallback}


def answer_families(families: Sequence[Family], scores: OptionScores, statistics: Statistics) -> AnswerSheet:
    """Answer the families that are scored, and fall back to the most frequent answer for the others.

    Raises FormatError for scores that do not fit their question.
    """
    scored = [family for family in families if is_scored(scores, family)]
    answers = decode_answers(scores, scored, statistics.priors, statistics.siblings)
    chances: dict[str, NDArray[np.float64]] = {}
    unsure = set()
    for family in scored:
        if family.family_id not in statistics.calibrations:
            continue
        fitted, margin = statistics.calibrations[family.family_id]
        rows = average_siblings(scores, family)[None]
        priors = statistics.priors.get(family.family_id)
        answer = frozenset(answers[question.qid] for question in family.questions)
        chances[family.family_id] = find_chances(rows, family, priors, fitted.temperature)[0]
        expected = expect_credit(rows, [answer], family, priors, fitted.temperature)[0]
        if expected < fitted.prior_credit + margin:
            unsure.add(family.family_id)
    fallback: dict[str, int] = {}
    guessed = []
    for family in families:
        if is_scored(scores, family):
            continue
        frequent = _most_frequent(family, statistics)
        if frequent is None:
            guessed.append(family.family_id)
            first = family.not_mentioned if family.not_mentioned is not None else 0
            frequent = {question.qid: first for question in family.questions}
        fallback.update(frequent)
    return AnswerSheet(answers, chances, frozenset(unsure), fallback, tuple(guessed))


def is_scored(scores: OptionScores, family: Family) -> bool:
    """Tell whether a model scored any of a family's questions."""
    return any(question.qid in scores for question in family.questions)


def _most_frequent(family: Family, statistics: Statistics) -> dict[str, int] | None:
    """Return a family's most frequent answer, None where no statistics are known of it."""
    if is_scored(statistics.base_scores, family):
        return decode_answers(statistics.base_scores, [family], statistics.priors)
    priors = statistics.priors.get(family.family_id)
    if priors is None or not priors.sets:
        return None
    labels = max(priors.sets, key=lambda labels: (priors.sets[labels], -len(labels), sorted(labels)))
    return fill_slots(family, labels - {family.padding})
