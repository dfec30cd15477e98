"""A prediction that is under way: what it says of itself step by step, and how it is stopped."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from magic_demo.errors import MagicDemoError
from magic_demo.types import Prediction
from magic_demo.ui.source import Progress


@dataclass(frozen=True)
class Step:
    """Share done, 0..1, and what is done now."""

    share: float
    what: str


class StoppedError(MagicDemoError):
    """The reader stopped the analysis."""


class Stops:
    """One stop sign a browser session; asking for a new analysis stops the one before it."""

    def __init__(self) -> None:
        self._signs: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def renew(self, session: str) -> None:
        """Put up a fresh sign for an analysis that is asked for now; it may have to wait for its turn."""
        with self._lock:
            if session in self._signs:
                self._signs[session].set()
            self._signs[session] = threading.Event()

    def sign(self, session: str) -> threading.Event:
        """Return the sign of the session's latest analysis; it is set when that one was stopped before its turn came."""
        with self._lock:
            return self._signs.setdefault(session, threading.Event())

    def stop(self, session: str) -> None:
        """Ask the session's analysis to stop, where there is one; it does so at its next step."""
        with self._lock:
            if session in self._signs:
                self._signs[session].set()

    def forget(self, session: str, sign: threading.Event) -> None:
        """Take down the sign of an analysis that has ended, unless a newer one is up."""
        with self._lock:
            if self._signs.get(session) is sign:
                del self._signs[session]


def follow(task: Callable[[Progress], Prediction], stop: threading.Event) -> Iterator[Step | Prediction]:
    """Run ``task`` in a thread; yield its steps as they come and its prediction last.

    Raises what the task raises, StoppedError once ``stop`` is set (at the task's next step).
    """
    events: queue.Queue[Step | Prediction | Exception] = queue.Queue()

    def report(share: float, what: str) -> None:
        if stop.is_set():
            raise StoppedError("stopped")
        events.put(Step(share, what))

    def work() -> None:
        try:
            events.put(task(report))
        except Exception as error:  # handed over, and raised in the thread that shows it
            events.put(error)

    threading.Thread(target=work, name="predict", daemon=True).start()
    while True:
        event = events.get()
        if isinstance(event, Exception):
            raise event
        if stop.is_set():
            raise StoppedError("stopped")
        yield event
        if isinstance(event, Prediction):
            return
