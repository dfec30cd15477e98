"""The process of one worker: it loads the models once and does one case after another."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait

from magic_demo.challenge.running.cases import Case
from magic_demo.challenge.running.stages import StagesPlan
from magic_demo.core.errors import MagicDemoError, one_line
from magic_demo.core.messages import Message
from magic_demo.files.photos.processes.workers import shared_workers
from magic_demo.models.backends.backend import use_one_thread


@dataclass(frozen=True)
class Ready:
    """The models are loaded."""


@dataclass(frozen=True)
class Failed:
    """The worker cannot go on, nor could another one in its place: why."""

    why: Message


def work(connection: Connection, plan: StagesPlan, environment: Mapping[str, str]) -> None:
    """Take cases from the connection and answer each with its Outcome, in their order, until None comes.

    environment: of the process that started it, which a server that was started earlier may not have.

    The first answer is Ready. What no other worker could do better either is answered with Failed. The process
    ends at once when the one that started it is gone.
    """
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the one that started it, which ends this one
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    with suppress(BrokenPipeError, EOFError):
        try:
            use_one_thread()
            stages = plan.make()
            connection.send(Ready())
            while (case := connection.recv()) is not None:
                assert isinstance(case, Case)
                connection.send(stages.do(case))
        except (BrokenPipeError, EOFError):
            raise
        except MagicDemoError as error:
            connection.send(Failed(error.message))
        except Exception as error:
            connection.send(Failed(Message("{error}", error=one_line(error))))
        finally:
            shared_workers().close()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
