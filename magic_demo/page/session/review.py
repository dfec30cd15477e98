"""What a browser session holds of the case it reviews.

Everything the reader changes passes ``Drafts.change``, and is saved from there.

A draft of a stored case is a cache: the store has all that was answered as saved, and a draft that was
forgotten is made anew from it (``recall.py``).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple, get_args

from magic_demo.core.errors import FormError
from magic_demo.core.messages import Message
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


_NOT_OPEN = Message("These photos are no longer open here; add them again")


class NotOpenError(FormError):
    """What an event is about is not open any more, and in no store where it could be found."""

    def __init__(self, line: str = _NOT_OPEN) -> None:
        super().__init__(line)


class DraftName(NamedTuple):
    """Under which name a draft is held: the browser session, and the open case. A change of one case can never land in another,
    whatever the session has opened since."""

    session: str
    open_id: str


class Drafts:
    """The drafts of all browser sessions, in memory: of the case that is open in each, and of stored ones that were open before, for
    what still comes of them. When there are too many, the draft that was heard of longest ago is forgotten, those of cases that were
    left first.

    max_stored: of cases that are in the store, which has them. max_unkept: of uploads and examples, which
    are nowhere else.
    max_forgotten: of how many forgotten drafts it is still known which case of the store they were of.
    """

    def __init__(self, max_stored: int = 256, max_unkept: int = 4096, max_forgotten: int = 16_384) -> None:
        self._most = {True: max_stored, False: max_unkept}
        self._most_forgotten = max_forgotten
        self._drafts: OrderedDict[DraftName, ReviewDraft] = OrderedDict()
        self._open: dict[str, str] = {}  # session -> the id of its open case, whose draft is held
        self._forgotten: OrderedDict[str, ReviewDraft] = OrderedDict()
        self._left: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._drafts)

    def begin(self, session: str, draft: ReviewDraft) -> DraftName:
        """Open another case in a session, and return the name of its draft. That of an unkept case before it is gone."""
        with self._lock:
            self._leave(session, draft.open_id)
            self._open[session] = draft.open_id
            self._forgotten.pop(session, None)
            return self._put(DraftName(session, draft.open_id), draft)

    def recall(self, session: str, draft: ReviewDraft) -> tuple[DraftName, ReviewDraft]:
        """Hold the draft of a stored case once more, of which something came late, and return it with its name; one that another
        event has recalled meanwhile stays as it is. The case that is open in the session stays open; where none is, it is this one."""
        with self._lock:
            name = DraftName(session, draft.open_id)
            if name in self._drafts:
                return name, self._drafts[name]
            forgotten = self._forgotten.get(session)
            known = self._open.get(session) or (forgotten.open_id if forgotten is not None else draft.open_id)
            if known == draft.open_id:
                self._open[session] = known
                self._forgotten.pop(session, None)
            return self._put(name, draft), draft

    def get_forgotten(self, session: str) -> ReviewDraft | None:
        """Return which case of the store a session's forgotten draft was of, and how it was read; the draft
        says nothing else."""
        with self._lock:
            return self._forgotten.get(session)

    def get_open(self, session: str) -> ReviewDraft | None:
        """Return the draft of the case that is open in a session, None where none is or memory has forgotten it."""
        with self._lock:
            return self._drafts.get(DraftName(session, self._open.get(session, "")))

    def get(self, name: DraftName) -> ReviewDraft | None:
        """Return the draft of this name, None where there is none."""
        with self._lock:
            return self._drafts.get(name)

    def change(self, name: DraftName, change: Callable[[ReviewDraft], ReviewDraft]) -> ReviewDraft:
        """Put what ``change`` makes of a draft in its place, and return it.

        Raises NotOpenError where there is none.
        """
        with self._lock:
            if name not in self._drafts:
                raise NotOpenError
            changed = self._drafts[name] = change(self._drafts[name])
            self._drafts.move_to_end(name)
        return changed

    def close_all(self, key: CaseKey) -> list[str]:
        """Forget every session's draft of a stored case, and return the open cases' ids."""
        with self._lock:
            gone = self._find(key)
            for name in gone:
                del self._drafts[name]
                if self._open.get(name.session) == name.open_id:
                    del self._open[name.session]
        return [name.open_id for name in gone]

    def list_open(self, key: CaseKey) -> dict[str, str]:
        """Return open case's id -> reader of every session that has a stored case open."""
        with self._lock:
            found = self._find(key)
        return {
            name.open_id: draft.reading.reader for name, draft in found.items() if draft.reading is not None
        }

    def was_left(self, open_id: object) -> bool:
        """Return whether the reader has left this case, which is in no store: what comes of it now was sent
        before, and is in the browser's own draft."""
        with self._lock:
            return open_id in self._left

    def close(self, session: str) -> None:
        """Forget the session's drafts, and of which case it was; nothing happens when there is none."""
        with self._lock:
            self._leave(session)
            for name in [name for name in self._drafts if name.session == session]:
                del self._drafts[name]
            self._open.pop(session, None)
            self._forgotten.pop(session, None)

    def _find(self, key: CaseKey) -> dict[DraftName, ReviewDraft]:
        return {
            name: draft
            for name, draft in self._drafts.items()
            if draft.reading is not None and draft.reading.key == key
        }

    def _put(self, name: DraftName, draft: ReviewDraft) -> DraftName:
        self._drafts[name] = draft
        self._drafts.move_to_end(name)
        stored = draft.reading is not None
        alike = [other for other, one in self._drafts.items() if (one.reading is not None) == stored]
        alike.remove(name)
        alike.sort(key=self._is_open)  # of cases that were left first
        for other in alike[: max(0, len(alike) + 1 - self._most[stored])]:
            was_open, gone = self._is_open(other), self._drafts.pop(other)
            if not was_open:
                continue
            del self._open[other.session]
            if stored:
                self._forgotten[other.session] = ReviewDraft(gone.open_id, reading=gone.reading)
        while len(self._forgotten) > self._most_forgotten:
            self._forgotten.popitem(last=False)
        return name

    def _is_open(self, name: DraftName) -> bool:
        return self._open.get(name.session) == name.open_id

    def _leave(self, session: str, next_id: str = "") -> None:
        name = DraftName(session, self._open.get(session, ""))
        left = self._drafts.get(name)
        if left is None or left.reading is not None or left.open_id == next_id:
            return
        del self._drafts[name]
        self._left[left.open_id] = None
        while len(self._left) > self._most_forgotten:
            self._left.popitem(last=False)
