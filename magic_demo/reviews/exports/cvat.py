"""Readings as CVAT's "CVAT for images 1.1": masks row by row within their boxes, and clicks as points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import cv2
import numpy as np

from magic_demo.core.disk.whole_files import write_whole
from magic_demo.core.review_types import Mark, MaskRuns, Review
from magic_demo.core.types import Mask
from magic_demo.imaging.run_lengths import area, decode_mask, row_lengths
from magic_demo.reviews.exports.images import ExportedImage, write_images
from magic_demo.reviews.exports.readings import Selection, annotator_of

FILE = "annotations.xml"
IMAGES = "images"
LESION, NO_LESION = "lesion", "no lesion"
CLICK_LABELS = {"lesion": "click on lesion", "skin": "click on skin", "box": "box around lesion"}
"""What a click marks -> its label."""
ATTRIBUTES = ("annotator", "kind", "known", "complete")


def write_cvat(selection: Selection, folder: Path) -> int:
    """Write ``annotations.xml`` and ``images``; returns how many masks.

    One mask a reader and photo, with the annotator's name and the reading's provenance as attributes; an
    empty mask is the tag "no lesion".
    """
    images = write_images(selection, folder / IMAGES)
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    root.append(_describe_task(selection, len(images)))
    for number, image in enumerate(images):
        root.append(_write_image(number, image))
    indent(root)
    text = tostring(root, encoding="unicode")
    write_whole(folder / FILE, f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n')
    return sum(len(image.masks) for image in images)


def _describe_task(selection: Selection, count: int) -> Element:
    meta = Element("meta")
    task = SubElement(meta, "task")
    facts = {
        "name": selection.queue,
        "size": str(count),
        "mode": "annotation",
        "start_frame": "0",
        "stop_frame": str(max(0, count - 1)),
    }
    for name, text in facts.items():
        SubElement(task, name).text = text
    labels = SubElement(task, "labels")
    for label in (LESION, NO_LESION, *CLICK_LABELS.values()):
        entry = SubElement(labels, "label")
        SubElement(entry, "name").text = label
        attributes = SubElement(entry, "attributes")
        for name in (*ATTRIBUTES, *(("click",) if label in CLICK_LABELS.values() else ())):
            attribute = SubElement(attributes, "attribute")
            for part, text in (("name", name), ("mutable", "False"), ("input_type", "text")):
                SubElement(attribute, part).text = text
            SubElement(attribute, "default_value")
            SubElement(attribute, "values")
    return meta


def _write_image(number: int, image: ExportedImage) -> Element:
    height, width = image.size
    element = Element(
        "image",
        id=str(number),
        name=image.file_name,
        width=str(width),
        height=str(height),
    )
    for review, runs in image.masks:
        element.append(_write_mask(review, runs))
    for review, _ in image.masks:
        element.extend(_write_clicks(review, review.clicks.get(image.photo_id, ()), image.size))
    return element


def _write_mask(review: Review, runs: MaskRuns) -> Element:
    if not area(runs):
        element = Element("tag", label=NO_LESION, source="manual")
    else:
        mask = decode_mask(runs)
        left, top, width, height = _box(mask)
        lengths = row_lengths(mask[top : top + height, left : left + width])
        element = Element(
            "mask",
            label=LESION,
            source="manual",
            occluded="0",
            rle=", ".join(map(str, lengths.tolist())),
            left=str(left),
            top=str(top),
            width=str(width),
            height=str(height),
            z_order="0",
        )
    _add_attributes(element, review)
    return element


def _write_clicks(review: Review, marks: Sequence[Mark], size: tuple[int, int]) -> Iterator[Element]:
    height, width = size
    for number, mark in enumerate(marks, start=1):
        places = [share * side for share, side in zip(mark.at, (width, height) * 2, strict=False)]
        label = CLICK_LABELS[mark.kind]
        if mark.kind == "box":
            element = Element("box", label=label, source="manual", occluded="0", z_order="0")
            for name, place in zip(("xtl", "ytl", "xbr", "ybr"), places, strict=True):
                element.set(name, repr(place))
        else:
            points = ",".join(map(repr, places))
            element = Element(
                "points", label=label, source="manual", occluded="0", points=points, z_order="0"
            )
        _add_attributes(element, review)
        SubElement(element, "attribute", name="click").text = str(number)
        yield element


def _add_attributes(element: Element, review: Review) -> None:
    values = (
        annotator_of(review),
        review.kind,
        " ".join(sorted(review.known)),
        "true" if review.complete else "false",
    )
    for name, value in zip(ATTRIBUTES, values, strict=True):
        SubElement(element, "attribute", name=name).text = value


def _box(mask: Mask) -> tuple[int, int, int, int]:
    """Return left, top, width and height of what encloses a mask that is not empty."""
    left, top, width, height = (int(value) for value in cv2.boundingRect(mask.astype(np.uint8)))
    return left, top, width, height
