"""How often somebody may ask for something: a bucket of tokens each, that fills again with time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable


class RateLimit:
    """At most ``burst`` at once and ``per_second`` for long, for each name; the names heard of longest ago
    are forgotten first."""

    def __init__(
        self,
        burst: float,
        per_second: float,
        *,
        names: int = 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst = burst
        self._per_second = per_second
        self._names = names
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def allows(self, name: str) -> bool:
        """Take one token of ``name``; False where none is left."""
        now = self._clock()
        with self._lock:
            left, then = self._buckets.pop(name, (self._burst, now))
            left = min(self._burst, left + (now - then) * self._per_second)
            allowed = left >= 1
            self._buckets[name] = (left - 1 if allowed else left, now)
            while len(self._buckets) > self._names:
                self._buckets.popitem(last=False)
        return allowed
