"""Whatever shape was drawn in Label Studio becomes a mask, or is named; and a photo is found whatever an
upload made of its name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from magic_demo.__main__ import main
from magic_demo.core.types import EncounterFiles, Mask, PhotoFile
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.questions.families import unpack_questions
from magic_demo.reviews.imports import ImportedReviews as ReadBack
from magic_demo.reviews.imports import read_reviews
from magic_demo.reviews.imports.formats.label_studio.regions import name_photo
from magic_demo.reviews.store import Store

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
    assert name_photo(image, {"IMG 1": "A", "H\u00e4nd": "B", "deadbeef-own": "C"}) == NAMES[image]


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
