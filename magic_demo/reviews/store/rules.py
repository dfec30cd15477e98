"""WHO SEES WHICH REVIEW, what counts as complete and what as blind: the rules that make readings independent,
in one place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from magic_demo.core.errors import StoreError
from magic_demo.core.types import Answers, Family, Knowledge, MaskRuns, Review, ReviewKind
from magic_demo.questions.families import load_families
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


def kinds_of_voice(kind: ReviewKind) -> tuple[ReviewKind, ...]:
    """Return the kinds that follow one another as one reading: a reader's own, or the consensus."""
    return OWN_READINGS if kind in OWN_READINGS else (kind,)


def may_see(role: ReaderRole, *, own: bool, has_complete_reading: bool) -> bool:
    """Return whether a viewer may see a review: their own; all of a case that they have a complete reading
    of; an adjudicator all."""
    return own or has_complete_reading or role == "adjudicator"


def is_answered(answers: Answers, family: Family) -> bool:
    """Tell whether every slot of a family holds an answer."""
    return all(question.qid in answers for question in family.questions)


def find_missing(
    answers: Answers, masks: Mapping[str, MaskRuns], unusable: Collection[str], photos: Collection[str]
) -> tuple[str, ...]:
    """Return the ids of the families that are not answered, then of the photos neither outlined, cleared by
    hand (an empty mask) nor unusable."""
    families = [family.family_id for family in load_families() if not is_answered(answers, family)]
    return (
        *families,
        *(photo_id for photo_id in photos if photo_id not in masks and photo_id not in unusable),
    )


def settle_kind(
    review: Review, role: ReaderRole, earlier: Collection[Earlier], known: Collection[Knowledge]
) -> ReviewKind:
    """Return the kind that a review is kept as, whatever its sender believes: what was shown to the reader
    makes it no longer blind.

    earlier: what the reader saved of the case before. known: what the reader was shown of it, in any tab.
    Raises StoreError for a consensus by somebody who is no adjudicator, and for a revealed review without a
    complete blind one.
    """
    where = f"{review.reader}'s review of {review.case_id}"
    if review.kind == "consensus" and role != "adjudicator":
        raise StoreError(
            "{where} is a consensus, which only an adjudicator can save; {reader} is a {role}",
            where=where,
            reader=review.reader,
            role=role,
        )
    was_revealed = any(one.kind == "revealed" for one in earlier)
    may_reveal = was_revealed or any(one.kind in WITHOUT_MODEL and one.complete for one in earlier)
    if review.kind == "revealed" and not may_reveal:
        raise StoreError(
            "{where} cannot be revealed: no blind one is complete; save that first, or save this "
            "one as assisted",
            where=where,
        )
    if review.kind not in WITHOUT_MODEL:
        return review.kind
    if "model" in known or any(one.kind in MODEL_SEEN for one in earlier):
        return "revealed" if may_reveal else "assisted"
    return "compared" if "others" in known else review.kind
