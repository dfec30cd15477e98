"""A review as fields that are merged one by one: a family's answer, a photo's outline, the comment.

Two tabs, or two devices, may change the same review. Each change says what it was based on; what the other
changed meanwhile stays, and only a field that both changed to different values is a conflict.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from magic_demo.core.review_content import CHOICES, outlines_of, share_outlines
from magic_demo.core.review_types import Outline, ReviewContent
from magic_demo.core.types import Answers

Field = tuple[str, str]
"""What is merged as one: ("answers", family id), ("masks", an outline's name as ``name_outline`` returns it),
("rulers", photo id), ("remarks", photo id), ("unusable", photo id), or the name of another part and ""."""
Fields = Mapping[Field, Any]
"""Field -> its value. A field that says nothing is absent, or None where it was emptied."""
SINGLE = ("comment", "flagged", *CHOICES)
"""The fields that are merged whole; a choice that is not made is None."""


@dataclass(frozen=True)
class Conflict:
    """A field that was changed here and elsewhere, to different values; the review ``number``, and those
    after it, have ``theirs``."""

    field: Field
    mine: Any
    theirs: Any
    number: int = 0


def spread(content: ReviewContent) -> dict[Field, Any]:
    """Return the fields of a review that say something."""
    fields: dict[Field, Any] = dict(spread_answers(content.answers, content.specified))
    fields |= {("masks", name): outline for name, outline in outlines_of(content).items()}
    fields |= {("rulers", photo_id): ruler for photo_id, ruler in content.rulers.items() if ruler}
    fields |= {("remarks", photo_id): remarks for photo_id, remarks in content.remarks.items() if remarks}
    fields |= {("unusable", photo_id): True for photo_id in content.unusable}
    fields |= {(name, ""): value for name in SINGLE if (value := getattr(content, name))}
    return fields


def spread_answers(
    answers: Answers, specified: Mapping[str, str]
) -> dict[Field, tuple[tuple[str, int, str], ...]]:
    """Return a family's answer as (qid, option, own words) of its slots, by family."""
    families: dict[Field, list[tuple[str, int, str]]] = {}
    for qid, option in sorted(answers.items()):
        families.setdefault(("answers", qid.partition("-")[0]), []).append(
            (qid, option, specified.get(qid, ""))
        )
    return {field: tuple(slots) for field, slots in families.items()}


def gather(fields: Fields) -> dict[str, Any]:
    """Return the parts of a review, by name, that say what the fields say."""
    slots = [slot for (part, _), value in fields.items() if part == "answers" and value for slot in value]
    outlines: dict[str, Outline] = {
        name: value for (part, name), value in fields.items() if part == "masks" and value is not None
    }
    return {
        "answers": {qid: option for qid, option, _ in slots},
        "specified": {qid: words for qid, _, words in slots if words},
        **share_outlines(outlines),
        "rulers": {name: value for (part, name), value in fields.items() if part == "rulers" and value},
        "remarks": {name: value for (part, name), value in fields.items() if part == "remarks" and value},
        "unusable": frozenset(name for (part, name), value in fields.items() if part == "unusable" and value),
        "comment": fields.get(("comment", "")) or "",
        "flagged": bool(fields.get(("flagged", ""))),
        **{name: fields.get((name, "")) for name in CHOICES},
    }


def differing(before: Fields, after: Fields) -> set[Field]:
    """Return the fields that two contents hold differently."""
    return {field for field in before.keys() | after.keys() if before.get(field) != after.get(field)}


def merge(mine: Fields, theirs: Fields, before: Fields) -> tuple[dict[Field, Any], list[Conflict]]:
    """Return what ``theirs`` becomes with what ``mine`` changed since ``before``, and the fields that both
    changed to different values.

    Of those the merged content has ``theirs``.
    """
    merged, conflicts = dict(theirs), []
    for field in differing(mine, before):
        value, foreign = mine.get(field), theirs.get(field)
        if foreign == value:
            continue
        if foreign == before.get(field):
            merged = put(merged, {field: value})
        else:
            conflicts.append(Conflict(field, value, foreign))
    return merged, conflicts


def put(fields: Fields, changed: Fields) -> dict[Field, Any]:
    """Return the fields with those that were changed in their place."""
    both = {**fields, **changed}
    return {
        field: value
        for field, value in both.items()
        if value is not None and value != "" and value is not False
    }


def only(fields: Fields, names: Collection[Field] | Iterable[Field]) -> dict[Field, Any]:
    """Return these fields, None for one that says nothing."""
    return {field: fields.get(field) for field in names}
