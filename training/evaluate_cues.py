"""Report how well the text cues answer unseen cases: official metric by family and language, beside the constant answer, and calibration."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from magic_demo.questions import load_families
from training.cue_fitting import CueSettings, FoundWords, find_words
from training.cue_validation import READINGS, HeldOut, calibration_error, credit_cases, cross_validate, hold_out, temper
from training.cues import read_labelled
from training.run import read_settings
from training.vqa_sources import LearningCase

RESAMPLES = 2000
Table = dict[str, dict[str, float]]
"""row ("constant", "en", "zh", "both") -> column ("all", family ids, the interval's ends) -> number."""


def main(arguments: list[str]) -> int:
    """Print the tables and, with --output, write them as JSON; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training evaluate-cues", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="a settings file, see training/configs/cues.yaml")
    parser.add_argument("--data", help="folder with train.json and train_cvqa.json, instead of the settings' data")
    parser.add_argument("--output", type=Path, help="a JSON file to write the numbers to")
    parser.add_argument("--quick", action="store_true", help="one dealing of the folds, and the first table alone")
    options = parser.parse_args(arguments)
    settings = read_settings(options.config, CueSettings, {"data": options.data})
    if options.quick:
        settings = dataclasses.replace(settings, repeats=1)
    report = evaluate(read_labelled(settings), settings, quick=options.quick)
    for title, table in report.items():
        _print_table(title, table)
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def evaluate(cases: Sequence[LearningCase], settings: CueSettings, *, quick: bool = False) -> dict[str, Table]:
    """Return the tables by title: random folds with all labels alike, then with the shipped weights, then the splits in time."""
    found = find_words(cases)
    alike = dataclasses.replace(settings, families=tuple(dataclasses.replace(f, older_weight=1.0) for f in settings.families))
    name = f"{settings.repeats} x {settings.folds} folds by author"
    runs = [temper(cases, run, alike) for run in cross_validate(cases, found, alike)]
    report = {f"{name}, all labels alike": score_table(cases, runs, settings)}
    report[f"{name}, all labels alike: calibration error"] = _calibration_table(cases, runs, alike)
    if quick:
        return report
    shipped = [temper(cases, run, settings) for run in cross_validate(cases, found, settings)]
    report[f"{name}, shipped weights"] = score_table(cases, shipped, settings)
    present = [keep_from(cases, run, settings.present_from) for run in shipped]
    if (present[0].folds >= 0).any():
        report[f"{name}, shipped weights, cases from {settings.present_from} on"] = score_table(cases, present, settings)
        report[f"{name}, shipped weights, cases from {settings.present_from} on: calibration error"] = _calibration_table(
            cases, present, settings
        )
    for share in (2 / 3, 5 / 6):
        count = round(len(cases) * share)
        later = range(count, len(cases))
        report[f"fitted on the first {count}, tested on the last {len(later)}"] = score_table(
            cases, [_hold_out_later(cases, found, settings, count)], settings
        )
    return report


def keep_from(cases: Sequence[LearningCase], run: HeldOut, first: str) -> HeldOut:
    """Return the run with the cases before ``first`` taken as never held out."""
    later = np.array([case.case_id >= first for case in cases])
    return dataclasses.replace(run, folds=np.where(later, run.folds, -1))


def score_table(cases: Sequence[LearningCase], runs: Sequence[HeldOut], settings: CueSettings) -> Table:
    """Return the official credit, mean over the runs, with a 95% interval of the mean (authors drawn anew ``RESAMPLES`` times)."""
    held = np.flatnonzero(runs[0].folds >= 0).tolist()
    groups = [cases[index].group for index in held]
    table: Table = {}
    for reading in (None, *READINGS):
        credits = np.mean([credit_cases(cases, run, reading) for run in runs], axis=0)
        low, high = _interval(credits.mean(axis=1), groups, settings.seed)
        columns = {family.family_id: float(credits[:, column].mean()) for column, family in enumerate(load_families())}
        table[reading or "constant"] = {"all": float(credits.mean()), "low": low, "high": high, **columns}
    return table


def _hold_out_later(cases: Sequence[LearningCase], found: Sequence[FoundWords], settings: CueSettings, count: int) -> HeldOut:
    return hold_out(cases, found, settings, [list(range(count, len(cases)))])


def _interval(values: NDArray[np.float64], groups: Sequence[str], seed: int) -> tuple[float, float]:
    names = sorted(set(groups))
    of_group = np.array([names.index(group) for group in groups])
    sums, sizes = np.bincount(of_group, values, len(names)), np.bincount(of_group, minlength=len(names))
    drawn = np.random.default_rng(seed).integers(0, len(names), (RESAMPLES, len(names)))
    low, high = np.percentile(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), [2.5, 97.5])
    return float(low), float(high)


def _calibration_table(cases: Sequence[LearningCase], runs: Sequence[HeldOut], settings: CueSettings) -> Table:
    table: Table = {}
    for reading in READINGS:
        errors = [calibration_error(cases, run, reading, settings) for run in runs]
        columns = {family_id: float(np.mean([error[family_id] for error in errors])) for family_id in errors[0]}
        table[reading] = {"all": float(np.mean(list(columns.values()))), **columns}
    return table


def _print_table(title: str, table: Table) -> None:
    names = list(next(iter(table.values())))
    print(f"\n{title}\n{'':10}" + "".join(f"{name.removeprefix('CQID'):>8}" for name in names))
    for row, columns in table.items():
        print(f"{row:10}" + "".join(f"{columns[name]:8.3f}" for name in names))
