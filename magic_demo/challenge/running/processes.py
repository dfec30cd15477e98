"""Workers that are processes of this machine."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from magic_demo.challenge.running.cases import Case
from magic_demo.challenge.running.stages import StagesPlan
from magic_demo.challenge.running.team import Worker
from magic_demo.challenge.running.worker import work
from magic_demo.core.messages import Message

_PATIENCE = 10.0
"""Seconds that a process has to end by itself."""
_CONTEXT = multiprocessing.get_context("spawn")
"""A forked process would inherit torch's threads and the photo readers' pipes."""


class Watch(Protocol):
    """Is told of every worker that starts, by its process id."""

    def __call__(self, process: int, /) -> None:
        """Note a worker."""


class ProcessWorker:
    """One process; see ``Worker``."""

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
        """Send a case."""
        with suppress(OSError):
            self.connection.send(case)

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

    def end(self) -> Message:
        """End the process; return its exit code or signal in words."""
        self.connection.close()
        self._process.terminate()
        self._process.join()
        code = self._process.exitcode or 0
        return (
            Message("signal {signal}", signal=-code) if code < 0 else Message("exit code {code}", code=code)
        )


class ProcessTeam:
    """Starts processes of this machine. watch: is told the id of every one."""

    def __init__(self, plan: StagesPlan, watch: Watch | None = None) -> None:
        self._plan = plan
        self._watch = watch

    def hire(self) -> ProcessWorker:
        """Start a process."""
        worker = ProcessWorker(self._plan)
        if self._watch is not None:
            self._watch(worker.pid)
        return worker

    def wait(self, workers: Sequence[Worker]) -> Sequence[Worker]:
        """Wait until some have answered or ended; return those."""
        by_connection = {worker.connection: worker for worker in workers if isinstance(worker, ProcessWorker)}
        return [by_connection[connection] for connection in wait(list(by_connection))]  # type: ignore[index]
