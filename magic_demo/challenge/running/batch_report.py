"""What a batch run did, and what took the time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from magic_demo.challenge.pipeline import Busy
from magic_demo.challenge.submitting.submission import HandIn

BOUNDS = {"work": "model", "read": "decode", "write": "write"}


@dataclass(frozen=True)
class BatchReport:
    """What a run did: encounters done now and in all, masks that were predicted, one line a problem, and what
    took the time.

    files: what can be handed in of it.
    """

    encounters: int
    done_now: int
    masks: int
    problems: tuple[str, ...]
    files: HandIn
    photos_now: int = 0
    busy: Busy = field(default_factory=Busy)

    def as_throughput(self) -> dict[str, Any]:
        """Return what was done now and how long each stage was at work, in seconds; what bound it is the
        stage that worked longest."""
        seconds = {BOUNDS[stage]: round(getattr(self.busy, stage), 3) for stage in BOUNDS}
        speed = (
            {"encounters_a_minute": round(60 * self.done_now / self.busy.total, 1)} if self.busy.total else {}
        )
        bound = {"bound_by": BOUNDS[self.busy.bound]} if self.done_now else {}
        now = {"encounters": self.done_now, "photos": self.photos_now, "seconds": round(self.busy.total, 3)}
        return {**now, **speed, "seconds_by_stage": seconds, **bound}

    def describe_throughput(self) -> str:
        """Return the same in one line."""
        shares = ", ".join(
            f"{name} {getattr(self.busy, stage) / self.busy.total:.0%}" for stage, name in BOUNDS.items()
        )
        speed = f"{60 * self.done_now / self.busy.total:.0f} encounters a minute"
        return f"{speed}; at work: {shares} of the time, side by side; bound by: {BOUNDS[self.busy.bound]}"
