"""Who does a run's cases: this process, its stages side by side, several processes of this machine, or a Ray
cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from magic_demo.challenge.pipeline import Busy, overlap
from magic_demo.challenge.running.cases import Case
from magic_demo.challenge.running.journal import Journal
from magic_demo.challenge.running.processes import ProcessTeam, Watch, warm_up
from magic_demo.challenge.running.ray_actors import ActorTeam
from magic_demo.challenge.running.stages import CaseRead, Outcome, Stages, StagesPlan
from magic_demo.challenge.running.team import Team, work_in_team
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

    def warm_up(self) -> None:
        """Begin what every worker's start needs, and return at once: the caller loads its own models meanwhile."""
        warm_up()

    def __call__(
        self, cases: Iterator[Case], stages: Stages, journal: Journal, busy: Busy, /
    ) -> Iterator[Outcome]:
        """Yield the outcomes as they come. Raises ModelError where the processes cannot work."""
        team = ProcessTeam(StagesPlan(self.load, stages), self.watch)
        yield from _work(cases, team, stages, self.workers, journal, busy)


@dataclass(frozen=True)
class RayActors:
    """Does the cases in actors of a Ray cluster. address: as Ray names it, or ``local``. workers: how many, None for
    one a processor of the cluster. load: as ``Processes`` takes it."""

    address: str
    load: Callable[[], Predictor]
    workers: int | None = None

    def __call__(
        self, cases: Iterator[Case], stages: Stages, journal: Journal, busy: Busy, /
    ) -> Iterator[Outcome]:
        """Yield the outcomes as they come. Raises BackendError without Ray or a cluster, ModelError where the
        actors cannot work."""
        first = next(cases, None)
        if first is None:  # nothing is left to do, and no cluster is needed for it
            return
        team = ActorTeam(self.address, StagesPlan(self.load, stages), stages.out)
        try:
            size = self.workers or team.count_processors()
            yield from _work(chain([first], cases), team, stages, size, journal, busy)
        finally:
            team.close()


def _work(
    cases: Iterator[Case], team: Team, stages: Stages, size: int, journal: Journal, busy: Busy
) -> Iterator[Outcome]:
    begun = time.perf_counter()
    try:
        for outcomes in work_in_team(cases, team, stages, size):
            journal.add(*(outcome.entry for outcome in outcomes))
            for outcome in outcomes:
                busy.add(*outcome.seconds)
            yield from outcomes
    finally:
        busy.total = time.perf_counter() - begun
