"""THE FIELDS OF A REVIEW as JSON, written and read in one place for the page, the store, exports and imports.

A field is declared in ``types.ReviewContent`` and nowhere else. Older rows and files lack newer fields, which
then have their defaults; fields of a newer version are handed on as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from magic_demo.core.types import MaskRuns, ReviewContent

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


def to_json(content: ReviewContent, write_mask: Callable[[MaskRuns], Any] = write_runs) -> dict[str, Any]:
    """Return a review's content as JSON. write_mask: how a mask is written, where not as its runs."""
    return {
        **content.unknown,
        **{name: getattr(content, name) for name in FIELDS},
        "answers": dict(content.answers),
        "specified": dict(content.specified),
        "masks": {photo_id: write_mask(runs) for photo_id, runs in content.masks.items()},
        "unusable": sorted(content.unusable),
    }


def from_json(value: Mapping[str, Any], read_mask: Callable[[Any], MaskRuns] = read_runs) -> ReviewContent:
    """Read what ``to_json`` returned, of this version or of another.

    A field that is not there has its default; one that is not known is kept as ``unknown``. Values are not
    checked: ``find_fault`` does that. Raises what ``read_mask`` raises.
    """
    found = {name: value[name] for name in FIELDS if name in value}
    if "unusable" in found:
        found["unusable"] = frozenset(found["unusable"])
    if "masks" in found:
        found["masks"] = {photo_id: read_mask(mask) for photo_id, mask in found["masks"].items()}
    return ReviewContent(**found, unknown={name: value[name] for name in value.keys() - set(FIELDS)})


def find_fault(content: ReviewContent) -> tuple[str, object, tuple[str, ...]] | None:
    """Return the first field whose value is none of its choices, with that value and the choices."""
    for name, values in CHOICES.items():
        value = getattr(content, name)
        if value is not None and value not in values:
            return name, value, values
    return None
