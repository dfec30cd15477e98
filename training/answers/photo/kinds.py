"""What the photo answerer was tested on: which photos it knows, how far it counts on each kind, and how likely
its answers are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from magic_demo.core.types import OptionScores
from magic_demo.cues.cue_model import CueModel
from magic_demo.models.answers.photo_answerer import PhotoAnswererModel
from magic_demo.models.answers.text_photo_answerer import place_families
from magic_demo.questions.calibration import FamilyCalibration
from magic_demo.questions.combining import WITHOUT_WORDS, Weights, combine_scores
from magic_demo.questions.decoding import average_siblings
from magic_demo.questions.families import load_families
from training.answers.combine import ScoredCase, choose_weight, score_weights
from training.answers.photo.evidence import SeenCase
from training.cases.folds import split_folds
from training.cues.calibration import (
    JudgedFamily,
    ScoredFamily,
    fit_temperature,
    judge_fold,
    most_frequent_answer,
    values_of,
)
from training.cues.fitting import CueSettings, find_words
from training.cues.train import read_labelled
from training.cues.validation import cross_validate, temper
from training.runs.run import read_settings

CLOSE_UPS, DRAWINGS = "close-ups", "drawings"
KINDS = (CLOSE_UPS, DRAWINGS)
Table = dict[str, dict[str, float]]


@dataclass(frozen=True, eq=False)
class KindReport:
    """weights: kind -> family -> the answerer's weight. calibrations: the same for what was fitted. judged:
    kind -> families judged out of fold. tables: title -> way of answering -> family -> accuracy. fitted_on: the
    cases of the calibrations, in words."""

    weights: Table
    calibrations: dict[str, dict[str, FamilyCalibration]]
    judged: dict[str, list[JudgedFamily]]
    tables: dict[str, Table]
    fitted_on: str


def learn_kinds(
    model: PhotoAnswererModel,
    close_ups: Sequence[SeenCase],
    drawings: Sequence[SeenCase],
    held_drawings: Sequence[SeenCase],
    seed: int,
) -> None:
    """Let the model know close-ups and drawings; the limit of the first comes from patients held out."""
    assert model.familiar is not None  # fit_heads names the kinds wherever there are close-ups
    held = set(split_folds([one.case for one in close_ups], 5, seed)[0])
    known, limiting = (
        [one for index, one in enumerate(close_ups) if (index in held) == out] for out in (False, True)
    )
    for kind, (own, others) in enumerate(((known, limiting), (drawings, held_drawings))):
        model.familiar.learn(kind, _pool(own, model), _pool(others, model))


def share_familiar(model: PhotoAnswererModel, seen: Sequence[SeenCase]) -> dict[str, float]:
    """Return the share of photos that are taken for each kind, and for none."""
    assert model.familiar is not None
    with torch.inference_mode():
        distances = model.familiar(_pool(seen, model))
    nearest = torch.where(distances.min(dim=1).values <= 1, distances.argmin(dim=1), -1)
    names = dict(enumerate(model.config.kinds or ())) | {-1: "unlike"}
    return {name: float((nearest == index).float().mean()) for index, name in names.items()}


def judge_kinds(
    cues: CueModel,
    own: Sequence[ScoredCase],
    own_folds: Sequence[int],
    drawn: Sequence[ScoredCase],
    words: Sequence[ScoredCase],
    weights: Sequence[float],
    *,
    real_families: Sequence[str],
    drawn_families: Sequence[str],
    tolerance: float,
) -> KindReport:
    """Choose weights and temperatures for each kind of photos.

    own: real close-ups without words, each scored by heads that had not seen its patient; own_folds: the fold
    of each. drawn: drawings that the heads had not seen. words: texts with answers, their words scored out of
    fold, shown with somebody else's close-ups. No real case with words and photos can be measured, and photos
    of somebody else cost accuracy, so that close-ups have no say where there are words.
    """
    known = sorted(family.family_id for family in load_families())
    random = np.random.default_rng(0)
    shuffled = [
        ScoredCase(case.answers, case.cues, own[int(random.integers(len(own)))].answerer) for case in words
    ]

    def tabulate(cases: Sequence[ScoredCase]) -> dict[float, dict[str, float]]:
        return {
            weight: score_weights(cases, cues, Weights({}, dict.fromkeys(known, weight)))
            for weight in weights
        }

    tables = {
        name: tabulate(cases) for name, cases in (("own", own), ("drawn", drawn), ("shuffled", shuffled))
    }
    alone, with_words, drawings = (dict.fromkeys(known, 0.0) for _ in range(3))
    for family in known:
        of = {name: {w: table[w].get(family) for w in weights} for name, table in tables.items()}
        if family in real_families:
            alone[family] = choose_weight(of["own"], of["own"], most_unchecked=1.0, tolerance=tolerance)
        if family in drawn_families:
            drawings[family] = choose_weight(
                of["drawn"], of["drawn"], most_unchecked=1.0, tolerance=tolerance
            )
    chosen = {CLOSE_UPS + WITHOUT_WORDS: alone, CLOSE_UPS: with_words, DRAWINGS: drawings}
    calibrations, judged = {}, {}
    drawn_folds = [number % 5 for number in range(len(drawn))]
    for kind, cases, folds in (
        (CLOSE_UPS + WITHOUT_WORDS, own, own_folds),
        (DRAWINGS, drawn, drawn_folds),
    ):
        calibrations[kind], judged[kind] = _calibrate(cases, folds, chosen[kind], cues)
    report = {
        f"{len(own)} real close-ups without words, patients held out": _compare(own, cues, alone),
        f"{len(words)} DermaVQA texts held out, with somebody else's close-up": _compare(
            shuffled, cues, with_words
        ),
        f"{len(drawn)} drawings of an unseen seed": _compare(drawn, cues, drawings),
    }
    fitted_on = f"{len(own)} real close-ups without words, {len(drawn)} drawings"
    return KindReport(chosen, calibrations, judged, report, fitted_on)


def score_words(config: Path) -> list[ScoredCase]:
    """Return the labelled texts with their words scored by cue models that had not seen their authors."""
    settings = read_settings(config, CueSettings, {"repeats": 1})
    cases = read_labelled(settings)
    (run,) = cross_validate(cases, find_words(cases), settings)
    rows = temper(cases, run, settings).scores["both"]
    return [ScoredCase(case.answers, _by_question(row), {}) for case, row in zip(cases, rows, strict=True)]


def _compare(cases: Sequence[ScoredCase], cues: CueModel, chosen: Mapping[str, float]) -> Table:
    known = [family.family_id for family in load_families()]
    ways = {
        "words alone": dict.fromkeys(known, 0.0),
        "photos alone": dict.fromkeys(known, 1.0),
        "both": chosen,
    }
    return {name: score_weights(cases, cues, Weights({}, table)) for name, table in ways.items()}


def _calibrate(
    cases: Sequence[ScoredCase], folds: Sequence[int], weights: Mapping[str, float], cues: CueModel
) -> tuple[dict[str, FamilyCalibration], list[JudgedFamily]]:
    fitted, judged = {}, []
    for family in load_families():
        weight = weights[family.family_id]
        known = [
            (case, fold)
            for case, fold in zip(cases, folds, strict=True)
            if all(question.qid in case.answers for question in family.questions)
        ]
        if not weight or not known:
            continue
        parts = []
        for number in sorted({fold for _, fold in known}):
            mine = [case for case, fold in known if fold == number]
            scores = [
                combine_scores(case.cues, case.answerer, [family], weights.__getitem__) for case in mine
            ]
            parts.append(
                ScoredFamily(
                    family,
                    np.array([average_siblings(row, family) for row in scores]),
                    [values_of(case.answers, family) for case in mine],
                    np.ones(len(mine)),
                    (cues.set_priors or {}).get(family.family_id),
                )
            )
        references = [reference for part in parts for reference in part.references]
        _, credit = most_frequent_answer(references, np.ones(len(references)))
        fitted[family.family_id] = FamilyCalibration(fit_temperature(parts), credit, weight)
        judged += [judge_fold(part, [other for other in parts if other is not part]) for part in parts]
    return fitted, judged


def _pool(seen: Sequence[SeenCase], model: PhotoAnswererModel) -> Tensor:
    return torch.from_numpy(np.concatenate([one.vectors for one in seen]))[:, : 2 * model.config.channels]


def _by_question(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> OptionScores:
    return {
        question.qid: values[place].astype(np.float32)
        for family, place in place_families(load_families())
        for question in family.questions
    }
