"""Reviews out of rows: each is compared with the digest that was stored with it, and one that is not what was
saved is named and left out."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from magic_demo.core.errors import StoreError
from magic_demo.core.messages import Message
from magic_demo.core.review_content import from_json, parts_of
from magic_demo.core.review_types import CaseKey, MaskRuns, Review, ReviewKind, ReviewState, SavedReview
from magic_demo.reviews.store.digests import DAMAGED, DamagedReview, digest_of, is_of_database, read_content
from magic_demo.reviews.store.rows.cases import AT_ONCE
from magic_demo.reviews.store.rows.review_values import list_masks
from magic_demo.reviews.store.rows.seen import read_known
from magic_demo.reviews.store.tables import (
    UNREADABLE_TIME,
    CaseRow,
    MaskRow,
    PredictionRow,
    ReaderRow,
    ReviewRow,
)

_UNREADABLE = (
    StoreError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
    sqlite3.OperationalError,
    OperationalError,
)

_COLUMNS = (
    *(
        ReviewRow.number,
        ReviewRow.saved_at,
        ReviewRow.kind,
        ReviewRow.state,
        ReviewRow.flagged,
        ReviewRow.seconds,
        ReviewRow.content,
    ),
    *(
        ReviewRow.taken_back_from,
        ReviewRow.case_number,
        CaseRow.queue,
        CaseRow.case_id,
        ReaderRow.name,
        ReviewRow.missing,
        ReviewRow.known,
    ),
    ReviewRow.digest,
)


def load_reviews(session: Session, numbers: Sequence[int]) -> list[SavedReview]:
    """Return the reviews of these numbers, in their order, without those that are damaged, which are kept in
    the session's ``DAMAGED``.

    Columns, no rows as objects: ten thousand of them are read in a second.
    """
    loaded: list[SavedReview] = []
    for start in range(0, len(numbers), AT_ONCE):
        part = numbers[start : start + AT_ONCE]
        try:
            loaded.extend(_load_part(session, part))
        except _UNREADABLE as error:
            if is_of_database(error):
                raise
            for number in part:
                loaded.extend(_load_one(session, number))
    return loaded


def _load_one(session: Session, number: int) -> list[SavedReview]:
    try:
        return _load_part(session, [number])
    except _UNREADABLE as error:
        if is_of_database(error):
            raise
    named = (
        sa.select(CaseRow.queue, CaseRow.case_id, ReaderRow.name)
        .select_from(ReviewRow)
        .join(CaseRow, ReviewRow.case_number == CaseRow.number, isouter=True)
        .join(ReaderRow, ReaderRow.id == ReviewRow.reader_id, isouter=True)
    )
    queue, case_id, reader = session.execute(named.where(ReviewRow.number == number)).one()
    line = Message(
        "review {number} of {case} by {reader} is not what was saved (its bytes in the store changed); it is "
        "left out, and the one before counts. Restore a backup, or save the case again",
        number=number,
        case=case_id,
        reader=reader,
    )
    session.info.setdefault(DAMAGED, {})[number] = DamagedReview(CaseKey(queue, case_id), reader, line)
    return []


def _load_part(session: Session, numbers: Sequence[int]) -> list[SavedReview]:
    """Return the reviews of at most AT_ONCE numbers. Raises one of ``_UNREADABLE`` where one is damaged."""
    query = (
        sa.select(*_COLUMNS)
        .select_from(ReviewRow)
        .join(CaseRow, CaseRow.number == ReviewRow.case_number)
        .join(ReaderRow, ReaderRow.id == ReviewRow.reader_id)
        .where(ReviewRow.number.in_(numbers))
        .order_by(ReviewRow.number)
    )
    rows = session.execute(query).all()
    if len(rows) != len(numbers):
        raise StoreError("its case or its reader is not there")
    if any(row.saved_at == UNREADABLE_TIME for row in rows):
        raise StoreError("its time is none")
    contents = [read_content(row) for row in rows]
    wanted = {
        (row.case_number, digest)
        for row, content in zip(rows, contents, strict=True)
        for digest in list_masks(content)
    }
    masks = _load_masks(session, wanted)
    return [_read_row(row, content, masks) for row, content in zip(rows, contents, strict=True)]


def list_damage(session: Session) -> tuple[set[int], set[tuple[int, str]], set[tuple[int, str]]]:
    """Read every review, mask and prediction, and return the numbers of damaged reviews, and (case number,
    digest) of damaged masks and predictions."""
    numbers = list(session.scalars(sa.select(ReviewRow.number).order_by(ReviewRow.number)))
    whole = {
        saved.number
        for start in range(0, len(numbers), AT_ONCE)
        for saved in load_reviews(session, numbers[start : start + AT_ONCE])
    }
    masks = {
        (number, digest)
        for number, digest, height, width, counts in session.execute(
            sa.select(MaskRow.case_number, MaskRow.digest, MaskRow.height, MaskRow.width, MaskRow.counts)
        )
        if digest != digest_of(f"{(height, width)} {counts}")
    }
    predictions = {
        (number, digest)
        for number, digest, content in session.execute(
            sa.select(PredictionRow.case_number, PredictionRow.digest, PredictionRow.content)
        )
        if digest != digest_of(content)
    }
    return set(numbers) - whole, masks, predictions


def _load_masks(session: Session, wanted: Collection[tuple[int, str]]) -> dict[tuple[int, str], MaskRuns]:
    """Return masks by case number and digest."""
    masks: dict[tuple[int, str], MaskRuns] = {}
    ordered, at_once = sorted(wanted), AT_ONCE // 2
    for start in range(0, len(ordered), at_once):
        part = ordered[start : start + at_once]
        values = {
            f"{name}{number}": value
            for number, pair in enumerate(part)
            for name, value in zip("cd", pair, strict=True)
        }
        for case_number, digest, height, width, counts in session.execute(_select_masks(len(part)), values):
            if digest == digest_of(f"{(height, width)} {counts}"):
                masks[case_number, digest] = MaskRuns((height, width), counts)
    return masks


@cache
def _select_masks(count: int) -> sa.TextClause:
    """Return a query for so many masks, each looked up by the table's key.

    SQLite reads the whole table for a list of pairs, or of digests alone.
    """
    pairs = ", ".join(f"(CAST(:c{number} AS INTEGER), CAST(:d{number} AS TEXT))" for number in range(count))
    return sa.text(
        f"WITH wanted (case_number, digest) AS (VALUES {pairs}) "
        "SELECT masks.case_number, masks.digest, masks.height, masks.width, masks.counts "
        "FROM wanted JOIN masks ON masks.case_number = wanted.case_number AND masks.digest = wanted.digest"
    )


def _read_row(row: Any, content: dict[str, Any], masks: Mapping[tuple[int, str], MaskRuns]) -> SavedReview:
    review = read_review(row, content, masks, case_id=row.case_id, reader=row.name, queue=row.queue)
    return SavedReview(row.number, row.saved_at, review, row.taken_back_from)


BESIDE = ("models", "disagreements", "questions")
"""What a row's content holds besides what the reader says."""


def read_review(
    row: Any,
    content: dict[str, Any],
    masks: Mapping[tuple[int, str], MaskRuns],
    *,
    case_id: str,
    reader: str,
    queue: str,
) -> Review:
    """Return what a row holds. content: its JSON; masks: by case number and digest.

    Raises KeyError for a mask that is not there.
    """
    disagreements, models = content["disagreements"], content["models"]
    parts = {name: value for name, value in content.items() if name not in BESIDE}
    return Review(
        case_id=case_id,
        reader=reader,
        kind=cast(ReviewKind, row.kind),
        state=cast(ReviewState, row.state),
        **parts_of(from_json(parts, lambda digest: masks[row.case_number, digest])),
        models=models,
        seconds=row.seconds,
        queue=queue,
        disagreements=None if disagreements is None else frozenset(disagreements),
        known=read_known(row.known),
        missing=frozenset(json.loads(row.missing)),
    )
