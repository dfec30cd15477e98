"""Learning from reviews beside the page: a process of its own that gives way to readers, and what came of it."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import magic_demo
from magic_demo.core.disk.whole_files import make_folders
from magic_demo.core.process.niceness import set_niceness
from magic_demo.reviews.learning.learnt import (
    LOG,
    LearntError,
    Progress,
    choose_folder,
    models_beside,
    read_progress,
    work_of,
)

PROGRAM = ("-m", "training", "learn")
NICENESS = 19
LINES = 200
"""Lines of the log that are shown, the last."""
STOP_SECONDS = 10


class Learner:
    """The one process that learns beside a page, and its log."""

    def __init__(self, location: str, begin: Sequence[str] = ()) -> None:
        """Learn from the store at ``location``. begin: options that say which models to begin from."""
        self.root, self._location, self._begin = models_beside(location), location, tuple(begin)
        self._process: subprocess.Popen[bytes] | None = None
        self._out = self.root
        self._lock = threading.Lock()
        atexit.register(self.stop)

    @property
    def running(self) -> bool:
        """Return whether something is being learnt."""
        return self._process is not None and self._process.poll() is None

    @property
    def failed(self) -> bool:
        """Return whether the last run ended without a model."""
        return self._process is not None and self._process.poll() not in (None, 0)

    def start(self, queue: str, rule: str) -> None:
        """Begin to learn, or go on where it was stopped. Raises LearntError where it is going on already."""
        with self._lock:
            if self.running:
                raise LearntError("a model is being learnt already; wait for it, or stop it")
            make_folders(self.root, private=True)
            self._out = choose_folder(self.root)
            options = ["--store", self._location, "--queue", queue, "--rule", rule, "--out", str(self._out)]
            above = str(Path(magic_demo.__file__).resolve().parents[1])
            path = os.pathsep.join(filter(None, (above, os.environ.get("PYTHONPATH", ""))))
            with (self.root / LOG).open("wb") as log:  # nobody else may enter the folder
                self._process = subprocess.Popen(
                    [sys.executable, *PROGRAM, *options, *self._begin],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
                )
            set_niceness(self._process.pid, NICENESS)

    def stop(self) -> None:
        """Stop what is being learnt; it can be gone on with."""
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(STOP_SECONDS)

    @property
    def progress(self) -> Progress | None:
        """Return how far it is, None while nothing is being learnt."""
        if not self.running:
            return None
        return read_progress(work_of(self._out)) or Progress(0.0, "Starting")

    def read_log(self) -> list[str]:
        """Return the last lines of the log, without those of bars."""
        try:
            text = (self.root / LOG).read_bytes()[-65536:].decode("utf-8", "replace")
        except OSError:
            return []
        lines = [line.rpartition("\r")[2].rstrip() for line in text.splitlines()]
        return [line for line in lines if line and "it/s]" not in line and "s/it]" not in line][-LINES:]
