"""Readings as COCO JSON: one annotation a reader and photo, its mask as compressed run lengths, read by
pycocotools as it is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import magic_demo
from magic_demo.core.types import Mask
from magic_demo.core.whole_files import write_json
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.reviews.exports.challenge import walk_masks
from magic_demo.reviews.exports.readings import CaseReadings, Selection, annotator_of

FILE = "coco.json"
LESION = 1
"""The one category's id; COCO's ids begin at 1."""


def write_coco(selection: Selection, folder: Path) -> int:
    """Write ``coco.json`` and return how many annotations.

    One category, lesion; the annotator's name, k and the reading's kind, what was known and whether it is
    complete are attributes. ``iscrowd`` is 0: a mask here is one reader's whole lesion area, not a crowd to
    be ignored. A photo without any mask is no image of the file, since its size is not known.
    """
    images: dict[str, dict[str, Any]] = {}
    annotations: list[dict[str, Any]] = []
    for case, review, photo_id, runs in walk_masks(selection):
        height, width = runs.size
        image = images.setdefault(
            photo_id,
            {
                "id": len(images) + 1,
                "file_name": _file_name(case, photo_id),
                "height": height,
                "width": width,
                "license": 1,
                "encounter_id": case.case_id,
            },
        )
        if (image["height"], image["width"]) != runs.size:
            selection.left_out.add(
                "mask of another size than the other readers' of its photo", photo_id, annotator_of(review)
            )
            continue
        mask = decode_mask(runs)
        annotations.append(
            {
                "id": len(annotations) + 1,
                "image_id": image["id"],
                "category_id": LESION,
                "segmentation": {"size": [height, width], "counts": runs.counts},
                "area": int(np.count_nonzero(mask)),
                "bbox": _box(mask),
                "iscrowd": 0,
                "attributes": {
                    "annotator": annotator_of(review),
                    "annotator_number": selection.number(review),
                    "kind": review.kind,
                    "known": sorted(review.known),
                    "complete": review.complete,
                },
            }
        )
    now = datetime.now(UTC)
    write_json(
        folder / FILE,
        {
            "info": {
                "description": f"Lesion masks of the queue {selection.queue!r}, one a reader and photo. Research use "
                "only.",
                "version": magic_demo.__version__,
                "year": now.year,
                "contributor": ", ".join(selection.annotators),
                "date_created": now.isoformat(timespec="seconds"),
                "url": "",
            },
            "licenses": [{"id": 1, "name": "As the photos' own; ask whoever gave them", "url": ""}],
            "categories": [{"id": LESION, "name": "lesion", "supercategory": "skin"}],
            "images": list(images.values()),
            "annotations": annotations,
        },
        indent=None,
    )
    return len(annotations)


def _file_name(case: CaseReadings, photo_id: str) -> str:
    photos = case.files.photo_files if case.files else ()
    return next((photo.path.name for photo in photos if photo.photo_id == photo_id and photo.path), photo_id)


def _box(mask: Mask) -> list[int]:
    """Return x, y, width and height of what encloses the mask, zeros where it is empty."""
    return [int(value) for value in cv2.boundingRect(mask.astype(np.uint8))]
