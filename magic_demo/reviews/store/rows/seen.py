"""What readers were shown of a case, in any tab and session: a property of the reader and the case, which
makes later answers no longer blind."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import get_args

import sqlalchemy as sa
from sqlalchemy.orm import Session

from magic_demo.core.review_types import CaseKey, Knowledge
from magic_demo.reviews.store.rows.cases import find_case
from magic_demo.reviews.store.rows.readers import find_present_row, find_row
from magic_demo.reviews.store.tables import CaseRow, ReviewRow, SeenRow, ShowingRow


def write_known(known: Collection[Knowledge]) -> str:
    """Return knowledge as a column keeps it."""
    return " ".join(word for word in get_args(Knowledge) if word in known)


def read_known(column: str) -> frozenset[Knowledge]:
    """Return knowledge from a column."""
    words = column.split()
    return frozenset(word for word in get_args(Knowledge) if word in words)


def add_seen(session: Session, keys: Iterable[CaseKey], reader: str, what: Knowledge) -> None:
    """Keep that a reader was shown something of these cases; the first time stays."""
    row, now = find_present_row(session, reader), datetime.now(UTC)
    for key in keys:
        case = find_case(session, key)
        if session.get(SeenRow, (case.number, row.id, what)) is None:
            session.add(SeenRow(case_number=case.number, reader_id=row.id, what=what, seen_at=now))
    session.flush()


def find_known(session: Session, case_number: int, reader_id: int) -> frozenset[Knowledge]:
    """Return what a reader was shown of a case: beside it, on another page, or before a review that says
    so."""
    of_both = (SeenRow.case_number == case_number, SeenRow.reader_id == reader_id)
    found = set(session.scalars(sa.select(SeenRow.what).where(*of_both)))
    showing = (
        sa.select(ShowingRow.digest)
        .where(ShowingRow.case_number == case_number, ShowingRow.reader_id == reader_id)
        .limit(1)
    )
    if session.scalar(showing) is not None:
        found.add("model")
    own = (
        sa.select(ReviewRow.known)
        .where(ReviewRow.case_number == case_number, ReviewRow.reader_id == reader_id)
        .distinct()
    )
    for column in session.scalars(own):
        found |= read_known(column)
    return read_known(" ".join(found))


def read_reader_known(session: Session, key: CaseKey, reader: str) -> frozenset[Knowledge]:
    """Return what a reader, named, was shown of a case."""
    return find_known(session, find_case(session, key).number, find_row(session, reader).id)


def delete_seen(session: Session, case: CaseRow) -> None:
    """Forget who was shown what of a case."""
    session.execute(sa.delete(SeenRow).where(SeenRow.case_number == case.number))
