"""What the models have done with is given back to the system.

The C library of Linux keeps what a program frees for its next request, in as many stores as there are busy
threads. Models ask for large pieces, in whatever thread a reader's request runs, and between them lie the
small ones that live on: with twenty readers the page held five times what it used, and more with every case.
"""

from __future__ import annotations

import ctypes
import functools
import sys
import threading
import time
from collections.abc import Callable

REST = 2.0
"""Seconds between two times: what is given back has to be fetched again."""


class FreeMemory:
    """Gives free memory back, not more often than every ``REST`` seconds; nothing happens where the C library
    has no call for it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next = -REST
        self._lock = threading.Lock()

    def give_back(self) -> bool:
        """Give free memory back; return whether it was time to."""
        with self._lock:
            if self._clock() < self._next:
                return False
            self._next = self._clock() + REST
        if (trim := _find_trim()) is not None:
            trim(0)
        return True


@functools.cache
def _find_trim() -> Callable[[int], int] | None:
    """Return glibc's ``malloc_trim``; macOS, Windows and other C libraries have none."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
