"""How much memory something takes: what Python and numpy held, and what the system says is resident."""

from __future__ import annotations

import resource
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

KILOBYTES = 1 if sys.platform == "darwin" else 1024
"""What the system counts ``ru_maxrss`` in, in bytes."""
RUN_AND_MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""A small program in between: a process counts what its parent had resident when it was started as its
own."""


def find_peak(act: Callable[[], object]) -> float:
    """Return the most that Python and numpy held at once while ``act`` ran, in MB; watching takes time, so
    never time the same run."""
    tracemalloc.start()
    act()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def find_resident_peak(words: Sequence[str]) -> float:
    """Run a program and return the most that it, or any process it started, had resident, in MB.

    Raises CalledProcessError when it fails.
    """
    said = subprocess.run(
        [sys.executable, "-c", RUN_AND_MEASURE, *words], check=True, capture_output=True, text=True
    ).stdout
    return int(said) * KILOBYTES / 1e6


def read_resident() -> float | None:
    """Return what this process has resident now, in MB; None where the system does not tell."""
    place = Path("/proc/self/statm")
    return (
        int(place.read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 1e6
        if place.is_file()
        else None
    )
