"""One worker against several, with the shipped checkpoints, and workers that are killed again and again.

``python -m benchmarks.workers``: synthetic cases (``magic_demo.synthetic.cases``). Said are the time by the clock
from the first worker's start to the last file, the processor's seconds that all processes took together, and the
ratio per core, which is (time of one worker) / (workers x time of so many); on a machine that others load, the
ratio of processor seconds is the one to believe. Then a worker is killed as often as ``--kills`` says while a run
goes on, and the files are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import tempfile
import time
from collections.abc import Iterator
from functools import lru_cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path

from magic_demo.challenge.batch import predict_folder
from magic_demo.challenge.pipeline import Busy
from magic_demo.challenge.run_folder import JOURNAL, MANIFEST
from magic_demo.challenge.running.batch_report import BatchReport
from magic_demo.challenge.running.cases import Case
from magic_demo.challenge.running.engines import Engine, Processes
from magic_demo.challenge.running.journal import Journal
from magic_demo.challenge.running.processes import choose_context, warm_up
from magic_demo.challenge.running.stages import Outcome, Stages
from magic_demo.models.loading.predictors import load_predictor
from magic_demo.models.predictor import Predictor
from magic_demo.synthetic.cases import write_cases


class KillsWorkers:
    """An engine of processes of which one is killed, whichever, after every ``every``-th case."""

    def __init__(self, workers: int, kills: int, every: int) -> None:
        self._alive: list[int] = []
        self._engine = Processes(workers, load_predictor, self._alive.append)
        self._every, self.left = every, kills
        self._chance = random.Random(7)

    def __call__(
        self, cases: Iterator[Case], stages: Stages, journal: Journal, busy: Busy, /
    ) -> Iterator[Outcome]:
        """Yield the outcomes, and kill meanwhile."""
        for number, outcome in enumerate(self._engine(cases, stages, journal, busy), start=1):
            yield outcome
            if number % self._every == 0 and self.left and self._alive:
                self.left -= 1
                os.kill(self._alive.pop(self._chance.randrange(len(self._alive))), signal.SIGKILL)


def read_files(out: Path) -> dict[str, bytes]:
    """Return the files of a run but for those that hold times or the order of the work."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name not in (MANIFEST, JOURNAL)
    }


def run(data: Path, out: Path, predictor: Predictor, engine: Engine) -> tuple[BatchReport, float, float]:
    """Return what a run did, its seconds by the clock, and those of processors, all processes together, what is
    imported for all workers left out."""
    imported = import_once()
    begun, worked = time.perf_counter(), _processor_seconds()
    report = predict_folder(data, out, predictor, split="valid", bundle=True, quiet=True, engine=engine)
    clock = time.perf_counter() - begun
    _end_server()
    return report, clock, _processor_seconds() - worked - imported


@lru_cache(maxsize=1)
def _measure_import() -> float:
    worked = _processor_seconds()
    _start_server()
    _end_server()
    return _processor_seconds() - worked


def import_once() -> float:
    """Start the server that workers are forked from, and wait until it has imported; return the processor's seconds
    of that, 0 where there is no such server."""
    imported = _measure_import()
    _start_server()
    return imported


def _start_server() -> None:
    warm_up()
    if isinstance(choose_context(), ForkServerContext):
        process = choose_context().Process(target=int)
        process.start()  # forked once the server has imported
        process.join()


def _end_server() -> None:
    """End the server: only then the system counts the time of its processes as this one's children's."""
    if isinstance(choose_context(), ForkServerContext):
        forkserver._forkserver._stop()  # type: ignore[attr-defined]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args()
    predictor = load_predictor()
    with tempfile.TemporaryDirectory() as name:
        data, place = Path(name, "data"), Path(name)
        write_cases(data, count=options.cases, seed=3, splits={"valid": 1.0})
        first: tuple[float, float] | None = None
        print(f"imported once for all workers: {import_once():.1f} s of a processor", flush=True)
        for workers in options.workers:
            report, clock, processor = run(
                data, place / str(workers), predictor, Processes(workers, load_predictor)
            )
            one_clock, one_processor = first = first or (clock * workers, processor)
            print(
                f"{workers} workers: {report.done_now} encounters, {report.photos_now} photos, {clock:.1f} s by the "
                f"clock ({one_clock / workers / clock:.2f} per core of one worker's speed), {processor:.1f} s of "
                f"processors ({one_processor / processor:.2f} of one worker's)",
                flush=True,
            )
        kept = read_files(place / str(options.workers[0]))
        for workers in options.workers[1:]:
            same = read_files(place / str(workers)) == kept
            print(f"{workers} workers: files {'equal' if same else 'DIFFER'} ({len(kept)})", flush=True)
        if options.kills:
            engine = KillsWorkers(
                max(options.workers), options.kills, max(1, options.cases // (options.kills + 2))
            )
            report, clock, processor = run(data, place / "killed", predictor, engine)
            lines = (place / "killed" / JOURNAL).read_bytes().splitlines()
            ids = [json.loads(line)["encounter_id"] for line in lines]
            same = read_files(place / "killed") == kept
            print(
                f"{options.kills - engine.left} workers killed: {report.encounters} encounters, "
                f"{len(ids) - len(set(ids))} doubled, {len(report.problems)} problems, files "
                f"{'equal' if same else 'DIFFER'}; {clock:.1f} s by the clock, {processor:.1f} s of processors",
                flush=True,
            )


def _processor_seconds() -> float:
    """Return the seconds of processors of this process and of those that it waited for."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


if __name__ == "__main__":
    main()
