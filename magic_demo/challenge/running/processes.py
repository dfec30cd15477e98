"""Workers that are processes of this machine.

On Linux one process, the fork server, imports the libraries once and does nothing else; every worker is forked from it
and has them at once. Elsewhere, and with a build of torch for graphics cards, each worker imports them itself.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from magic_demo.challenge.running.cases import Case
from magic_demo.challenge.running.stages import StagesPlan
from magic_demo.challenge.running.team import Worker
from magic_demo.challenge.running.worker import work
from magic_demo.core.errors import ModelError, one_line
from magic_demo.core.messages import Message
from magic_demo.models.backends.backend import is_built_for_cards

_PATIENCE = 10.0
"""Seconds that a process has to end by itself."""
_STARTS = 3
_MOMENT = 0.2
"""Tries to start a worker, and seconds between two."""
IMPORTED = ("magic_demo.challenge.running.worker", "magic_demo.models.loading.predictors")
"""What the fork server imports. It runs no model: a process forked from one that did, as this one may have, would
inherit torch's threads and the photo readers' pipes."""


def choose_context() -> ForkServerContext | SpawnContext:
    """Return how workers are started: forked from a server where that is known to be safe."""
    if sys.platform == "linux" and not is_built_for_cards():
        return multiprocessing.get_context("forkserver")
    return multiprocessing.get_context("spawn")


def warm_up() -> None:
    """Let the fork server begin to import, and return at once; do nothing where it runs, or where there is none."""
    context = choose_context()
    if isinstance(context, ForkServerContext):
        context.set_forkserver_preload(list(IMPORTED))
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # Ctrl+C is for this process alone
        try:
            forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Watch(Protocol):
    """Is told of every worker that starts, by its process id."""

    def __call__(self, process: int, /) -> None:
        """Note a worker."""


class ProcessWorker:
    """One process; see ``Worker``."""

    def __init__(self, plan: StagesPlan) -> None:
        self.connection: Connection
        self.connection, theirs = choose_context().Pipe()
        try:
            self._process = _start(theirs, plan)
        finally:
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
        # the id of one that has ended may be another's by now: it is the server's child, not ours
        if self._process.is_alive():
            self._process.terminate()
        self._process.join()
        code = self._process.exitcode or 0
        return (
            Message("signal {signal}", signal=-code) if code < 0 else Message("exit code {code}", code=code)
        )


def _start(connection: Connection, plan: StagesPlan) -> BaseProcess:
    """Start a worker's process. Raises ModelError where the system starts none."""
    for left in reversed(range(_STARTS)):
        warm_up()
        process = choose_context().Process(
            target=work, args=(connection, plan, dict(os.environ)), daemon=True
        )
        try:
            process.start()
        except (EOFError, OSError) as error:  # the server was killed just now: another one takes its place
            if not left:
                raise ModelError(
                    "no worker can be started here ({reason}); try fewer --workers", reason=one_line(error)
                ) from error
            time.sleep(_MOMENT)
        else:
            break
    return process


class ProcessTeam:
    """Starts processes of this machine. watch: is told the id of every one."""

    def __init__(self, plan: StagesPlan, watch: Watch | None = None) -> None:
        self._plan = plan
        self._watch = watch

    def hire(self) -> ProcessWorker:
        """Start a process. Raises ModelError where the system starts none."""
        worker = ProcessWorker(self._plan)
        if self._watch is not None:
            self._watch(worker.pid)
        return worker

    def wait(self, workers: Sequence[Worker]) -> Sequence[Worker]:
        """Wait until some have answered or ended; return those."""
        by_connection = {worker.connection: worker for worker in workers if isinstance(worker, ProcessWorker)}
        return [by_connection[connection] for connection in wait(list(by_connection))]  # type: ignore[index]
