"""A run's cases shared out among processes of this machine; one that is killed costs time alone."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from magic_demo.challenge.running.cases import Case
from magic_demo.challenge.running.stages import Outcome, Stages, StagesPlan
from magic_demo.challenge.running.worker import Failed, Ready, work
from magic_demo.core.errors import ModelError
from magic_demo.core.messages import Message
from magic_demo.models.predictor import Predictor

AHEAD = 2
"""Cases that a worker has been sent: the one it is at, and the next."""
TRIES = 3
"""Workers that may end while they are at one case, or load the models, before that is taken to be the cause."""
_PATIENCE = 10.0
"""Seconds that a process has to end by itself."""
_CONTEXT = multiprocessing.get_context("spawn")
"""A forked process would inherit torch's threads and the photo readers' pipes."""


class Watch(Protocol):
    """Is told of every worker that starts, by its process id."""

    def __call__(self, process: int, /) -> None:
        """Note a worker."""


class _Worker:
    """One process, and the cases that it was sent and has not answered."""

    def __init__(self, plan: StagesPlan) -> None:
        self.connection: Connection
        self.connection, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=work, args=(theirs, plan), daemon=True)
        self._process.start()
        theirs.close()  # so that the end of the process is the end of the connection
        self.cases: deque[Case] = deque()
        self.ready = False

    @property
    def pid(self) -> int:
        """Return the process's id."""
        return self._process.pid or 0

    def send(self, case: Case) -> None:
        """Send a case; where the process has just ended, that is noticed when its answer is read."""
        self.cases.append(case)
        try:
            self.connection.send(case)
        except OSError:
            return

    def receive(self) -> Any:
        """Return what the process answered, None where it has ended."""
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            return None

    def finish(self) -> None:
        """Let the process end by itself, as it has nothing left to do."""
        with suppress(OSError):
            self.connection.send(None)
        self._process.join(_PATIENCE)

    def end(self) -> int:
        """End the process and return its exit code, below 0 where a signal ended it."""
        self.connection.close()
        self._process.terminate()
        self._process.join()
        return self._process.exitcode or 0


def work_in_processes(
    cases: Iterator[Case],
    load: Callable[[], Predictor],
    stages: Stages,
    workers: int,
    watch: Watch | None = None,
) -> Iterator[list[Outcome]]:
    """Yield the outcomes of the cases as they come, those together that came together.

    Each of so many processes loads the models once. Where one ends (killed, crashed, out of memory) another takes
    its place and its cases; a case at which ``TRIES`` ended is written here as a problem, by ``stages``.
    watch: is told the id of every process that starts. Raises ModelError where the processes cannot work at all.
    """
    plan = StagesPlan(load, stages)
    waiting: deque[Case] = deque()
    ended_at: dict[int, int] = {}
    failed_starts = 0
    team: list[_Worker] = []

    def next_case() -> Case | None:
        return waiting.popleft() if waiting else next(cases, None)

    def start() -> None:
        worker = _Worker(plan)
        team.append(worker)
        if watch is not None:
            watch(worker.pid)
        feed(worker)

    def feed(worker: _Worker) -> None:
        while len(worker.cases) < AHEAD and (case := next_case()) is not None:
            worker.send(case)

    try:
        while len(team) < workers and (case := next_case()) is not None:
            waiting.appendleft(case)
            start()
        while any(worker.cases for worker in team):
            busy = {worker.connection: worker for worker in team if worker.cases}
            outcomes: list[Outcome] = []
            for connection in wait(list(busy)):
                worker = busy[connection]  # type: ignore[index]
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
                    code = worker.end()
                    first = worker.cases[0]
                    if worker.ready:
                        ended_at[first.number] = ended_at.get(first.number, 0) + 1
                    else:
                        failed_starts += 1
                    if failed_starts >= TRIES * workers:
                        raise ModelError(
                            "the workers end while they load the models ({how}); try fewer --workers, each "
                            "holds the models in memory",
                            how=_say_end(code),
                        )
                    if ended_at.get(first.number, 0) >= TRIES:
                        worker.cases.popleft()
                        outcomes.append(stages.give_up(first, _say_given_up(code)))
                    waiting.extendleft(reversed(worker.cases))
                    team.remove(worker)
                    start()
            if outcomes:
                yield outcomes
        for worker in team:
            worker.finish()
    finally:
        for worker in team:
            worker.end()


def _say_end(code: int) -> Message:
    return Message("signal {signal}", signal=-code) if code < 0 else Message("exit code {code}", code=code)


def _say_given_up(code: int) -> Message:
    return Message(
        "no prediction (the process that worked on it ended {times} times, {how}; mend or remove its photos, or "
        "give the same command again)",
        times=TRIES,
        how=_say_end(code),
    )
