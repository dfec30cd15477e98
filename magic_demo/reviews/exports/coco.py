"""Readings as COCO: masks as compressed run lengths and clicks as keypoints, in the folders that COCO's own
data, datumaro and CVAT have."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from magic_demo.core.disk.whole_files import write_json
from magic_demo.core.remark import Remark, write_remarks
from magic_demo.core.review_types import Mark, MarkKind, MaskRuns, Review
from magic_demo.core.ruler import Ruler, write_ruler
from magic_demo.core.types import Mask
from magic_demo.core.version import __version__
from magic_demo.imaging.pieces import find_piece, split_pieces
from magic_demo.imaging.run_lengths import decode_mask, encode_mask
from magic_demo.reviews.exports.images import ExportedImage, write_images
from magic_demo.reviews.exports.readings import Selection, annotator_of
from magic_demo.reviews.exports.tabular.tables import measure_mask

INSTANCES = "annotations/instances_default.json"
KEYPOINTS = "annotations/person_keypoints_default.json"
"""Tools find a file of keypoints by this name, whatever the points are on."""
IMAGES = "images/default"
LESION = 1
"""The id of the first label's category, and those of the others follow; COCO's ids begin at 1."""
CLICK_CATEGORIES: dict[MarkKind, tuple[int, tuple[str, ...]]] = {
    "lesion": (1, ("click",)),
    "skin": (2, ("click",)),
    "box": (3, ("left top", "right bottom")),
}
"""What a click marks -> its category's id and the names of its points."""
SEEN = 2
"""COCO's mark of a point that is labelled and visible."""


def write_coco(selection: Selection, folder: Path) -> int:
    """Write ``annotations`` and ``images/default``; returns how many masks.

    Where the selection takes lesions apart, one annotation a lesion, that is, for each part of a mask that touches no
    other; its attributes say which of how many it is, its longest diameter, its border and the reader's comment on it.
    Otherwise one a reader, photo and label, whose category it has. In both cases the annotator's name, k and the reading's kind, what was known and
    whether it is complete are attributes; beside them, where the reader has measured in the photo, its area and
    longest diameter in millimetres and the ruler, and the comments on single lesions as the review holds them. ``iscrowd`` is 0: a mask here is one reader's whole lesion area,
    not a crowd to be ignored. A photo without any mask is no image of the file. Clicks that masks were made
    from are a file of their own, one annotation a click.
    """
    images = write_images(selection, folder / IMAGES)
    further = (label.label_id for label in selection.questions.further_labels)
    categories = {name: number for number, name in enumerate(("", *further), start=LESION)}
    masks: list[dict[str, Any]] = []
    clicks: list[dict[str, Any]] = []
    for number, image in enumerate(images, start=1):
        for review, label, outline in image.outlines:
            about = _describe_review(review, selection)
            ruler = review.rulers.get(image.photo_id)
            remarks = () if label else review.remarks.get(image.photo_id, ())
            parts = _split(outline.runs, remarks) if selection.apart else [(outline.runs, {}, list(remarks))]
            masks += [
                _write_mask(
                    len(masks) + place, number, part, {**about, **which}, ruler, said, categories[label]
                )
                for place, (part, which, said) in enumerate(parts, start=1)
            ]
            about |= {"label": label} if label else {}
            for place, mark in enumerate(outline.clicks, start=1):
                clicks.append(
                    _write_click(len(clicks) + 1, number, mark, image.size, {**about, "click": place})
                )
    named = [
        {"id": categories[name], "name": label.label_id, "supercategory": "skin"}
        for name, label in zip(categories, selection.questions.labels, strict=True)
    ]
    _write(folder / INSTANCES, selection, images, named, masks)
    clicked = [
        {"id": number, "name": name, "supercategory": "skin", "keypoints": list(points), "skeleton": []}
        for name, (number, points) in CLICK_CATEGORIES.items()
    ]
    _write(folder / KEYPOINTS, selection, images, clicked, clicks)
    return sum(len(image.outlines) for image in images)


