"""COCO: masks as run lengths or polygons, clicks as keypoints; this program's export or anybody's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from magic_demo.core.errors import FormatError
from magic_demo.core.remark import MOST_CHARACTERS, Remark, read_remarks
from magic_demo.core.review_content import read_mark
from magic_demo.core.review_types import MaskRuns
from magic_demo.core.ruler import read_ruler
from magic_demo.core.types import Mask
from magic_demo.imaging.pieces import split_pieces
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.reviews.exports.coco import CLICK_CATEGORIES, KEYPOINTS
from magic_demo.reviews.imports.documents import load_json, peek_json
from magic_demo.reviews.imports.gathering import Gathering, SourceError, begin_review
from magic_demo.reviews.imports.shapes import check_size, fill_corners, read_points, unpack_rows

MALFORMED = (LookupError, TypeError, ValueError, AttributeError, OverflowError)
"""What a field of another kind than expected raises."""


def find_coco(path: Path) -> bool:
    """Tell whether a place is a COCO file, or a folder with one."""
    return bool(_list_files(path))


def _list_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix.lower() == ".json" and _is_coco(peek_json(path)) else []
    if not path.is_dir():
        return []
    named = sorted(path.glob("annotations/instances_*.json"))
    return named or [one for one in sorted(path.glob("*.json")) if _is_coco(peek_json(one))]


def _is_coco(content: Any) -> bool:
    return isinstance(content, dict) and all(
        isinstance(content.get(name), list) for name in ("images", "annotations")
    )


def read_coco(path: Path, gathering: Gathering) -> None:
    """Read every annotation's mask. Those of one annotator and photo are joined.

    The annotator is the attribute ``annotator``, or a field of that name. An annotation with a box alone is left
    out and named.
    """
    files = _list_files(path)
    if not files:
        raise SourceError("{path}: holds no COCO file, with 'images' and 'annotations'", path=path)
    for file in files:
        _read_file(file, load_json(file), gathering)
    if (path / KEYPOINTS).is_file():
        _read_clicks(load_json(path / KEYPOINTS), gathering)


def _read_file(file: Path, content: Mapping[str, Any], gathering: Gathering) -> None:
    images = _list_images(content["images"], gathering)
    names = {
        entry.get("id"): str(entry.get("name", ""))
        for entry in content.get("categories") or ()
        if isinstance(entry, dict)
    }
    taken = gathering.choose_labels(names.values())
    for number, entry in enumerate(content["annotations"], start=1):
        where = f"{file.name}, annotation {number}"
        try:
            label = names.get(entry.get("category_id"), "")
            if names and label not in taken:
                gathering.left_out.add("annotation of another label", label or where)
                continue
            if entry["image_id"] not in images:
                gathering.left_out.add("annotation of a photo that is not listed", where)
                continue
            photo_id, case_id, size = images[entry["image_id"]]
            about = {"annotator": entry.get("annotator"), **(entry.get("attributes") or {})}
            if not entry.get("segmentation"):
                gathering.left_out.add("annotation without a mask", where)
                continue
            mask = _read_mask(entry["segmentation"], size)
            begun = begin_review(gathering, case_id, about)
            review = gathering.add_mask(begun, photo_id, mask, taken.get(label, ""))
            if entry.get("ruler") is not None:
                review = gathering.add_ruler(review, photo_id, read_ruler(entry["ruler"]))
            if remarks := _read_comments(entry, about, mask):
                gathering.add_remarks(review, photo_id, remarks)
        except (FormatError, *MALFORMED) as error:
            gathering.left_out.add(
                "annotation that cannot be read", where, str(error) or type(error).__name__
            )


def _read_comments(
    entry: Mapping[str, Any], about: Mapping[str, Any], mask: Mask | MaskRuns
) -> tuple[Remark, ...]:
    """Return the comments on a lesion: as this program wrote them, else the attribute ``comment``, on the largest part."""
    if entry.get("remarks") is not None:
        return read_remarks(entry["remarks"])
    comment = str(about.get("comment") or "").strip()[:MOST_CHARACTERS]
    pieces = split_pieces(decode_mask(mask) if isinstance(mask, MaskRuns) else mask) if comment else []
    return (Remark(max(pieces, key=lambda piece: piece.area).at, comment),) if pieces else ()


def _list_images(entries: Iterable[Any], gathering: Gathering) -> dict[Any, tuple[str, str, tuple[int, int]]]:
    """Return id -> photo id, case id, (height, width)."""
    images = {}
    for number, entry in enumerate(entries, start=1):
        try:
            photo_id = gathering.name_photo(str(entry["file_name"]))
            case_id = gathering.name_case(photo_id, str(entry.get("encounter_id") or ""))
            images[entry["id"]] = photo_id, case_id, check_size(entry["height"], entry["width"])
        except (FormatError, *MALFORMED) as error:
            gathering.left_out.add(
                "photo that cannot be used", f"image {number}", str(error) or type(error).__name__
            )
    return images


def _read_mask(segmentation: Any, size: tuple[int, int]) -> Mask | MaskRuns:
    if isinstance(segmentation, list):
        mask = np.zeros(size, np.bool_)
        for polygon in segmentation:
            mask |= fill_corners(read_points(polygon), size)
        return mask
    own = check_size(*segmentation["size"])
    if own != size:
        raise FormatError(
            "a mask of {width}x{height} pixels; the photo has {photo_width}x{photo_height}",
            width=own[1],
            height=own[0],
            photo_width=size[1],
            photo_height=size[0],
        )
    counts = segmentation["counts"]
    if isinstance(counts, list):  # uncompressed, column by column
        return np.ascontiguousarray(unpack_rows(counts, (size[1], size[0])).T)
    return MaskRuns(size, str(counts))


def _read_clicks(content: Any, gathering: Gathering) -> None:
    """Read the clicks that this program exported: in shares of the photo's sides, as the review holds them."""
    kinds = {number: kind for kind, (number, _) in CLICK_CATEGORIES.items()}
    try:
        images = _list_images(content["images"], gathering)
        entries = list(content["annotations"])
    except MALFORMED as error:
        gathering.left_out.add("clicks that cannot be read", KEYPOINTS, type(error).__name__)
        return
    for number, entry in enumerate(entries, start=1):
        try:
            photo_id, case_id, _ = images[entry["image_id"]]
            mark = read_mark([kinds[entry["category_id"]], *entry["shares"]])
            told = entry["attributes"].get("label", "")
            label = gathering.find_label(told) if told else ""
            if label is None:
                gathering.left_out.add("annotation of another label", told)
                continue
            gathering.add_click(begin_review(gathering, case_id, entry["attributes"]), photo_id, mark, label)
        except (FormatError, *MALFORMED) as error:
            gathering.left_out.add(
                "click that cannot be read", f"keypoint {number}", str(error) or type(error).__name__
            )
