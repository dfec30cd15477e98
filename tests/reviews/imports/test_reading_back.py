"""What was exported and is read back says the same; what others made of it is read too."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from magic_demo.core.errors import FormatError
from magic_demo.core.review_types import Review
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.questions.families import load_challenge
from magic_demo.reviews.exports import write_export
from magic_demo.reviews.exports.label_studio.brush_code import encode_brush
from magic_demo.reviews.exports.label_studio.tasks import make_config
from magic_demo.reviews.imports import SourceError, read_reviews
from tests.support.store.reviewed_cases import QUEUE, ReadQueue, draw_mask, make_queue, save_all


@pytest.fixture
def queue(tmp_path: Path) -> ReadQueue:
    return make_queue(tmp_path / "data")


def _finished(queue: ReadQueue) -> list[Review]:
    """Return what an export holds: Li's three readings and Wang's revealed one."""
    return [queue.reviews[place].review for place in (0, 2, 4, 7)]


def test_label_studio_tasks_read_back_are_the_same_reviews(queue: ReadQueue, tmp_path: Path) -> None:
    report = write_export(queue.reviews, queue.cases, "label-studio", tmp_path / "out")
    back = read_reviews(tmp_path / "out", QUEUE)
    assert back.left_out == ()
    expected = sorted(_finished(queue), key=lambda review: (review.case_id, review.reader))
    assert list(back.reviews) == expected and report.masks == sum(len(review.masks) for review in expected)


def test_challenge_files_read_back_hold_the_same_masks_and_answers(queue: ReadQueue, tmp_path: Path) -> None:
    write_export(queue.reviews, queue.cases, "challenge", tmp_path / "out")
    back = {
        (review.case_id, review.reader): review for review in read_reviews(tmp_path / "out", QUEUE).reviews
    }
    expected = {(review.case_id, review.reader): review for review in _finished(queue)}
    assert back.keys() == expected.keys()
    for key, review in expected.items():
        assert back[key].masks == review.masks and back[key].state == "done"
        assert back[key].answers == (review.answers if len(review.answers) == 27 else {})


def test_a_consensus_comes_back_as_one(queue: ReadQueue, tmp_path: Path) -> None:
    write_export(queue.reviews, queue.cases, "challenge", tmp_path / "out", consensus=True)
    kinds = {
        (review.case_id, review.reader): review.kind
        for review in read_reviews(tmp_path / "out", QUEUE).reviews
    }
    assert kinds["ENC00001", "consensus"] == "consensus" and kinds["ENC00002", "Li"] == "assisted"


def test_photos_without_the_challenges_names_find_their_case_in_the_list_of_cases(
    queue: ReadQueue, tmp_path: Path
) -> None:
    photo = queue.cases[0].photo_files[0]
    case = replace(queue.cases[0], encounter_id="knee case", photo_files=(replace(photo, photo_id="knee"),))
    review = Review(
        "knee case", "Li", "assisted", "done", masks={"knee": queue.reviews[0].review.masks[photo.photo_id]}
    )
    write_export(save_all([review]), [case], "challenge", tmp_path / "out")
    assert [found.case_id for found in read_reviews(tmp_path / "out", QUEUE, [case]).reviews] == ["knee case"]
    assert [found.case_id for found in read_reviews(tmp_path / "out", QUEUE).reviews] == ["knee"]


def _tasks(queue: ReadQueue, folder: Path) -> list[dict[str, Any]]:
    write_export(queue.reviews, queue.cases, "label-studio", folder)
    tasks: list[dict[str, Any]] = json.loads((folder / "label_studio.json").read_text(encoding="utf-8"))
    return tasks


def _read(tasks: Any, tmp_path: Path) -> Any:
    path = tmp_path / "project-1.json"
    path.write_text(json.dumps(tasks), encoding="utf-8")
    return read_reviews(path, QUEUE)


def test_a_brush_drawn_in_label_studio_is_joined_with_what_was_there(
    queue: ReadQueue, tmp_path: Path
) -> None:
    tasks = _tasks(queue, tmp_path / "out")
    extra = np.zeros((48, 64), np.bool_)
    extra[:5, :7] = True
    results = tasks[0]["annotations"][0]["result"]
    region = next(result for result in results if result["type"] == "brushlabels")
    results.append({**region, "id": "new", "value": {**region["value"], "rle": encode_brush(extra)}})
    review = next(
        found
        for found in _read(tasks, tmp_path).reviews
        if (found.case_id, found.reader) == ("ENC00001", "Li")
    )
    assert np.array_equal(decode_mask(review.masks["IMG_ENC00001_00001"]), draw_mask((48, 64), 1) | extra)


def test_a_new_annotation_is_blind_and_by_whoever_completed_it(tmp_path: Path) -> None:
    result = {
        "type": "choices",
        "from_name": "CQID011",
        "to_name": "photo",
        "value": {"choices": ["back", "Not mentioned", "head"]},
    }
    tasks = [
        {
            "data": {"image": "/data/upload/1/knee.jpg"},
            "annotations": [{"result": [result], "completed_by": 7, "lead_time": 3.5}],
        },
        {
            "data": {"image": "/data/upload/1/knee.jpg"},
            "annotations": [{"result": [result], "completed_by": {"id": 8, "email": "a@b.c"}}],
        },
        {
            "data": {"image": "/data/upload/1/hand.jpg"},
            "annotations": [{"result": [result], "completed_by": 7, "was_cancelled": True}],
        },
    ]
    back = _read(tasks, tmp_path)
    assert [(review.case_id, review.reader, review.kind, review.seconds) for review in back.reviews] == [
        ("knee", "label-studio-7", "blind", 3.5),
        ("knee", "label-studio-a@b.c", "blind", 0.0),
    ]
    slots = [back.reviews[0].answers[f"CQID011-00{slot}"] for slot in range(1, 7)]
    assert slots == [5, 0, 7, 7, 7, 7]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"type": "choices", "from_name": "CQID011", "value": {"choices": ["elbow"]}}, "no option 'elbow'"),
        ({"type": "choices", "from_name": "CQID025", "value": {"choices": ["yes", "no"]}}, "1 slots and 2 labels"),
        ({"type": "brushlabels", "from_name": "lesion", "value": {"brushlabels": ["lesion"], "rle": [1]}, "original_height": 1, "original_width": 1}, "cut short"),
        ({"type": "choices", "from_name": "photo_is", "value": {"choices": ["no lesion"]}}, "whose size it does not know"),
        ({"type": "choices"}, "value"),
    ],
)  # fmt: skip
def test_an_annotation_that_cannot_be_read_is_named_and_the_others_go_on(
    tmp_path: Path, result: dict[str, Any], said: str
) -> None:
    good = {"type": "choices", "from_name": "CQID025", "value": {"choices": ["no"]}}
    back = _read(
        [{"data": {"image": "a.jpg"}, "annotations": [{"result": [result]}, {"result": [good]}]}], tmp_path
    )
    assert [review.answers for review in back.reviews] == [{"CQID025-001": 1}]
    assert len(back.left_out) == 1 and "task 1" in back.left_out[0] and said in back.left_out[0]


def test_what_is_no_export_is_one_line(tmp_path: Path) -> None:
    for place, said in (("nowhere", "no such file"), (".", "holds none of label-studio, csv")):
        with pytest.raises(SourceError, match=said):
            read_reviews(tmp_path / place, QUEUE)
    for content, what in (
        ("{}", "holds none of label-studio, csv"),
        ("[3]", "task 1 is none"),
        ('[{"id": 1}]', "task 1 is none"),
        ("{", "malformed JSON at line 1"),
    ):
        (tmp_path / "x.json").write_text(content, encoding="utf-8")
        with pytest.raises((SourceError, FormatError), match=what):
            read_reviews(tmp_path / "x.json", QUEUE)


def test_a_mask_that_cannot_be_read_is_named(queue: ReadQueue, tmp_path: Path) -> None:
    write_export(queue.reviews, queue.cases, "challenge", tmp_path / "out")
    (tmp_path / "out" / "masks" / "IMG_ENC00001_00001_mask_ann1.tiff").write_bytes(b"broken")
    back = read_reviews(tmp_path / "out", QUEUE)
    assert len(back.left_out) == 1 and "IMG_ENC00001_00001_mask_ann1.tiff" in back.left_out[0]


def test_every_result_names_a_control_of_the_interface(queue: ReadQueue, tmp_path: Path) -> None:
    controls = {
        element.get("name"): element
        for element in ElementTree.fromstring(make_config(load_challenge())).iter()
        if element.get("name")
    }
    kinds = {"choices": "Choices", "textarea": "TextArea", "brushlabels": "BrushLabels"}
    for task in _tasks(queue, tmp_path / "out"):
        for annotation in task["annotations"]:
            for result in annotation["result"]:
                control = controls[result["from_name"]]
                assert (
                    control.tag == kinds[result["type"]]
                    and control.get("toName") == result["to_name"] == "photo"
                )
                allowed = {choice.get("value") for choice in control.iter("Choice")}
                assert set(result["value"].get("choices", ())) <= allowed
