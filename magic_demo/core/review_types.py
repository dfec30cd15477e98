"""What readers say of cases: frozen values that page, store, exports and imports hand to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args

from magic_demo.core.remark import Remark
from magic_demo.core.ruler import Ruler
from magic_demo.core.types import Answers

ReviewKind = Literal["assisted", "blind", "compared", "revealed", "consensus"]
"""How a review came about: the model was shown; neither model nor others were yet; others' readings were, the
model not; the model was revealed after a blind one; or an adjudicator's consensus."""
REVIEW_KINDS: tuple[ReviewKind, ...] = ("assisted", "blind", "compared", "revealed", "consensus")
Knowledge = Literal["model", "others"]
"""What a reader had been shown of a case before giving an answer: what the model says, what others say."""
ReviewState = Literal["in progress", "done"]
Difficulty = Literal["easy", "medium", "hard"]
PhotoQuality = Literal["good", "usable", "poor"]
"""Of the case's photos together, for reading them."""
DEFAULT_QUEUE = "cases"
"""The queue of cases that were put in no other one."""


@dataclass(frozen=True)
class MaskRuns:
    """A mask as COCO's compressed run lengths: small, exact, and read by pycocotools as it is.

    size: (height, width) of the photo. counts: the runs, column by column, background first, in COCO's ASCII
    code.
    """

    size: tuple[int, int]
    counts: str


class CaseKey(NamedTuple):
    """Which case is meant: two queues may hold different cases under the same encounter id."""

    queue: str
    case_id: str


MarkKind = Literal["lesion", "skin", "box"]


@dataclass(frozen=True)
class Mark:
    """What a reader points at on a photo to correct its outline: a click on the lesion, a click on what is not
    lesion, or a box around the lesion.

    at: x, y of a click; left, top, right, bottom of a box; shares of the photo's width and height, 0..1.
    """

    kind: MarkKind
    at: tuple[float, ...]


class Outline(NamedTuple):
    """A photo's mask, and what it was clicked from, in the order of the clicks."""

    runs: MaskRuns
    clicks: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class ReviewContent:
    """What a reader says of a case, and the one place that lists it: ``core.review_content`` writes and reads it
    as JSON for the page, the store, exports and imports.

    answers: qid -> option index, of the families that were answered. specified: qid -> free text where an
    option says "please specify".
    masks: photo id -> the reader's mask; a photo that was not outlined is absent, an empty mask says "no
    lesion here". clicks: photo id -> what its mask was clicked from, in the order of the clicks; taken back
    with them. label_masks: label id -> photo id -> the outline of a further label, where the questions have several;
    ``masks`` and ``clicks`` are the first one's. rulers: photo id -> what was measured there. remarks: photo id ->
    comments on single lesions. unusable: photo ids of no use.
    difficulty and every other field with "values" in its metadata: one of them, or None where the reader said
    none.
    unknown: fields of a newer version, by name as JSON, which this one hands on as they are.
    """

    answers: Answers = field(default_factory=dict)
    specified: Mapping[str, str] = field(default_factory=dict)
    masks: Mapping[str, MaskRuns] = field(default_factory=dict)
    clicks: Mapping[str, tuple[Mark, ...]] = field(default_factory=dict)
    label_masks: Mapping[str, Mapping[str, Outline]] = field(default_factory=dict)
    rulers: Mapping[str, Ruler] = field(default_factory=dict)
    remarks: Mapping[str, tuple[Remark, ...]] = field(default_factory=dict)
    unusable: frozenset[str] = frozenset()
    comment: str = ""
    flagged: bool = False
    difficulty: Difficulty | None = field(default=None, metadata={"values": get_args(Difficulty)})
    photo_quality: PhotoQuality | None = field(default=None, metadata={"values": get_args(PhotoQuality)})
    unknown: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ReviewHead:
    """Which case a review is of, by whom, and how it came about. case_id: the encounter's id in its queue."""

    case_id: str
    reader: str
    kind: ReviewKind = "assisted"
    state: ReviewState = "in progress"


@dataclass(frozen=True)
class Review(ReviewContent, ReviewHead):
    """What one reader says of one case.

    Saved as it stands, again and again: a later one never replaces an earlier one.

    models: task -> model id of what was shown, empty where no model was.
    seconds: time spent with the case open, as far as the browser saw. queue: the queue's name.
    disagreements: family ids and photo ids where the reader differs from the model, shown or not; None where
    no model spoke.
    known: what the reader had been shown of the case, in any tab, when this was said; the store adds what it
    knows itself.
    missing: ids of the families and photos left open in a review that was finished on purpose without them;
    the store finds them.
    """

    models: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    queue: str = DEFAULT_QUEUE
    disagreements: frozenset[str] | None = None
    known: frozenset[Knowledge] = frozenset()
    missing: frozenset[str] = frozenset()

    @property
    def complete(self) -> bool:
        """Return whether the review is finished with every family answered and every photo outlined, cleared
        or unusable."""
        return self.state == "done" and not self.missing

    @property
    def case(self) -> CaseKey:
        """Return which case this is a review of."""
        return CaseKey(self.queue, self.case_id)


@dataclass(frozen=True)
class SavedReview:
    """A review as the store keeps it. number: grows with every save. saved_at: UTC. taken_back_from: the
    older one it repeats, if any.

    reopens: said by the save alone, that the reader had finished the case before and goes on with it.
    """

    number: int
    saved_at: datetime
    review: Review
    taken_back_from: int | None = None
    reopens: bool = field(default=False, compare=False)

    @property
    def complete(self) -> bool:
        """Return whether the review is finished with nothing left open."""
        return self.review.complete
