"""A run's cases shared out among workers, wherever they run; one that ends costs time alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from magic_demo.challenge.running.cases import Case
from magic_demo.challenge.running.stages import Outcome, Stages
from magic_demo.challenge.running.worker import Failed, Ready
from magic_demo.core.errors import ModelError
from magic_demo.core.messages import Message

AHEAD = 2
"""Cases that a worker has been sent: the one it is at, and the next."""
TRIES = 3
"""Workers that may end while they are at one case, or load the models, before that is taken to be the cause."""


class Worker(Protocol):
    """Loads the models once and answers cases in their order: ``Ready`` first, then an ``Outcome`` each.

    cases: those that it was sent and has not answered. ready: whether its models are loaded.
    """

    cases: deque[Case]
    ready: bool

    def send(self, case: Case) -> None:
        """Send a case; where the worker has just ended, that is noticed when its answer is read."""

    def receive(self) -> Any:
        """Return what it answered: Ready, an Outcome, Failed, or None where it has ended."""

    def finish(self) -> None:
        """Let it end by itself, as it has nothing left to do."""

    def end(self) -> Message:
        """End it where it has not ended; return how it ended, in a few words."""


class Team(Protocol):
    """Where workers come from."""

    def hire(self) -> Worker:
        """Start a worker."""

    def wait(self, workers: Sequence[Worker]) -> Sequence[Worker]:
        """Wait until some have answered or ended; return those."""


def work_in_team(cases: Iterator[Case], team: Team, stages: Stages, size: int) -> Iterator[list[Outcome]]:
    """Yield the outcomes of the cases as they come, those together that came together.

    Where a worker ends (killed, crashed, out of memory) another takes its place and its cases; a case at which
    ``TRIES`` ended is written here as a problem, by ``stages``. Raises ModelError where the workers cannot work
    at all.
    """
    waiting: deque[Case] = deque()
    ended_at: dict[int, int] = {}
    failed_starts = 0
    workers: list[Worker] = []

    def next_case() -> Case | None:
        return waiting.popleft() if waiting else next(cases, None)

    def start() -> None:
        worker = team.hire()
        workers.append(worker)
        feed(worker)

    def feed(worker: Worker) -> None:
        while len(worker.cases) < AHEAD and (case := next_case()) is not None:
            worker.cases.append(case)
            worker.send(case)

    try:
        while len(workers) < size and (case := next_case()) is not None:
            waiting.appendleft(case)
            start()
        while busy := [worker for worker in workers if worker.cases]:
            outcomes: list[Outcome] = []
            for worker in team.wait(busy):
                answer = worker.receive()
                if isinstance(answer, Ready):
                    worker.ready, failed_starts = True, 0
                elif isinstance(answer, Outcome):
                    worker.cases.popleft()
                    outcomes.append(answer)
                    feed(worker)
                elif isinstance(answer, Failed):
                    raise ModelError("a worker cannot go on: {why}", why=answer.why)
                else:
                    how = worker.end()
                    first = worker.cases[0]
                    if worker.ready:
                        ended_at[first.number] = ended_at.get(first.number, 0) + 1
                    else:
                        failed_starts += 1
                    if failed_starts >= TRIES * size:
                        raise ModelError(
                            "the workers end while they load the models ({how}); try fewer --workers, each "
                            "holds the models in memory",
                            how=how,
                        )
                    if ended_at.get(first.number, 0) >= TRIES:
                        worker.cases.popleft()
                        outcomes.append(stages.give_up(first, _say_given_up(how)))
                    waiting.extendleft(reversed(worker.cases))
                    workers.remove(worker)
                    start()
            if outcomes:
                yield outcomes
        for worker in workers:
            worker.finish()
    finally:
        for worker in workers:
            worker.end()


def _say_given_up(how: Message) -> Message:
    return Message(
        "no prediction (the process that worked on it ended {times} times, {how}; mend or remove its photos, or "
        "give the same command again)",
        times=TRIES,
        how=how,
    )
