"""Predictions for programs: what they hold, in both forms; the heaviest that may come; the documented examples."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from magic_demo.api.jobs import MOST_EACH
from magic_demo.core.types import MaskRuns
from magic_demo.imaging.run_lengths import decode_mask
from tests.api.doors import held_back, listening, open_doors, wait_for
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
            keys = [
                doors.send_photo("Li", encode(48, 64), name) for name in ("arm.png", "leg.png", "arm.png")
            ]
            asked = {"photos": keys, "narrative": "itchy", "masks": kind, "language": "zh", "prompt": "spots"}
            job = doors.finish("Li", "/predictions", asked)
            assert (job["state"], job["share"]) == ("done", 1.0)
            found = job["prediction"]["masks"]
            assert [mask["photo"] for mask in found] == ["arm", "leg", "arm (2)"]
            masks.append(found[0])
        rle, png = masks
        mask = decode_mask(MaskRuns(tuple(rle["rle"]["size"]), rle["rle"]["counts"]))
        drawn = cv2.imdecode(np.frombuffer(base64.b64decode(png["png"]), np.uint8), cv2.IMREAD_UNCHANGED)
        assert (
            drawn is not None
            and mask.shape == (48, 64)
            and rle["size"] == [48, 64]
            and rle["area"] == mask.sum() == png["area"]
        )
        assert np.array_equal(drawn, mask * np.uint8(255)) and 0 < mask.sum() < mask.size
        assert (
            doors.predictor.asked[0][1:] == ("spots", "zh")
            and doors.predictor.asked[0][0].narrative.en == "itchy"
        )
        prediction = job["prediction"]
        assert len(prediction["answers"]) == len(prediction["scores"]) == 27
        assert prediction["models"] == {"segmentation": "fake", "cvqa": "fake"}


def test_a_file_that_is_no_photo_costs_a_line_and_alone_the_job(tmp_path: Path) -> None:
    with open_doors(tmp_path) as doors:
        keys = [doors.send_photo("Li", content) for content in (b"no photo", encode(48, 64))]
        job = doors.finish("Li", "/predictions", {"photos": keys})
        assert len(job["prediction"]["masks"]) == len(job["prediction"]["problems"]) == 1
        job = doors.finish("Li", "/predictions", {"photos": [doors.send_photo("Li", b"no photo")]})
        assert (
            job["state"] == "failed"
            and job["error"]["key"] == "photo"
            and "arm.png" in job["error"]["message"]
        )


def test_a_photo_is_for_one_prediction_and_waits_where_none_can_begin(tmp_path: Path) -> None:
    predictor, go = held_back()
    with open_doors(tmp_path, predictor) as doors:
        key = doors.send_photo("Li", encode(48, 64))
        begun = [
            doors.ask("Li", "POST", "/predictions", json={"narrative": "spots"}).json()
            for _ in range(MOST_EACH)
        ]
        refused = doors.ask("Li", "POST", "/predictions", json={"photos": [key]})
        assert (refused.status_code, refused.json()["error"]["key"]) == (429, "too_many_jobs")
        assert refused.headers["Retry-After"]
        go.set()
        wait_for(doors.verbs.jobs.find(begun[-1]["job"], doors.numbers["Li"]))
        assert doors.finish("Li", "/predictions", {"photos": [key]})["state"] == "done"
        assert doors.ask("Li", "POST", "/predictions", json={"photos": [key]}).status_code == 404


def test_a_token_that_is_revoked_in_the_middle_of_a_job_ends_it(tmp_path: Path) -> None:
    predictor, go = held_back()
    with open_doors(tmp_path, predictor) as doors:
        asked = {"photos": [doors.send_photo("Li", encode(48, 64))], "narrative": "spots"}
        begun = doors.ask("Li", "POST", "/predictions", json=asked).json()["job"]
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
    predictor, go = held_back()
    with open_doors(tmp_path, predictor) as doors:
        monkeypatch.setattr(doors.verbs, "_photos", doors.verbs._photos.__class__(10_000, 10_000))
        opened, most, lock = [0], [0], threading.Lock()
        unpack = doors.desk.arrivals.open

        def count(photo):  # type: ignore[no-untyped-def]
            with lock:
                opened[0] += 1
            return unpack(photo)

        monkeypatch.setattr(doors.desk.arrivals, "open", count)
        statuses: list[int] = []

        def ask(number: int) -> None:
            who = ("Li", "Bo", "Wang", "Pat")[number % 4]
            asked = {"photos": [doors.send_photo(who, content) for _ in range(photos)]}
            answer = doors.ask(who, "POST", "/predictions", json=asked)
            with lock:
                statuses.append(answer.status_code)
                most[0] = max(most[0], doors.desk.arrivals.held_bytes)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(statuses) <= {202, 404, 429} and statuses.count(202) >= 3, statuses
        assert opened[0] <= photos, "those that wait are files still"
        jobs = [job for number in doors.numbers.values() for job in doors.verbs.jobs.list_of(number)]
        assert len(jobs) == statuses.count(202)
        assert sum(job.size for job in jobs) <= 256 * 2**20 and most[0] <= 256 * 2**20
        go.set()
        for job in jobs:
            wait_for(job, 600)
            assert job.state == "done" and len(job.say("").prediction.masks) == photos  # type: ignore[union-attr]


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
