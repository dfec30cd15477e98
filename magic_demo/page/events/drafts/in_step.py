"""What a tab is told with every save, so that it stays in step with the store and with other tabs of the same
reader and case.

number     the row that holds what was saved; what the tab changes next goes on from it
stored     part of the page -> the newest change of it (``changes.py``: turn) that is in the store
merged     what came from elsewhere since the review that the tab knew: {"answers": {family: [option]},
"specified": {family: words},
           "masks": {outline's name: runs or None}, "rulers": {photo: ruler or None}, "remarks": {photo:
           remarks or None}, "note": {"comment", "flagged", a choice's name,
           "unusable": {photo: bool}}}; absent where nothing did
conflicts  [{"part", "name", "mine", "theirs"}]: changed here and elsewhere to different values; the newest
review has ``theirs``
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from magic_demo.core.remark import write_remarks
from magic_demo.core.ruler import write_ruler
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.page.panels.viewer.mask_form import write_outline
from magic_demo.page.session.merging import Conflict, Field, Fields, only, spread
from magic_demo.page.session.review import ReviewDraft
from magic_demo.questions.decoding import read_slots
from magic_demo.questions.families import QuestionSet


def step_value(
    draft: ReviewDraft, base: int | None, conflicts: Sequence[Conflict], questions: QuestionSet
) -> dict[str, Any]:
    """Return what a tab is told beside ``review_form.saved_value``. base: the newest review that the tab has
    heard of, None where it has all."""
    new = [field for field, number in draft.foreign.items() if base is not None and number > base]
    new += [conflict.field for conflict in conflicts]
    return {
        "number": draft.number,
        "stored": dict(draft.turns),
        **({"merged": merged_value(only(spread(draft), new), questions)} if new else {}),
        **(
            {"conflicts": [_conflict_value(conflict, questions) for conflict in conflicts]}
            if conflicts
            else {}
        ),
    }


def merged_value(fields: Fields, questions: QuestionSet) -> dict[str, Any]:
    """Return fields as the page's parts take them."""
    merged: dict[str, Any] = {
        "answers": {},
        "specified": {},
        "masks": {},
        "rulers": {},
        "remarks": {},
        "note": {},
    }
    for (part, name), value in fields.items():
        if part == "answers":
            merged["answers"][name], merged["specified"][name] = _card_value((part, name), value, questions)
        elif part == "masks":
            merged["masks"][name] = (
                None if value is None else write_outline(decode_mask(value.runs), value.clicks)
            )
        elif part == "rulers":
            merged["rulers"][name] = None if value is None else write_ruler(value)
        elif part == "remarks":
            merged["remarks"][name] = None if value is None else write_remarks(value)
        elif part == "unusable":
            merged["note"].setdefault("unusable", {})[name] = bool(value)
        else:
            merged["note"][part] = value or {"comment": "", "flagged": False}.get(part)
    return merged


def _card_value(field: Field, value: Any, questions: QuestionSet) -> tuple[list[int], str]:
    """Return the options that a family's answer shows, and the reader's own words."""
    family = questions.family(field[1])
    answers = {qid: option for qid, option, _ in value or ()}
    return sorted(read_slots(answers, family)), next((words for _, _, words in value or () if words), "")


def _conflict_value(conflict: Conflict, questions: QuestionSet) -> dict[str, Any]:
    part, name = conflict.field
    mine, theirs = conflict.mine, conflict.theirs
    if part in ("masks", "rulers", "remarks"):  # the tab has its own, and gets the other with what was merged
        mine, theirs = mine is not None, theirs is not None
    elif part == "answers":
        mine, theirs = (list(_card_value(conflict.field, value, questions)) for value in (mine, theirs))
    return {"part": part, "name": name, "number": conflict.number, "mine": mine, "theirs": theirs}
