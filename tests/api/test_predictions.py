"""Predictions for programs: what they hold, in both forms; the heaviest that may come; the documented examples."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from magic_demo.api import forms, predicting
from magic_demo.api.jobs import MOST_BYTES, MOST_EACH
from magic_demo.core.review_types import MaskRuns
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.page.session.arrivals import Arrival, open_file
from magic_demo.page.session.inference.turns import MOST_WAITING
from tests.api.doors import Doors, held_back, listening, open_doors, wait_for
from tests.conftest import REPOSITORY
from tests.support.fake_predictor import FakePredictor

HALF = np.array([[0.0, 1.0], [0.0, 1.0]], np.float32)
PAGE = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")


def encode(height: int, width: int, kind: str = ".png") -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (height // 8, width // 8, 3), np.uint8)
    done, data = cv2.imencode(kind, cv2.resize(pixels, (width, height)))
    assert done
    return data.tobytes()


def test_masks_are_at_the_photos_size_and_the_same_as_png_and_run_lengths(tmp_path: Path) -> None:
    with open_doors(tmp_path, FakePredictor(HALF)) as doors:
        masks = []
        for kind in ("rle", "png"):
            asked = {"narrative": "itchy", "masks": kind, "language": "zh", "prompt": "spots"}
            job = doors.finish("Li", doors.begin("Li", *[encode(48, 64)] * 2, **asked))
            assert (job["state"], job["share"]) == ("done", 1.0)
            found = job["prediction"]["masks"]
            assert [mask["photo"] for mask in found] == ["arm0", "arm1"]
            masks.append(found[0])
        rle, png = masks
        mask = decode_mask(MaskRuns(tuple(rle["rle"]["size"]), rle["rle"]["counts"]))
        drawn = cv2.imdecode(np.frombuffer(base64.b64decode(png["png"]), np.uint8), cv2.IMREAD_UNCHANGED)
        assert drawn is not None and mask.shape == (48, 64) and rle["size"] == [48, 64]
        assert rle["area"] == mask.sum() == png["area"] and 0 < mask.sum() < mask.size
        assert np.array_equal(drawn, mask * np.uint8(255))
        assert doors.predictor.asked[0][1:] == ("spots", "zh")
        assert doors.predictor.asked[0][0].narrative.en == "itchy"
        prediction = job["prediction"]
        assert len(prediction["answers"]) == len(prediction["scores"]) == 27
        assert prediction["models"] == {"segmentation": "fake", "cvqa": "fake"}


def test_a_file_that_is_no_photo_costs_a_line_and_alone_the_job(tmp_path: Path) -> None:
    with open_doors(tmp_path) as doors:
        job = doors.finish("Li", doors.begin("Li", b"no photo", encode(48, 64)))
        assert len(job["prediction"]["masks"]) == len(job["prediction"]["problems"]) == 1
        job = doors.finish("Li", doors.begin("Li", b"no photo"))
        assert job["state"] == "failed" and job["error"]["key"] == "photo"
        assert "arm0.png" in job["error"]["message"]


def test_who_has_no_place_is_told_so_before_the_photos_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor, go = held_back()
    with open_doors(tmp_path, predictor) as doors:
        begun = [doors.begin("Li", narrative="spots") for _ in range(MOST_EACH)]
        monkeypatch.setattr(forms, "_InMemory", None)
        refused = doors.begin("Li", encode(48, 64))
        assert (refused.status_code, refused.json()["error"]["key"]) == (429, "too_many_jobs")
        assert refused.headers["Retry-After"]
        monkeypatch.undo()
        go.set()
        doors.finish("Li", begun[-1])
        assert doors.finish("Li", doors.begin("Li", encode(48, 64)))["state"] == "done"


def test_a_case_that_cannot_be_read_gives_its_place_back(doors: Doors) -> None:
    for _ in range(2 * MOST_EACH):
        assert doors.begin("Bo", encode(48, 64), masks="drawing").status_code == 400
    assert doors.verbs.jobs.list_of(doors.numbers["Bo"]) == []


def test_no_photo_is_written_to_a_disk(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    def roll_over(_file: object) -> None:
        raise AssertionError("a photo was written to a disk")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", roll_over)
    assert doors.finish("Wang", doors.begin("Wang", encode(1200, 1600)))["state"] == "done"


def test_a_token_that_is_revoked_in_the_middle_of_a_job_ends_it(tmp_path: Path) -> None:
    predictor, go = held_back()
    with open_doors(tmp_path, predictor) as doors:
        begun = doors.begin("Li", encode(48, 64), narrative="spots").json()["job"]
        job = doors.verbs.jobs.find(begun, doors.numbers["Li"])
        doors.store.revoke_token(doors.numbers["Li"])
        go.set()
        wait_for(job)
        assert (job.state, job.outcome.prediction, job.size) == ("stopped", None, 0)
        assert doors.ask("Li", "GET", f"/jobs/{begun}").status_code == 401


def test_what_is_asked_at_once_waits_as_files_and_is_unpacked_one_after_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_fifty_at_once(tmp_path, monkeypatch, photos=2, content=encode(48, 64))


@pytest.mark.long
def test_fifty_predictions_of_sixteen_photos_of_twelve_megapixels_hold_one_case_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_fifty_at_once(tmp_path, monkeypatch, photos=16, content=encode(3000, 4000, ".jpg"))


def check_fifty_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, photos: int, content: bytes
) -> None:
    """Ask for 50 predictions at once: some have a place, all others are told so, and what waits is files."""
    predictor, go = held_back()
    with open_doors(tmp_path, predictor) as doors:
        opened, lock = [0], threading.Lock()

        def count(*arguments: Any) -> Arrival:
            with lock:
                opened[0] += 1
            return open_file(*arguments)

        monkeypatch.setattr(predicting, "open_file", count)
        answers: list[Any] = []

        def ask(number: int) -> None:
            answers.append(doors.begin(("Li", "Bo", "Wang", "Pat")[number % 4], *[content] * photos))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        statuses = [answer.status_code for answer in answers]
        fit = min(MOST_WAITING, MOST_BYTES // (photos * len(content) + 4096))
        assert set(statuses) == {202, 429} and statuses.count(202) == fit, statuses
        assert opened[0] <= photos, "those that wait are files still"
        jobs = [job for number in doors.numbers.values() for job in doors.verbs.jobs.list_of(number)]
        assert len(jobs) == fit and sum(job.size for job in jobs) <= MOST_BYTES
        go.set()
        for job in jobs:
            wait_for(job, 600)
            assert job.state == "done" and job.outcome.prediction is not None
            assert len(job.outcome.prediction.masks) == photos


@pytest.mark.parametrize(
    ("kind", "program"), [("sh", ["bash", "-euo", "pipefail"]), ("python", [sys.executable])]
)
def test_the_documented_examples_run_as_they_stand(tmp_path: Path, kind: str, program: list[str]) -> None:
    example, *_ = re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    Image.new("RGB", (64, 48), (200, 140, 130)).save(tmp_path / "arm.jpg")
    with open_doors(tmp_path) as doors, listening(doors) as address:
        (tmp_path / "example").write_text(example.replace("http://127.0.0.1:7860", address), encoding="utf-8")
        said = subprocess.run(
            [*program, "example"],
            cwd=tmp_path,
            env={**os.environ, "MAGIC_DEMO_TOKEN": doors.tokens["Li"]},
            check=True,
            capture_output=True,
            text=True,
        )
    assert "done" in said.stdout and "CQID010-001" in said.stdout and str(area_of_all()) in said.stdout


def area_of_all() -> int:
    return 48 * 64
