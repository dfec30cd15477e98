"""Tasks open in Label Studio as they are: photos have addresses there, everything an id, and the model speaks as a
prediction."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import numpy as np
import pytest

from magic_demo.core.types import PhotoPrediction, Prediction
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.questions.families import load_challenge, unpack_questions
from magic_demo.reviews.exports import LABEL_STUDIO, write_export
from magic_demo.reviews.exports.label_studio.brush_code import decode_brush
from magic_demo.reviews.exports.label_studio.tasks import make_config, write_label_studio
from tests.support.store.reviewed_cases import SIZES, ReadQueue, answer, make_queue

ONE_LABEL = "c66b068254155238cb45e1f4aea243465b967bbe711f712e67ea8e02dcfb6179"
"""SHA-256 of the interface, as the version before studies had several labels wrote it."""


@pytest.fixture
def queue(tmp_path: Path) -> ReadQueue:
    return make_queue(tmp_path / "data")


def _write(queue: ReadQueue, folder: Path, prefix: str | None = None, **options: Any) -> list[dict[str, Any]]:
    format = replace(LABEL_STUDIO, write=partial(write_label_studio, photo_prefix=prefix))
    write_export(queue.reviews, queue.cases, format, folder, **options)
    tasks: list[dict[str, Any]] = json.loads((folder / "label_studio.json").read_text(encoding="utf-8"))
    return tasks


def test_the_address_is_the_photo_below_the_folder_above_the_storage(
    queue: ReadQueue, tmp_path: Path
) -> None:
    """Label Studio serves document root + ``d``, where ``d`` begins with a local storage's folder."""
    root = tmp_path / "data" / "train"
    for task in _write(queue, tmp_path / "out"):
        (below,) = parse_qs(urlsplit(task["data"]["image"]).query)["d"]
        assert below.startswith("images_train/") and (root / below).is_file()


@pytest.mark.parametrize(
    ("prefix", "begins"),
    [
        ("photos/skin", "/data/local-files/?d=photos/skin/IMG_"),
        ("/photos/", "/data/local-files/?d=photos/IMG_"),
        ("https://host/a b", "https://host/a b/IMG_"),
        ("s3://bucket/x/", "s3://bucket/x/IMG_"),
        ("", "/data/local-files/?d=IMG_"),
    ],
)
def test_a_prefix_goes_before_every_photo(queue: ReadQueue, tmp_path: Path, prefix: str, begins: str) -> None:
    for task in _write(queue, tmp_path / "out", prefix):
        assert task["data"]["image"].startswith(begins)


def test_tasks_annotations_and_results_have_ids_of_their_own(queue: ReadQueue, tmp_path: Path) -> None:
    tasks = _write(queue, tmp_path / "out")
    annotations = [annotation for task in tasks for annotation in task["annotations"]]
    results = [result["id"] for annotation in annotations for result in annotation["result"]]
    for ids in ([task["id"] for task in tasks], [entry["id"] for entry in annotations], results):
        assert ids and len(set(ids)) == len(ids)


def test_what_the_model_said_is_a_prediction_and_no_annotation(queue: ReadQueue, tmp_path: Path) -> None:
    photo_id = "IMG_ENC00001_00001"
    size = SIZES[photo_id]
    probability = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    said = Prediction(
        "ENC00001",
        (PhotoPrediction(photo_id, probability, size),),
        answers=answer(2),
        models={"segmentation": "compact@1", "answers": "cues@2"},
    )
    first, second, *others = _write(queue, tmp_path / "out", predictions={"ENC00001": said})
    (prediction,) = first["predictions"]
    assert prediction["model_version"] == "compact@1, cues@2"
    brush, *choices = prediction["result"]
    drawn = decode_brush(brush["value"]["rle"], (brush["original_height"], brush["original_width"]))
    assert np.array_equal(drawn, lesion_mask(probability, size, 0.5))
    assert len(choices) == 9 and not any(task["predictions"] for task in (second, *others))


def test_a_study_of_one_label_has_the_interface_that_it_always_had() -> None:
    assert hashlib.sha256(make_config(load_challenge()).encode()).hexdigest() == ONE_LABEL


def test_the_interface_has_every_label_with_its_colour_and_a_choice_for_none_of_it() -> None:
    labels = ["lesion", {"id": "scar", "name": "Old scar", "zh": "旧瘢痕", "colour": "#112233"}]
    asked = unpack_questions(json.dumps({"labels": labels}), "labels.json")
    root = ElementTree.fromstring(make_config(asked))
    first, scar = root.iter("Label")
    assert (first.get("value"), first.get("background")) == ("lesion", asked.labels[0].colour)
    assert scar.attrib == {"value": "scar", "background": "#112233", "hint": "Old scar 旧瘢痕"}
    (none_here,) = [choices for choices in root.iter("Choices") if choices.get("name") == "photo_is"]
    assert [choice.get("value") for choice in none_here] == ["no lesion", "no scar", "image unusable"]
