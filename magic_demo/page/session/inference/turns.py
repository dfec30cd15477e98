"""One inference at a time: who asks while another one runs waits, and is told how many come first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from magic_demo.core.errors import MagicDemoError
from magic_demo.page.session.inference.free_memory import FreeMemory

MOST_WAITING = 24
"""Analyses that may wait for their turn with their place shown, each in one of the server's 40 threads; more
wait in Gradio's own line."""
LOOK_AGAIN = 0.2
"""Seconds after which a reader who waits and has stopped is seen to have stopped, at the latest."""


class StoppedError(MagicDemoError):
    """The reader stopped the analysis."""


class Turns:
    """The line of all that want a model, whoever asks: an analysis, a reason, the audience board."""

    def __init__(self) -> None:
        self._line: list[object] = []
        self._moved = threading.Condition()
        self._memory = FreeMemory()

    def __len__(self) -> int:
        return len(self._line)

    @contextmanager
    def take(
        self, tell: Callable[[int], None] | None = None, stop: threading.Event | None = None
    ) -> Iterator[None]:
        """Wait for the turn and hold it.

        tell: hears how many come first, and again whenever that changes. Raises StoppedError once ``stop`` is
        set, if the turn has not come.
        """
        ticket = object()
        try:
            with self._moved:
                self._line.append(ticket)
                told_before = None
                while before := self._line.index(ticket):
                    if tell is not None and before != told_before:
                        tell(before)
                        told_before = before
                    if stop is not None and stop.is_set():
                        raise StoppedError("stopped")
                    self._moved.wait(LOOK_AGAIN)
            yield
        finally:
            with self._moved:
                self._line.remove(ticket)
                self._moved.notify_all()
            self._memory.give_back()
