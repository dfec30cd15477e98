"""``python -m benchmarks`` (``make bench``): every stage, ours against the plain way in one run, into
docs/performance.md; ``python -m benchmarks learning`` and ``photo-neighbours``: see ``benchmarks.learning`` and
``benchmarks.photo_neighbours``."""

from __future__ import annotations

import argparse
import platform
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch

from benchmarks import (
    answerer_cache,
    batch_run,
    explanations,
    interaction,
    page,
    photo_neighbours,
    questions,
    scorer,
    segmentation,
    training_cache,
)
from benchmarks.ceiling import Reached, list_features, measure_ceiling, measure_reached
from benchmarks.learning.command import main as learning
from benchmarks.timing import Reading, Row
from magic_demo.core.errors import one_line

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "performance.md"

HEADER = """# Performance

Written by `make bench`; do not edit.

- A line is one stage done the plain way, written in [benchmarks](../benchmarks), and ours: on the same inputs in the same run, by turns. Compare ratios, not times.
- Times are medians of processor time with one thread, in milliseconds; "by the clock" is what one waits. *Wanted* is the ratio we set out to reach, *difference* what the speed costs.
- Full-size models have random weights: their differences say how far answers move, not how good they are. A stage that failed is named in its line.
"""

FOOTER = """
Measured apart, as it needs data: how often explanations hold on the labelled encounters (`python -m benchmarks.explanations`, in [explanations.md](explanations.md)).
"""


Line = TypeVar("Line")


@dataclass(frozen=True)
class Failure:
    """A stage that could not be measured, and why in one line."""

    stage: str
    why: str


def measure_training() -> Iterator[Row]:
    """Yield the lines of training with the frozen encoders' outputs kept."""
    said = "random weights; a test holds that training ends the same"
    decoder = training_cache.measure(2, 2)
    naive, cached = decoder["library's forward, twelve layers", False], decoder["kept on disk", True]
    yield Row(
        "training step of the decoder, a photo: outputs of the frozen encoders kept, bfloat16",
        naive,
        cached,
        said,
        20,
    )
    head = answerer_cache.measure(2, 2, 2)
    naive, cached = head["encoded in every epoch"], head["kept on disk"]
    yield Row(
        "training step of the closed questions, a case: outputs of the frozen encoders kept",
        naive,
        cached,
        said,
    )


def list_stages(*, quick: bool) -> dict[str, Callable[[], Iterable[Row | Reading]]]:
    """Return stage -> what measures it, in the table's order."""
    rounds = 1 if quick else 3
    stages: dict[str, Callable[[], Iterable[Row | Reading]]] = {
        "segmentation": lambda: segmentation.measure(rounds, quick=quick),
        "closed questions": lambda: questions.measure(rounds, quick=quick),
        "explanations": lambda: explanations.measure(quick=quick),
        "batch": lambda: batch_run.measure(quick=quick),
        "scoring": lambda: scorer.measure(rounds, quick=quick),
        "page": lambda: page.measure(quick=quick),
    }
    return stages if quick else {**stages, "interaction": interaction.measure, "training": measure_training}


def measure_stage(name: str, measure: Callable[[], Iterable[Line]]) -> list[Line | Failure]:
    """Return a stage's lines, those before a failure included, and the failure, whatever it is: the others
    are still to be measured."""
    lines: list[Line | Failure] = []
    begun = time.perf_counter()
    try:
        for line in measure():
            lines.append(line)
            print(line, file=sys.stderr, flush=True)
    except Exception as error:
        traceback.print_exc()
        lines.append(Failure(name, f"{type(error).__name__}: {one_line(error)}".replace("|", "/")))
    print(f"({name}: {time.perf_counter() - begun:.0f} s)", file=sys.stderr, flush=True)
    return lines


def format_document(
    lines: Sequence[Row | Reading | Failure],
    ceiling: Mapping[str, float],
    reached: Sequence[Reached],
    *,
    quick: bool,
) -> str:
    """Return the document: the machine, the table, what is no ratio, what is reached of the machine."""
    text = [HEADER]
    if quick:
        text.append(
            "**A quick look that everything runs: tiny models, few rounds. These numbers say nothing.**\n"
        )
    features = ", ".join(list_features()) or "not told by the system"
    text.append(
        f"Processor: {platform.machine()}, {features}. torch {torch.__version__.split('+')[0]}, one thread.\n"
    )
    text.append("| stage | plain, ms | ours, ms | times faster | wanted | difference |")
    text.append("| --- | ---: | ---: | ---: | ---: | --- |")
    for line in lines:
        if isinstance(line, Failure):
            text.append(f"| {line.stage} | | | | | **FAILED**: {line.why} |")
        elif isinstance(line, Row):
            wanted = f"{line.target:g}" if line.target else ""
            text.append(
                f"| {line.stage} | {line.naive:,.1f} | {line.ours:,.1f} | {line.ratio:.1f} | {wanted} | "
                f"{line.difference} |"
            )
    readings = [line for line in lines if isinstance(line, Reading)]
    if readings:
        text.append(
            "\nWhat is no ratio. The page is looked at in headless Chromium; waits are medians by the "
            "clock:\n"
        )
        text.append("| what | measured | wanted | |")
        text.append("| --- | ---: | ---: | --- |")
        for one in readings:
            wanted = "" if one.most is None else f"{'at most ' if one.most else ''}{one.most:,g} {one.unit}"
            text.append(
                f"| {one.what} | {one.value:,.{0 if one.value >= 100 or not one.unit else 1}f} "
                f"{one.unit} | {wanted} | {one.note} |"
            )
    peaks = ", ".join(f"{name} {value:.0f}" for name, value in ceiling.items())
    text.append(
        f"\nCeiling, a large matrix product, GFLOP/s: {peaks}. What photo encoders reach of it "
        "(attention's own products are not counted):\n"
    )
    text.append("| part | numbers | GFLOP a photo | GFLOP/s | of the ceiling |")
    text.append("| --- | --- | ---: | ---: | ---: |")
    text += [
        f"| {one.part} | {one.dtype} | {one.operations:.1f} | {one.speed:.0f} | {one.share:.0%} |"
        for one in reached
    ]
    return "\n".join(text) + "\n" + FOOTER


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, write; returns 1 when a stage failed. words: of the command line, where they are not
    the program's own."""
    given = sys.argv[1:] if words is None else list(words)
    apart = {"learning": learning, "photo-neighbours": photo_neighbours.main}
    if given and given[0] in apart:
        return apart[given[0]](given[1:])
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Time every stage against the plain way of doing it."
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="tiny models and few rounds: shows in seconds that everything runs",
    )
    parser.add_argument(
        "--out", type=Path, help="file to write (default: docs/performance.md; with --quick none)"
    )
    options = parser.parse_args(given)
    torch.set_num_threads(1)
    ceiling = measure_ceiling(256 if options.quick else 2048)
    out = options.out or (None if options.quick else DOCUMENT)
    measured = measure_stage("ceiling", lambda: measure_reached(ceiling, quick=options.quick))
    reached = [one for one in measured if isinstance(one, Reached)]
    lines: list[Row | Reading | Failure] = [one for one in measured if isinstance(one, Failure)]
    for name, measure in list_stages(quick=options.quick).items():
        lines += measure_stage(name, measure)
        text = format_document(lines, ceiling, reached, quick=options.quick)
        if out is not None:  # after every stage: a run that is stopped leaves what it has measured
            out.write_text(text, encoding="utf-8")
    print(text)
    return int(any(isinstance(line, Failure) for line in lines))


if __name__ == "__main__":
    sys.exit(main())
