"""What a browser session holds of the case it reviews.

Everything the reader changes passes ``Drafts.draft_changed``, and is saved from there.

A draft of a stored case is a cache: the store has all that was answered as saved, and a draft that was
forgotten is made anew from it (``recall.py``).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from magic_demo.core.review_types import CaseKey, ReviewContent, ReviewKind, ReviewState, SavedReview
from magic_demo.page.session.merging import Conflict, Field, Fields, gather, spread

Part = str
"""What a reader changes: a field of ``ReviewContent``, or "reading"."""
Mode = Literal["assisted", "blind", "unaided"]
"""The model is shown from the start; only after a blind reading; not at all."""
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True)
class Reading:
    """Whose reading of which stored case a draft is, and how it comes about; the fields are those of
    ``types.Review``.

    mode: how the case was opened. model_shown: whether the model's answer may be in the page; where not,
    nothing of it is sent.
    """

    key: CaseKey
    reader: str
    mode: Mode
    kind: ReviewKind
    state: ReviewState = "in progress"
    model_shown: bool = True
    seconds: float = 0.0


@dataclass(frozen=True)
class _DraftHead:
    open_id: str


@dataclass(frozen=True)
class ReviewDraft(ReviewContent, _DraftHead):
    """What the reader has said so far of one open case.

    open_id: the open case's id, ``OpenCase.open_id``. reading: None where the case is in no store and nothing of
    it is saved.
    ties: of a consensus, family id -> (options, names) of each side that readers tie on.
    synced: the newest review of the case that the draft has taken in, None before the first. foreign: fields
    that came from another tab or device -> the number of the review that brought them. turns: part of the
    page -> the change of it that was taken last, as its tab counts them.
    model_seen: whether its reader was shown anything of a model since the case was opened; of a stored one the
    store knows it for good. conflicts: what was changed here and elsewhere to different values, to be told with the next answer.
    """

    reading: Reading | None = None
    ties: Mapping[str, Sequence[tuple[frozenset[int], tuple[str, ...]]]] = field(default_factory=dict)
    synced: SavedReview | None = None
    foreign: Mapping[Field, int] = field(default_factory=dict)
    turns: Mapping[str, str] = field(default_factory=dict)
    model_seen: bool = False
    conflicts: tuple[Conflict, ...] = ()

    @property
    def number(self) -> int:
        """Return the number of the newest review that the draft has taken in, 0 before the first."""
        return self.synced.number if self.synced is not None else 0

    @property
    def base(self) -> Fields:
        """Return the fields of the newest review that the draft has taken in."""
        return spread(self.synced.review) if self.synced is not None else {}

    def with_fields(self, fields: Fields) -> ReviewDraft:
        """Return the draft saying what these fields say."""
        return replace(self, **gather(fields))

    @property
    def hides_model(self) -> bool:
        """Return whether the model's answer has to stay out of the page."""
        return self.reading is not None and not self.reading.model_shown


class Drafts:
    """One draft a browser session, in memory; the session that was heard of longest ago is forgotten when
    there are too many.

    max_sessions: of cases that are in the store, which has them. max_unkept: of uploads and examples, which
    are nowhere else.
    max_forgotten: of how many forgotten drafts it is still known which case of the store they were of.
    """

    def __init__(self, max_sessions: int = 256, max_unkept: int = 4096, max_forgotten: int = 16_384) -> None:
        self._most = {True: max_sessions, False: max_unkept}
        self._most_forgotten = max_forgotten
        self._forgotten: OrderedDict[str, ReviewDraft] = OrderedDict()
        self._drafts: OrderedDict[str, ReviewDraft] = OrderedDict()
        self._left: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._drafts)

    def begin(self, session: str, draft: ReviewDraft) -> None:
        """Begin another case in a session: its draft takes the place of the one before."""
        with self._lock:
            self._leave(session, draft.open_id)
            self._drafts[session] = draft
            self._drafts.move_to_end(session)
            self._forgotten.pop(session, None)
            stored = draft.reading is not None
            alike = [name for name, draft in self._drafts.items() if (draft.reading is not None) == stored]
            for name in alike[: max(0, len(alike) - self._most[stored])]:
                gone = self._drafts.pop(name)
                if stored:
                    self._forgotten[name] = ReviewDraft(gone.open_id, reading=gone.reading)
            while len(self._forgotten) > self._most_forgotten:
                self._forgotten.popitem(last=False)

    def get_forgotten(self, session: str) -> ReviewDraft | None:
        """Return which case of the store a session's forgotten draft was of, and how it was read; the draft
        says nothing else."""
        with self._lock:
            return self._forgotten.get(session)

    def get(self, session: str) -> ReviewDraft | None:
        """Return the session's draft, None where no case is open in it."""
        with self._lock:
            return self._drafts.get(session)

    def draft_changed(self, session: str, part: Part, value: Any) -> ReviewDraft:
        """Put a part that the reader has changed into the session's draft, and return it.

        Raises KeyError where no case is open.
        """
        with self._lock:
            changed = replace(self._drafts[session], **{part: value})
            self._drafts[session] = changed
            self._drafts.move_to_end(session)
        return changed

    def change(self, session: str, change: Callable[[ReviewDraft], ReviewDraft]) -> ReviewDraft:
        """Put what ``change`` makes of the session's draft in its place, and return it.

        Raises KeyError where no case is open.
        """
        with self._lock:
            changed = self._drafts[session] = change(self._drafts[session])
            self._drafts.move_to_end(session)
        return changed

    def close_all(self, key: CaseKey) -> list[str]:
        """Forget every session's draft of a stored case, and return the open cases' ids."""
        with self._lock:
            gone = self._find(key)
            for session in gone:
                del self._drafts[session]
        return list(gone.values())

    def list_open(self, key: CaseKey) -> dict[str, str]:
        """Return open case's id -> reader of every session that has a stored case open."""
        with self._lock:
            drafts = list(self._drafts.values())
        return {
            draft.open_id: draft.reading.reader
            for draft in drafts
            if draft.reading is not None and draft.reading.key == key
        }

    def _find(self, key: CaseKey) -> dict[str, str]:
        return {
            session: draft.open_id
            for session, draft in self._drafts.items()
            if draft.reading is not None and draft.reading.key == key
        }

    def was_left(self, open_id: object) -> bool:
        """Return whether the reader has left this case, which is in no store: what comes of it now was sent
        before, and is in the browser's own draft."""
        with self._lock:
            return open_id in self._left

    def _leave(self, session: str, next_id: str = "") -> None:
        left = self._drafts.get(session)
        if left is not None and left.reading is None and left.open_id != next_id:
            self._left[left.open_id] = None
            while len(self._left) > self._most_forgotten:
                self._left.popitem(last=False)

    def close(self, session: str) -> None:
        """Forget the session's draft, and of which case it was; nothing happens when there is none."""
        with self._lock:
            self._leave(session)
            self._drafts.pop(session, None)
            self._forgotten.pop(session, None)
