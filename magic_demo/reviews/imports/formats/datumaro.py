"""Datumaro's JSON: items with masks, polygons, boxes and ellipses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from magic_demo.core.errors import FormatError
from magic_demo.core.review_types import MaskRuns
from magic_demo.core.types import Mask
from magic_demo.reviews.imports.documents import load_json, peek_json
from magic_demo.reviews.imports.formats.coco import MALFORMED
from magic_demo.reviews.imports.gathering import Gathering, SourceError, begin_review
from magic_demo.reviews.imports.shapes import check_size, fill_box, fill_corners, fill_ellipse, read_points


def find_datumaro(path: Path) -> bool:
    """Tell whether a place is a file of datumaro's, or a folder with one."""
    return bool(_list_files(path))


def _list_files(path: Path) -> list[Path]:
    if path.is_file():
        found = [path] if path.suffix.lower() == ".json" else []
    else:
        found = sorted({*path.glob("annotations/*.json"), *path.glob("*.json")}) if path.is_dir() else []
    return [file for file in found if _is_datumaro(peek_json(file))]


def _is_datumaro(content: Any) -> bool:
    return isinstance(content, dict) and isinstance(content.get("items"), list) and "categories" in content


def read_datumaro(path: Path, gathering: Gathering) -> None:
    """Read every item's shapes. Those of one annotator and photo are joined; the annotator is an attribute."""
    files = _list_files(path)
    if not files:
        raise SourceError("{path}: holds no file of datumaro's, with 'categories' and 'items'", path=path)
    for file in files:
        content = load_json(file)
        try:
            labels = [str(label["name"]) for label in content["categories"]["label"]["labels"]]
        except MALFORMED:
            labels = []
        taken = gathering.choose_labels(labels)
        for number, item in enumerate(content["items"], start=1):
            try:
                _read_item(item, labels, taken, gathering)
            except (FormatError, *MALFORMED) as error:
                where = f"{file.name}, item {number}"
                gathering.left_out.add("photo that cannot be used", where, str(error) or type(error).__name__)


def _read_item(
    item: Mapping[str, Any], labels: list[str], taken: Mapping[str, str], gathering: Gathering
) -> None:
    # an item's id is a path without an ending, which may hold dots
    photo_id = gathering.name_photo(f"{item['id']}.png")
    case_id = gathering.name_case(photo_id)
    size = item.get("image", {}).get("size")
    # boxes last: where they frame a mask they say nothing more
    entries = sorted(enumerate(item["annotations"], start=1), key=lambda pair: pair[1].get("type") == "bbox")
    for number, entry in entries:
        where = f"{photo_id}, annotation {number}"
        try:
            index = entry.get("label_id")
            label = labels[index] if isinstance(index, int) and 0 <= index < len(labels) else ""
            if labels and label not in taken:
                gathering.left_out.add("annotation of another label", label or where)
                continue
            mask = _read_shape(entry, size)
            if mask is None:
                gathering.left_out.add("annotation of a kind that is not read", str(entry["type"]), where)
                continue
            review = begin_review(gathering, case_id, entry.get("attributes") or {})
            if (
                entry["type"] == "bbox"
                and isinstance(mask, np.ndarray)
                and gathering.is_frame(review, photo_id, mask, taken.get(label, ""))
            ):
                continue
            gathering.add_mask(review, photo_id, mask, taken.get(label, ""))
        except (FormatError, *MALFORMED) as error:
            gathering.left_out.add(
                "annotation that cannot be read", where, str(error) or type(error).__name__
            )


def _read_shape(entry: Mapping[str, Any], size: Any) -> Mask | MaskRuns | None:
    kind = entry["type"]
    if kind == "mask":
        return MaskRuns(check_size(*entry["rle"]["size"]), str(entry["rle"]["counts"]))
    if kind not in ("polygon", "bbox", "ellipse"):
        return None
    if size is None:
        raise FormatError("a shape on a photo whose size is not said")
    sides = check_size(*size)
    if kind == "polygon":
        return fill_corners(read_points(entry["points"]), sides)
    if kind == "bbox":
        x, y, width, height = map(float, entry["bbox"])
        return fill_box(x, y, x + width, y + height, sides)
    left, top, right, bottom = map(float, entry["points"])
    middle, radii = ((left + right) / 2, (top + bottom) / 2), ((right - left) / 2, (bottom - top) / 2)
    return fill_ellipse(middle, radii, 0, sides)
