"""What a browser session holds of the case it reviews. Everything the reader changes passes ``Drafts.draft_changed``, and is saved from there."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from magic_demo.types import Answers, CaseKey, Difficulty, MaskRuns, ReviewKind, ReviewState

Part = Literal["answers", "specified", "masks", "comment", "flagged", "difficulty", "unusable", "reading"]
"""What a reader changes, by the name of the draft's field."""
Mode = Literal["assisted", "blind", "unaided"]
"""The model is shown from the start; only after a blind reading; not at all."""
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True)
class Reading:
    """Whose reading of which stored case a draft is, and how it comes about; the fields are those of ``types.Review``.

    mode: how the case was opened. model_shown: whether the model's answer may be in the page; where not, nothing of it is sent.
    """

    key: CaseKey
    reader: str
    mode: Mode
    kind: ReviewKind
    state: ReviewState = "in progress"
    model_shown: bool = True
    seconds: float = 0.0


@dataclass(frozen=True)
class ReviewDraft:
    """What the reader has said so far of one open case; the fields are those of ``types.Review``.

    case: the open case's id, ``OpenCase.case_id``. reading: None where the case is in no store and nothing of it is saved.
    """

    case: str
    answers: Answers = field(default_factory=dict)
    specified: Mapping[str, str] = field(default_factory=dict)
    masks: Mapping[str, MaskRuns] = field(default_factory=dict)
    comment: str = ""
    flagged: bool = False
    difficulty: Difficulty | None = None
    unusable: frozenset[str] = frozenset()
    reading: Reading | None = None

    @property
    def hides_model(self) -> bool:
        """Return whether the model's answer has to stay out of the page."""
        return self.reading is not None and not self.reading.model_shown


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

    def close_all(self, key: CaseKey) -> list[str]:
        """Forget every session's draft of a stored case, and return the open cases' ids."""
        with self._lock:
            gone = self._find(key)
            for session in gone:
                del self._drafts[session]
        return list(gone.values())

    def list_open(self, key: CaseKey) -> list[str]:
        """Return the open cases' ids of every session that has a stored case open."""
        with self._lock:
            return list(self._find(key).values())

    def _find(self, key: CaseKey) -> dict[str, str]:
        return {session: draft.case for session, draft in self._drafts.items() if draft.reading is not None and draft.reading.key == key}

    def close(self, session: str) -> None:
        """Forget the session's draft; nothing happens when there is none."""
        with self._lock:
            self._drafts.pop(session, None)
