"""Fit the cue model's heads on the labelled train cases, calibrate them out of fold, and write the
checkpoint."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence

from magic_demo.cues.cue_model import CueModel
from magic_demo.questions.calibration import write_calibration
from training.cases.sources import CaseSource, LearningCase
from training.cases.survey import list_checked_cases
from training.cues.fitting import CueSettings, find_words, fit_cue_model
from training.cues.validation import HeldOut, cross_validate, fit_calibration, fit_temperatures
from training.runs.record import keep_record
from training.runs.reports.data_table import SourceTable
from training.runs.run import SettingsError, read_command


def main(arguments: list[str]) -> int:
    """Fit and save the heads; returns the exit code."""
    options = {
        "data": ("data", "folder with train.json and train_cvqa.json"),
        "output": ("output", "folder to write to"),
    }
    settings = read_command(arguments, "cue-model", CueSettings, __doc__, options)
    cases = read_labelled(
        settings, keep=lambda tables: keep_record(settings.output, settings, tables, resume=False)
    )
    model, runs = fit_calibrated(cases, settings)
    model.save(settings.output)
    loaded = CueModel.load(settings.output)
    write_calibration(settings.output, fit_calibration(cases, runs, loaded, settings))
    size = sum(
        path.stat().st_size for path in settings.output.iterdir() if path.suffix in (".json", ".safetensors")
    )
    print(
        json.dumps(
            {"model": loaded.model_id, "folder": str(settings.output), "cases": len(cases), "bytes": size},
            indent=2,
        )
    )
    return 0


def read_labelled(
    settings: CueSettings, *, keep: Callable[[Sequence[SourceTable]], None] | None = None
) -> list[LearningCase]:
    """Read the cases that have answers, in the order of their ids. keep: is given their table.

    Raises SettingsError or FormatError when the data is missing or broken.
    """
    cases = list_checked_cases(
        settings.data, [CaseSource("train", "challenge", photos=False)], settings.output, keep=keep
    )
    if len(cases) < settings.folds:
        raise SettingsError(
            "{data}: {count} labelled cases, at least {folds} are needed",
            data=settings.data,
            count=len(cases),
            folds=settings.folds,
        )
    return sorted(cases, key=lambda case: case.case_id)


def fit_calibrated(cases: Sequence[LearningCase], settings: CueSettings) -> tuple[CueModel, list[HeldOut]]:
    """Fit on all cases, with the temperatures that the cross-validation's held-out scores ask for; returns
    these too."""
    found = find_words(cases)
    runs = cross_validate(cases, found, settings)
    temperatures = fit_temperatures(cases, runs, settings)
    model = fit_cue_model(cases, found, settings)
    families = tuple(
        dataclasses.replace(family, temperatures=temperatures[family.family_id]) for family in model.families
    )
    return dataclasses.replace(model, families=families), runs