def _split(runs: MaskRuns, remarks: Sequence[Remark]) -> list[tuple[MaskRuns, dict[str, Any], list[Remark]]]:
    """Return the parts of a mask, none left out, each with its attributes and the comments on it; an empty mask is one
    part. Comments on no part go with the first."""
    pieces = split_pieces(decode_mask(runs))
    if not pieces:
        return [(runs, {"lesion": 0, "lesions": 0, "diameter_px": 0.0}, list(remarks))]
    said: dict[int, list[Remark]] = {piece.number: [] for piece in pieces}
    strays: list[Remark] = []
    for remark in remarks:
        piece = find_piece(pieces, remark.at)
        (strays if piece is None else said[piece.number]).append(remark)
    parts = []
    for piece in pieces:
        which: dict[str, Any] = {
            "lesion": piece.number,
            "lesions": len(pieces),
            "diameter_px": round(piece.diameter, 1),
        }
        if piece.border:
            which["border"] = piece.border
        if said[piece.number]:
            which["comment"] = "; ".join(remark.comment for remark in said[piece.number])
        parts.append((encode_mask(piece.draw(runs.size)), which, said[piece.number]))
    parts[0][2].extend(strays)
    return parts


def _write(
    path: Path,
    selection: Selection,
    images: Sequence[ExportedImage],
    categories: Sequence[dict[str, Any]],
    annotations: Sequence[dict[str, Any]],
) -> None:
    now = datetime.now(UTC)
    content = {
        "info": {
            "description": f"Masks of the queue {selection.queue!r}, one a reader, photo and label. Research use "
            "only.",
            "version": __version__,
            "year": now.year,
            "contributor": ", ".join(selection.annotators),
            "date_created": now.isoformat(timespec="seconds"),
            "url": "",
        },
        "licenses": [{"id": 1, "name": "As the photos' own; ask whoever gave them", "url": ""}],
        "categories": categories,
        "images": [
            {
                "id": number,
                "file_name": image.file_name,
                "height": image.size[0],
                "width": image.size[1],
                "license": 1,
                "encounter_id": image.case_id,
            }
            for number, image in enumerate(images, start=1)
        ],
        "annotations": annotations,
    }
    write_json(path, content, indent=None)


def _describe_review(review: Review, selection: Selection) -> dict[str, Any]:
    return {
        "annotator": annotator_of(review),
        "annotator_number": selection.number(review),
        "kind": review.kind,
        "known": " ".join(sorted(review.known)),
        "complete": review.complete,
    }


def _write_mask(
    number: int,
    image: int,
    runs: MaskRuns,
    attributes: dict[str, Any],
    ruler: Ruler | None,
    remarks: Sequence[Remark],
    category: int,
) -> dict[str, Any]:
    mask = decode_mask(runs)
    measured = {} if ruler is None else {**measure_mask(runs, ruler), "ruler": write_ruler(ruler)}
    return {
        **measured,
        **({"remarks": write_remarks(remarks)} if remarks else {}),
        "id": number,
        "image_id": image,
        "category_id": category,
        "segmentation": {"size": list(runs.size), "counts": runs.counts},
        "area": int(np.count_nonzero(mask)),
        "bbox": _box(mask),
        "iscrowd": 0,
        "attributes": attributes,
    }


def _write_click(
    number: int, image: int, mark: Mark, size: tuple[int, int], attributes: dict[str, Any]
) -> dict[str, Any]:
    """Return a click in pixels, COCO's unit; ``shares`` keeps what the review holds."""
    scale = (size[1], size[0]) * (len(mark.at) // 2)
    places = [share * side for share, side in zip(mark.at, scale, strict=True)]
    points = [*zip(places[::2], places[1::2], strict=True)]
    (left, top), (right, bottom) = points[0], points[-1]
    return {
        "id": number,
        "image_id": image,
        "category_id": CLICK_CATEGORIES[mark.kind][0],
        "segmentation": [],
        "keypoints": [value for x, y in points for value in (x, y, SEEN)],
        "num_keypoints": len(points),
        "bbox": [left, top, right - left, bottom - top],
        "area": (right - left) * (bottom - top),
        "iscrowd": 0,
        "attributes": attributes,
        "shares": list(mark.at),
    }


def _box(mask: Mask) -> list[int]:
    """Return x, y, width and height of what encloses the mask, zeros where it is empty."""
    return [int(value) for value in cv2.boundingRect(mask.astype(np.uint8))]
