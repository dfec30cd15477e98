"""How a benchmark takes time and says it: ways taken by turns, medians, ratios within the run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

Way = TypeVar("Way", bound=Hashable)


@dataclass(frozen=True)
class Row:
    """One line of the table: a stage the naive way and ours, in milliseconds of processor time, and what the speed costs.

    difference: how far the results of the two lie apart, in words. target: the ratio that is wanted, 0 where none is named.
    """

    stage: str
    naive: float
    ours: float
    difference: str
    target: float = 0.0

    @property
    def ratio(self) -> float:
        """Return how many times faster ours is."""
        return self.naive / self.ours


def take_times(ways: Mapping[Way, Callable[[], object]], rounds: int, *, wall: bool = False, warm: bool = True) -> dict[Way, float]:
    """Run every way once to warm up, then all of them by turns; return the median of each in milliseconds.

    Taken is the process's own processor time, all its threads together, which other programs disturb less than the clock; with ``wall``
    the clock, where waiting counts. warm: without it the first round counts too, for ways that take long enough.
    """
    clock = time.perf_counter if wall else time.process_time
    times: dict[Way, list[float]] = {way: [] for way in ways}
    for round_number in range(rounds + warm):
        for way, act in ways.items():
            begun = clock()
            act()
            if round_number >= warm:
                times[way].append((clock() - begun) * 1000)
    return {way: statistics.median(taken) for way, taken in times.items()}
