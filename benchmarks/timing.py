"""How a benchmark takes time and says it: ways taken by turns, medians, ratios within the run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


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


def take_times(ways: Mapping[str, Callable[[], object]], rounds: int, *, wall: bool = False) -> dict[str, float]:
    """Run every way once to warm up, then all of them by turns; return the median of each in milliseconds.

    Taken is the process's own processor time, all its threads together, which other programs disturb less than the clock; with ``wall``
    the clock, where waiting counts.
    """
    clock = time.perf_counter if wall else time.process_time
    times: dict[str, list[float]] = {name: [] for name in ways}
    for round_number in range(rounds + 1):
        for name, way in ways.items():
            begun = clock()
            way()
            if round_number:
                times[name].append((clock() - begun) * 1000)
    return {name: statistics.median(taken) for name, taken in times.items()}
