"""WHO MAY DO WHAT, WHO SEES WHICH REVIEW, what counts as complete and what as blind: in one place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from magic_demo.core.errors import StoreError
from magic_demo.core.messages import Message
from magic_demo.core.review_content import name_outline, outlines_of
from magic_demo.core.review_types import Knowledge, Review, ReviewContent, ReviewKind
from magic_demo.core.types import Answers, Family
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.store.records import ReaderRole

OWN_READINGS: tuple[ReviewKind, ...] = ("assisted", "blind", "compared", "revealed")
"""The kinds in which a reader speaks for themselves; a consensus speaks for all."""
WITHOUT_MODEL: tuple[ReviewKind, ...] = ("blind", "compared")
"""The kinds that are written before the model is shown."""
MODEL_SEEN: tuple[ReviewKind, ...] = ("assisted", "revealed", "consensus")
"""The kinds that are written with the model's answer in view."""


@dataclass(frozen=True)
class Earlier:
    """What a reader saved of a case before: of which kind, and whether finished with nothing left open."""

    kind: str
    complete: bool


Action = Literal[
    "see every review", "export every review", "save a consensus", "open any case", "assign cases",
    "delete cases", "decide on coverings", "present", "learn from reviews",
]  # fmt: skip
"""What not everybody may do. "see every review": of a case, without a complete reading of one's own; "open any
case": others' assigned ones, too; "decide on coverings": what a reader covers for good of others' photos, and
who did what; "present": open the audience board; "learn from reviews": and choose which model the page shows."""
ACTIONS: tuple[Action, ...] = get_args(Action)

PERMISSIONS: Mapping[Action, frozenset[ReaderRole]] = {
    "see every review": frozenset({"adjudicator"}),
    "export every review": frozenset({"adjudicator"}),
    "save a consensus": frozenset({"adjudicator"}),
    "open any case": frozenset({"adjudicator"}),
    "assign cases": frozenset({"adjudicator"}),
    "delete cases": frozenset({"adjudicator"}),
    "decide on coverings": frozenset({"adjudicator"}),
    "present": frozenset({"adjudicator", "presenter"}),
    "learn from reviews": frozenset({"adjudicator"}),
}
WITHOUT_SIGN_IN: frozenset[Action] = frozenset(
    {"delete cases", "decide on coverings", "present", "learn from reviews"}
)
"""What everybody may do at a page where nobody signs in: whoever sits there owns the store."""


def may(role: ReaderRole, action: Action, *, signs_in: bool = True) -> bool:
    """Return whether readers of a role may do something. signs_in: whether readers sign in at all."""
    return role in PERMISSIONS[action] or (not signs_in and action in WITHOUT_SIGN_IN)


def list_permitted(role: ReaderRole, *, signs_in: bool = True) -> list[Action]:
    """Return everything that readers of a role may do, for the page to show no more than that."""
    return [action for action in ACTIONS if may(role, action, signs_in=signs_in)]


def is_expected(role: ReaderRole) -> bool:
    """Return whether cases that are nobody's wait for readers of a role, too: not for those who only present."""
    return role != "presenter"


def kinds_of_voice(kind: ReviewKind) -> tuple[ReviewKind, ...]:
    """Return the kinds that follow one another as one reading: a reader's own, or the consensus."""
    return OWN_READINGS if kind in OWN_READINGS else (kind,)


def may_see(role: ReaderRole, *, own: bool, has_complete_reading: bool) -> bool:
    """Return whether a viewer may see a review: their own; all of a case that they have a complete reading
    of; all for who may see every review."""
    return own or has_complete_reading or may(role, "see every review")


def is_answered(answers: Answers, family: Family) -> bool:
    """Tell whether every slot of a family holds an answer."""
    return all(question.qid in answers for question in family.questions)


def find_unanswered(answers: Answers, questions: QuestionSet) -> list[str]:
    """Return the ids of the families that are not answered."""
    return [family.family_id for family in questions.families if not is_answered(answers, family)]


def find_missing(content: ReviewContent, photos: Collection[str], questions: QuestionSet) -> tuple[str, ...]:
    """Return the ids of the families that are not answered, then the names (``name_outline``) of the outlines that
    are open: of photos neither outlined nor cleared by hand (an empty mask) nor unusable, for each required label."""
    return (*find_unanswered(content.answers, questions), *find_open_outlines(content, photos, questions))


def find_open_outlines(
    content: ReviewContent, photos: Collection[str], questions: QuestionSet
) -> tuple[str, ...]:
    """Return the names of the outlines that are open, photo by photo."""
    drawn = outlines_of(content)
    wanted = (
        name_outline(photo_id, label)
        for photo_id in photos
        if photo_id not in content.unusable
        for label in questions.required_labels
    )
    return tuple(name for name in wanted if name not in drawn)


def settle_kind(
    review: Review, role: ReaderRole, earlier: Collection[Earlier], known: Collection[Knowledge]
) -> ReviewKind:
    """Return the kind that a review is kept as, whatever its sender believes: what was shown to the reader
    makes it no longer blind.

    earlier: what the reader saved of the case before. known: what the reader was shown of it, in any tab.
    Raises StoreError for a consensus by somebody who is no adjudicator, and for a revealed review without a
    complete blind one.
    """
    where = Message("{reader}'s review of {case}", reader=review.reader, case=review.case_id)
    if review.kind == "consensus" and not may(role, "save a consensus"):
        raise StoreError(
            "{where} is a consensus, which only an adjudicator can save; {reader} is a {role}",
            where=where,
            reader=review.reader,
            role=role,
        )
    was_revealed = any(review_before.kind == "revealed" for review_before in earlier)
    may_reveal = was_revealed or any(
        review_before.kind in WITHOUT_MODEL and review_before.complete for review_before in earlier
    )
    if review.kind == "revealed" and not may_reveal:
        raise StoreError(
            "{where} cannot be revealed: no blind one is complete; save that first, or save this "
            "one as assisted",
            where=where,
        )
    if review.kind not in WITHOUT_MODEL:
        return review.kind
    if "model" in known or any(review_before.kind in MODEL_SEEN for review_before in earlier):
        return "revealed" if may_reveal else "assisted"
    return "compared" if "others" in known else review.kind
