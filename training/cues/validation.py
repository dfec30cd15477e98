"""How well the cue heads answer cases that they have not seen: cross-validation by author, temperatures,
probabilities."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import Answers, Family, Narrative
from magic_demo.cues.cue_model import CueModel, Reading
from magic_demo.questions.calibration import Calibration, FamilyCalibration, digest_of, find_chances
from magic_demo.questions.decoding import SetPriors, decode_answers
from magic_demo.questions.families import load_families
from magic_demo.questions.scoring import credit
from magic_demo.questions.shares import as_shares
from training.cases.folds import split_folds
from training.cases.metrics import most_frequent
from training.cases.sources import LearningCase
from training.cues.calibration import (
    JudgedFamily,
    ScoredFamily,
    choose_margin,
    fit_temperature,
    join,
    judge_fold,
    most_frequent_answer,
)
from training.cues.fitting import CueSettings, FoundWords, fit_cue_model, label_cases, weigh_cases

READINGS: tuple[Reading, ...] = ("en", "zh", "both")
TEMPERATURES = np.geomspace(0.4, 2.5, 23)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What models said of cases that they had not seen, one dealing of the folds.

    folds: (N,) the fold each case was held out in, -1 where it never was. scores: reading -> (N, S) float64
    at temperature 1.
    priors, constants: one a fold, the decoding's priors and the most frequent answers of the cases it was
    fitted on.
    """

    folds: NDArray[np.int64]
    scores: Mapping[Reading, NDArray[np.float64]]
    priors: tuple[SetPriors, ...]
    constants: tuple[Answers, ...]


def hold_out(
    cases: Sequence[LearningCase],
    found: Sequence[FoundWords],
    settings: CueSettings,
    held: Sequence[Sequence[int]],
) -> HeldOut:
    """Fit once for each list of held-out cases on all cases that are in none of that list, and score the
    held-out ones."""
    size = sum(len(family.options["en"]) for family in load_families())
    folds = np.full(len(cases), -1)
    scores: dict[Reading, NDArray[np.float64]] = {
        reading: np.zeros((len(cases), size)) for reading in READINGS
    }
    priors, constants = [], []
    for number, out in enumerate(held):
        kept = sorted(set(range(len(cases))) - set(out))
        model = fit_cue_model([cases[index] for index in kept], [found[index] for index in kept], settings)
        for index in out:
            folds[index] = number
            for reading in READINGS:
                scores[reading][index] = _score_row(model, cases[index], reading)
        priors.append(model.set_priors)
        constants.append(most_frequent([cases[index].answers for index in kept]))
    return HeldOut(folds, scores, tuple(priors), tuple(constants))


def cross_validate(
    cases: Sequence[LearningCase], found: Sequence[FoundWords], settings: CueSettings
) -> list[HeldOut]:
    """Deal the cases into folds ``repeats`` times, an author's cases always together, and hold each fold out
    once."""
    return [
        hold_out(cases, found, settings, split_folds(cases, settings.folds, settings.seed + repeat))
        for repeat in range(settings.repeats)
    ]


def choose_temperature(
    scores: NDArray[np.float64], labels: NDArray[np.bool_], single: bool, weights: NDArray[np.float64]
) -> float:
    """Return the temperature that makes held-out (N, O) scores most likely to give the (N, O) labels."""
    losses = []
    for temperature in TEMPERATURES:
        probabilities = to_probabilities(scores / temperature, single)
        chosen = np.where(labels, probabilities, 1.0 if single else 1 - probabilities)
        losses.append(float(weights @ -np.log(np.clip(chosen, 1e-6, 1)).sum(axis=1)))
    return round(float(TEMPERATURES[int(np.argmin(losses))]), 3)


def fit_temperatures(
    cases: Sequence[LearningCase], runs: Sequence[HeldOut], settings: CueSettings
) -> dict[str, dict[Reading, float]]:
    """Return family id -> reading -> temperature, fitted on the held-out scores of all runs."""
    temperatures: dict[str, dict[Reading, float]] = {}
    for family, place, labels, weights in _list_families(cases, settings):
        temperatures[family.family_id] = {
            reading: choose_temperature(
                np.concatenate([run.scores[reading][run.folds >= 0, place] for run in runs]),
                np.concatenate([labels[run.folds >= 0] for run in runs]),
                len(family.questions) == 1,
                np.concatenate([weights[run.folds >= 0] for run in runs]),
            )
            for reading in READINGS
        }
    return temperatures


def temper(cases: Sequence[LearningCase], run: HeldOut, settings: CueSettings) -> HeldOut:
    """Return the run with each fold's scores at the temperatures that its other folds' scores ask for,
    normalised again."""
    scores = {reading: run.scores[reading].copy() for reading in READINGS}
    for family, place, labels, weights in _list_families(cases, settings):
        single = len(family.questions) == 1
        for reading in READINGS:
            for fold in range(len(run.priors)):
                others = (run.folds >= 0) & (run.folds != fold)
                if others.any():
                    raw = run.scores[reading]
                    temperature = choose_temperature(
                        raw[others, place], labels[others], single, weights[others]
                    )
                    scores[reading][run.folds == fold, place] = raw[run.folds == fold, place] / temperature
    return dataclasses.replace(run, scores=scores)


