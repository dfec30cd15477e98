"""Systems of this repository that are fitted on some of the labelled cases and answer the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from magic_demo.challenge.running.watching import Watched, watch
from magic_demo.challenge.systems.answer_fusion import fuse_family
from magic_demo.challenge.systems.effort import Effort
from magic_demo.challenge.systems.weights import earn_family, list_points
from magic_demo.core.types import Answers, Narrative, OptionScores, Prediction
from magic_demo.models.answers.neighbours.case_index import build_index
from magic_demo.questions.combining import combine_scores
from magic_demo.questions.decoding import SetPriors, count_priors, decode_answers
from magic_demo.questions.families import load_families
from training.answers.compare.measuring import credit_rows
from training.cases.sources import LearningCase
from training.cues.fitting import CueSettings, find_words
from training.cues.validation import HeldOut, cross_validate, temper

HELD_OUT = ("constant", "cues", "neighbours", "cues+neighbours", "ensemble")
FITTING = {"cues", "cues+neighbours", "ensemble"}
SEARCHING = {"neighbours", "cues+neighbours", "ensemble"}
"""Which of them fit a cue model and which search an index: what these take counts for each that uses it."""
WEIGHTS = (0.0, 0.15, 0.3, 0.45)
"""Of the neighbours beside the cues; each fold's is chosen on the other folds."""


@dataclass(frozen=True, eq=False)
class FoldScores:
    """What one dealing of the folds gives: scores a case, by system, with the priors of each fold."""

    run: HeldOut
    cues: Sequence[OptionScores]
    neighbours: Sequence[OptionScores]
    index_priors: Sequence[SetPriors]


@dataclass(frozen=True, eq=False)
class HeldOutAnswers:
    """dealings: of the folds, one answer sheet a case. effort: of fitting and answering, a case and a dealing."""

    dealings: list[list[Answers]]
    effort: Effort


def answer_held_out(
    cases: Sequence[LearningCase], settings: CueSettings, names: Sequence[str]
) -> dict[str, HeldOutAnswers]:
    """Return system -> its answers, each case answered by what was fitted without its fold. names: of
    ``HELD_OUT``."""
    with watch() as fitting:
        runs = [temper(cases, run, settings) for run in cross_validate(cases, find_words(cases), settings)]
    answers: dict[str, list[list[Answers]]] = {name: [] for name in names}
    searching: list[Watched] = []
    answering: dict[str, list[Watched]] = {name: [] for name in names}
    for run in runs:
        with watch() as watched:
            scored = _score_folds(cases, run, settings, search=bool(set(names) & SEARCHING))
        searching.append(watched)
        for name in names:
            with watch() as watched:
                answers[name].append(_answer(cases, scored, name))
            answering[name].append(watched)

    def add_up(name: str) -> Effort:
        parts = [
            *answering[name],
            *([fitting] if name in FITTING else []),
            *(searching if name in SEARCHING else []),
        ]
        peaks = [part.memory_mb for part in parts if part.memory_mb is not None]
        seconds = sum(part.seconds for part in parts) / (len(cases) * len(runs))
        return Effort(seconds, max(peaks, default=None), None, "folds")

    return {name: HeldOutAnswers(answers[name], add_up(name)) for name in names}


def _score_folds(
    cases: Sequence[LearningCase], run: HeldOut, settings: CueSettings, *, search: bool
) -> FoldScores:
    families = load_families()
    cues: list[OptionScores] = []
    for row in run.scores["both"]:
        scores, start = {}, 0
        for family in families:
            values = row[start : start + len(family.options["en"])].astype(np.float32)
            scores.update({question.qid: values for question in family.questions})
            start += len(values)
        cues.append(scores)
    neighbours: list[OptionScores] = [{} for _ in cases]
    priors = []
    for fold in range(len(run.priors) if search else 0):
        kept = [cases[place] for place in np.flatnonzero(run.folds != fold).tolist()]
        answers = [case.answers for case in kept]
        priors.append(count_priors(answers, families, smoothing=3.0, weight=1.0))
        index = build_index(
            [case.case_id for case in kept],
            [Narrative(*case.texts) for case in kept],
            answers,
            present_from=settings.present_from,
        )
        for place in np.flatnonzero(run.folds == fold).tolist():
            # an answerer is given one language
            narrative = Narrative(*cases[place].texts)
            neighbours[place] = index.score(Narrative(en=narrative.text("en")))
    return FoldScores(run, cues, neighbours, priors)


def _answer(cases: Sequence[LearningCase], scored: FoldScores, name: str) -> list[Answers]:
    families, folds = load_families(), scored.run.folds
    if name == "constant":
        return [scored.run.constants[fold] for fold in folds]
    if name == "cues":
        return _blend(scored, 0.0)
    if name == "neighbours":
        return [
            decode_answers(scores, families, scored.index_priors[fold])
            for scores, fold in zip(scored.neighbours, folds, strict=True)
        ]
    if name == "ensemble":
        return _pool(cases, scored)
    tried = [_blend(scored, weight) for weight in WEIGHTS]
    earned = np.array([credit_rows(cases, answers).mean(axis=1) for answers in tried])  # (weights, N)
    best = [int(earned[:, folds != fold].mean(axis=1).argmax()) for fold in range(folds.max() + 1)]
    return [tried[best[fold]][place] for place, fold in enumerate(folds)]


def _blend(scored: FoldScores, weight: float) -> list[Answers]:
    """Return the answers of cues and neighbours, combined as the program combines them."""
    families = load_families()
    answers: list[Answers] = []
    for place, fold in enumerate(scored.run.folds):
        scores = scored.cues[place]
        if weight:
            scores = combine_scores(scores, scored.neighbours[place], families, partial(_same, weight))
        answers.append(decode_answers(scores, families, scored.run.priors[fold]))
    return answers


def _pool(cases: Sequence[LearningCase], scored: FoldScores) -> list[Answers]:
    """Return the answers of cues and neighbours, fused as ``python -m magic_demo ensemble`` fuses them, with
    weights by family that earn most on the other folds."""
    families, folds, points = load_families(), scored.run.folds, list_points(2)
    said = [
        (Prediction(case.case_id, scores=cues), Prediction(case.case_id, scores=neighbours))
        for case, cues, neighbours in zip(cases, scored.cues, scored.neighbours, strict=True)
    ]
    priors = [scored.run.priors[fold] for fold in folds]
    earned = np.array(
        [
            [earn_family(said[place], case.answers, family, points, priors[place]) for family in families]
            for place, case in enumerate(cases)
        ]
    )  # (N, F, points)
    best = [earned[folds != fold].mean(axis=0).argmax(axis=1) for fold in range(folds.max() + 1)]
    answers: list[Answers] = []
    for place, fold in enumerate(folds):
        sheet: dict[str, int] = {}
        for family, point in zip(families, best[fold], strict=True):
            known = priors[place].get(family.family_id)
            fused = fuse_family(said[place], family, "mean", points[point].tolist(), known)
            sheet.update(fused.answers if fused is not None else {})
        answers.append(sheet)
    return answers


def _same(weight: float, _family_id: str) -> float:
    return weight
