"""Masks of every label of a study: one picture a reader and photo whose values are the labels, and each mask in whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from magic_demo.core.disk.whole_files import write_json
from magic_demo.core.review_content import split_outline
from magic_demo.files.masks.mask_files import mask_file_name, write_label_image, write_mask
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.reviews.exports.challenge import MASKS, walk_outlines
from magic_demo.reviews.exports.readings import Selection

LABELS = "labels.json"
IMAGES = "label_images"


def write_label_images(selection: Selection, folder: Path) -> int:
    """Write ``label_images/<image id>_labels_ann<k>.tiff``, ``masks/<label>/<image id>_mask_ann<k>.tiff`` and
    ``labels.json``, which names the values; returns how many masks.

    A value is a label's place in the study, from 1; 0 is none of them. Where masks overlap, the label that the study
    names later lies on top: an ulcer is drawn within a lesion. The masks hold every label in whole.
    """
    labels = selection.questions.labels
    values = {label.label_id: number for number, label in enumerate(labels, start=1)}
    images: dict[str, np.ndarray[tuple[int, int], np.dtype[np.uint8]]] = {}
    written = 0
    for _case, review, name, outline in walk_outlines(selection):  # of a photo, in the labels' order
        label, photo_id = split_outline(name)
        label_id, annotator = label or labels[0].label_id, f"ann{selection.number(review)}"
        mask = decode_mask(outline.runs)
        write_mask(folder / MASKS / label_id / mask_file_name(photo_id, annotator), mask)
        written += 1
        path = f"{photo_id}_labels_{annotator}.tiff"
        if path not in images:
            _write_all(images, folder)
            images[path] = np.zeros(mask.shape, np.uint8)
        if images[path].shape == mask.shape:
            images[path][mask] = values[label_id]
        else:
            selection.left_out.add("mask of another size than that of the first label", photo_id, annotator)
    _write_all(images, folder)
    named = [
        {"value": value, "id": label.label_id, "name": dict(label.name), "colour": label.colour}
        for label, value in zip(labels, values.values(), strict=True)
    ]
    write_json(folder / LABELS, {"labels": named})
    return written


def _write_all(images: dict[str, np.ndarray[tuple[int, int], np.dtype[np.uint8]]], folder: Path) -> None:
    """Write what is whole, and forget it: photos are large, and come one after the other."""
    for name, image in images.items():
        write_label_image(folder / IMAGES / name, image)
    images.clear()
