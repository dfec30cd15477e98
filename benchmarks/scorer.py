"""Scoring masks: ours against the plain way: every number compares the pixels for itself, majority masks are
kept until all are read.

``python -m benchmarks.scorer``: the same drawn masks, three annotators and one system, as zlib TIFFs. Memory
is the most that Python and numpy held at once (``tracemalloc``), taken in runs of their own, as watching it
takes time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from benchmarks.memory import find_peak, find_resident_peak
from benchmarks.timing import Reading, Row, take_times
from magic_demo.challenge.scoring.mask_scoring import score_mask_folders
from magic_demo.files.masks.mask_files import mask_file_name, write_mask
from magic_demo.questions.scoring import Scores

ANNOTATORS = 3
MANY = 314
"""Photos of the challenge's valid and test splits."""


def draw_masks(reference: Path, system: Path, photos: int, size: tuple[int, int]) -> None:
    """Write drawn masks of ``size`` (height, width): an ellipse with a torn edge, another a little beside for
    each annotator."""
    height, width = size
    random = np.random.default_rng(0)
    for photo in range(photos):
        for reader in range(ANNOTATORS + 1):
            mask = np.zeros(size, np.float32)
            centre = (int(width * random.uniform(0.4, 0.6)), int(height * random.uniform(0.4, 0.6)))
            cv2.ellipse(
                mask, centre, (width // 4, height // 5), float(random.uniform(0, 90)), 0, 360, 1.0, -1
            )
            torn = cv2.resize(
                random.normal(0, 0.3, (height // 40, width // 40)).astype(np.float32), (width, height)
            )
            lesion = cv2.blur(mask, (61, 61)) + torn > 0.5
            name = f"IMG_ENC{photo:05d}_00001"
            path = (
                system / mask_file_name(name)
                if reader == ANNOTATORS
                else reference / mask_file_name(name, f"ann{reader}")
            )
            write_mask(path, np.asarray(lesion, np.bool_))


def score_plainly(reference: Path, system: Path) -> dict[str, float]:
    """Return the six numbers the plain way: every pair compared pixel by pixel, every majority mask kept
    until the end."""
    majorities: list[NDArray[np.int64]] = []
    answers: list[NDArray[np.uint8]] = []
    best: dict[str, list[float]] = {"jaccard": [], "dice": []}
    means: dict[str, list[float]] = {"jaccard": [], "dice": []}
    for path in sorted(system.glob("*_mask_sys.tiff")):
        answer = tifffile.imread(path)
        masks = [
            tifffile.imread(reference / path.name.replace("_sys", f"_ann{number}"))
            for number in range(ANNOTATORS)
        ]
        by_name: dict[str, list[float]] = {"jaccard": [], "dice": []}
        for mask in masks:
            for name, metric in METRICS.items():
                by_name[name].append(metric(*compare(mask, answer)))
        for name, values in by_name.items():
            best[name].append(max(values))
            means[name].append(float(np.mean(values)))
        votes = np.stack(masks).astype(np.int64).sum(axis=0)
        majorities.append((votes >= (ANNOTATORS + 1) // 2).astype(np.int64))
        answers.append(answer)
    result = {}
    for name, metric in METRICS.items():
        sums = np.sum(
            [compare(majority, answer) for majority, answer in zip(majorities, answers, strict=True)], axis=0
        )
        result[name] = float(metric(*sums.tolist()))
        result[f"{name}_meanofmax"] = float(np.mean(best[name]))
        result[f"{name}_meanofmean"] = float(np.mean(means[name]))
    return result


METRICS: dict[str, Callable[[int, int, int], float]] = {
    "jaccard": lambda both, alone, missed: both / (both + alone + missed),
    "dice": lambda both, alone, missed: 2 * both / (2 * both + alone + missed),
}


def compare(
    reference: NDArray[np.int64] | NDArray[np.uint8], system: NDArray[np.uint8]
) -> tuple[int, int, int]:
    """Return the pixels that both hold, the system alone, the reference alone."""
    both = int(np.sum((reference == 1) & (system == 1)))
    alone = int(np.sum((reference == 0) & (system == 1)))
    missed = int(np.sum((reference == 1) & (system == 0)))
    return both, alone, missed


def measure(rounds: int, *, quick: bool = False) -> list[Row | Reading]:
    """Return the stage's lines for the table."""
    photos, size = (4, (120, 160)) if quick else (15, (1200, 1600))
    few, large = (2, (240, 320)) if quick else (4, (3000, 4000))
    many = 6 if quick else MANY
    return [
        measure_scorer(photos, size, rounds, target=15),
        measure_scorer(few, large, rounds),
        *measure_processes(many, few, large),
    ]


def measure_scorer(photos: int, size: tuple[int, int], rounds: int, *, target: float = 0.0) -> Row:
    """Compare the two ways on drawn masks of ``size`` (height, width)."""
    with tempfile.TemporaryDirectory() as name:
        reference, system = _make_folders(Path(name))
        draw_masks(reference, system, photos, size)
        ways: dict[str, Callable[[], Mapping[str, float | int | None]]] = {
            "naive": lambda: score_plainly(reference, system),
            "ours": lambda: score_mask_folders(reference, system).values,
        }
        times = take_times(ways, rounds)
        plain, ours = ways["naive"](), ways["ours"]()
        same = all(ours[key] == value for key, value in plain.items())
        peaks = {key: find_peak(way) for key, way in ways.items()}
    difference = (
        f"numbers {'equal to the last bit' if same else 'DIFFER'}; {peaks['naive']:.0f} against "
        f"{peaks['ours']:.1f} MB"
    )
    return Row(
        f"scoring {photos} photos of {size[1]}x{size[0]}, {ANNOTATORS} annotators",
        times["naive"],
        times["ours"],
        difference,
        target,
    )


def measure_processes(photos: int, drawn: int, size: tuple[int, int]) -> tuple[Row, Reading]:
    """Compare one process with two by the clock, on as many photos as the challenge has: links to a few drawn
    ones; weigh the one."""
    with tempfile.TemporaryDirectory() as name:
        reference, system = _make_folders(Path(name))
        draw_masks(reference, system, drawn, size)
        for path in [*reference.iterdir(), *system.iterdir()]:
            for copy in range(1, -(-photos // drawn)):
                number = int(path.name[7:12]) + copy * drawn
                if number < photos:
                    (path.parent / f"IMG_ENC{number:05d}{path.name[12:]}").hardlink_to(path)
        scores: dict[int, Scores] = {}

        def score(count: int) -> None:
            scores[count] = score_mask_folders(reference, system, processes=count)

        times = take_times({count: partial(score, count) for count in (1, 2)}, 1, wall=True, warm=False)
        words = ["--masks-reference", str(reference), "--masks-system", str(system), "--quiet"]
        resident = find_resident_peak([sys.executable, "-m", "magic_demo", "score", *words])
    what = f"scoring {photos} photos of {size[1]}x{size[0]}"
    said = "numbers equal to the last bit" if scores[1] == scores[2] else "numbers DIFFER"
    whole = photos * size[0] * size[1] * 8 / 1e9
    return (
        Row(f"{what}, one process against two, by the clock", times[1], times[2], said),
        Reading(
            f"memory of {what} in one process",
            resident,
            "MB",
            1000,
            f"whole majority masks would take {whole:.0f} GB",
        ),
    )


def _make_folders(folder: Path) -> tuple[Path, Path]:
    reference, system = folder / "reference", folder / "system"
    for made in (reference, system):
        made.mkdir()
    return reference, system


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    for line in measure(parser.parse_args().rounds):
        print(line.format(), flush=True)


if __name__ == "__main__":
    main()
