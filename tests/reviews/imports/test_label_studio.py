"""Whatever shape was drawn in Label Studio becomes a mask, or is named; and a photo is found whatever an
upload made of its name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from magic_demo.__main__ import main
from magic_demo.core.remark import Remark
from magic_demo.core.review_types import Mark, Outline, Review
from magic_demo.core.ruler import Ruler
from magic_demo.core.types import EncounterFiles, Mask, PhotoFile
from magic_demo.imaging.run_lengths import decode_mask, encode_mask
from magic_demo.questions.families import QuestionSet, load_challenge, unpack_questions
from magic_demo.reviews.exports import write_export
from magic_demo.reviews.imports import ImportedReviews as ReadBack
from magic_demo.reviews.imports import read_reviews
from magic_demo.reviews.imports.formats.label_studio.regions import name_photo
from magic_demo.reviews.imports.gathering import Gathering
from magic_demo.reviews.store import Store
from tests.support.store.reviewed_cases import QUEUE, answer, save_all

REPORTED = Path(__file__).resolve().parents[2] / "data" / "reported"
HEIGHT, WIDTH = 240, 320
ROWS, COLUMNS = np.arange(HEIGHT)[:, None] + 0.5, np.arange(WIDTH)[None, :] + 0.5


def _region(kind: str, labels: list[str] | None = None, **value: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "from_name": "shapes",
        "to_name": "photo",
        "original_width": WIDTH,
        "original_height": HEIGHT,
        "value": {**value, kind: ["lesion"] if labels is None else labels},
    }


def _read(
    tmp_path: Path, *results: dict[str, Any], image: str = "/data/upload/1/a.jpg", cases: Any = ()
) -> ReadBack:
    path = tmp_path / "project.json"
    path.write_text(
        json.dumps([{"data": {"image": image}, "annotations": [{"result": list(results)}]}]), encoding="utf-8"
    )
    return read_reviews(path, "q", cases)


def _mask(back: ReadBack) -> Mask:
    (review,) = back.reviews
    (runs,) = review.masks.values()
    return decode_mask(runs)


BOX = np.asarray((COLUMNS > 96) & (COLUMNS < 224) & (ROWS > 72) & (ROWS < 168))
ROUND = np.asarray(((COLUMNS - 160) / 64) ** 2 + ((ROWS - 120) / 24) ** 2 <= 1)
TALL = np.asarray(((COLUMNS - 160) / 24) ** 2 + ((ROWS - 120) / 64) ** 2 <= 1)
SHAPES: dict[str, tuple[dict[str, Any], Mask]] = {
    "polygon": (_region("polygonlabels", points=[[30, 30], [70, 30], [70, 70], [30, 70]]), BOX),
    "rectangle": (_region("rectanglelabels", x=30, y=30, width=40, height=40, rotation=0), BOX),
    "rectangle turned about its corner": (
        _region("rectanglelabels", x=70, y=30, width=30, height=160 / 3, rotation=90),
        BOX,
    ),
    "ellipse": (_region("ellipselabels", x=50, y=50, radiusX=20, radiusY=10, rotation=0), ROUND),
    "ellipse turned": (_region("ellipselabels", x=50, y=50, radiusX=20, radiusY=10, rotation=90), TALL),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_is_the_mask_that_it_surrounds(tmp_path: Path, shape: str) -> None:
    region, expected = SHAPES[shape]
    back = _read(tmp_path, region)
    assert back.left_out == ()
    outline = np.count_nonzero(expected[1:] != expected[:-1]) + np.count_nonzero(
        expected[:, 1:] != expected[:, :-1]
    )
    assert np.count_nonzero(_mask(back) != expected) <= outline  # half a pixel along the outline


def test_shapes_are_joined_and_what_is_no_lesion_is_named(tmp_path: Path) -> None:
    others = [
        _region("rectanglelabels", ["ruler"], x=0, y=0, width=10, height=10),
        _region("keypointlabels", x=5, y=5, width=1),
        {"type": "rating", "from_name": "stars", "value": {"rating": 3}},
        {"type": "choices", "from_name": "their_question", "value": {"choices": ["yes"]}},
    ]
    back = _read(tmp_path, SHAPES["polygon"][0], SHAPES["ellipse"][0], *others)
    assert np.count_nonzero(_mask(back) & ~(BOX | ROUND)) < 1200 and (_mask(back) | ~ROUND).all()
    said = " | ".join(back.left_out)
    assert (
        all(word in said for word in ("ruler", "keypointlabels", "rating", "their_question"))
        and "task 1" in said
    )


def test_regions_and_choices_go_to_the_queues_labels_by_id_or_name_and_others_are_named(
    tmp_path: Path,
) -> None:
    asked = unpack_questions(
        json.dumps({"labels": ["lesion", {"id": "scar", "name": "Old scar"}, "ulcer", "crust"]}),
        "labels.json",
    )
    results = [
        _region("rectanglelabels", ["Old scar"], x=30, y=30, width=40, height=40),
        SHAPES["ellipse"][0]
        | {"value": {**SHAPES["ellipse"][0]["value"], "ellipselabels": ["scar", "ULCER"]}},
        _region("rectanglelabels", ["ruler"], x=0, y=0, width=10, height=10),
        {
            "type": "choices",
            "from_name": "photo_is",
            "value": {"choices": ["no crust", "no nose", "no ulcer"]},
        },
    ]
    path = tmp_path / "project.json"
    path.write_text(
        json.dumps([{"data": {"image": "a.jpg"}, "annotations": [{"result": results}]}]), encoding="utf-8"
    )
    back = read_reviews(path, "q", questions=asked)
    (review,) = back.reviews
    masks = {label: decode_mask(photos["a"].runs) for label, photos in review.label_masks.items()}
    assert masks.keys() == {"scar", "ulcer", "crust"} and not review.masks and not masks["crust"].any()
    np.testing.assert_array_equal(masks["ulcer"], ROUND)
    assert (
        np.count_nonzero(masks["scar"] & ~masks["ulcer"]) > 5000
        and not (masks["ulcer"] & ~masks["scar"]).any()
    )
    said = " | ".join(back.left_out)
    assert "region that is not labelled 'lesion' or 'scar' or 'ulcer' or 'crust'" in said and "ruler" in said
    assert "choice of a photo that is not read" in said and "no nose" in said and len(back.left_out) == 2


def _all_of_one_reader() -> tuple[QuestionSet, list[Review]]:
    """Return reviews of four cases with everything that a review holds: outlines of two labels, empty ones, and clicks;
    a measured line and a comment also on photos without an outline; and nothing at all."""
    asked = replace(
        load_challenge(), labels=unpack_questions('{"labels": ["lesion", "ulcer"]}', "labels.json").labels
    )
    drawn, none = (encode_mask(np.full((6, 9), value, np.bool_)) for value in (True, False))
    marks = (Mark("box", (0.1, 0.2, 0.5, 0.6)), Mark("skin", (0.25, 0.5)))
    full = Review(
        "A", "Li", "blind", "done", answer(1), {"CQID011-001": "手背"}, {"a 1": drawn, "a 2": none},
        {"a 1": marks, "a 2": marks[1:]}, {"ulcer": {"a 1": Outline(none, marks[:1]), "a 3": Outline(drawn, marks)}},
        {name: Ruler((1.0, 2.0, 1.0, 22.5), 10.0, ((3.0, 4.0, 30.25, 4.0),)) for name in ("a 1", "a 4")},
        {name: (Remark((3, 4), "=scaly"), Remark((1, 1), "二")) for name in ("a 2", "a 5")},
        frozenset({"a 6"}), "one\n'two'", True, "hard", "poor", seconds=2.5,
    )  # fmt: skip
    reviews = [
        full,
        replace(full, reader="Bo", clicks={}, rulers={}, remarks={}),
        Review("B", "Li", "blind", "done"),
    ]
    reviews += [Review(case, "Li", "assisted", "done", unusable=frozenset({"p"})) for case in ("C", "D")]
    return asked, reviews


def test_label_studio_brings_back_everything_that_a_review_holds(tmp_path: Path) -> None:
    asked, reviews = _all_of_one_reader()
    rows = save_all(reviews)
    report = write_export(rows, (), "label-studio", tmp_path / "out", questions=asked)
    back = read_reviews(tmp_path / "out", QUEUE, questions=asked)
    assert back.left_out == ()
    expected = {(saved.review.case_id, saved.review.reader): saved.review for saved in rows}
    assert {(one.case_id, one.reader): one for one in back.reviews} == {
        key: review for key, review in expected.items() if key[0] != "B"
    }
    assert any("case without photos" in line and "B" in line for line in report.left_out)


def test_a_review_that_says_nothing_comes_back_as_finished(tmp_path: Path) -> None:
    case = EncounterFiles("B", photo_files=(PhotoFile("b", None),))
    (row,) = save_all([Review("B", "Li", "blind", "done")])
    write_export([row], [case], "label-studio", tmp_path / "out")
    assert read_reviews(tmp_path / "out", QUEUE, [case]).reviews == (row.review,)


def test_clicks_go_where_their_mask_was_taken_away_in_label_studio(tmp_path: Path) -> None:
    asked, reviews = _all_of_one_reader()
    write_export(save_all(reviews[:1]), (), "label-studio", tmp_path / "out", questions=asked)
    path = tmp_path / "out" / "label_studio.json"
    tasks = json.loads(path.read_text(encoding="utf-8"))
    for task in tasks:
        for annotation in task["annotations"]:
            annotation["result"] = [one for one in annotation["result"] if one["type"] != "brushlabels"]
    path.write_text(json.dumps(tasks), encoding="utf-8")
    (back,) = read_reviews(path, QUEUE, questions=asked).reviews
    assert list(back.masks) == list(back.clicks) == ["a 2"] and list(back.label_masks) == ["ulcer"]
    assert list(back.label_masks["ulcer"]) == ["a 1"] and back.rulers.keys() == {"a 1", "a 4"}


SHOWN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing": ({}, {}),
    "none of several models": ({"predictions": [], "total_predictions": 0}, {"prediction": {}, "parent_prediction": None}),
    "a task's predictions": ({"predictions": [{"result": []}]}, {}),
    "a number of predictions": ({"total_predictions": 1}, {}),
    "a prediction that it began with": ({}, {"parent_prediction": 3}),
    "a prediction beside it": ({}, {"prediction": {"result": []}}),
}  # fmt: skip


@pytest.mark.parametrize("shown", SHOWN)
def test_a_new_annotation_is_blind_only_where_no_model_was_shown(tmp_path: Path, shown: str) -> None:
    of_task, of_annotation = SHOWN[shown]
    annotation = {"result": [SHAPES["polygon"][0]], **of_annotation}
    path = tmp_path / "x.json"
    path.write_text(json.dumps([{"data": {"image": "a.jpg"}, "annotations": [annotation], **of_task}]))
    (review,) = read_reviews(path, "q").reviews
    told = ("blind", frozenset()) if list(SHOWN).index(shown) < 2 else ("assisted", {"model"})
    assert (review.kind, review.known) == told


def test_what_one_reader_said_twice_otherwise_and_what_was_skipped_is_named(tmp_path: Path) -> None:
    def say(question: str, *said: str) -> dict[str, Any]:
        return {"type": "choices", "from_name": question, "value": {"choices": list(said)}}

    said = [
        [SHAPES["polygon"][0], say("CQID025", "no"), say("difficulty", "easy")],
        [
            SHAPES["ellipse"][0],
            say("CQID025", "yes"),
            say("difficulty", "hard"),
            say("photo_quality", "good"),
        ],
    ]
    annotations: list[dict[str, Any]] = [{"result": results, "completed_by": 1} for results in said]
    annotations += [{"result": said[1], "was_cancelled": True}, {"result": [], "was_cancelled": True}]
    path = tmp_path / "x.json"
    path.write_text(json.dumps([{"data": {"image": "a.jpg"}, "annotations": annotations}]))
    back = read_reviews(path, "q")
    assert np.count_nonzero(_mask(back) != BOX) < 600 and back.reviews[0].answers == {"CQID025-001": 1}
    assert (back.reviews[0].difficulty, back.reviews[0].photo_quality) == ("easy", "good")
    assert back.left_out == (
        "part of a second annotation by one reader, of which the first is taken (1): task 1 [a, CQID025-001, difficulty]",
        "annotation that was skipped in Label Studio (1): task 1",
    )


def test_an_annotation_of_nothing_that_is_read_makes_no_review(tmp_path: Path) -> None:
    back = _read(tmp_path, _region("rectanglelabels", ["ruler"], x=0, y=0, width=10, height=10))
    assert back.reviews == () and len(back.left_out) == 1


@pytest.mark.parametrize(
    "value",
    [
        {"points": [[0, 0], [1, 1]]},
        {"points": [[0, float("nan")], [1, 1], [2, 2]]},
        {"points": [[0, 0]] * 200_000},
        {"points": "abc"},
        {},
    ],
    ids=["two corners", "no number", "too many corners", "text", "none"],
)
def test_a_shape_that_is_none_is_named(tmp_path: Path, value: dict[str, Any]) -> None:
    back = _read(tmp_path, _region("polygonlabels", **value))
    assert back.reviews == () and "task 1" in back.left_out[0]


def test_corners_far_outside_the_photo_are_cut_off(tmp_path: Path) -> None:
    back = _read(
        tmp_path, _region("polygonlabels", points=[[-1e6, -1e6], [1e6, -1e6], [1e6, 1e6], [-1e6, 1e6]])
    )
    assert _mask(back).all()


NAMES = {
    "/data/upload/1/ab12cd34-IMG%201.jpg": "IMG 1",
    "/data/upload/1/ab12cd34-IMG_1.jpg": "IMG 1",
    "/data/local-files/?d=photos/IMG%201.jpg": "IMG 1",
    "https://host/data/upload/7/00ff00ff-img%201.PNG?token=1": "IMG 1",
    "s3://bucket/Ha%CC%88nd.jpg": "H\u00e4nd",
    "deadbeef-own.jpg": "deadbeef-own",
    "/data/upload/1/ab12cd34-stranger.jpg": "stranger",
    "plain.jpg": "plain",
}


@pytest.mark.parametrize("image", NAMES)
def test_a_photo_is_found_by_the_name_that_it_had(image: str) -> None:
    photos = tuple(PhotoFile(name, None) for name in ("IMG 1", "H\u00e4nd", "deadbeef-own"))
    assert name_photo(image, Gathering(cases=(EncounterFiles("A", photo_files=photos),))) == NAMES[image]


def test_the_photo_s_case_is_the_one_that_the_cases_say(tmp_path: Path) -> None:
    cases = [EncounterFiles("ENC7", photo_files=(PhotoFile("IMG 1", None),))]
    (review,) = _read(
        tmp_path, SHAPES["polygon"][0], image="/data/upload/1/ab12cd34-IMG%201.jpg", cases=cases
    ).reviews
    assert review.case_id == "ENC7" and list(review.masks) == ["IMG 1"]


def test_the_reported_polygon_is_imported_and_a_kind_that_is_not_read_is_exit_code_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = str(tmp_path / "store")
    assert main(["import-reviews", str(REPORTED / "label_studio_polygon.json"), "--store", store]) == 0
    with Store.open(store) as opened:
        (saved,) = opened.all_reviews()
    assert saved.review.case_id == "IMG 1" and 0.15 < decode_mask(saved.review.masks["IMG 1"]).mean() < 0.17
    tasks = json.loads((REPORTED / "label_studio_polygon.json").read_text(encoding="utf-8"))
    tasks[0]["annotations"][0]["result"].append(_region("keypointlabels", x=1, y=1))
    (tmp_path / "more.json").write_text(json.dumps(tasks), encoding="utf-8")
    assert main(["import-reviews", str(tmp_path / "more.json"), "--store", store]) == 3
    assert "keypointlabels" in capsys.readouterr().err
