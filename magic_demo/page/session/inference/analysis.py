"""A prediction that is under way: it waits for its turn, says step by step what it has found, and can be
stopped."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from magic_demo.core.process.niceness import MODELS, give_way
from magic_demo.core.types import Prediction, Step
from magic_demo.page.session.inference.turns import StoppedError, Turns


@dataclass(frozen=True)
class Queued:
    """The models are busy: so many others come first."""

    before: int


class Sign(threading.Event):
    """Set once an analysis is to stop. by_reader: whether the reader asked for that, who is then told of
    it."""

    by_reader = False


class Stops:
    """One stop sign a browser session; asking for a new analysis stops the one before it."""

    def __init__(self) -> None:
        self._signs: dict[str, Sign] = {}
        self._lock = threading.Lock()

    def renew(self, session: str) -> None:
        """Put up a fresh sign for an analysis that is asked for now; it may have to wait for its turn."""
        with self._lock:
            if session in self._signs:
                self._signs[session].set()
            self._signs[session] = Sign()

    def sign(self, session: str) -> Sign:
        """Return the sign of the session's latest analysis; it is set when that one was stopped before its
        turn came."""
        with self._lock:
            return self._signs.setdefault(session, Sign())

    def stop(self, session: str, *, by_reader: bool) -> None:
        """Ask the session's analysis to stop, where there is one; it does so at its next step."""
        with self._lock:
            if sign := self._signs.get(session):
                sign.by_reader = by_reader
                sign.set()

    def is_latest(self, session: str, sign: threading.Event) -> bool:
        """Return whether no newer analysis was asked for."""
        with self._lock:
            return self._signs.get(session) is sign

    def forget(self, session: str, sign: threading.Event) -> None:
        """Take down the sign of an analysis that has ended, unless a newer one is up."""
        with self._lock:
            if self._signs.get(session) is sign:
                del self._signs[session]


class Faults:
    """Sessions that were told of a fault; Gradio then reports a failure as it does where too many wait, which is
    not told over it."""

    def __init__(self, most: int = 1024) -> None:
        self._most = most
        self._told: dict[str, None] = {}
        self._lock = threading.Lock()

    def note(self, session: str) -> None:
        """Note that a session was told of a fault; of too many the oldest is forgotten."""
        with self._lock:
            self._told[session] = None
            while len(self._told) > self._most:
                del self._told[next(iter(self._told))]

    def take(self, session: str) -> bool:
        """Return whether a session was told of a fault, and forget it."""
        with self._lock:
            return session in self._told and self._told.pop(session) is None


def follow(
    turns: Turns,
    predict: Callable[[], Iterator[Step | Prediction]],
    stop: threading.Event,
    afterwards: Callable[[Prediction], None] = lambda _: None,
) -> Iterator[Queued | Step | Prediction]:
    """Run what ``predict`` gives in a thread once its turn has come; yield how many come first, its steps as
    they come, its prediction last.

    afterwards: called in that thread with the prediction, when the next turn has begun already.
    Raises what it raises, StoppedError once ``stop`` is set (while it waits, or between two steps). Who no
    longer follows has stopped it.
    """
    events: queue.Queue[Queued | Step | Prediction | Exception] = queue.Queue()

    def work() -> None:
        event: Step | Prediction | None = None
        try:
            with turns.take(lambda before: events.put(Queued(before)), stop):
                # not while it waits: a thread that gives way keeps Python's lock, and with it everybody, for longer
                give_way(MODELS)
                for event in predict():
                    if stop.is_set():
                        raise StoppedError("stopped")
                    events.put(event)
            if isinstance(event, Prediction):
                afterwards(event)
        except Exception as error:  # handed over, and raised in the thread that shows it
            events.put(error)

    threading.Thread(target=work, name="predict", daemon=True).start()
    try:
        while True:
            event = events.get()
            if isinstance(event, Exception):
                raise event
            if stop.is_set():
                raise StoppedError("stopped")
            yield event
            if isinstance(event, Prediction):
                return
    except GeneratorExit:  # the page has gone
        stop.set()
        raise
