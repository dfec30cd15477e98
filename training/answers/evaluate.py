"""Report how well the closed questions are answered on unseen cases: ``python -m training evaluate-answers
[--data DIR] [--out DIR]``.

Without --split the cue model is cross-validated: fitted and calibrated on some of the labelled cases, judged
on the others. With --split the checkpoints are judged as they are, on cases that they must not have been
fitted on.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from magic_demo.core.types import Encounter, Narrative
from magic_demo.cues.cue_model import CueModel
from magic_demo.files.photos.reading import read_photo
from magic_demo.models.influence.statistics import find_calibration
from magic_demo.models.loading.predictors import (
    DEFAULT_ANSWERS,
    DEFAULT_CUES,
    DEFAULT_SEGMENTATION,
    load_predictor,
)
from magic_demo.models.predictor import Predictor
from magic_demo.questions.decoding import average_siblings
from magic_demo.questions.families import load_families
from training.answers.report import AnswersReport, find_mistakes, write_answers_report
from training.cases.sources import CaseSource, LearningCase
from training.cases.survey import list_checked_cases
from training.cues.calibration import (
    ERRORS,
    JudgedFamily,
    ScoredFamily,
    choose_margin,
    join,
    judge_family,
    summarise,
    values_of,
)
from training.cues.fitting import CueSettings, FoundWords, find_words, fit_cue_model
from training.cues.train import read_labelled
from training.cues.validation import (
    READINGS,
    HeldOut,
    credit_cases,
    cross_validate,
    hold_out,
    judge_run,
    temper,
)
from training.runs.record import DATA
from training.runs.reports.data_table import SourceTable, write_tables
from training.runs.run import read_settings

CONFIG = Path(__file__).resolve().parents[1] / "configs" / "cue-model.yaml"
RESAMPLES = 2000
Table = dict[str, dict[str, float]]
"""row ("constant", "en", "zh", "both") -> column ("all", family ids, the interval's ends) -> number."""


def main(arguments: list[str]) -> int:
    """Print the tables and, with --output and --out, write them as JSON and as an HTML report; returns the
    exit code."""
    parser = argparse.ArgumentParser(prog="python -m training evaluate-answers", description=__doc__)
    parser.add_argument(
        "--config", type=Path, default=CONFIG, help="settings of the cue model (default: the shipped one's)"
    )
    parser.add_argument("--data", help="folder in the challenge's layout, instead of the settings' data")
    parser.add_argument(
        "--split",
        help="judge the checkpoints on this split (valid) instead of cross-validating the cues on train",
    )
    parser.add_argument(
        "--checkpoint", default=str(DEFAULT_ANSWERS), help="with --split: the answerer's, or 'none'"
    )
    parser.add_argument("--cues", default=str(DEFAULT_CUES), help="with --split: the cue model, or 'none'")
    parser.add_argument(
        "--segmentation",
        default=str(DEFAULT_SEGMENTATION),
        help="with --split: the segmentation's, or 'none'",
    )
    parser.add_argument("--text-only", action="store_true", help="with --split: leave the photos out")
    parser.add_argument("--output", type=Path, help="a JSON file to write the numbers to")
    parser.add_argument(
        "--out", type=Path, help="folder for report.html (it holds patients' words) and data.json"
    )
    parser.add_argument(
        "--quick", action="store_true", help="one dealing of the folds, and the first two tables alone"
    )
    options = parser.parse_args(arguments)
    settings = read_settings(options.config, CueSettings, {"data": options.data})
    if options.quick:
        settings = dataclasses.replace(settings, repeats=1)
    page: AnswersReport | None = None
    tables: list[SourceTable] = []
    if options.split:
        report, page = _judge_checkpoints(settings, options, tables.extend)
    else:
        cases = read_labelled(settings, keep=tables.extend)
        runs = cross_validate(cases, find_words(cases), settings)
        judged = [judge_run(cases, run, settings, "both") for run in runs]
        report = evaluate(cases, settings, runs, judged, quick=options.quick)
        page = judge_cues(cases, settings, runs, judged, report) if options.out else None
    for title, table in report.items():
        _print_table(title, table)
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if options.out and page is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        write_answers_report(options.out / "report.html", page)
        write_tables(options.out / DATA, tables)
        print(f"\nwritten: {options.out / 'report.html'}, {DATA}")
    return 0


def judge_cues(
    cases: Sequence[LearningCase],
    settings: CueSettings,
    runs: Sequence[HeldOut],
    judged: Sequence[Sequence[JudgedFamily]],
    report: Mapping[str, Table],
) -> AnswersReport:
    """Return the page's content for the cross-validated cue model; the mistakes are those of the first dealing of
    the folds."""
    found = find_words(cases)
    order = np.concatenate([np.flatnonzero(runs[0].folds == fold) for fold in range(settings.folds)]).tolist()
    models: list[CueModel | None] = []
    for fold in range(settings.folds):
        kept = np.flatnonzero(runs[0].folds != fold).tolist()
        model = fit_cue_model([cases[index] for index in kept], [found[index] for index in kept], settings)
        models += [model] * int((runs[0].folds == fold).sum())
    families = [entry for of_run in judged for entry in of_run]
    accuracies = {
        f"cue model, {title}": table["both"]["all"] for title, table in report.items() if "both" in table
    }
    intro = (
        f"Cue model, {settings.repeats} x {settings.folds} folds by author on {len(cases)} labelled "
        "train encounters; official metric, in "
        "brackets a 95% interval with authors drawn anew. constant: the most frequent answers of the "
        "cases fitted on; en, zh, both: the "
        "languages read. Calibration, confusions and mistakes: both languages, as the shipped heads "
        "are fitted."
    )
    mistakes = find_mistakes([cases[index] for index in order], judged[0], models)
    accuracy = {title: table for title, table in report.items() if "both" in table}
    return AnswersReport(intro, accuracy, accuracies, families, choose_margin(families), mistakes)


def _judge_checkpoints(
    settings: CueSettings, options: argparse.Namespace, keep: Callable[[Sequence[SourceTable]], None]
) -> tuple[dict[str, Table], AnswersReport]:
    """Judge loaded checkpoints on a split; the constant answer is what they give to a case without words and
    photos. keep: is given the table of the cases."""
    named: tuple[str, ...] = (options.segmentation, options.checkpoint, options.cues)
    segmentation, answers, cues = (None if source == "none" else source for source in named)
    predictor = load_predictor(segmentation=segmentation, answers=answers, cues=cues)
    source = CaseSource(options.split, "challenge", split=options.split, photos=not options.text_only)
    cases = sorted(
        list_checked_cases(settings.data, [source], settings.output, keep=keep),
        key=lambda case: case.case_id,
    )
    judged = judge_predictor(predictor, cases)
    credits = {
        "constant": np.array([entry.constant_credits for entry in judged]).T,
        "model": np.array([entry.credits for entry in judged]).T,
    }
    title = f"{len(cases)} cases of {options.split}" + (", text alone" if options.text_only else "")
    groups = [case.group for case in cases]
    report = {
        title: {name: _summarise_credits(values, groups, settings.seed) for name, values in credits.items()}
    }
    margin = max((calibration.margin for calibration in predictor.calibrations), default=0.0)
    names = ", ".join(predictor.models.values())
    intro = (
        f"{names}, on {title}; official metric, in brackets a 95% interval with authors drawn anew. "
        "constant: the answers to a case without "
        "words and photos. Families that no calibration belongs to are shown at temperature 1."
    )
    mistakes = find_mistakes(cases, judged, [predictor.cues] * len(cases))
    return report, AnswersReport(
        intro, report, {f"here, {title}": report[title]["model"]["all"]}, judged, margin, mistakes
    )


def judge_predictor(predictor: Predictor, cases: Sequence[LearningCase]) -> list[JudgedFamily]:
    """Answer cases as the program does, family by family; families that a case has no reference for are
    refused by the metric."""
    constant = predictor.predict(Encounter("constant")).answers
    scored = []
    for case in tqdm(cases, desc="cases", leave=False):
        photos = tuple(read_photo(path) for path in case.photos)
        encounter = Encounter(case.case_id, Narrative(*case.texts), photos)
        scored.append(predictor.rate_options(encounter))
    judged = []
    for family in load_families():
        parts = []
        for case, (scores, say) in zip(cases, scored, strict=True):
            fitted, _ = find_calibration(predictor, family.family_id, say)
            part = ScoredFamily(
                family,
                average_siblings(scores, family)[None],
                [values_of(case.answers, family)],
                np.ones(1),
                (predictor.set_priors or {}).get(family.family_id),
            )
            temperature, prior_credit = (
                (fitted.temperature, fitted.prior_credit) if fitted is not None else (1.0, 0.0)
            )
            parts.append(judge_family(part, temperature, values_of(constant, family), prior_credit))
        judged.append(join(parts))
    return judged


def evaluate(
    cases: Sequence[LearningCase],
    settings: CueSettings,
    runs: Sequence[HeldOut],
    judged: Sequence[Sequence[JudgedFamily]],
    *,
    quick: bool = False,
) -> dict[str, Table]:
    """Return the tables by title: random folds with the shipped weights and their calibration, all labels
    alike, the splits in time.

    runs: the cross-validation with the shipped weights; judged: each run's families. ``quick`` stops after
    the first two tables.
    """
    found = find_words(cases)
    name = f"{settings.repeats} x {settings.folds} folds by author"
    shipped = [temper(cases, run, settings) for run in runs]
    report = {f"{name}, shipped weights": score_table(cases, shipped, settings)}
    report[f"{name}, shipped weights: calibration"] = _calibration_table(
        [entry for of_run in judged for entry in of_run]
    )
    if quick:
        return report
    alike = dataclasses.replace(
        settings, families=tuple(dataclasses.replace(f, older_weight=1.0) for f in settings.families)
    )
    equal = [temper(cases, run, alike) for run in cross_validate(cases, found, alike)]
    report[f"{name}, all labels alike"] = score_table(cases, equal, settings)
    present = [keep_from(cases, run, settings.present_from) for run in shipped]
    if (present[0].folds >= 0).any():
        report[f"{name}, shipped weights, cases from {settings.present_from} on"] = score_table(
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
    """Return the official credit, mean over the runs, with a 95% interval of the mean (authors drawn anew
    ``RESAMPLES`` times)."""
    held = np.flatnonzero(runs[0].folds >= 0).tolist()
    groups = [cases[index].group for index in held]
    table: Table = {}
    for reading in (None, *READINGS):
        credits = np.mean([credit_cases(cases, run, reading) for run in runs], axis=0)
        table[reading or "constant"] = _summarise_credits(credits, groups, settings.seed)
    return table


def _summarise_credits(credits: NDArray[np.float64], groups: Sequence[str], seed: int) -> dict[str, float]:
    """Return the mean of (N, families) credits, all in all with its interval, and by family."""
    low, high = _interval(credits.mean(axis=1), groups, seed)
    columns = {
        family.family_id: float(credits[:, column].mean()) for column, family in enumerate(load_families())
    }
    return {"all": float(credits.mean()), "low": low, "high": high, **columns}


def _hold_out_later(
    cases: Sequence[LearningCase], found: Sequence[FoundWords], settings: CueSettings, count: int
) -> HeldOut:
    return hold_out(cases, found, settings, [list(range(count, len(cases)))])


def _interval(values: NDArray[np.float64], groups: Sequence[str], seed: int) -> tuple[float, float]:
    names = sorted(set(groups))
    of_group = np.array([names.index(group) for group in groups])
    sums, sizes = np.bincount(of_group, values, len(names)), np.bincount(of_group, minlength=len(names))
    drawn = np.random.default_rng(seed).integers(0, len(names), (RESAMPLES, len(names)))
    low, high = np.percentile(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), [2.5, 97.5])
    return float(low), float(high)


def _calibration_table(judged: Sequence[JudgedFamily]) -> Table:
    """Return the calibration error before and after, and the share that is unsure at the margin that these
    very answers ask for."""
    summary = summarise(judged, choose_margin(judged))
    return {
        row: {column: values[row] or 0.0 for column, values in _all_first(summary)}
        for row in (*ERRORS, "unsure")
    }


def _all_first(
    summary: Mapping[str, Mapping[str, float | None]],
) -> list[tuple[str, Mapping[str, float | None]]]:
    return [
        ("all", summary["all"]),
        *((column, values) for column, values in summary.items() if column != "all"),
    ]


def _print_table(title: str, table: Table) -> None:
    names = list(next(iter(table.values())))
    print(f"\n{title}\n{'':14}" + "".join(f"{name.removeprefix('CQID'):>8}" for name in names))
    for row, columns in table.items():
        print(f"{row:14}" + "".join(f"{columns[name]:8.3f}" for name in names))
