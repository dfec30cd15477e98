"""WHO SEES WHICH REVIEW, and which kinds of review may follow which: the rules that make readings independent, in one place."""

from __future__ import annotations

from collections.abc import Collection

from magic_demo.errors import StoreError
from magic_demo.store.records import ReaderRole
from magic_demo.types import Review, ReviewKind

OWN_READINGS: tuple[ReviewKind, ...] = ("assisted", "blind", "revealed")
"""The kinds in which a reader speaks for themselves; a consensus speaks for all."""
MODEL_SEEN: tuple[ReviewKind, ...] = ("assisted", "revealed", "consensus")
"""The kinds that are written with the model's answer in view."""


def may_see(role: ReaderRole, *, own: bool, has_done_reading: bool) -> bool:
    """Return whether a viewer may see a review: their own; all of a case that they have a done reading of; an adjudicator all."""
    return own or has_done_reading or role == "adjudicator"


def check_kind(review: Review, role: ReaderRole, earlier: Collection[tuple[str, str]]) -> None:
    """Raise StoreError when a review cannot be of this kind. earlier: (kind, state) of what the reader saved of the case before."""
    where = f"{review.reader}'s review of {review.case_id}"
    if review.kind == "consensus" and role != "adjudicator":
        raise StoreError(f"{where} is a consensus, which only an adjudicator can save; {review.reader} is a {role}")
    if review.kind == "blind" and any(kind in MODEL_SEEN for kind, _ in earlier):
        raise StoreError(f"{where} cannot be blind: the model was shown before; save it as revealed or assisted")
    if review.kind == "revealed" and not any((kind, state) == ("blind", "done") or kind == "revealed" for kind, state in earlier):
        raise StoreError(f"{where} cannot be revealed: no blind one is done; save that first, or save this one as assisted")


def kind_taken_back(kind: ReviewKind, later: Collection[str]) -> ReviewKind:
    """Return the kind of a review that is taken back, given the kinds of all that the reader saved of the case: what was seen stays seen."""
    if kind != "blind" or not any(other in MODEL_SEEN for other in later):
        return kind
    return "revealed" if "revealed" in later else "assisted"
