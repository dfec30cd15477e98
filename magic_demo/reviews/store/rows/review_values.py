"""What a review may hold, and how it is written into its row and its masks."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import sqlalchemy as sa
from sqlalchemy.orm import Session

from magic_demo.core.disk.whole_text import mend_json
from magic_demo.core.errors import FormatError, StoreError
from magic_demo.core.messages import Message
from magic_demo.core.review_content import find_fault, outlines_of, to_json
from magic_demo.core.review_types import REVIEW_KINDS, MaskRuns, Review, ReviewState
from magic_demo.files.entries import is_file_name
from magic_demo.imaging.run_lengths import column_lengths
from magic_demo.questions.families import QuestionSet
from magic_demo.questions.labels import LABEL_ID
from magic_demo.reviews.store.digests import digest_of
from magic_demo.reviews.store.rows.queue_settings import name_questions
from magic_demo.reviews.store.tables import MaskRow

FIRST_CHOICES = ("difficulty",)
"""Choices that rows have always held, as null too. Later fields are left out where nothing is said, so that a row
of an older version still has the digest of what is sent again."""


def digest_mask(runs: MaskRuns) -> str:
    """Return the digest that a mask is known by among those of its case."""
    return digest_of(f"{runs.size} {runs.counts}")


def list_masks(content: Mapping[str, Any]) -> set[str]:
    """Return the digests of all masks that a row's content holds, those of further labels among them."""
    labels = content.get("label_masks", {})
    return {
        *content["masks"].values(),
        *(outline["mask"] for photos in labels.values() for outline in photos.values()),
    }


def write_content(review: Review, questions: QuestionSet) -> str:
    """Return a review as the JSON of its row, masks by their digests."""
    values = to_json(review, digest_mask)
    for name in ("clicks", "label_masks", "rulers", "remarks"):
        if not values[name]:
            del values[name]
    content: dict[str, Any] = {
        **{name: value for name, value in values.items() if value is not None or name in FIRST_CHOICES},
        "models": dict(review.models),
        "disagreements": None if review.disagreements is None else sorted(review.disagreements),
    }
    if name := name_questions(questions):
        content["questions"] = name
    # ASCII: neither database minds what a comment may hold
    return mend_json(json.dumps(content, sort_keys=True))


def add_masks(session: Session, case_number: int, masks: Sequence[MaskRuns]) -> None:
    """Add masks that the case does not have yet, by digest, and mend damaged ones."""
    by_digest = {digest_mask(runs): runs for runs in masks}
    query = sa.select(MaskRow).where(MaskRow.case_number == case_number, MaskRow.digest.in_(list(by_digest)))
    there = {row.digest: row for row in session.scalars(query)}
    for digest, runs in by_digest.items():
        row = there.get(digest)
        if row is None:
            session.add(
                MaskRow(
                    case_number=case_number,
                    digest=digest,
                    height=runs.size[0],
                    width=runs.size[1],
                    counts=runs.counts,
                )
            )
        elif (row.height, row.width, row.counts) != (*runs.size, runs.counts):
            # damaged since, and mended by this
            row.height, row.width, row.counts = *runs.size, runs.counts


def check_values(review: Review, *, with_masks: bool = True) -> None:
    """Raise StoreError for a review whose values cannot be. with_masks: look into the masks as well."""
    where = Message("{reader}'s review of {case}", reader=review.reader, case=review.case_id)
    if review.kind not in REVIEW_KINDS or review.state not in get_args(ReviewState):
        raise StoreError(
            "{where} is {kind!r}, {state!r}; expected one of {kinds} and of {states}",
            where=where,
            kind=review.kind,
            state=review.state,
            kinds=str(REVIEW_KINDS),
            states=str(get_args(ReviewState)),
        )
    if (fault := find_fault(review)) is not None:
        name, value, values = fault
        raise StoreError(
            "{where} has the {field} {value}; expected one of {known} or none",
            where=where,
            field=name,
            value=repr(value),
            known=str(values),
        )
    if not (math.isfinite(review.seconds) and review.seconds >= 0):
        raise StoreError(
            "{where} took {seconds} seconds; expected 0 or more", where=where, seconds=review.seconds
        )
    for qid, option in review.answers.items():
        if isinstance(option, bool) or not isinstance(option, int) or option < 0:
            raise StoreError(
                "{where} answers {question} with {option}; expected an option's index, 0 or more",
                where=where,
                question=qid,
                option=repr(option),
            )
    outlines = outlines_of(review)
    photos = (photo_id for label in review.label_masks.values() for photo_id in label)
    for photo_id in (
        *review.masks,
        *review.clicks,
        *photos,
        *review.rulers,
        *review.remarks,
        *review.unusable,
    ):
        if not is_file_name(photo_id):
            raise StoreError(
                "{where} speaks of a photo {photo!r}, which is no file name; rename the photo",
                where=where,
                photo=photo_id[:60],
            )
    for label in review.label_masks:
        if not LABEL_ID.fullmatch(label):
            raise StoreError(
                "{where} holds a mask of the label {label!r}; letters, digits, '_' and '-' are expected",
                where=where,
                label=label[:40],
            )
    for photo_id, outline in outlines.items() if with_masks else ():
        try:
            column_lengths(outline.runs)
        except FormatError as error:
            raise StoreError(
                "{where} holds a damaged mask of {photo}: {reason}", where=where, photo=photo_id, reason=error
            ) from error
