"""Choose how far an answerer counts beside the cue model: ``python -m training combine --config FILE
[--data DIR]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from magic_demo.core.disk.whole_files import write_json
from magic_demo.core.messages import Message
from magic_demo.core.types import Answers, Encounter, Narrative, OptionScores
from magic_demo.cues.cue_model import CueModel
from magic_demo.files.photos.reading import read_photo
from magic_demo.models.loading.finding import find_checkpoint
from magic_demo.models.predictor import Predictor
from magic_demo.models.registry import load_answerer
from magic_demo.questions.combining import WEIGHTS_NAME, Weights, combine_scores
from magic_demo.questions.decoding import decode_answers
from magic_demo.questions.families import load_families
from training.cases.metrics import most_frequent, official_scores
from training.cases.sources import CaseSource, LearningCase
from training.cases.survey import list_checked_cases
from training.runs.ranges import CountOrNone, NotNegative, Share
from training.runs.reports.data_table import SourceTable, write_tables
from training.runs.run import SettingsError, run_command

COMBINED_ON = "combination-data.json"
"""The table of the cases, in the answerer's folder."""
Table = dict[str, dict[str, float]]
"""Family id -> weight or name of a way to answer -> official accuracy."""


@dataclass(frozen=True)
class CombineSettings:
    """What is weighed and on which cases.

    checkpoint, cues: folders of the two models; the weights are written into the first. folder: of the data.
    drawn: below which synthetic cases lie or are drawn. chosen_on: held-out cases with photos. not_worse_on:
    real photos, on which no family that is known there may score less than the cues alone. families: those
    that photos tell; the cues keep the others, and all without photos.
    weights: those that are tried. most_unchecked: the largest for a family that is not known on the real
    photos.
    tolerance: a smaller weight is preferred when it loses no more than this. threads: torch's, 0 leaves the
    default.
    """

    checkpoint: Path
    cues: Path
    folder: Path
    drawn: Path
    chosen_on: CaseSource
    not_worse_on: CaseSource
    families: tuple[str, ...]
    weights: tuple[Share, ...] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
    most_unchecked: Share = 0.5
    tolerance: NotNegative = 0.01
    threads: CountOrNone = 1


@dataclass(frozen=True, eq=False)
class ScoredCase:
    """A case's known answers and what both models say of it."""

    answers: Answers
    cues: OptionScores
    answerer: OptionScores


def main(arguments: list[str]) -> int:
    """Choose the weights, write ``combination.json`` with the table of its cases and print the scores they were chosen by; returns the
    exit code."""
    options = {
        "data": ("folder", "folder of the data"),
        "checkpoint": ("checkpoint", "the answerer's folder"),
    }
    return run_command(arguments, "combine", CombineSettings, __doc__, options, combine)


def combine(settings: CombineSettings) -> dict[str, object]:
    """Choose the weights and write them into the checkpoint; returns them with the scores of every weight on
    both sets of cases."""
    known = {family.family_id for family in load_families()}
    unknown = sorted(set(settings.families) - known)
    if unknown or 0.0 not in settings.weights or not all(0.0 <= weight <= 1.0 for weight in settings.weights):
        raise SettingsError(
            Message("families: {names} are unknown", names=str(unknown))
            if unknown
            else "weights: 0 and numbers up to 1 are expected"
        )
    if settings.threads:
        torch.set_num_threads(settings.threads)
    answerer, cues = Predictor(None, load_answerer(settings.checkpoint)), CueModel.load(settings.cues)
    surveyed: list[SourceTable] = []
    scored = {
        source.name: [
            score_case(case, answerer, cues)
            for case in list_checked_cases(settings.folder, [source], settings.drawn, keep=surveyed.extend)
        ]
        for source in (settings.chosen_on, settings.not_worse_on)
    }
    tables = {
        name: {
            weight: score_weights(cases, cues, Weights({}, dict.fromkeys(known, weight)))
            for weight in settings.weights
        }
        for name, cases in scored.items()
    }
    chosen = {
        family: choose_weight(
            *({weight: scores.get(family) for weight, scores in table.items()} for table in tables.values()),
            most_unchecked=settings.most_unchecked,
            tolerance=settings.tolerance,
        )
        if family in settings.families
        else 0.0
        for family in sorted(known)
    }
    folder = find_checkpoint(settings.checkpoint)
    write_json(
        folder / WEIGHTS_NAME,
        {"text_only": dict.fromkeys(sorted(known), 0.0), "with_photos": chosen},
    )
    write_tables(folder / COMBINED_ON, surveyed)
    report: dict[str, object] = {"with_photos": chosen}
    for name, table in tables.items():
        rows: Table = {f"all families weigh {weight}": scores for weight, scores in table.items()}
        rows["as chosen"] = score_weights(scored[name], cues, Weights({}, chosen))
        rows["answerer alone"] = score_weights(scored[name], cues, Weights({}, dict.fromkeys(known, 1.0)))
        rows["best constant"] = score_constant([case.answers for case in scored[name]])
        report[f"{name}, {len(scored[name])} cases"] = rows
    return report


def score_case(case: LearningCase, answerer: Predictor, cues: CueModel) -> ScoredCase:
    """Score a case's words and photos with both models, as the Predictor does."""
    photos = tuple(read_photo(path) for path in case.photos)
    encounter = Encounter(case.case_id, Narrative(*case.texts), photos)
    return ScoredCase(case.answers, cues.score(encounter.narrative), answerer.score_options(encounter))


def score_weights(cases: Sequence[ScoredCase], cues: CueModel, weights: Weights) -> dict[str, float]:
    """Return family id -> official accuracy of the combined and decoded answers, and "all"; families without
    references are left out."""
    families = load_families()
    references, answers = {}, {}
    for number, case in enumerate(cases):
        scores = combine_scores(case.cues, case.answerer, families, partial(weights.of, photos=True))
        references[str(number)], answers[str(number)] = (
            case.answers,
            decode_answers(scores, families, cues.set_priors),
        )
    return _by_family(references, answers)


def score_constant(references: Sequence[Answers]) -> dict[str, float]:
    """Return family id -> official accuracy of the most frequent answer of these very references, and
    "all"."""
    constant = most_frequent(references)
    keys = [str(number) for number in range(len(references))]
    return _by_family(dict(zip(keys, references, strict=True)), dict.fromkeys(keys, constant))


def _by_family(references: Mapping[str, Answers], answers: Mapping[str, Answers]) -> dict[str, float]:
    return {
        name.removeprefix("accuracy_"): value for name, value in official_scores(references, answers).items()
    }


def choose_weight(
    chosen_on: Mapping[float, float | None],
    not_worse_on: Mapping[float, float | None],
    *,
    most_unchecked: float,
    tolerance: float,
) -> float:
    """Return the smallest weight within ``tolerance`` of the best on the first cases, among those not below
    weight 0 on the second.

    Both: weight -> accuracy, None where the family is not known; one unknown on the second weighs no more
    than ``most_unchecked``.
    """
    floor = not_worse_on[0.0]
    allowed = {
        weight: value or 0.0
        for weight, value in chosen_on.items()
        if (weight <= most_unchecked if floor is None else (not_worse_on[weight] or 0.0) >= floor)
    }
    best = max(allowed.values())
    return min(weight for weight, value in allowed.items() if value >= best - tolerance)
