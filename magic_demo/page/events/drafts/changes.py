"""What the page says that a reader has changed: an event of the cards, of the viewer or of the bar, as fields
of a review.

Beside what it changed, an event of a stored case says:

    of        {"queue", "id", "reader", "mode", "base"}   which case it is of, and the newest review of it
    that the tab has heard of part      "answers", "mask NAME" (``name_outline``), "ruler PHOTO", "remarks PHOTO" or "note"    the part of the page
    that sends it touched   [name]                                      what of the part was changed: family ids,
    fields of the note ("unusable PHOTO"); without it: all cleared   true with an outline that has no pixel
    because the reader said so: no lesion here turn      "TAB.NUMBER"                                the tab's
    own count of its changes
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from magic_demo.core.errors import FormError
from magic_demo.core.review_content import name_outline
from magic_demo.core.review_types import CaseKey, Outline
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.page.panels.forms import read_answers
from magic_demo.page.panels.review.review_form import read_note, read_seconds
from magic_demo.page.panels.viewer.mask_form import check_decided, read_mask
from magic_demo.page.panels.viewer.point_form import read_marks
from magic_demo.page.panels.viewer.remark_form import read_photo_remarks
from magic_demo.page.panels.viewer.ruler_form import read_photo_ruler
from magic_demo.page.session.merging import SINGLE, Field, spread_answers
from magic_demo.page.session.review import MODES, Mode
from magic_demo.questions.families import QuestionSet

Sizes = Mapping[str, tuple[int, int]]
"""Photo id -> (height, width) of the photos that a case has."""


@dataclass(frozen=True)
class StoredCase:
    """Which stored case an event is of, by whom and how it was opened, and the newest review of it that the
    tab has heard of (0: none)."""

    key: CaseKey
    reader: str
    mode: Mode | None
    base: int


@dataclass(frozen=True)
class Change:
    """Fields of a review and what they are now. base: None where the tab does not say what it knew. turn: ""
    where it does not count."""

    fields: Mapping[Field, Any]
    base: int | None = None
    part: str = ""
    turn: str = ""
    seconds: float = 0.0


def read_stored_case(payload: Mapping[str, Any]) -> StoredCase | None:
    """Return which stored case an event is of; None where it does not say."""
    of = payload.get("of")
    if not isinstance(of, Mapping):
        return None
    queue, case_id, reader, base = of.get("queue"), of.get("id"), of.get("reader"), of.get("base")
    if not (isinstance(queue, str) and isinstance(case_id, str) and isinstance(reader, str)):
        return None
    number = base if isinstance(base, int) and base > 0 else 0
    return StoredCase(
        CaseKey(queue, case_id),
        reader,
        next((mode for mode in MODES if mode == of.get("mode")), None),
        number,
    )


def read_change(
    payload: object, sizes: Sizes, questions: QuestionSet, photos: Collection[str] | None = None
) -> Change:
    """Return what an event of the cards, of the viewer or of the bar changes.

    Raises FormError, one line, where that cannot be read.

    photos: the ids of the case's photos, those whose file is missing among them; None: those that have a
    size.
    """
    if not isinstance(payload, Mapping):
        raise FormError(
            "a change came as {came}, an object is expected; reload the page", came=type(payload).__name__
        )
    stored, turn = read_stored_case(payload), payload.get("turn")
    if "answers" in payload:
        part, fields = "answers", _read_answers(payload, questions)
    elif "comment" in payload:
        part, fields = "note", _read_note(payload, sizes if photos is None else photos)
    elif "ruler" in payload:
        part, fields = f"ruler {payload.get('photo')}", _read_ruler(payload, sizes)
    elif "comments" in payload:
        part, fields = f"remarks {payload.get('photo')}", _read_remarks(payload, sizes)
    else:
        name = name_outline(str(payload.get("photo")), _read_label(payload, questions))
        part, fields = f"mask {name}", {("masks", name): _read_outline(payload, sizes)}
    counted = turn if isinstance(turn, str) and len(turn) <= 64 else ""
    return Change(
        fields, stored.base if stored is not None else None, part, counted, read_seconds(payload, 0.0)
    )


def is_older(turn: str, last: str | None) -> bool:
    """Return whether a change is the one that was taken last, or one that the same tab made before it."""
    (tab, _, number), (before, _, newest) = turn.rpartition("."), (last or "").rpartition(".")
    return tab == before and number.isdecimal() and newest.isdecimal() and int(number) <= int(newest)


def _read_answers(payload: Mapping[str, Any], questions: QuestionSet) -> dict[Field, Any]:
    read = read_answers(payload, questions.families)
    given = spread_answers(read.answers, read.specified)
    touched = payload.get("touched")
    names = [str(name) for name in (touched if isinstance(touched, list) else questions.family_ids)]
    return {("answers", name): given.get(("answers", name)) for name in names}


def _read_note(payload: Mapping[str, Any], photos: Collection[str]) -> dict[Field, Any]:
    note = read_note(payload, photos)
    fields: dict[Field, Any] = {(name, ""): getattr(note, name) for name in SINGLE if name in payload}
    fields |= {("unusable", photo_id): photo_id in note.unusable for photo_id in photos}
    touched = payload.get("touched")
    if not isinstance(touched, list):
        return fields
    return {
        field: value
        for field, value in fields.items()
        if field[0] in touched or f"{field[0]} {field[1]}" in touched
    }


def _read_label(payload: Mapping[str, Any], questions: QuestionSet) -> str:
    """Return the label that an outline is of, "" for the first. Raises FormError where the case has no such label."""
    label, known = payload.get("label") or "", [label.label_id for label in questions.further_labels]
    if label and label not in known:
        raise FormError(
            "{label}: the case has no such label; the outline is not saved, reload the page",
            label=str(label)[:40],
        )
    return str(label)


def _read_outline(payload: Mapping[str, Any], sizes: Sizes) -> Outline | None:
    name = _read_photo(payload, sizes)
    if payload.get("runs") is None:
        return None
    mask = read_mask(payload, sizes[name])
    check_decided(mask, payload, name)
    return Outline(encode_mask(mask), read_marks(payload.get("clicks")))


def _read_ruler(payload: Mapping[str, Any], sizes: Sizes) -> dict[Field, Any]:
    name = _read_photo(payload, sizes)
    return {("rulers", name): read_photo_ruler(payload["ruler"], name, sizes[name])}


def _read_remarks(payload: Mapping[str, Any], sizes: Sizes) -> dict[Field, Any]:
    name = _read_photo(payload, sizes)
    return {("remarks", name): read_photo_remarks(payload["comments"], name, sizes[name])}


def _read_photo(payload: Mapping[str, Any], sizes: Sizes) -> str:
    name = payload.get("photo")
    if not isinstance(name, str) or name not in sizes:
        raise FormError(
            "{photo}: the case has no such photo that can be read; the outline is not saved",
            photo=str(name)[:80],
        )
    return name
