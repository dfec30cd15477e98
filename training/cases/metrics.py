"""Answers of many cases against their references: the official accuracy, F1, and the constant answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from magic_demo.core.types import Answers
from magic_demo.questions.families import QuestionSet, load_challenge
from magic_demo.questions.scoring import answer_values


def official_scores(
    references: Mapping[str, Answers], answers: Mapping[str, Answers], asked: QuestionSet | None = None
) -> dict[str, float]:
    """Return the official accuracy, all in all and a family. asked: the challenge's questions when None."""
    families = (asked or load_challenge()).families
    gold, system = (
        {
            case_id: {
                family.family_id: {given[q.qid] for q in family.questions if q.qid in given}
                for family in families
            }
            for case_id, given in of_cases.items()
        }
        for of_cases in (references, answers)
    )
    values = answer_values(gold, system, [family.family_id for family in families])
    return {
        name: float(value)
        for name, value in values.items()
        if name.startswith("accuracy") and value is not None
    }


def score_f1(
    references: Mapping[str, Answers], answers: Mapping[str, Answers], asked: QuestionSet | None = None
) -> float:
    """Return F1 in 0..1: of each option over all cases, then the mean over a family's options that occur on
    either side, then over families.

    What fills a family's slots counts as a set, as in the official score: the slots' order says nothing.
    """
    families = []
    for family in (asked or load_challenge()).families:
        both, sums = np.zeros((2, len(family.options["en"])))
        for case_id, reference in references.items():
            qids = [question.qid for question in family.questions if question.qid in reference]
            gold, system = ({of_case[qid] for qid in qids} for of_case in (reference, answers[case_id]))
            both[list(gold & system)] += 1
            for labels in (gold, system):
                sums[list(labels)] += 1
        if sums.any():
            families.append(float(np.mean(2 * both[sums > 0] / sums[sums > 0])))
    return float(np.mean(families)) if families else 0.0


def most_frequent(references: Sequence[Answers], asked: QuestionSet | None = None) -> dict[str, int]:
    """Return the constant answer: each question's most frequent option among the references that answer
    it."""
    return {
        q.qid: int(
            np.bincount(
                [case[q.qid] for case in references if q.qid in case], minlength=q.option_count
            ).argmax()
        )
        for q in (asked or load_challenge()).questions
    }
