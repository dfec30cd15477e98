"""Calibrate cue model and answerer together, for cases with photos: ``python -m training calibrate
--config FILE``.

The cue model alone, for cases without photos, is calibrated when it is fitted (``python -m training
cues``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from magic_demo.core.types import Encounter, Family, Narrative, OptionScores
from magic_demo.files.photos.reading import read_photo
from magic_demo.models.loading.finding import find_checkpoint
from magic_demo.models.loading.predictors import load_predictor
from magic_demo.models.predictor import Predictor
from magic_demo.questions.calibration import (
    Calibration,
    FamilyCalibration,
    digest_of,
    read_calibration,
    write_calibration,
)
from magic_demo.questions.decoding import average_siblings
from magic_demo.questions.families import load_families
from training.cases.folds import split_folds
from training.cases.sources import CaseSource, LearningCase
from training.cases.survey import list_checked_cases
from training.cues.calibration import ScoredFamily, fit_temperature, judge_fold, summarise, values_of
from training.runs.ranges import CountOrNone, Folds, Positive, Seed
from training.runs.reports.data_table import SourceTable, write_tables
from training.runs.run import SettingsError, run_command

CALIBRATED_ON = "calibration-data.json"
"""The table of the cases, in the answerer's folder."""


@dataclass(frozen=True)
class CalibrateSettings:
    """What is calibrated and on which cases.

    segmentation, checkpoint, cues: folders of the models; the calibration is written into the second. folder:
    of the data.
    drawn: below which synthetic cases lie or are drawn. sources: cases with photos that no model was fitted
    on; each source counts alike.
    least_temperature: none below it is taken, lest drawings make the model surer of real photos than its
    scores are.
    folds, seed: of the cross-validation that the printed calibration errors come from. threads: torch's, 0
    leaves the default.
    """

    segmentation: Path
    checkpoint: Path
    cues: Path
    folder: Path
    drawn: Path
    sources: tuple[CaseSource, ...]
    least_temperature: Positive = 1.0
    folds: Folds = 5
    seed: Seed = 0
    threads: CountOrNone = 1


def main(arguments: list[str]) -> int:
    """Fit the temperatures, write ``calibration.json`` with the table of its cases and print calibration errors out of fold; returns the
    exit code."""
    options = {
        "data": ("folder", "folder of the data"),
        "checkpoint": ("checkpoint", "the answerer's folder"),
    }
    return run_command(arguments, "calibrate", CalibrateSettings, __doc__, options, calibrate)


def calibrate(settings: CalibrateSettings) -> dict[str, object]:
    """Fit one temperature a family that the answerer has a say in, write them into its folder, and
    return how well they hold.

    What the most frequent answer earns, and the margin, are the cue model's: those come from real cases.
    Raises SettingsError where the cues are not calibrated, or the answerer has no say or was tested by kinds of
    photos.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    predictor = load_predictor(
        segmentation=settings.segmentation, answers=settings.checkpoint, cues=settings.cues
    )
    words = read_calibration(find_checkpoint(settings.cues))
    if (
        words is None
        or predictor.cues is None
        or predictor.answerer is None
        or words.cues != digest_of(predictor.cues.model_id)
    ):
        raise SettingsError(
            "{cues}: no calibration of these very heads; run 'python -m training cue-model' first",
            cues=settings.cues,
        )
    if predictor.mismatch is not None:
        raise SettingsError(
            "{checkpoint}: {mismatch}", checkpoint=settings.checkpoint, mismatch=predictor.mismatch
        )
    if predictor.weights.kinds:
        raise SettingsError(
            "{checkpoint}: was calibrated by its own training, for each kind of photos; run 'python -m training "
            "photo-answerer' again instead",
            checkpoint=settings.checkpoint,
        )
    weights = {
        family.family_id: predictor.weights.of(family.family_id, photos=True) for family in load_families()
    }
    said = [family for family in load_families() if weights[family.family_id] > 0]
    if not said:
        raise SettingsError(
            "{checkpoint}: weighs nothing in any family, so the cues' calibration holds",
            checkpoint=settings.checkpoint,
        )
    surveyed: list[SourceTable] = []
    cases = list_checked_cases(settings.folder, settings.sources, settings.drawn, keep=surveyed.extend)
    scores = [_score(predictor, case) for case in tqdm(cases, desc="cases", leave=False)]
    folds = split_folds(cases, settings.folds, settings.seed)
    fitted, judged = {}, []
    for family in said:
        parts = [
            part for fold in folds if (part := _take(family, cases, scores, fold, predictor)) is not None
        ]
        if len(parts) < 2:
            raise SettingsError(
                "{family}: too few cases with a known answer; name more sources", family=family.family_id
            )
        prior_credit = words.text_only[family.family_id].prior_credit
        temperature = max(settings.least_temperature, fit_temperature(parts))
        fitted[family.family_id] = FamilyCalibration(temperature, prior_credit, weights[family.family_id])
        judged += [
            judge_fold(
                part, [other for other in parts if other is not part], least=settings.least_temperature
            )
            for part in parts
        ]
    counts = {
        source.name: sum(case.source.name == source.name for case in cases) for source in settings.sources
    }
    name = ", ".join(f"{count} {source} cases" for source, count in counts.items())
    calibration = Calibration(
        words.cues, digest_of(predictor.answerer.model_id), words.margin, with_photos=fitted, fitted_on=name
    )
    folder = find_checkpoint(settings.checkpoint)
    write_calibration(folder, calibration)
    write_tables(folder / CALIBRATED_ON, surveyed)
    temperatures = {family_id: entry.temperature for family_id, entry in fitted.items()}
    return {
        "fitted on": name,
        "temperatures": temperatures,
        f"{settings.folds} folds": summarise(judged, words.margin),
    }


def _score(predictor: Predictor, case: LearningCase) -> OptionScores:
    photos = tuple(read_photo(path) for path in case.photos)
    return predictor.score_options(Encounter(case.case_id, Narrative(*case.texts), photos))


def _take(
    family: Family,
    cases: Sequence[LearningCase],
    scores: Sequence[OptionScores],
    fold: Sequence[int],
    predictor: Predictor,
) -> ScoredFamily | None:
    """Return a fold's cases that the family's answer is known of, each source weighing alike; None without
    any."""
    known = [
        index
        for index in range(len(cases))
        if all(question.qid in cases[index].answers for question in family.questions)
    ]
    mine = [index for index in fold if index in set(known)]
    if not mine:
        return None
    sizes = {
        name: sum(cases[index].source.name == name for index in known)
        for name in {cases[index].source.name for index in known}
    }
    return ScoredFamily(
        family,
        np.array([average_siblings(scores[index], family) for index in mine]),
        [values_of(cases[index].answers, family) for index in mine],
        np.array([1.0 / sizes[cases[index].source.name] for index in mine]),
        (predictor.set_priors or {}).get(family.family_id),
    )
