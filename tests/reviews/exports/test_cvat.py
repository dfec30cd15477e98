"""CVAT's XML holds every mask within its box, row by row, and every click."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from magic_demo.core.review_types import Mark, Outline
from magic_demo.core.types import Mask
from magic_demo.imaging.run_lengths import decode_mask, encode_mask
from magic_demo.questions.families import QuestionSet, unpack_questions
from magic_demo.reviews.exports import write_export
from magic_demo.reviews.imports import read_reviews
from tests.support.store.reviewed_cases import SIZES, make_queue

ONE_LABEL = "c5edf5be43ae5ae01e6808d769ee6a84303b43f6796f88aa19b8d13f41a84e1e"
"""SHA-256 of the queue's file, as the version before studies had several labels wrote it."""
PHOTO = "IMG_ENC00001_00001"


def _fill(element: ElementTree.Element, size: tuple[int, int]) -> Mask:
    """Return the mask that CVAT's documentation describes: run lengths within the box, background first."""
    left, top, width, height = (int(element.get(name, "")) for name in ("left", "top", "width", "height"))
    values: list[bool] = []
    for index, length in enumerate(element.get("rle", "").split(", ")):
        values += [index % 2 == 1] * int(length)
    mask = np.zeros(size, np.bool_)
    mask[top : top + height, left : left + width] = np.array(values).reshape(height, width)
    return mask


def _attributes(element: ElementTree.Element) -> dict[str, str]:
    return {entry.get("name", ""): entry.text or "" for entry in element.iter("attribute")}


def test_masks_clicks_and_empty_masks_stand_with_their_readers(tmp_path: Path) -> None:
    queue = make_queue(tmp_path / "data")
    rows = [*queue.reviews[:2], queue.reviews[4]]
    report = write_export(rows, queue.cases, "cvat", tmp_path / "out")
    root = ElementTree.parse(tmp_path / "out" / "annotations.xml").getroot()
    images = {image.get("name", ""): image for image in root.iter("image")}
    assert {name: (int(i.get("height", "")), int(i.get("width", ""))) for name, i in images.items()} == {
        f"{name}.png": size for name, size in SIZES.items() if "ENC00003" not in name
    }
    reviews = {saved.review.reader: saved.review for saved in queue.reviews[:2]}
    compared = 0
    for name, image in images.items():
        assert (tmp_path / "out" / "images" / name).is_file()
        for element in image.iter("mask"):
            drawn = decode_mask(reviews[_attributes(element)["annotator"]].masks[name.removesuffix(".png")])
            assert np.array_equal(_fill(element, drawn.shape), drawn)
            compared += 1
    (tag,) = root.iter("tag")
    assert tag.get("label") == "no lesion" and _attributes(tag)["annotator"] == "Li"
    assert compared + 1 == report.masks == 5
    (box,), (click,) = root.iter("box"), root.iter("points")
    assert click.get("label") == "click on skin" and click.get("points") == "16.0,24.0"
    assert box.get("label") == "box around lesion" and _attributes(click)["click"] == "2"


def test_every_label_and_attribute_that_is_used_is_declared(tmp_path: Path) -> None:
    queue = make_queue(tmp_path / "data")
    write_export([queue.reviews[1], queue.reviews[4]], queue.cases, "cvat", tmp_path / "out")
    root = ElementTree.parse(tmp_path / "out" / "annotations.xml").getroot()
    declared = {
        label.findtext("name"): {attribute.findtext("name") for attribute in label.iter("attribute")}
        for label in root.iter("label")
    }
    for image in root.iter("image"):
        for element in image:
            assert set(_attributes(element)) <= declared[element.get("label")]


def test_a_study_of_one_label_has_the_file_that_it_always_had(tmp_path: Path) -> None:
    queue = make_queue(tmp_path / "data")
    write_export(queue.reviews, (), "cvat", tmp_path / "out")
    assert hashlib.sha256((tmp_path / "out" / "annotations.xml").read_bytes()).hexdigest() == ONE_LABEL


def _write_labels(folder: Path) -> tuple[QuestionSet, Path]:
    """Export a photo with a lesion, an ulcer with a click, and no scar, which has a click too."""
    asked = unpack_questions(
        json.dumps({"labels": ["lesion", {"id": "ulcer", "colour": "#112233"}, "scar"]}), "labels.json"
    )
    queue = make_queue(folder / "data")
    size, saved = SIZES[PHOTO], queue.reviews[1]
    mask = np.zeros(size, np.bool_)
    mask[5:9, 7:20] = True
    further = {
        "ulcer": {PHOTO: Outline(encode_mask(mask), (Mark("lesion", (0.25, 0.5)),))},
        "scar": {PHOTO: Outline(encode_mask(mask & False), (Mark("skin", (0.5, 0.5)),))},
    }
    drawn = replace(saved, review=replace(saved.review, label_masks=further))
    assert write_export([drawn], queue.cases, "cvat", folder / "out", questions=asked).masks == 4
    return asked, folder / "out" / "annotations.xml"


def test_each_label_of_a_study_is_one_of_cvats_with_its_colour_and_lies_on_those_before(
    tmp_path: Path,
) -> None:
    asked, file = _write_labels(tmp_path)
    root = ElementTree.parse(file).getroot()
    colours = {label.findtext("name"): label.findtext("color") for label in root.iter("label")}
    assert {name: colours[name] for name in ("lesion", "ulcer", "scar")} == {
        label.label_id: label.colour for label in asked.labels
    }
    assert colours["ulcer"] == "#112233" and {"no lesion", "no ulcer", "no scar"} <= colours.keys()
    (image,) = [one for one in root.iter("image") if one.get("name") == f"{PHOTO}.png"]
    assert [(one.get("label"), one.get("z_order")) for one in image.iter("mask")] == [
        ("lesion", "0"),
        ("ulcer", "1"),
    ]
    assert [tag.get("label") for tag in image.iter("tag")] == ["no scar"]
    clicks = [_attributes(one)["label"] for one in image if one.tag in ("points", "box")]
    assert clicks == ["lesion", "lesion", "ulcer", "scar"]


def test_clicks_come_back_to_their_labels_in_whatever_order_cvat_writes_the_shapes(tmp_path: Path) -> None:
    asked, file = _write_labels(tmp_path)
    tree = ElementTree.parse(file)
    for image in tree.getroot().iter("image"):
        image[:] = sorted(image, key=lambda element: ("points", "box", "mask", "tag").index(element.tag))
    tree.write(file, encoding="utf-8")
    (review,) = read_reviews(file, "q", questions=asked).reviews
    clicks = {label: photos[PHOTO].clicks for label, photos in review.label_masks.items()}
    assert clicks == {"ulcer": (Mark("lesion", (0.25, 0.5)),), "scar": (Mark("skin", (0.5, 0.5)),)}
    assert not decode_mask(review.label_masks["scar"][PHOTO].runs).any()
    elsewhere = read_reviews(file, "q")
    assert not elsewhere.reviews[0].label_masks and len(elsewhere.reviews[0].clicks[PHOTO]) == 2
    (line,) = elsewhere.left_out
    assert "annotation of another label (3)" in line and all(name in line for name in ("ulcer", "no scar"))
