"""Which tab made which change, in which order: a tab that opens a case once more while its earlier changes are still on their way is
in no conflict with itself, and the last thing that its reader did holds, in whatever order the changes come."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from typing import Any, NamedTuple

from magic_demo.page.session.merging import Field
from magic_demo.page.session.review import DraftName, ReviewDraft

MOST_CASES = 1024
"""Of how many cases, each reader's counted apart, the changes are known."""
MOST_CHANGES = 8
"""How many changes of a field are known."""


class _OwnChange(NamedTuple):
    tab: str
    number: int
    value: Any


class OwnChanges:
    """The last changes of each field of a reader's case, by whichever draft of it they came."""

    def __init__(self) -> None:
        self._cases: OrderedDict[object, dict[Field, deque[_OwnChange]]] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, name: DraftName, draft: ReviewDraft, field: Field, turn: str, value: Any) -> None:
        """Note that a tab has given a field of a draft's case this value. turn: "TAB.NUMBER", see ``changes.py``; nothing is noted of a
        change that does not say."""
        tab, number = split_turn(turn)
        if not tab:
            return
        with self._lock:
            fields = self._cases.setdefault(_case_of(name, draft), {})
            self._cases.move_to_end(_case_of(name, draft))
            fields.setdefault(field, deque(maxlen=MOST_CHANGES)).append(_OwnChange(tab, number, value))
            while len(self._cases) > MOST_CASES:
                self._cases.popitem(last=False)

    def is_late(self, name: DraftName, draft: ReviewDraft, field: Field, turn: str) -> bool:
        """Return whether a change has come before, or its tab has said something newer of the field since."""
        tab, number = split_turn(turn)
        return any(one.tab == tab and one.number >= number for one in self._list(name, draft, field))

    def is_by(self, name: DraftName, draft: ReviewDraft, field: Field, turn: str, value: Any) -> bool:
        """Return whether the tab of this turn was the last that gave the field this value."""
        made = self._find(name, draft, field, value)
        return made is not None and made.tab == split_turn(turn)[0]

    def overtakes(self, name: DraftName, draft: ReviewDraft, field: Field, mine: Any, theirs: Any) -> bool:
        """Return whether one tab gave the field first the value ``theirs``, then ``mine``."""
        newer, older = (self._find(name, draft, field, value) for value in (mine, theirs))
        return (
            newer is not None and older is not None and newer.tab == older.tab and newer.number > older.number
        )

    def _find(self, name: DraftName, draft: ReviewDraft, field: Field, value: Any) -> _OwnChange | None:
        changes = reversed(self._list(name, draft, field))
        return next((one for one in changes if one.value == value), None)

    def _list(self, name: DraftName, draft: ReviewDraft, field: Field) -> list[_OwnChange]:
        with self._lock:
            return list(self._cases.get(_case_of(name, draft), {}).get(field, ()))


def split_turn(turn: str) -> tuple[str, int]:
    """Return a change's tab and its number there, ("", 0) where it does not say."""
    tab, _, number = turn.rpartition(".")
    return (tab, int(number)) if tab and number.isdecimal() else ("", 0)


def _case_of(name: DraftName, draft: ReviewDraft) -> object:
    return (draft.reading.key, draft.reading.reader) if draft.reading is not None else name
