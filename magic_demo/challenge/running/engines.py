"""Who does a run's cases: this process, its stages side by side, or several processes of this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from magic_demo.challenge.journal import Journal
from magic_demo.challenge.pipeline import Busy, overlap
from magic_demo.challenge.running.cases import Case
from magic_demo.challenge.running.processes import Watch, work_in_processes
from magic_demo.challenge.running.stages import CaseRead, Outcome, Stages
from magic_demo.models.predictor import Predictor


class Engine(Protocol):
    """Does cases in any order."""

    def __call__(
        self, cases: Iterator[Case], stages: Stages, journal: Journal, busy: Busy, /
    ) -> Iterator[Outcome]:
        """Yield the outcome of each case once its files are on the disk and its entry is in the journal.

        busy: filled in as the run goes.
        """


def work_here(cases: Iterator[Case], stages: Stages, journal: Journal, busy: Busy, /) -> Iterator[Outcome]:
    """Do the cases in this process, in their order."""

    def write(read: CaseRead) -> Outcome:
        outcome = stages.write(read)
        journal.add(outcome.entry)
        return outcome

    return overlap(cases, stages.read, stages.predict, write, busy)


@dataclass(frozen=True)
class Processes:
    """Does the cases in so many processes of this machine. load: loads each one's models, and can be sent to
    another process. watch: is told the id of every process that starts."""

    workers: int
    load: Callable[[], Predictor]
    watch: Watch | None = None

    def __call__(
        self, cases: Iterator[Case], stages: Stages, journal: Journal, busy: Busy, /
    ) -> Iterator[Outcome]:
        """Yield the outcomes as they come. Raises ModelError where the processes cannot work."""
        begun = time.perf_counter()
        try:
            for outcomes in work_in_processes(cases, self.load, stages, self.workers, self.watch):
                journal.add(*(outcome.entry for outcome in outcomes))
                for outcome in outcomes:
                    busy.add(*outcome.seconds)
                yield from outcomes
        finally:
            busy.total = time.perf_counter() - begun