def judge_run(
    cases: Sequence[LearningCase], run: HeldOut, settings: CueSettings, reading: Reading
) -> list[JudgedFamily]:
    """Say how likely the held-out answers are, family by family: each fold at the temperatures that its other
    folds ask for.

    The cases of a family come fold after fold; at least two folds are expected. ``before`` is at temperature
    1 throughout.
    """
    judged = []
    for family, place, labels, weights in _list_families(cases, settings):
        single = len(family.questions) == 1
        references = [frozenset(np.flatnonzero(row).tolist()) for row in labels]
        folds = []
        for fold in range(len(run.priors)):
            others = (run.folds >= 0) & (run.folds != fold)
            parts: dict[Reading, list[ScoredFamily]] = {}
            for of in READINGS:
                raw = run.scores[of][:, place]
                head = choose_temperature(raw[others], labels[others], single, weights[others])
                parts[of] = [
                    ScoredFamily(
                        family,
                        raw[run.folds == number] / head,
                        [references[index] for index in np.flatnonzero(run.folds == number)],
                        weights[run.folds == number],
                        run.priors[number].get(family.family_id),
                    )
                    for number in range(len(run.priors))
                ]
            kept = {of: [part for number, part in enumerate(parts[of]) if number != fold] for of in READINGS}
            held = judge_fold(
                parts[reading][fold],
                kept[reading],
                [part for of in READINGS if of != reading for part in kept[of]],
            )
            raw = run.scores[reading][run.folds == fold, place]
            folds.append(
                dataclasses.replace(
                    held, before=find_chances(raw, family, run.priors[fold].get(family.family_id), 1.0)
                )
            )
        judged.append(join(folds))
    return judged


def fit_calibration(
    cases: Sequence[LearningCase], runs: Sequence[HeldOut], model: CueModel, settings: CueSettings
) -> Calibration:
    """Return what makes the scores of ``model``, fitted on all cases, probabilities: fitted on the held-out
    scores of all runs.

    Families with cases of an older labelling convention count them as little as the fit does.
    """
    fitted = {}
    for known, (family, place, labels, weights) in zip(
        model.families, _list_families(cases, settings), strict=True
    ):
        references = [frozenset(np.flatnonzero(row).tolist()) for row in labels]
        parts = [
            ScoredFamily(
                family,
                run.scores[reading][run.folds == fold, place] / known.temperatures[reading],
                [references[index] for index in np.flatnonzero(run.folds == fold)],
                weights[run.folds == fold],
                run.priors[fold].get(family.family_id),
            )
            for run in runs
            for reading in READINGS
            for fold in range(len(run.priors))
        ]
        _, prior_credit = most_frequent_answer(references, weights)
        fitted[family.family_id] = FamilyCalibration(fit_temperature(parts), prior_credit)
    margin = choose_margin([entry for run in runs for entry in judge_run(cases, run, settings, "both")])
    name = f"{len(cases)} cases, {settings.repeats} x {settings.folds} folds by author"
    return Calibration(digest_of(model.model_id), "", margin, text_only=fitted, fitted_on=name)


def credit_cases(cases: Sequence[LearningCase], run: HeldOut, reading: Reading | None) -> NDArray[np.float64]:
    """Return the official credit, (held-out cases, families) in 0..1; without a reading, that of the constant
    answer."""
    families = load_families()
    rows = []
    for index in np.flatnonzero(run.folds >= 0).tolist():
        fold = run.folds[index]
        answers = (
            run.constants[fold]
            if reading is None
            else _decode(run.scores[reading][index], families, run.priors[fold])
        )
        rows.append(
            [credit(_values(cases[index].answers, family), _values(answers, family)) for family in families]
        )
    return np.array(rows)


def to_probabilities(scores: NDArray[np.float64], single: bool) -> NDArray[np.float64]:
    """Turn (N, O) scores into probabilities: a softmax for families of one slot, a yes or no a label for the
    others."""
    return as_shares(scores, single)


def _list_families(
    cases: Sequence[LearningCase], settings: CueSettings
) -> list[tuple[Family, slice, NDArray[np.bool_], NDArray[np.float64]]]:
    by_id = {family.family_id: family for family in settings.families}
    listed, start = [], 0
    for family in load_families():
        stop = start + len(family.options["en"])
        weights = weigh_cases(cases, by_id[family.family_id], settings.present_from)
        listed.append((family, slice(start, stop), label_cases(cases, family), weights))
        start = stop
    return listed


def _score_row(model: CueModel, case: LearningCase, reading: Reading) -> NDArray[np.float64]:
    english, chinese = case.texts
    scores = model.score(
        Narrative(en=english if reading != "zh" else "", zh=chinese if reading != "en" else "")
    )
    return np.concatenate([scores[family.qids[0]] for family in model.families]).astype(np.float64)


def _decode(row: NDArray[np.float64], families: Sequence[Family], priors: SetPriors) -> Answers:
    scores, start = {}, 0
    for family in families:
        stop = start + len(family.options["en"])
        scores.update({question.qid: row[start:stop].astype(np.float32) for question in family.questions})
        start = stop
    return decode_answers(scores, families, priors)


def _values(answers: Answers, family: Family) -> frozenset[int]:
    return frozenset(answers[question.qid] for question in family.questions)
