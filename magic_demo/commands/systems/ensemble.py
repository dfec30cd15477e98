"""``python -m magic_demo ensemble``: several systems' bundles or challenge files become one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from magic_demo.challenge.run_folder import ANSWERS, BUNDLE, MASKS
from magic_demo.challenge.systems.answer_fusion import Pooling
from magic_demo.challenge.systems.ensemble import Fusion, write_ensemble
from magic_demo.challenge.systems.mask_fusion import MASK_FUSIONS
from magic_demo.challenge.systems.reading import System, read_statistics, read_system
from magic_demo.challenge.systems.weights import FittedWeights, fit_weights
from magic_demo.commands.asked import add_questions_argument, read_asked
from magic_demo.commands.systems.import_predictions import add_data_arguments, read_data
from magic_demo.core.errors import FormatError
from magic_demo.core.types import Prediction
from magic_demo.files.answers import read_answers
from magic_demo.questions.answering import Statistics
from magic_demo.questions.families import QuestionSet

EXIT_DONE, EXIT_WITH_PROBLEMS = 0, 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``python -m magic_demo ensemble``."""
    parser.epilog = (
        "Exit codes: 0 done; 1 nothing could be read, one line says why; 3 done, with problems: each line names "
        "what had to be put right or filled in."
    )
    parser.add_argument(
        "systems",
        type=Path,
        nargs="+",
        metavar="SYSTEM",
        help="a bundle, a folder of challenge files, or a JSON file of answers or of scores; of ties the first "
        "system decides",
    )
    parser.add_argument(
        "--out", type=Path, required=True, help=f"new folder for {MASKS}/, {ANSWERS} and {BUNDLE}/"
    )
    parser.add_argument(
        "--answers",
        choices=("majority", "mean", "weighted"),
        default="mean",
        help="majority of answers; mean of scores (a system without scores counts as nearly sure); or a mean "
        "with the weights that earn most on --labelled (default: mean)",
    )
    parser.add_argument(
        "--masks",
        choices=MASK_FUSIONS,
        default="mean",
        help="mean of maps, majority of pixels, or STAPLE (default: mean)",
    )
    parser.add_argument(
        "--labelled",
        type=Path,
        metavar="FILE",
        help="with --answers weighted: reference answers of a split that no system was fitted on",
    )
    parser.add_argument(
        "--labelled-systems",
        type=Path,
        nargs="+",
        metavar="SYSTEM",
        help="what the same systems say of that split, in the same order (default: SYSTEM itself)",
    )
    add_data_arguments(parser, "says what must be in the files, and which case a photo is of")
    add_questions_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Fuse the systems; returns 0, or 3 when something had to be put right or filled in (each named)."""
    if (arguments.answers == "weighted") != (arguments.labelled is not None):
        raise FormatError("--answers weighted needs --labelled FILE, and nothing else reads it")
    if arguments.labelled_systems and len(arguments.labelled_systems) != len(arguments.systems):
        raise FormatError(
            "--labelled-systems names {came} systems; {expected} are expected, in the same order",
            came=len(arguments.labelled_systems),
            expected=len(arguments.systems),
        )
    asked, data = read_asked(arguments), read_data(arguments)
    statistics = read_statistics(asked)
    systems = [read_system(place, asked, data) for place in arguments.systems]
    weights = {}
    if arguments.labelled is not None:
        labelled = [read_system(place, asked) for place in arguments.labelled_systems or arguments.systems]
        fitted = _fit(arguments.labelled, labelled, asked, statistics)
        print(describe_weights(fitted, [system.name for system in systems]))
        weights = dict(fitted.weights)
    how: Pooling = "majority" if arguments.answers == "majority" else "mean"
    fusion = Fusion(asked, statistics, how, arguments.masks, weights)
    report = write_ensemble(arguments.out, systems, fusion, data)
    print(
        f"{len(systems)} systems fused: {report.encounters} encounters, {report.masks} masks, written to "
        f"{arguments.out}"
    )
    for problem in report.problems:
        print(f"problem: {problem}", file=sys.stderr)
    return EXIT_WITH_PROBLEMS if report.problems else EXIT_DONE


def describe_weights(fitted: FittedWeights, names: Sequence[str]) -> str:
    """Return the weights and what they earn, left one out, as lines of text."""
    alone = ", ".join(f"{name} {value:.3f}" for name, value in zip(names, fitted.single, strict=True))
    kinds = ", ".join(
        f"{kind} {fitted.held_out[kind]:.3f} ({fitted.fitted[kind]:.3f} fitted)" for kind in fitted.held_out
    )
    lines = [
        f"accuracy on {fitted.cases} labelled encounters, alone: {alone}",
        f"fused, each encounter by weights that the others choose: {kinds}",
        f"weights that are used: {fitted.kind}",
    ]
    for family_id, weights in fitted.weights.items():
        lines.append(f"  {family_id}: " + ", ".join(f"{weight:.2f}" for weight in weights))
    return "\n".join(lines)


def _fit(
    labelled: Path, systems: Sequence[System], asked: QuestionSet, statistics: Statistics
) -> FittedWeights:
    references = read_answers(labelled, asked)
    shared = [case for case in references if any(case in system.encounter_ids for system in systems)]
    predictions = {
        case: [  # without masks: those of a whole split fill the memory
            replace(system.read(case), photos=()) if case in system.encounter_ids else Prediction(case)
            for system in systems
        ]
        for case in shared
    }
    return fit_weights(references, predictions, asked.families, statistics.priors)
