"""``python -m benchmarks`` (``make bench``): every stage, ours against the plain way in one run, into docs/performance.md."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from benchmarks import batch_run, questions, scorer, segmentation, training_cache, vqa_cache
from benchmarks.ceiling import list_features, measure_ceiling
from benchmarks.timing import Row

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "performance.md"

HEADER = """# Performance

Written by `make bench`; do not edit. Each line is one stage the plain way and ours, on the same inputs in the same run, by turns. Times are medians of
processor time with one thread unless a line says "by the clock", in milliseconds; compare ratios, not times. The plain ways are written in
[benchmarks](../benchmarks). Full-size models have random weights: the differences say how far answers move, not how good they are.
"""


def measure_all(*, quick: bool) -> Iterator[Row | float]:
    """Run every stage; yield the table's lines as they come, and among them the GFLOP/s that the vision tower reaches."""
    rounds = 1 if quick else 3
    rows, reached = segmentation.measure(rounds, quick=quick)
    yield from rows
    yield reached
    yield from scorer.measure(4 if quick else 15, rounds, (120, 160) if quick else (1200, 1600))
    yield from questions.measure(rounds, quick=quick)
    yield from batch_run.measure(2 if quick else 10, 1 if quick else 2)
    if not quick:
        said = "random weights; a test holds that training ends the same"
        decoder = training_cache.measure(2, 2)
        naive, cached = decoder["library's forward, twelve layers", False], decoder["kept on disk", True]
        yield Row("training step of the decoder, a photo: outputs of the frozen encoders kept, bfloat16", naive, cached, said, 20)
        head = vqa_cache.measure(2, 2, 2)
        naive, cached = head["encoded in every epoch"], head["kept on disk"]
        yield Row("training step of the closed questions, a case: outputs of the frozen encoders kept", naive, cached, said)


def format_document(rows: Sequence[Row], ceiling: dict[str, float], reached: float, *, quick: bool) -> str:
    """Return the document: the machine, the table."""
    lines = [HEADER]
    if quick:
        lines.append("**A quick look that everything runs: tiny models, few rounds. These numbers say nothing.**\n")
    features = ", ".join(list_features()) or "not told by the system"
    lines.append(f"Processor: {platform.machine()}, {features}. torch {torch.__version__.split('+')[0]}, one thread.\n")
    peaks = ", ".join(f"{name} {value:.0f}" for name, value in ceiling.items())
    lines.append(
        f"Ceiling, a large matrix product, GFLOP/s: {peaks}. The segmentation model's vision tower reaches {reached:.0f} in float32,"
    )
    lines.append(f"{reached / ceiling['float32']:.0%} of that ceiling.\n")
    lines.append("| stage | plain, ms | ours, ms | times faster | wanted | difference |")
    lines.append("| --- | ---: | ---: | ---: | ---: | --- |")
    for row in rows:
        wanted = f"{row.target:g}" if row.target else ""
        lines.append(f"| {row.stage} | {row.naive:,.1f} | {row.ours:,.1f} | {row.ratio:.1f} | {wanted} | {row.difference} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Time every stage against the plain way of doing it.")
    parser.add_argument("--quick", action="store_true", help="tiny models and few rounds: shows in seconds that everything runs")
    parser.add_argument("--out", type=Path, help="file to write (default: docs/performance.md; with --quick none)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    ceiling = measure_ceiling(256 if options.quick else 2048)
    out = options.out or (None if options.quick else DOCUMENT)
    rows, reached = [], 0.0
    for one in measure_all(quick=options.quick):
        if isinstance(one, Row):
            rows.append(one)
            print(f"{one.stage}: {one.ratio:.1f}", file=sys.stderr, flush=True)
        else:
            reached = one
        if out is not None:  # after every stage: a run that is stopped leaves what it has measured
            out.write_text(format_document(rows, ceiling, reached, quick=options.quick), encoding="utf-8")
    print(format_document(rows, ceiling, reached, quick=options.quick))


if __name__ == "__main__":
    main()
