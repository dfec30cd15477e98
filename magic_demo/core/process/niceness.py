"""Which threads and processes give way: whoever saves or opens a case comes before models, unpacked photos
and checks of passwords."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

MODELS = 15
PHOTOS = 5
SLOW_PHOTOS = 12
"""Of a photo that has taken long already: behind other photos, before the models."""
PASSWORDS = 15


def give_way(niceness: int) -> None:
    """Let the calling thread, and the threads and processes that it starts, have less of a busy processor: at
    least ``niceness``, 0..19."""
    if sys.platform == "linux":  # elsewhere a thread has no niceness of its own
        with suppress(OSError):  # where that is not allowed it only takes a larger share
            thread = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, thread, max(niceness, os.getpriority(os.PRIO_PROCESS, thread)))


def set_niceness(process: int, niceness: int) -> bool:
    """Give another process's main thread a niceness, 0..19, and return whether that was allowed: of one's own
    processes it is to give way further, and mostly not to come forward again."""
    if sys.platform != "linux":
        return True
    try:
        os.setpriority(os.PRIO_PROCESS, process, niceness)
    except OSError:
        return False
    return True
