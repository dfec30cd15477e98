"""A page that reviews a small queue from a prediction bundle, for the browser tests: it can be killed and
started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from magic_demo.core.limits import PREFIX
from magic_demo.core.types import PhotoPrediction, Prediction
from magic_demo.files.bundles import write_prediction
from magic_demo.files.photos.reading import read_photo
from magic_demo.questions.decoding import decode_answers
from magic_demo.questions.families import load_families
from magic_demo.reviews.queues import read_queue
from magic_demo.synthetic.cases import write_cases

START_SECONDS = 120
CHANCE = 0.7313
"""What the written model gives its answer to every question of one slot: a number to look for in what the
page is sent."""
MODEL = "written-model-of-the-test"


def write_bundle(queue: Path, folder: Path, unsure: frozenset[str] = frozenset()) -> None:
    """Write what a model might have said of each case of a queue: a disc on every photo, answers with CHANCE.
    unsure: families it does not know."""
    families = load_families()
    for files in read_queue(queue).encounters:
        photos = []
        for photo in files.photo_files:
            assert photo.path is not None
            rows, columns = np.mgrid[:64, :64]
            disc = ((rows - 32) ** 2 + (columns - 32) ** 2 < 14**2).astype(np.float32)
            photos.append(PhotoPrediction(photo.photo_id, disc, read_photo(photo.path).size))
        scores = {
            question.qid: np.linspace(1, 0, question.option_count).astype(np.float32)
            for family in families
            for question in family.questions
        }
        chances = {}
        for family in families:
            count = family.questions[0].option_count
            chances[family.family_id] = np.full(count, (1 - CHANCE) / (count - 1))
            chances[family.family_id][0] = CHANCE
        write_prediction(
            folder,
            Prediction(
                files.encounter_id,
                tuple(photos),
                scores,
                decode_answers(scores, families),
                chances,
                unsure=unsure,
                models={"cvqa": MODEL},
            ),
        )


class ReviewServer:
    """``app.py`` over a queue of synthetic cases, a bundle and a store of its own; no model is loaded."""

    def __init__(self, repository: Path, folder: Path, *, cases: int = 3, **limits: int) -> None:
        """Write the cases and the bundle; ``start`` opens the page. limits: as ``Limits`` names them."""
        self.limits = {f"{PREFIX}{name.upper()}": str(value) for name, value in limits.items()}
        self.repository, self.folder = repository, folder
        self.queue, self.bundle, self.store = folder / "clinic", folder / "bundle", folder / "store"
        write_cases(self.queue, count=cases, seed=5, longest=160)
        write_bundle(self.queue, self.bundle)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = folder / "log.txt"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the page and wait until it answers."""
        places = ["--queue", str(self.queue), "--bundle", str(self.bundle), "--store", str(self.store)]
        settings = {
            **os.environ,
            **self.limits,
            "GRADIO_TEMP_DIR": str(self.folder / "uploads"),
            "PYTHONUNBUFFERED": "1",
        }
        with self.log.open("a") as output:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "app.py",
                    "--port",
                    str(self.port),
                    *places,
                    "--segmentation",
                    str(self.folder / "no-model"),
                ],
                cwd=self.repository,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=settings,
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
