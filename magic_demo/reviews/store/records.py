"""What the store hands out besides reviews: readers, cases in queues, progress."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from magic_demo.core.review_types import CaseKey, MaskRuns, ReviewKind
from magic_demo.reviews.learning.gain import Doubts, Gain

ReaderRole = Literal["reader", "adjudicator", "presenter"]
"""Who reads, who sees every review and writes the consensus, who shows cases to an audience (and sees what a
reader sees)."""
READER_ROLES: tuple[ReaderRole, ...] = get_args(ReaderRole)

LOCAL_READER = "local"
"""The reader of a page without sign-in. Always there, never with a password."""

CaseState = Literal["not started", "in progress", "done"]
CaseFilter = Literal["not started", "in progress", "done", "flagged", "disagreeing"]
CASE_FILTERS: tuple[CaseFilter, ...] = get_args(CaseFilter)
CaseOrder = Literal["position", "uncertain", "disputed", "teaches"]
"""As the queue was made; the model's most uncertain case first; the case that most readings differ on
first; the case that is expected to teach most first (``reviews.gain``)."""

TrailKind = Literal[
    "sign-in", "sign-in refused", "sign-in stopped", "sign-out", "export", "backup", "restore", "import", "cover", "cover proposed",
    "cover confirmed", "cover refused", "delete", "purge", "reader added", "reader removed", "password changed", "role changed",
    "token made", "token revoked", "questions", "order", "second reading", "lesions",
]  # fmt: skip
"""What the audit trail keeps; "stopped" is a try to sign in that was refused unseen, after too many."""
TRAIL_KINDS: tuple[TrailKind, ...] = get_args(TrailKind)


@dataclass(frozen=True)
class Actor:
    """Who does something, as far as it is known, and from where: "page" and a network address, "command", or
    the program itself."""

    name: str = ""
    origin: str = "program"


PROGRAM = Actor()


@dataclass(frozen=True)
class Repeated:
    """Of which queue another is the second reading, and how many days lie between the two at least."""

    queue: str
    days: float


@dataclass(frozen=True)
class TrailEntry:
    """A row of the audit trail. who: a reader, or of a command the computer's account; empty where nobody is
    known.

    case_number: the store's own number of a case; case: what it is called, None once it is deleted. detail: a
    few words of the program's.
    """

    number: int
    at: datetime
    who: str
    what: str
    case_number: int | None
    case: CaseKey | None
    detail: str
    origin: str


@dataclass(frozen=True)
class ProposedCover:
    """An area of a photo that a reader would cover for good, and that waits for an adjudicator."""

    number: int
    key: CaseKey
    photo_id: str
    reader: str
    proposed_at: datetime
    area: MaskRuns


@dataclass(frozen=True)
class Reader:
    """Somebody who reviews. has_password: whether they sign in. removed: gone, but their reviews are kept
    under the name.

    access: a word that is another one as soon as a password is given, changed or taken away: who signed in
    before is to sign in again.
    """

    name: str
    role: ReaderRole
    has_password: bool
    added_at: datetime
    removed: bool = False
    access: str = field(default="", repr=False)


@dataclass(frozen=True)
class SignIn:
    """A browser that is signed in: the reader's name, and what ``Reader.access`` was then. until, used: when it ends
    and was used last, in seconds since 1970."""

    name: str
    access: str
    until: float
    used: float


@dataclass(frozen=True)
class Token:
    """A token by which a program speaks for a reader, without its words. program: what it is for. revoked: it
    opens nothing any more, or its reader was removed."""

    number: int
    reader: Reader
    program: str
    made_at: datetime
    revoked: bool


@dataclass(frozen=True)
class Finished:
    """A finished review, as far as a receiver is told of it."""

    number: int
    key: CaseKey
    kind: ReviewKind
    complete: bool
    saved_at: datetime


@dataclass(frozen=True)
class NewCase:
    """A case to put at the end of a queue.

    folder: where its files lie, None where they are nowhere any more. photos_kept: the program keeps the
    photos there itself (uploads), so they have to go with the case. uncertainty: how unsure the model is,
    higher is less sure, on any scale that is the same for the whole queue.
    photos: the ids of its photos, which a complete reading has dealt with; None where they are not known, or
    known already. doubts: what the models leave open of it; None where that is not known, or known already.
    """

    case_id: str
    folder: str | None = None
    photos_kept: bool = False
    uncertainty: float | None = None
    photos: tuple[str, ...] | None = None
    doubts: Doubts | None = None


@dataclass(frozen=True)
class QueueCase:
    """A case of a queue as one reader sees it.

    position: 0, 1, 2, ... in the queue. state, flagged, disagrees, saved_at, number: of the reader's newest
    review that is no consensus, number 0 where there is none: what is newest says the number, as clocks are
    set back; disagrees is True where that review differs from the model somewhere. assigned_to: names; empty
    where the case is for everybody.
    dispute: how many families and photos readings differ on (see ``Store.list_cases``), measured when the
    list is ordered by it, else 0.
    complete: whether a review that is done left nothing open. consensus: whether one was finished. photos: the ids of the case's photos, None
    where they are not known. doubts: what the models leave open of it. gain: how much the case is expected to teach,
    measured when the list is ordered by it.
    """

    key: CaseKey
    position: int
    folder: str | None
    photos_kept: bool
    uncertainty: float | None
    assigned_to: tuple[str, ...]
    state: CaseState = "not started"
    flagged: bool = False
    disagrees: bool = False
    saved_at: datetime | None = None
    number: int = 0
    dispute: float = 0.0
    complete: bool = False
    consensus: bool = False
    photos: tuple[str, ...] | None = None
    doubts: Doubts = field(default_factory=Doubts)
    gain: Gain = field(default_factory=Gain)


@dataclass(frozen=True)
class Progress:
    """How far one reader is in one queue: cases that are theirs (assigned or for everybody), begun, done,
    flagged, differing from the model."""

    reader: str
    cases: int
    in_progress: int
    done: int
    flagged: int
    disagreeing: int
