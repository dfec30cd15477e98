"""What a browser session holds of the case it reviews. Everything the reader changes passes ``Drafts.draft_changed``, and is saved from there."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from magic_demo.types import Answers, Difficulty, MaskRuns

Part = Literal["answers", "specified", "masks", "comment", "flagged", "difficulty", "unusable"]
"""What a reader changes, by the name of the draft's field."""


@dataclass(frozen=True)
class ReviewDraft:
    """What the reader has said so far of one open case; the fields are those of ``types.Review``.

    case: the open case's id, ``OpenCase.case_id``.
    """

    case: str
    answers: Answers = field(default_factory=dict)
    specified: Mapping[str, str] = field(default_factory=dict)
    masks: Mapping[str, MaskRuns] = field(default_factory=dict)
    comment: str = ""
    flagged: bool = False
    difficulty: Difficulty | None = None
    unusable: frozenset[str] = frozenset()


class Drafts:
    """One draft a browser session, in memory; the session that was heard of longest ago is forgotten when there are too many."""

    def __init__(self, max_sessions: int = 256) -> None:
        self._max_sessions = max_sessions
        self._drafts: OrderedDict[str, ReviewDraft] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._drafts)

    def begin(self, session: str, draft: ReviewDraft) -> None:
        """Begin another case in a session: its draft takes the place of the one before."""
        with self._lock:
            self._drafts[session] = draft
            self._drafts.move_to_end(session)
            while len(self._drafts) > self._max_sessions:
                self._drafts.popitem(last=False)

    def get(self, session: str) -> ReviewDraft | None:
        """Return the session's draft, None where no case is open in it."""
        with self._lock:
            return self._drafts.get(session)

    def draft_changed(self, session: str, part: Part, value: Any) -> ReviewDraft:
        """Put a part that the reader has changed into the session's draft, and return it. Raises KeyError where no case is open."""
        with self._lock:
            changed = replace(self._drafts[session], **{part: value})
            self._drafts[session] = changed
            self._drafts.move_to_end(session)
        return changed

    def close(self, session: str) -> None:
        """Forget the session's draft; nothing happens when there is none."""
        with self._lock:
            self._drafts.pop(session, None)
