"""What a reader changes in the case that is open in a session, taken as the page would take it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from magic_demo.page.events.drafts.changes import Change
from magic_demo.page.events.drafts.saving import Saver
from magic_demo.page.session.merging import differing, spread
from magic_demo.page.session.review import DraftName, Drafts


def name_open(drafts: Drafts, session: str) -> DraftName:
    """Return the name of the draft of the case that is open in a session."""
    draft = drafts.get_open(session)
    assert draft is not None
    return DraftName(session, draft.open_id)


def change_open(saver: Saver, drafts: Drafts, session: str, part: str, value: Any) -> None:
    """Change a part of the open case."""
    draft = drafts.get_open(session)
    assert draft is not None
    before, after = spread(draft), spread(replace(draft, **{part: value}))
    change = Change({field: after.get(field) for field in differing(after, before)})
    saver.take(name_open(drafts, session), change)
