"""Exports open at the first try with the libraries that they are for: ``make interop``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from magic_demo.api.label_studio import Backend
from magic_demo.core.review_content import outlines_of, split_outline
from magic_demo.core.review_types import Outline
from magic_demo.core.types import PhotoPrediction, Prediction
from magic_demo.imaging.run_lengths import area, decode_mask, encode_mask
from magic_demo.questions.families import load_challenge, unpack_questions
from magic_demo.reviews.exports import write_export
from magic_demo.reviews.imports import read_reviews
from tests.support.fake_predictor import FakePredictor
from tests.support.store.reviewed_cases import SIZES, ReadQueue, answer, make_queue

pytestmark = pytest.mark.real_packages
LABELS = unpack_questions(json.dumps({"labels": ["lesion", "ulcer", "scar"]}), "labels.json")
OPEN = Path(__file__).with_name("open_export.py")
READERS = (0, 1, 4, 7)
"""Rows of the queue: Li's of three cases, one mask empty, and Wang's blind one with its clicks."""


@pytest.fixture
def queue(tmp_path: Path) -> ReadQueue:
    made = make_queue(tmp_path / "data")
    return ReadQueue(made.folder, made.cases, tuple(made.reviews[place] for place in READERS))


@pytest.fixture
def labelled(queue: ReadQueue) -> ReadQueue:
    """Return the queue with an ulcer on every photo, the lesion's lower half, and no scar."""
    reviews = []
    for saved in queue.reviews:
        ulcers, scars = {}, {}
        for photo_id, runs in saved.review.masks.items():
            mask = decode_mask(runs)
            scars[photo_id] = Outline(encode_mask(mask & False))
            mask[: len(mask) // 2] = False
            ulcers[photo_id] = Outline(encode_mask(mask))
        review = replace(saved.review, label_masks={"ulcer": ulcers, "scar": scars})
        reviews.append(replace(saved, review=review))
    return ReadQueue(queue.folder, queue.cases, tuple(reviews))


def _open(queue: ReadQueue, format: str, library: str, tmp_path: Path, **options: Any) -> dict[str, Any]:
    write_export(queue.reviews, queue.cases, format, tmp_path / "out", **options)
    return _run(library, tmp_path)


def _run(library: str, tmp_path: Path) -> dict[str, Any]:
    said = subprocess.run(
        [os.environ["REAL_PACKAGES"], str(OPEN), library, str(tmp_path / "out")],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")},
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    return found


def _pixels(queue: ReadQueue, *, empty: bool = True) -> dict[str, dict[str, int]]:
    pixels: dict[str, dict[str, int]] = {}
    for saved in queue.reviews:
        for name, outline in outlines_of(saved.review).items():
            label, photo_id = split_outline(name)
            if empty or area(outline.runs):
                own = pixels.setdefault(f"{photo_id}.png", {})
                own[f"{label}, {saved.review.reader}" if label else saved.review.reader] = area(outline.runs)
    return pixels


def test_pycocotools_reads_masks_and_clicks(queue: ReadQueue, tmp_path: Path) -> None:
    found = _open(queue, "coco", "pycocotools", tmp_path)
    assert found["masks"] == _pixels(queue)
    assert [name for name, _ in found["clicks"]] == ["IMG_ENC00001_00001.png"] * 2


@pytest.mark.parametrize("format", ["coco", "cvat"])
def test_datumaro_finds_photos_and_masks(queue: ReadQueue, tmp_path: Path, format: str) -> None:
    found = _open(queue, format, "datumaro", tmp_path)
    assert found["kind"] == format
    assert found["sizes"] == {f"{name}.png": list(size) for name, size in SIZES.items()}
    assert found["masks"] == _pixels(queue, empty=format == "coco")
    assert found["points"] >= 1


@pytest.mark.parametrize(
    ("format", "library"),
    [("coco", "pycocotools"), ("coco", "datumaro"), ("cvat", "datumaro"), ("dicom", "highdicom")],
)
def test_a_library_finds_every_label_of_a_study(
    labelled: ReadQueue, tmp_path: Path, format: str, library: str
) -> None:
    found = _open(labelled, format, library, tmp_path, questions=LABELS)
    expected = _pixels(labelled, empty=format != "cvat")
    assert found["masks"] == expected and any("ulcer" in name for own in expected.values() for name in own)


def test_highdicom_reads_every_segment_and_report(queue: ReadQueue, tmp_path: Path) -> None:
    found = _open(queue, "dicom", "highdicom", tmp_path)
    assert found["masks"] == _pixels(queue)
    assert len(found["reports"]) == 4 and min(found["reports"].values()) > 2


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_dciodvfy_finds_no_error(labelled: ReadQueue, tmp_path: Path) -> None:
    write_export(labelled.reviews, labelled.cases, "dicom", tmp_path / "out", questions=LABELS)
    for path in (tmp_path / "out").rglob("*.dcm"):
        said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
        assert "Error" not in said.stdout + said.stderr, f"{path.name}: {said.stderr}"


def test_datasets_loads_every_table_with_times(queue: ReadQueue, tmp_path: Path) -> None:
    found = _open(queue, "parquet", "datasets", tmp_path)
    assert found.keys() == {"answers", "masks", "clicks", "lengths", "lesions", "readings"}
    assert {kind for _, kind in found.values()} == {"timestamp[us, tz=UTC]"} and found["masks"][0] == 6


def test_datasets_loads_photos_without_the_masks_among_them(queue: ReadQueue, tmp_path: Path) -> None:
    found = _open(queue, "training-set", "datasets", tmp_path)
    rows = [*found["train"], *found["validation"]]
    assert sorted(size for size, _, _ in rows) == sorted([width, height] for height, width in SIZES.values())
    assert sum(len(masks.splitlines()) for _, _, masks in rows) == 6


@pytest.mark.parametrize("several", [False, True], ids=["one label", "three labels"])
def test_label_studio_takes_every_annotation_and_unpacks_every_brush(
    queue: ReadQueue, labelled: ReadQueue, tmp_path: Path, several: bool
) -> None:
    taken, asked = (labelled, LABELS) if several else (queue, None)
    name = "IMG_ENC00001_00001"
    probability = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    said = Prediction("ENC00001", (PhotoPrediction(name, probability, SIZES[name]),), answers=answer(2))
    found = _open(
        taken, "label-studio", "label-studio-sdk", tmp_path, predictions={"ENC00001": said}, questions=asked
    )
    assert all(found["annotations"]) and len(found["annotations"]) == 6 and found["predictions"] == [True]
    drawn = [pixels for own in _pixels(taken, empty=False).values() for pixels in own.values()]
    assert sorted(found["brushes"].values()) == sorted(drawn)


def test_label_studio_takes_what_the_backend_predicts_for_its_tasks(queue: ReadQueue, tmp_path: Path) -> None:
    write_export(queue.reviews, queue.cases, "label-studio", tmp_path / "out")
    file = tmp_path / "out" / "label_studio.json"
    tasks = json.loads(file.read_text(encoding="utf-8"))
    backend = Backend(FakePredictor(), queue.cases, load_challenge())
    for task in tasks:
        task["predictions"] = [backend.predict_task(task)]
    file.write_text(json.dumps(tasks), encoding="utf-8")
    found = _run("label-studio-sdk", tmp_path)
    assert found["predictions"] == [True] * len(tasks)


def test_what_datumaro_writes_comes_in_to_the_bit(queue: ReadQueue, tmp_path: Path) -> None:
    drawn = {
        (saved.review.reader, photo_id): runs
        for saved in queue.reviews
        for photo_id, runs in saved.review.masks.items()
        if area(runs)
    }
    for kind, place in _open(queue, "coco", "datumaro, writing", tmp_path).items():
        back = read_reviews(Path(place), "q", queue.cases)
        found = {
            (review.reader, photo_id): runs
            for review in back.reviews
            for photo_id, runs in review.masks.items()
            if area(runs)
        }
        assert found == drawn, f"{kind}: {back.left_out}"
