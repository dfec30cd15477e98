"""How long a block of a program takes, and the most memory that it holds at once."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PEAK_MEMORY = "peak_memory_mb"
"""What a manifest calls it."""
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass
class Watched:
    """What ``watch`` has measured."""

    seconds: float = 0.0
    memory_mb: float | None = None


@contextmanager
def watch() -> Iterator[Watched]:
    """Measure the time that a block takes and the most memory that this process holds within it; on Linux alone the
    latter is of the block, elsewhere None."""
    watched, began = Watched(), time.perf_counter()
    with suppress(OSError):
        _CLEAR.write_text("5")  # begins the count of the peak anew
    try:
        yield watched
    finally:
        watched.seconds = time.perf_counter() - began
        watched.memory_mb = read_peak()


def read_peak() -> float | None:
    """Return the most memory, in MB, that this process has held at once; None where the system does not say."""
    if not sys.platform.startswith("linux"):
        return None
    with suppress(OSError, ValueError, StopIteration):
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1000
    return None
