"""How a benchmark takes time and says it: ways taken by turns, medians, ratios within the run, waits."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Way = TypeVar("Way", bound=Hashable)
Value = TypeVar("Value")


@dataclass(frozen=True)
class Row:
    """One line of the table: a stage the naive way and ours, in milliseconds of processor time, and what the
    speed costs.

    difference: how far the results of the two lie apart, in words. target: the ratio that is wanted, 0 where
    none is named.
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

    def format(self) -> str:
        """Return it as a line."""
        return (
            f"{self.stage}: plain {self.naive:,.0f} ms, ours {self.ours:,.0f} ms, {self.ratio:.1f} times "
            f"faster; {self.difference}"
        )


@dataclass(frozen=True)
class Reading:
    """One thing that is measured and no ratio. most: what it may be at most, None where nothing is named."""

    what: str
    value: float
    unit: str
    most: float | None = None
    note: str = ""

    def format(self) -> str:
        """Return it as a line."""
        return f"{self.what}: {self.value:,.1f} {self.unit}".rstrip() + (
            f" ({self.note})" if self.note else ""
        )


def describe_waits(what: str, waits: Sequence[float], most: float | None = None, note: str = "") -> Reading:
    """Return the median of some waits, in milliseconds, and the longest but five in a hundred.

    Raises RuntimeError where nothing was seen.
    """
    if not waits:
        raise RuntimeError(f"{what}: nothing was seen")
    worst = sorted(waits)[int(0.95 * (len(waits) - 1))]
    said = f"95% within {worst:.0f}, n {len(waits)}"
    return Reading(what, statistics.median(waits), "ms", most, f"{said}; {note}" if note else said)


def take_time(act: Callable[[], Value], *, wall: bool = False) -> tuple[Value, float]:
    """Return what ``act`` returns, and the milliseconds that it took: of the process's processor time, or
    with ``wall`` by the clock."""
    clock = time.perf_counter if wall else time.process_time
    begun = clock()
    value = act()
    return value, (clock() - begun) * 1000


def take_times(
    ways: Mapping[Way, Callable[[], object]], rounds: int, *, wall: bool = False, warm: bool = True
) -> dict[Way, float]:
    """Run every way once to warm up, then all of them by turns; return the median of each in milliseconds.

    Taken is the process's own processor time, all its threads together, which other programs disturb less
    than the clock; with ``wall`` the clock, where waiting counts. warm: without it the first round counts
    too, for ways that take long enough.
    """
    times: dict[Way, list[float]] = {way: [] for way in ways}
    for round_number in range(rounds + warm):
        for way, act in ways.items():
            _, took = take_time(act, wall=wall)
            if round_number >= warm:
                times[way].append(took)
    return {way: statistics.median(taken) for way, taken in times.items()}
