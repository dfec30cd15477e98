"""Workers that are actors of a Ray cluster, on as many machines as it has. Needs the extra ``ray``.

Every machine sees the data and the output under the same paths: actors read photos and write files where they are,
and answer with the journal's entries, which the driver alone writes down.
"""

from __future__ import annotations

import os
import platform
import socket
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from magic_demo.challenge.running.cases import Case
from magic_demo.challenge.running.stages import Outcome, StagesPlan
from magic_demo.challenge.running.team import Worker
from magic_demo.challenge.running.worker import Failed, Ready
from magic_demo.core.errors import BackendError, MagicDemoError, one_line
from magic_demo.core.messages import Message
from magic_demo.models.backends.backend import use_one_thread

CONNECT_SECONDS = 10.0


class StagesActor:
    """What runs in an actor's process: the models, loaded once.

    folder: the driver's current one, which is this process's too from now on.
    """

    def __init__(self, plan: StagesPlan, folder: Path, out: Path) -> None:
        self._failed: Failed | None = None
        try:
            missing = [str(path) for path in (folder, folder / out) if not path.is_dir()]
            if missing:
                raise BackendError(
                    "{folder}: not there on the machine {machine}; the current folder, the data and --out must have "
                    "the same paths on every machine of the cluster",
                    folder=missing[0],
                    machine=platform.node(),
                )
            os.chdir(folder)
            use_one_thread()
            self._stages = plan.make()
        except MagicDemoError as error:
            self._failed = Failed(error.message)
        except Exception as error:
            self._failed = Failed(Message("{error}", error=one_line(error)))

    def is_ready(self) -> Ready | Failed:
        """Return whether the models are loaded."""
        return self._failed or Ready()

    def do(self, case: Case) -> Outcome | Failed:
        """Do a case."""
        if self._failed is not None:
            return self._failed
        try:
            return self._stages.do(case)
        except MagicDemoError as error:
            return Failed(error.message)
        except Exception as error:
            return Failed(Message("{error}", error=one_line(error)))


class ActorWorker:
    """One actor; see ``Worker``."""

    def __init__(self, ray: Any, actor: Any) -> None:
        self._ray = ray
        self._actor = actor
        self.answers: deque[Any] = deque([actor.is_ready.remote()])
        self.cases: deque[Case] = deque()
        self.ready = False

    def send(self, case: Case) -> None:
        """Send a case."""
        self.answers.append(self._actor.do.remote(case))

    def receive(self) -> Any:
        """Return what the actor answered, None where it or its machine has ended."""
        try:
            return self._ray.get(self.answers.popleft())
        except self._ray.exceptions.RayError:
            return None

    def finish(self) -> None:
        """Do nothing: ``end`` ends an actor that is idle."""

    def end(self) -> Message:
        """End the actor."""
        self._ray.kill(self._actor)
        return Message("with its Ray actor")


class ActorTeam:
    """Starts actors of a Ray cluster, each with one processor. Raises BackendError where Ray is not installed or
    cannot be reached.

    address: ``local`` starts Ray on this machine alone, ``auto`` and ``HOST:PORT`` reach a cluster that runs.
    """

    def __init__(self, address: str, plan: StagesPlan, out: Path) -> None:
        try:
            import ray
        except ImportError as error:
            raise BackendError(
                "--ray needs Ray, which is not installed: pip install -r requirements-ray.lock"
            ) from error
        self._ray: Any = ray
        try:
            _check_listening(address)
            ray.init(address=address, log_to_driver=False, logging_level="error")
        except Exception as error:
            # Ray raises ConnectionError, ValueError, RuntimeError and its own
            raise BackendError(
                "--ray {address}: no Ray cluster can be reached there ({reason}); ray start --head starts one, "
                "'local' needs none",
                address=address,
                reason=one_line(error),
            ) from error
        self._actor = ray.remote(StagesActor).options(num_cpus=1, max_restarts=0)
        self._plan = ray.put(plan)
        self._out = out

    def count_processors(self) -> int:
        """Return how many actors the cluster has room for, at least 1."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def hire(self) -> ActorWorker:
        """Start an actor."""
        return ActorWorker(self._ray, self._actor.remote(self._plan, Path.cwd(), self._out))

    def wait(self, workers: Sequence[Worker]) -> Sequence[Worker]:
        """Wait until some have answered or ended; return those."""
        first = {worker.answers[0]: worker for worker in workers if isinstance(worker, ActorWorker)}
        answered, _ = self._ray.wait(list(first), num_returns=1)
        return [first[answer] for answer in answered]

    def close(self) -> None:
        """Leave the cluster, or end the one of this machine."""
        self._ray.shutdown()


def _check_listening(address: str) -> None:
    """Raise OSError where nobody listens at HOST:PORT: Ray itself would try for minutes."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdigit() and "//" not in address:
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
