"""What a hospital, a trial and a registry need: arithmetic from what a run of two sizes costs here.

``python -m benchmarks.scale``: synthetic cases with the shipped checkpoints, one worker. From two runs of different
length come the seconds of a processor that a worker's start and each encounter take, what is imported once for all
workers left out; from the files their bytes. Of the driver and its resumption ``python -m benchmarks.million`` speaks, of several workers ``python -m
benchmarks.workers``.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.workers import run
from magic_demo.challenge.run_folder import BUNDLE, MASKS
from magic_demo.challenge.running.engines import Processes
from magic_demo.models.loading.predictors import load_predictor
from magic_demo.synthetic.cases import write_cases

PLACES = {"hospital": 10_000, "trial": 100_000, "registry": 1_000_000}
CORES = (1, 16)


@dataclass(frozen=True)
class Costs:
    """Of one encounter: seconds of a processor, photos, bytes of its masks, of its part of the bundle and of
    answers, journal and manifest together. start: seconds of a worker's start; memory: its peak, in MB."""

    seconds: float
    photos: float
    masks: float
    bundle: float
    lines: float
    start: float
    memory: float


def measure(few: int, many: int) -> Costs:
    """Return what runs of ``few`` and of ``many`` encounters tell."""
    predictor = load_predictor()
    with tempfile.TemporaryDirectory() as name:
        taken = {}
        for count in (few, many):
            data, out = Path(name, f"data {count}"), Path(name, f"out {count}")
            write_cases(data, count=count, seed=3, splits={"valid": 1.0})
            report, _, taken[count] = run(data, out, predictor, Processes(1, load_predictor))
        sizes = {
            part: sum(path.stat().st_size for path in (out / part).rglob("*") if path.is_file()) / many
            for part in (MASKS, BUNDLE, ".")
        }
        seconds = (taken[many] - taken[few]) / (many - few)
        return Costs(
            seconds,
            report.photos_now / many,
            sizes[MASKS],
            sizes[BUNDLE],
            sizes["."] - sizes[MASKS] - sizes[BUNDLE],
            taken[few] - few * seconds,
            resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
        )


def describe(costs: Costs) -> list[str]:
    """Return the lines of the document's tables."""
    lines = [
        f"Measured: {costs.seconds:.3f} s of a processor an encounter of {costs.photos:.1f} photos, {costs.start:.1f} s "
        f"a worker's start, {costs.memory:,.0f} MB a worker; {costs.masks / 1024:.1f} KB masks, "
        f"{costs.bundle / 1024:.1f} KB bundle, {costs.lines / 1024:.1f} KB answers, journal and manifest.",
        "",
        "| | encounters | "
        + " | ".join(f"{cores} {'core' if cores == 1 else 'cores'}" for cores in CORES)
        + " | files | with the bundle |",
        "| --- | ---: |" + " ---: |" * (len(CORES) + 2),
    ]
    for name, count in PLACES.items():
        hours = [(count * costs.seconds / cores + costs.start) / 3600 for cores in CORES]
        plain = count * (costs.masks + costs.lines) / 2**30
        times = " | ".join(f"{hour:.1f} h" if hour >= 1 else f"{60 * hour:.0f} min" for hour in hours)
        lines.append(
            f"| {name} | {count:,} | {times} | {plain:.1f} GB | {plain + count * costs.bundle / 2**30:.1f} GB |"
        )
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, nargs=2, default=[20, 80], metavar=("FEW", "MANY"))
    options = parser.parse_args()
    print("\n".join(describe(measure(*options.cases))))


if __name__ == "__main__":
    main()
