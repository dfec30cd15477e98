"""Readings as CVAT's "CVAT for images 1.1": masks row by row within their boxes, and clicks as points; each label of a
study is one of CVAT's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import cv2
import numpy as np

from magic_demo.core.disk.whole_files import write_whole
from magic_demo.core.review_types import Mark, MaskRuns, Review
from magic_demo.core.types import Mask
from magic_demo.imaging.run_lengths import area, decode_mask, row_lengths
from magic_demo.questions.labels import Label
from magic_demo.reviews.exports.images import ExportedImage, write_images
from magic_demo.reviews.exports.readings import Selection, annotator_of

FILE = "annotations.xml"
IMAGES = "images"
NOWHERE = "no {label}"
"""The tag of an empty mask. An id has no space, so that no label is named like a tag or a click."""
CLICK_LABELS = {"lesion": "click on lesion", "skin": "click on skin", "box": "box around lesion"}
"""What a click marks -> its label."""
ATTRIBUTES = ("annotator", "kind", "known", "complete")
LABEL = "label"
"""The attribute of a click that says which label's outline it made, where a study has several."""


def write_cvat(selection: Selection, folder: Path) -> int:
    """Write ``annotations.xml`` and ``images``; returns how many masks.

    One mask a reader, photo and label, with the annotator's name and the reading's provenance as attributes; an
    empty mask is the tag "no lesion", or of another label's id. Labels are named by their ids, which do not change as their names may; of
    several, each has its colour, the later lies on top, and clicks say whose they are.
    """
    images = write_images(selection, folder / IMAGES)
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    root.append(_describe_task(selection, len(images)))
    for number, image in enumerate(images):
        root.append(_write_image(number, image, selection.questions.labels))
    indent(root)
    text = tostring(root, encoding="unicode")
    write_whole(folder / FILE, f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n')
    return sum(len(image.outlines) for image in images)


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
    labels, several = SubElement(task, "labels"), len(selection.questions.labels) > 1
    for label in selection.questions.labels:
        _describe_label(labels, label.label_id, label.colour if several else "", ATTRIBUTES)
        _describe_label(labels, NOWHERE.format(label=label.label_id), "", ATTRIBUTES)
    for name in CLICK_LABELS.values():
        _describe_label(labels, name, "", (*ATTRIBUTES, "click", *([LABEL] if several else [])))
    return meta


def _describe_label(labels: Element, name: str, colour: str, attributes: Sequence[str]) -> None:
    entry = SubElement(labels, "label")
    SubElement(entry, "name").text = name
    if colour:
        SubElement(entry, "color").text = colour
    listed = SubElement(entry, "attributes")
    for attribute_name in attributes:
        attribute = SubElement(listed, "attribute")
        for part, text in (("name", attribute_name), ("mutable", "False"), ("input_type", "text")):
            SubElement(attribute, part).text = text
        SubElement(attribute, "default_value")
        SubElement(attribute, "values")


def _write_image(number: int, image: ExportedImage, labels: Sequence[Label]) -> Element:
    height, width = image.size
    element = Element(
        "image",
        id=str(number),
        name=image.file_name,
        width=str(width),
        height=str(height),
    )
    layers = {"": 0} | {label.label_id: place for place, label in enumerate(labels[1:], start=1)}
    for review, name, outline in image.outlines:
        layer = layers[name]
        element.append(_write_mask(review, outline.runs, labels[layer].label_id, layer))
    for review, name, outline in image.outlines:
        layer = layers[name]
        about = {LABEL: labels[layer].label_id} if len(labels) > 1 else {}
        element.extend(_write_clicks(review, outline.clicks, image.size, about, layer))
    return element


def _write_mask(review: Review, runs: MaskRuns, label: str, layer: int) -> Element:
    if not area(runs):
        element = Element("tag", label=NOWHERE.format(label=label), source="manual")
    else:
        mask = decode_mask(runs)
        left, top, width, height = _box(mask)
        lengths = row_lengths(mask[top : top + height, left : left + width])
        element = Element(
            "mask",
            label=label,
            source="manual",
            occluded="0",
            rle=", ".join(map(str, lengths.tolist())),
            left=str(left),
            top=str(top),
            width=str(width),
            height=str(height),
            z_order=str(layer),
        )
    _add_attributes(element, review)
    return element


def _write_clicks(
    review: Review, marks: Sequence[Mark], size: tuple[int, int], about: Mapping[str, str], layer: int
) -> Iterator[Element]:
    height, width = size
    for number, mark in enumerate(marks, start=1):
        places = [share * side for share, side in zip(mark.at, (width, height) * 2, strict=False)]
        label = CLICK_LABELS[mark.kind]
        if mark.kind == "box":
            element = Element("box", label=label, source="manual", occluded="0", z_order=str(layer))
            for name, place in zip(("xtl", "ytl", "xbr", "ybr"), places, strict=True):
                element.set(name, repr(place))
        else:
            points = ",".join(map(repr, places))
            element = Element(
                "points", label=label, source="manual", occluded="0", points=points, z_order=str(layer)
            )
        _add_attributes(element, review)
        for name, text in {"click": str(number), **about}.items():
            SubElement(element, "attribute", name=name).text = text
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
