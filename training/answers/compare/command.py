"""Compare systems on one labelled split: ``python -m training compare SYSTEM... --data DIR --split SPLIT``.

A system is a bundle, challenge files, or a JSON file of answers or scores, as ``python -m magic_demo
ensemble`` takes them; the folder of an answerer, which is run here; or, on the train split, one of this repository's that is fitted on some of the labelled
cases and answers the others: constant, cues, neighbours, cues+neighbours, ensemble.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from magic_demo.challenge.data_masks import DataMasks, find_data_masks
from magic_demo.challenge.running.watching import watch
from magic_demo.challenge.systems.effort import Effort, read_effort
from magic_demo.challenge.systems.reading import System, read_system
from magic_demo.core.types import Answers, Prediction
from magic_demo.files.encounters import read_encounters
from magic_demo.files.masks.mask_files import read_loose_mask
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.questions.families import load_families
from magic_demo.questions.scoring import count_photo, segmentation_values
from training.answers.compare.held_out import HELD_OUT, answer_held_out
from training.answers.compare.measuring import compare_pair, credit_rows, draw_groups, interval
from training.answers.compare.models import is_model, run_model
from training.answers.compare.table import Comparison, Row, print_comparison, write_comparison
from training.cases.sources import CaseSource, LearningCase
from training.cases.survey import list_checked_cases
from training.cues.fitting import CueSettings
from training.runs.record import DATA
from training.runs.reports.data_table import SourceTable, write_tables
from training.runs.run import SettingsError, read_settings

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "cue-model.yaml"


def main(arguments: list[str]) -> int:
    """Print the table and, with --out, write it as JSON and HTML; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m training compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("systems", nargs="+", metavar="SYSTEM", help=f"a path, or {', '.join(HELD_OUT)}")
    parser.add_argument("--data", type=Path, required=True, help="folder in the challenge's layout")
    parser.add_argument("--split", default="train", help="labelled split (default: train)")
    parser.add_argument("--config", type=Path, default=CONFIG, help="settings of cues and folds")
    parser.add_argument("--out", type=Path, help=f"folder for compare.json, compare.html and {DATA}")
    parser.add_argument("--quick", action="store_true", help="one dealing of the folds")
    options = parser.parse_args(arguments)
    settings = read_settings(options.config, CueSettings, {"data": str(options.data)})
    if options.quick:
        settings = dataclasses.replace(settings, repeats=1)
    surveyed: list[SourceTable] = []
    comparison = compare(options.systems, options.data, options.split, settings, keep=surveyed.extend)
    print(print_comparison(comparison))
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        content = json.dumps(asdict(comparison), indent=2) + "\n"
        (options.out / "compare.json").write_text(content, encoding="utf-8")
        write_comparison(options.out / "compare.html", comparison)
        write_tables(options.out / DATA, surveyed)
        print(f"\nwritten: {options.out / 'compare.html'}")
    return 0


def compare(
    names: Sequence[str],
    data: Path,
    split: str,
    settings: CueSettings,
    *,
    keep: Callable[[Sequence[SourceTable]], None] | None = None,
) -> Comparison:
    """Run or read each system on the labelled cases of a split and measure how they differ.

    keep: is given the table of the cases. Raises SettingsError where systems that are fitted in folds are asked for another split than train, or
    there are fewer cases than folds.
    """
    fitted = [name for name in names if name in HELD_OUT]
    if fitted and split != "train":
        raise SettingsError(
            "{names}: are fitted and tested in folds of the train split, not of {split}; give predictions of "
            "{split} instead",
            names=", ".join(fitted),
            split=split,
        )
    source = CaseSource(split, "challenge", split=split, photos=False)
    cases = sorted(
        list_checked_cases(data, [source], settings.output, keep=keep), key=lambda case: case.case_id
    )
    if fitted and len(cases) < settings.folds:
        raise SettingsError(
            "{data}: {count} labelled cases, at least {folds} are needed",
            data=data,
            count=len(cases),
            folds=settings.folds,
        )
    held_out = answer_held_out(cases, settings, fitted) if fitted else {}
    listing = read_encounters(data, split)
    masks = find_data_masks(listing, data, None)
    rows, measured = [], []
    held = draw_groups([case.group for case in cases], settings.seed)
    for name in names:
        if name in held_out:
            dealings, dices = held_out[name].dealings, None
            shown, effort = name, held_out[name].effort
        else:
            ran = is_model(Path(name))
            with watch() as watched:
                if ran:
                    system = run_model(Path(name), listing.encounters)
                else:
                    system = read_system(Path(name), data=masks)
                dealings = [[_read_answers(system, case) for case in cases]]
            took = Effort(watched.seconds / max(1, len(cases)), watched.memory_mb, None, "answering here")
            shown, effort = system.name, took if ran else read_effort(Path(name))
            dices = _measure_masks(system, masks) if system.gives_masks else None
        credits = np.mean([credit_rows(cases, answers) for answers in dealings], axis=0)
        low, high = interval(credits.mean(axis=1), held)
        by_family = credits.mean(axis=0)
        ids = [family.family_id for family in load_families()]
        answered = any(dealings[0])
        rows.append(
            Row(
                shown,
                float(credits.mean()) if answered else None,
                (low, high) if answered else None,
                {family: float(value) for family, value in zip(ids, by_family, strict=True)},
                *(dices or (None, None, 0)),
                effort=effort,
            )
        )
        measured.append((credits, dealings[0]))
    pairs = {
        f"{rows[one].name} - {rows[other].name}": compare_pair(measured[one], measured[other], held)
        for one in range(len(rows))
        for other in range(one)
        if rows[one].accuracy is not None and rows[other].accuracy is not None
    }
    dealt = f"; fitted systems: {settings.repeats} x {settings.folds} folds by author" if fitted else ""
    return Comparison(f"{len(cases)} labelled encounters of {split}{dealt}", tuple(rows), pairs)


def _read_answers(system: System, case: LearningCase) -> Answers:
    if case.case_id not in system.encounter_ids:
        return {}
    return system.read(case.case_id).answers


def _measure_masks(system: System, data: DataMasks) -> tuple[float | None, float | None, int] | None:
    """Return the official pooled Dice and Jaccard of a system's masks against the reference masks, and of how many photos; None
    where it has no mask of a photo with references."""
    counts = []
    for files in data.found.encounters:
        if not any(photo.photo_id in data.references for photo in files.photo_files):
            continue
        there = files.encounter_id in system.encounter_ids
        prediction = system.read(files.encounter_id) if there else Prediction(files.encounter_id)
        for photo in prediction.photos:
            paths = data.references.get(photo.photo_id, ())
            references = [data.turned.turn_mask(photo.photo_id, read_loose_mask(path).mask) for path in paths]
            references = [mask for mask in references if mask.shape == photo.size]
            if references:
                mask = lesion_mask(photo.probability, photo.size, prediction.threshold)
                counts.append(count_photo(references, mask))
    if not counts:
        return None
    values = segmentation_values(counts)
    return values["dice"], values["jaccard"], len(counts)
