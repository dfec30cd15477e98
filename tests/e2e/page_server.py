"""The page in a process of its own, as a user starts it: it can be stopped or killed, and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

START_SECONDS = 240


class PageServer:
    """``app.py`` on a free port; what it prints goes to ``folder/log.txt``. ``program``, ``arguments``,
    ``settings`` and ``started_in`` are what kinds of it differ in."""

    def __init__(self, repository: Path, folder: Path) -> None:
        self.repository, self.folder = repository, folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = folder / "log.txt"
        self.process: subprocess.Popen[bytes] | None = None

    def program(self) -> list[str]:
        """Return what Python runs, up to the port."""
        return [str(self.repository / "app.py"), "--port"]

    def arguments(self) -> Sequence[str]:
        """Return the words of the command line after the port."""
        return ()

    def settings(self) -> Mapping[str, str | None]:
        """Return the environment's variables that are set, or taken away where they are None."""
        return {"GRADIO_TEMP_DIR": str(self.folder / "uploads")}

    def started_in(self) -> Path:
        """Return the folder that is current when the page starts."""
        return self.repository

    def start(self) -> None:
        """Start the page and wait until it answers."""
        settings = {**os.environ, "PYTHONUNBUFFERED": "1", **self.settings()}
        with self.log.open("a") as output:
            self.process = subprocess.Popen(
                [sys.executable, *self.program(), str(self.port), *self.arguments()],
                cwd=self.started_in(),
                stdout=output,
                stderr=subprocess.STDOUT,
                env={name: value for name, value in settings.items() if value is not None},
            )
        self.wait()

    def wait(self) -> None:
        """Wait until the page answers; one that ends meanwhile fails the test."""
        assert self.process is not None
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self.process.poll() is not None:
                pytest.fail(f"the page did not start:\n{self.log.read_text()}")
            try:
                with urllib.request.urlopen(self.address, timeout=5):
                    return
            except OSError:
                time.sleep(0.2)
        pytest.fail(f"the page did not answer within {START_SECONDS} s:\n{self.log.read_text()}")

    def kill(self) -> None:
        """End the page as a crash does: no goodbye."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)

    def stop(self) -> str:
        """Stop the page and return what it printed."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
        return self.log.read_text()
