"""CVAT's XML holds every mask within its box, row by row, and every click."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from magic_demo.core.types import Mask
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.reviews.exports import write_export
from tests.support.store.reviewed_cases import SIZES, make_queue


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
