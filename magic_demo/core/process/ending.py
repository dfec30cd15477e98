"""How the page's program ends while threads of it are still at work."""

from __future__ import annotations

import atexit
import os
import sys
from typing import NoReturn


def end_program(code: int) -> NoReturn:
    """Run what was left for the end, write out what was printed, and end the program with an exit code.

    Python itself ends every daemon thread as soon as it next asks for the interpreter. A thread that is
    inside torch then has C++ frames to unwind, which may not be
    unwound: the program is aborted (SIGABRT, "terminate called without an active exception") although nothing
    is wrong. So the threads are not asked.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)
