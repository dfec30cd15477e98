"""From a store's reviews to a training set to learn from: which reviews count, and what must not be learnt from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from magic_demo.core.review_types import SavedReview
from magic_demo.reviews.exports import DataSetVersion, read_data_set, write_export
from magic_demo.reviews.exports.case_files import choose_queue, find_queue_files
from magic_demo.reviews.exports.training_sets.data_set import TRAINING_SET
from magic_demo.reviews.learning.learnt import digest_photos
from magic_demo.reviews.store import Store
from magic_demo.reviews.store.rules import WITHOUT_MODEL

Rule = Literal["consensus", "majority", "staple"]
RULES: tuple[Rule, ...] = get_args(Rule)
"""How readers become one: a case's consensus, and the majority where there is none; the majority; for outlines
STAPLE."""


@dataclass(frozen=True)
class Gathered:
    """A training set. photos: case id -> digest of its photos' files as they were read, of a store's alone. left_out:
    what is not in it and why, in lines."""

    version: DataSetVersion
    photos: Mapping[str, str]
    queue: str
    left_out: tuple[str, ...]


def gather_reviews(
    store: Store, queue: str | None, folder: Path, *, rule: Rule = "consensus", reader: str | None = None
) -> Gathered:
    """Write the finished reviews of a queue to ``folder`` as a training set.

    A reader's blind review counts before one that was written with the model in view. Cases whose photos have a
    covering that is still to be decided are left out. reader: this one's reviews alone. Raises ExportError with one
    line.
    """
    chosen = choose_queue(store, queue)
    undecided = {proposal.key.case_id for proposal in store.proposed_covers() if proposal.key.queue == chosen}
    files = tuple(one for one in find_queue_files(store, chosen) if one.encounter_id not in undecided)
    photos = {
        one.encounter_id: digest_photos(one) for one in files
    }  # before they are read: a change shows later
    rows = [one for one in store.all_reviews(chosen) if one.review.case_id not in undecided]
    report = write_export(
        put_blind_first(rows),
        files,
        TRAINING_SET,
        folder,
        readers=[store.reader(reader).name] if reader is not None else (),
        consensus=rule == "consensus" and reader is None,
        damaged=store.damaged_reviews(chosen),
        questions=store.questions_of(chosen),
    )
    left_out = tuple(str(line) for line in report.left_out)
    if undecided:
        left_out = (*left_out, f"{len(undecided)} cases with a covering that an adjudicator has to decide on")
    return Gathered(read_data_set(folder), photos, chosen, left_out)


def put_blind_first(rows: Iterable[SavedReview]) -> list[SavedReview]:
    """Return the reviews without those that a reader wrote with the model in view of a case that the same reader
    finished without it."""
    listed = list(rows)
    blind = {
        (one.review.case_id, one.review.reader)
        for one in listed
        if one.review.kind in WITHOUT_MODEL and one.review.state == "done"
    }
    return [
        one
        for one in listed
        if one.review.kind in (*WITHOUT_MODEL, "consensus")
        or (one.review.case_id, one.review.reader) not in blind
    ]
