"""Finished reviews that a receiver is to be told of.

A save writes nothing here: reviews are numbered and never change, so that the outbox is filled from them
afterwards, up to the newest number.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from magic_demo.core.review_types import CaseKey, ReviewKind
from magic_demo.reviews.store.records import Finished
from magic_demo.reviews.store.tables import CaseRow, OutboxRow, ReceiverRow, ReviewRow

AT_ONCE = 500


def fill_outbox(session: Session, receiver: str, now: datetime) -> int:
    """Put the reviews that were finished since the last time into a receiver's outbox, and return how many.

    A receiver that is new hears of nothing that was finished before it.
    """
    newest = session.scalar(sa.select(sa.func.max(ReviewRow.number))) or 0
    row = session.get(ReceiverRow, receiver)
    if row is None:
        session.add(ReceiverRow(digest=receiver, seen=newest))
        return 0
    query = sa.select(ReviewRow.number).where(ReviewRow.number > row.seen, ReviewRow.state == "done")
    numbers = list(session.scalars(query.order_by(ReviewRow.number).limit(AT_ONCE)))
    session.add_all(
        OutboxRow(receiver=receiver, review_number=number, tries=0, due_at=now) for number in numbers
    )
    row.seen = numbers[-1] if len(numbers) == AT_ONCE else max(row.seen, newest)
    return len(numbers)


def is_behind(session: Session, receiver: str) -> bool:
    """Return whether reviews were saved since a receiver's outbox was filled."""
    seen = session.scalar(sa.select(ReceiverRow.seen).where(ReceiverRow.digest == receiver))
    return seen is None or (session.scalar(sa.select(sa.func.max(ReviewRow.number))) or 0) > seen


def list_due(session: Session, receiver: str, now: datetime, most: int) -> Sequence[tuple[int, int]]:
    """Return (number of the review, tries so far) of those that are to be sent now, oldest first."""
    query = sa.select(OutboxRow.review_number, OutboxRow.tries).where(
        OutboxRow.receiver == receiver, OutboxRow.due_at <= now
    )
    return [
        (number, tries)
        for number, tries in session.execute(query.order_by(OutboxRow.review_number).limit(most))
    ]


def claim(session: Session, receiver: str, number: int, now: datetime, due_at: datetime) -> bool:
    """Count a try, and let the review be due again later; False where another process was first, or it is not
    due."""
    due = sa.and_(OutboxRow.receiver == receiver, OutboxRow.review_number == number, OutboxRow.due_at <= now)
    found = session.execute(sa.select(OutboxRow).where(due)).scalar_one_or_none()
    if found is None:
        return False
    found.tries, found.due_at = found.tries + 1, due_at
    return True


def take_out(session: Session, receiver: str, number: int) -> None:
    """Forget a review that was told, or is told no more."""
    own = sa.and_(OutboxRow.receiver == receiver, OutboxRow.review_number == number)
    session.execute(sa.delete(OutboxRow).where(own))


def find_finished(session: Session, number: int) -> Finished | None:
    """Return what is told of a review, None where it was deleted with its case."""
    query = sa.select(ReviewRow, CaseRow).join(CaseRow, CaseRow.number == ReviewRow.case_number)
    found = session.execute(query.where(ReviewRow.number == number)).first()
    if found is None:
        return None
    review, case = found
    return Finished(
        number,
        CaseKey(case.queue, case.case_id),
        cast(ReviewKind, review.kind),
        review.complete,
        review.saved_at,
    )
