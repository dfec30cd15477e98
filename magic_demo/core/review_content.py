"""THE FIELDS OF A REVIEW as JSON, written and read in one place for the page, the store, exports and imports.

A field is declared in ``types.ReviewContent`` and nowhere else. Older rows and files lack newer fields, which
then have their defaults; fields of a newer version are handed on as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, get_args

from magic_demo.core.remark import read_remarks, write_remarks
from magic_demo.core.review_types import Mark, MarkKind, MaskRuns, Outline, ReviewContent
from magic_demo.core.ruler import read_ruler, write_ruler

FIELDS: tuple[str, ...] = tuple(field.name for field in fields(ReviewContent) if field.name != "unknown")
CHOICES: Mapping[str, tuple[str, ...]] = {
    field.name: field.metadata["values"] for field in fields(ReviewContent) if "values" in field.metadata
}
"""Field -> its values, of the fields that hold one of several values or None."""


def parts_of(content: ReviewContent) -> dict[str, Any]:
    """Return everything that a review says, by field, as the arguments of another record."""
    return {name: getattr(content, name) for name in (*FIELDS, "unknown")}


def write_runs(runs: MaskRuns) -> Any:
    """Return a mask as JSON: size (height, width) and counts."""
    return {"size": list(runs.size), "counts": runs.counts}


def read_runs(value: Any) -> MaskRuns:
    """Read what ``write_runs`` returns. Raises KeyError, TypeError or ValueError for anything else."""
    height, width = value["size"]
    return MaskRuns((int(height), int(width)), str(value["counts"]))


def write_mark(mark: Mark) -> list[Any]:
    """Return a mark as JSON: its kind and its numbers."""
    return [mark.kind, *mark.at]


def read_mark(value: Any) -> Mark:
    """Read what ``write_mark`` returns. Raises TypeError or ValueError for anything else."""
    kind, *numbers = value
    kinds = [one for one in get_args(MarkKind) if one == kind]
    if not kinds or len(numbers) != (4 if kind == "box" else 2):
        raise ValueError(f"a mark of the kind {kind!r} with {len(numbers)} numbers")
    if not all(type(one) in (int, float) and 0 <= one <= 1 for one in numbers):
        raise ValueError("a mark outside of its photo; its numbers are shares, 0 to 1")
    if kind == "box" and not (numbers[0] < numbers[2] and numbers[1] < numbers[3]):
        raise ValueError("a box without an inside; its numbers are left, top, right, bottom")
    return Mark(kinds[0], tuple(map(float, numbers)))


def name_outline(photo_id: str, label: str = "") -> str:
    """Return the name under which a photo's outline of a label is known: the photo's id for the first label, else
    LABEL/PHOTO; neither may hold a slash."""
    return f"{label}/{photo_id}" if label else photo_id


def split_outline(name: str) -> tuple[str, str]:
    """Return the label, "" for the first one, and the photo id of what ``name_outline`` named."""
    label, _, photo_id = name.rpartition("/")
    return label, photo_id


def outlines_of(content: ReviewContent) -> dict[str, Outline]:
    """Return every outline of a review, of all labels, by its name."""
    first = {
        photo_id: Outline(runs, content.clicks.get(photo_id, ())) for photo_id, runs in content.masks.items()
    }
    return first | {
        name_outline(photo_id, label): outline
        for label, photos in content.label_masks.items()
        for photo_id, outline in photos.items()
    }


def share_outlines(outlines: Mapping[str, Outline]) -> dict[str, Any]:
    """Return the fields of a review that hold these outlines: what ``outlines_of`` returned, as arguments."""
    labels: dict[str, dict[str, Outline]] = {}
    for name, outline in outlines.items():
        label, photo_id = split_outline(name)
        labels.setdefault(label, {})[photo_id] = outline
    first = labels.pop("", {})
    return {
        "masks": {photo_id: outline.runs for photo_id, outline in first.items()},
        "clicks": {photo_id: outline.clicks for photo_id, outline in first.items() if outline.clicks},
        "label_masks": labels,
    }


def to_json(content: ReviewContent, write_mask: Callable[[MaskRuns], Any] = write_runs) -> dict[str, Any]:
    """Return a review's content as JSON. write_mask: how a mask is written, where not as its runs."""
    return {
        **content.unknown,
        **{name: getattr(content, name) for name in FIELDS},
        "answers": dict(content.answers),
        "specified": dict(content.specified),
        "masks": {photo_id: write_mask(runs) for photo_id, runs in content.masks.items()},
        "clicks": {photo_id: [*map(write_mark, marks)] for photo_id, marks in content.clicks.items()},
        "label_masks": {
            label: {photo_id: _write_outline(outline, write_mask) for photo_id, outline in photos.items()}
            for label, photos in content.label_masks.items()
            if photos
        },
        "rulers": {photo_id: write_ruler(ruler) for photo_id, ruler in content.rulers.items()},
        "remarks": {photo_id: write_remarks(remarks) for photo_id, remarks in content.remarks.items()},
        "unusable": sorted(content.unusable),
    }


def from_json(value: Mapping[str, Any], read_mask: Callable[[Any], MaskRuns] = read_runs) -> ReviewContent:
    """Read what ``to_json`` returned, of this version or of another.

    A field that is not there has its default; one that is not known is kept as ``unknown``. Values are not
    checked: ``find_fault`` does that. Raises what ``read_mask``, ``read_mark``, ``read_ruler`` and ``read_remarks`` raise.
    """
    found = {name: value[name] for name in FIELDS if name in value}
    if "unusable" in found:
        found["unusable"] = frozenset(found["unusable"])
    if "masks" in found:
        found["masks"] = {photo_id: read_mask(mask) for photo_id, mask in found["masks"].items()}
    if "clicks" in found:
        found["clicks"] = {
            photo_id: tuple(map(read_mark, marks)) for photo_id, marks in found["clicks"].items()
        }
    if "label_masks" in found:
        found["label_masks"] = {
            label: {photo_id: _read_outline(outline, read_mask) for photo_id, outline in photos.items()}
            for label, photos in found["label_masks"].items()
        }
    if "rulers" in found:
        found["rulers"] = {photo_id: read_ruler(ruler) for photo_id, ruler in found["rulers"].items()}
    if "remarks" in found:
        found["remarks"] = {photo_id: read_remarks(remarks) for photo_id, remarks in found["remarks"].items()}
    return ReviewContent(**found, unknown={name: value[name] for name in value.keys() - set(FIELDS)})


def _write_outline(outline: Outline, write_mask: Callable[[MaskRuns], Any]) -> dict[str, Any]:
    clicks = {"clicks": [*map(write_mark, outline.clicks)]} if outline.clicks else {}
    return {"mask": write_mask(outline.runs), **clicks}


def _read_outline(value: Any, read_mask: Callable[[Any], MaskRuns]) -> Outline:
    return Outline(read_mask(value["mask"]), tuple(map(read_mark, value.get("clicks", ()))))


def find_fault(content: ReviewContent) -> tuple[str, object, tuple[str, ...]] | None:
    """Return the first field whose value is none of its choices, with that value and the choices."""
    for name, values in CHOICES.items():
        value = getattr(content, name)
        if value is not None and value not in values:
            return name, value, values
    return None
