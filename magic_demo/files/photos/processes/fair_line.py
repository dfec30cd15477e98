"""Turns at something that few can do at once, shared out fairly among those who wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

HEAVY_AT_ONCE = 2
"""Turns of readers whose photos took much work before; the others are left to everybody else."""
HEAVY_SECONDS = 300.0
"""How long a reader is one of those."""


class FairLine:
    """Who is next: a reader has one turn at a time, the reader served longest ago comes first, a slow turn
    makes room for others, and readers whose photos took much work come after them, few at a time."""

    def __init__(
        self, at_once: int, most: int, slow: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._at_once, self._most, self._slow, self._clock = at_once, most, slow, clock
        self._heavy: dict[object, float] = {}
        self._changed = threading.Condition()
        self._waiting: list[tuple[int, object]] = []
        self._running: dict[int, tuple[object, float]] = {}
        self._served: dict[object, int] = {}
        self._count = 0

    @contextmanager
    def turn(self, reader: object) -> Iterator[None]:
        """Wait for a turn of ``reader``'s, and hold it for the block."""
        with self._changed:
            self._count += 1
            ticket = (self._count, reader)
            self._waiting.append(ticket)
            while self._next() != ticket:
                self._changed.wait(self._until_room())
            self._waiting.remove(ticket)
            self._running[ticket[0]] = (reader, self._clock())
            self._count += 1
            self._served[reader] = self._count
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                del self._running[ticket[0]]
                if not self._waiting and not self._running:
                    self._served.clear()
                self._changed.notify_all()

    def note_heavy(self, reader: object) -> None:
        """Note that a reader's photo took much work: the next ones wait for those of others."""
        with self._changed:
            now = self._clock()
            self._heavy = {each: until for each, until in self._heavy.items() if until > now}
            self._heavy[reader] = now + HEAVY_SECONDS

    def _is_heavy(self, reader: object) -> bool:
        return self._heavy.get(reader, float("-inf")) > self._clock()

    def _next(self) -> tuple[int, object] | None:
        quick = sum(self._clock() - since < self._slow for _, since in self._running.values())
        if quick >= self._at_once or len(self._running) >= self._most:
            return None
        busy = {reader for reader, _ in self._running.values()}
        free = [ticket for ticket in self._waiting if ticket[1] not in busy]
        if sum(map(self._is_heavy, busy)) >= HEAVY_AT_ONCE:
            free = [ticket for ticket in free if not self._is_heavy(ticket[1])]
        return min(
            free,
            key=lambda ticket: (self._is_heavy(ticket[1]), self._served.get(ticket[1], 0), ticket[0]),
            default=None,
        )

    def _until_room(self) -> float | None:
        """Return in how many seconds a turn under way counts as slow, None where none is to."""
        left = [since + self._slow - self._clock() for _, since in self._running.values()]
        return min((seconds + 0.001 for seconds in left if seconds > 0), default=None)
