"""The page that a soak loads: a process of its own over large photos and readers with passwords."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from PIL import Image

from magic_demo.reviews.store import Store
from magic_demo.synthetic.cases import write_cases
from tests.conftest import REPOSITORY

PASSWORD = "a password of the soak"
START_SECONDS = 180
CASES = 12
STOP_SECONDS = 30
TICKS = os.sysconf("SC_CLK_TCK")
LARGE = (3000, 4000)
"""(height, width) of the photos: 12 megapixels."""


class Server:
    """``app.py`` over synthetic cases, with the models that come along and a reader with a password for
    everybody."""

    def __init__(self, folder: Path, readers: list[str], cases: int = CASES) -> None:
        self.store, self.log = folder / "store", folder / "log.txt"
        write_cases(folder / "clinic", count=cases, seed=3, longest=320, splits={"valid": 1.0})
        for photo in (folder / "clinic").rglob("IMG_*.jpg"):
            Image.open(photo).convert("RGB").resize(LARGE[::-1]).save(photo, quality=90)
        with Store.open(self.store) as store:
            for name in readers:
                store.add_reader(name, password=PASSWORD)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"http://127.0.0.1:{free.getsockname()[1]}"
        words = [
            "--port",
            self.address.rpartition(":")[2],
            "--queue",
            str(folder / "clinic"),
            "--store",
            str(self.store),
        ]
        settings = {
            **os.environ,
            "GRADIO_TEMP_DIR": str(folder / "uploads"),
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": "1",
        }
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "app.py", *words], cwd=REPOSITORY, stdout=output, stderr=output, env=settings
            )
        end = time.monotonic() + START_SECONDS
        while "Magic Demo is at" not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the page did not start:\n{self.log.read_text()}")
            time.sleep(0.2)

    def megabytes(self) -> float:
        """Return the memory that is the server's alone."""
        rollup = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return (
            sum(
                int(line.split()[1])
                for line in rollup.splitlines()
                if line.startswith(("Private_Clean", "Private_Dirty"))
            )
            / 1024
        )

    def cpu_seconds(self) -> float:
        """Return the processor time that the server has taken."""
        return (
            sum(
                map(int, Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13])
            )
            / TICKS
        )

    def stop(self) -> tuple[int | None, float]:
        """Ask it to stop, and return its exit code (None: it had to be killed) and the seconds that it
        took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS), time.monotonic() - began
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None, time.monotonic() - began
