"""Masks of several labels, as this program exports them: ``masks/<label>/<image id>_mask_ann<k>.tiff``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from magic_demo.core.messages import Message
from magic_demo.files.json_files import read_json
from magic_demo.files.masks.mask_files import find_reference_masks
from magic_demo.questions.labels import LABEL_ID
from magic_demo.reviews.exports.challenge import MASKS
from magic_demo.reviews.exports.label_images import LABELS
from magic_demo.reviews.imports.formats.challenge import name_reviews, read_masks
from magic_demo.reviews.imports.gathering import Gathering


def find_label_images(path: Path) -> bool:
    """Tell whether a folder holds a file that names labels beside their masks."""
    return (path / LABELS).is_file() and (path / MASKS).is_dir()


def read_label_images(folder: Path, gathering: Gathering) -> None:
    """Read the masks of the labels that the queue has; the label images say nothing more. Other labels are left out by
    name."""
    review_of = name_reviews(folder, gathering)
    for label_id in _read_ids(read_json(folder / LABELS, Message("what names an export's labels"))):
        masks = folder / MASKS / label_id
        if not masks.is_dir():
            continue
        label = gathering.find_label(label_id)
        if label is None:
            gathering.left_out.add("label that the queue does not have", label_id)
        else:
            read_masks(find_reference_masks(masks), gathering, review_of, label)


def _read_ids(content: Any) -> list[str]:
    entries = content.get("labels") if isinstance(content, dict) else None
    ids = (
        [entry.get("id") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    )
    return [name for name in ids if isinstance(name, str) and LABEL_ID.fullmatch(name)]
