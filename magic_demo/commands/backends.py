"""``python -m magic_demo backends``: what models can run on here, and how near each comes to float32 on cases
of one's own."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from magic_demo.challenge.running.cases import read_encounter
from magic_demo.core.disk.whole_files import write_json
from magic_demo.core.errors import CheckpointError, FormatError
from magic_demo.core.types import Encounter, Mask
from magic_demo.files.encounters import read_encounters
from magic_demo.imaging.overlay import level_of
from magic_demo.models.backends.backend import (
    CHECKED_NAME,
    explain_missing,
    has_bfloat16,
    read_checked,
    use_cores,
)
from magic_demo.models.backends.names import BACKENDS
from magic_demo.models.loading.finding import find_checkpoint, name_model
from magic_demo.models.loading.predictors import DEFAULT_SEGMENTATION
from magic_demo.models.predictor import Predictor
from magic_demo.models.registry import load_answerer, load_segmenter
from magic_demo.questions.answering import Statistics
from magic_demo.questions.calibration import digest_of
from magic_demo.questions.families import QuestionSet

TOLERANCE = 0.98
"""The mean mask IoU to float32, and the share of families with the same answers, below which a backend is not
written down as checked."""


@dataclass(frozen=True)
class Comparison:
    """What a backend gave beside float32. nearness: 0..1, 1 is the same. said: in words. ratio: how many
    times faster it was by the clock."""

    backend: str
    nearness: float
    said: str
    ratio: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``python -m magic_demo backends``."""
    parser.add_argument(
        "data",
        type=Path,
        nargs="?",
        help="cases to compare on: the challenge's layout, or a plain folder of photos",
    )
    parser.add_argument("--split", help="train, valid or test: which <split>.json to read")
    parser.add_argument(
        "--cases", type=int, default=20, help="how many of them, evenly spread (default: %(default)s)"
    )
    parser.add_argument(
        "--segmentation",
        default=str(DEFAULT_SEGMENTATION),
        help="checkpoint folder or Hub id (default: the shipped one)",
    )
    parser.add_argument(
        "--answers",
        help="checkpoint folder or Hub id of an answerer with encoders of its own, to compare as well",
    )
    parser.add_argument(
        "--only", action="append", choices=[name for name in BACKENDS if name != "torch"], help="these alone"
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help=f"note in the checkpoints' {CHECKED_NAME} what came near enough, so that auto may choose it",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run ``backends``; returns 0."""
    print(f"processor: {'with' if has_bfloat16() else 'without'} instructions for bfloat16")
    for name, what in BACKENDS.items():
        print(f"  {name:14} {what}; {explain_missing(name) or 'ready'}")
    if arguments.data is None:
        return 0
    use_cores()
    cases = read_cases(arguments.data, arguments.split, arguments.cases)
    names = [name for name in arguments.only or BACKENDS if name != "torch" and not explain_missing(name)]
    for source, compare in ((arguments.segmentation, compare_masks), (arguments.answers, compare_answers)):
        if source is None:
            continue
        model_id = name_model(source)
        print(f"\n{model_id}, beside float32:")
        comparisons = compare(source, names, cases)
        for one in comparisons:
            print(f"  {one.backend:14} {one.said}; {one.ratio:.1f} times as fast")
        if arguments.write:
            write_checked(find_checkpoint(source), model_id, comparisons)
    return 0


def read_cases(data: Path, split: str | None, most: int) -> list[Encounter]:
    """Read at most ``most`` encounters that have photos, evenly spread.

    Raises FormatError when there is none.
    """
    found = [files for files in read_encounters(data, split).encounters if files.photo_files]
    step = max(1, len(found) // max(1, most))
    cases = [read_encounter(files)[0] for files in found[::step][:most]]
    if not any(case.photos for case in cases):
        raise FormatError(
            "{data}: no case with a photo that can be read; the challenge's layout or a folder "
            "of photos is expected",
            data=data,
        )
    return cases


def compare_masks(source: str, names: Sequence[str], cases: Sequence[Encounter]) -> list[Comparison]:
    """Compare a segmentation model's masks, at its size and threshold, with those in float32."""

    def outline(backend: str) -> tuple[list[Mask], float]:
        segmenter = load_segmenter(source, backend=backend)
        # to warm up
        segmenter.predict(cases[0].photos[0].pixels if cases[0].photos else np.zeros((64, 64, 3), np.uint8))
        begun = time.perf_counter()
        maps = [
            segmenter.predict(photo.pixels, case.narrative.text("en"))
            for case in cases
            for photo in case.photos
        ]
        took = time.perf_counter() - begun
        return [probability * 255 + 0.5 >= level_of(segmenter.threshold) for probability in maps], took

    exact, plain = outline("torch")
    comparisons = []
    for name in names:
        masks, took = outline(name)
        overlaps = [find_overlap(one, other) for one, other in zip(exact, masks, strict=True)]
        said = (
            f"mask IoU {np.mean(overlaps):.4f} on average, {min(overlaps):.4f} at least, {len(overlaps)} "
            "photos"
        )
        comparisons.append(Comparison(name, float(np.mean(overlaps)), said, plain / took))
    return comparisons


def compare_answers(source: str, names: Sequence[str], cases: Sequence[Encounter]) -> list[Comparison]:
    """Compare an answerer's answers with those in float32.

    Raises CheckpointError for one without encoders of its own.
    """

    def answer(backend: str) -> tuple[list[dict[str, frozenset[int]]], float]:
        answerer = load_answerer(source, backend=backend)
        if answerer.backend is None:
            raise CheckpointError(
                "{source}: reads what the segmentation model sees and runs on nothing itself; leave out "
                "--answers",
                source=source,
            )
        predictor, families = Predictor(None, answerer), answerer.families
        begun = time.perf_counter()
        scores = [predictor.score_options(case) for case in cases]
        took = time.perf_counter() - begun
        questions, statistics = QuestionSet(families), Statistics(answerer.set_priors or {})
        decoded = [questions.answer(values, statistics).answers for values in scores]
        return [
            {
                family.family_id: frozenset(answers[question.qid] for question in family.questions)
                for family in families
            }
            for answers in decoded
        ], took

    exact, plain = answer("torch")
    comparisons = []
    for name in names:
        answers, took = answer(name)
        same = [
            one[family] == other[family] for one, other in zip(exact, answers, strict=True) for family in one
        ]
        comparisons.append(
            Comparison(
                name,
                float(np.mean(same)),
                f"{np.mean(same):.1%} of {len(same)} answers the same",
                plain / took,
            )
        )
    return comparisons


def find_overlap(one: Mask, other: Mask) -> float:
    """Return the IoU of two masks (h, w) bool, 1 where both are empty."""
    either = int(np.count_nonzero(one | other))
    return int(np.count_nonzero(one & other)) / either if either else 1.0


def write_checked(folder: Path, model_id: str, comparisons: Sequence[Comparison]) -> None:
    """Note what came near enough, and take back what did not; what was not compared now stays as it was,
    unless it was said of other weights."""
    checked = read_checked(folder, model_id)
    for one in comparisons:
        checked.pop(one.backend, None)
        if one.nearness >= TOLERANCE:
            checked[one.backend] = one.said
    write_json(folder / CHECKED_NAME, {"model": digest_of(model_id), "checked": checked}, indent=2)
    print(f"  written: {folder / CHECKED_NAME}, with {', '.join(checked) or 'none'}")
