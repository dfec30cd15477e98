"""The audit trail: who did what, when and from where.

Rows are added, never changed; the oldest go when there are more than are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from magic_demo.core.review_types import CaseKey
from magic_demo.reviews.store.names import LONGEST_NAME, is_line
from magic_demo.reviews.store.records import Actor, TrailEntry, TrailKind
from magic_demo.reviews.store.tables import CaseRow, TrailRow

KEPT = 100_000
"""Rows that are kept, those of OUTSIDE not counted; of more the oldest go."""
KEPT_OUTSIDE = 10_000
"""The same of what somebody who cannot sign in brings about: a flood of it pushes nothing else out."""
OUTSIDE: tuple[TrailKind, ...] = ("sign-in refused", "sign-in stopped")
TRIMMED_EVERY = 100
"""Rows between two looks whether there are more than are kept."""


def add_entry(
    session: Session, what: TrailKind, by: Actor, *, case_number: int | None = None, detail: str = ""
) -> None:
    """Add a row; what is no line of text, or too long for one, is cut."""
    row = TrailRow(
        at=datetime.now(UTC),
        who=_one_line(by.name),
        what=what,
        case_number=case_number,
        detail=_one_line(detail),
        origin=_one_line(by.origin),
    )
    session.add(row)
    session.flush()
    if row.number % TRIMMED_EVERY == 0:
        trim(session)


def trim(session: Session) -> None:
    """Delete the oldest rows beyond those that are kept."""
    for most, condition in (
        (KEPT, TrailRow.what.not_in(OUTSIDE)),
        (KEPT_OUTSIDE, TrailRow.what.in_(OUTSIDE)),
    ):
        last_gone = session.scalar(
            sa.select(TrailRow.number).where(condition).order_by(TrailRow.number.desc()).offset(most).limit(1)
        )
        if last_gone is not None:
            session.execute(sa.delete(TrailRow).where(condition, TrailRow.number <= last_gone))


def list_entries(session: Session, kinds: Collection[str], who: str | None, most: int) -> list[TrailEntry]:
    """Return the newest rows first; see ``Store.trail``."""
    asked = [
        *([TrailRow.what.in_(kinds)] if kinds else []),
        *([TrailRow.who == who] if who is not None else []),
    ]
    query = (
        sa.select(TrailRow, CaseRow.queue, CaseRow.case_id)
        .join(CaseRow, CaseRow.number == TrailRow.case_number, isouter=True)
        .where(*asked)
        .order_by(TrailRow.number.desc())
        .limit(most)
    )
    return [
        TrailEntry(
            row.number, row.at, row.who, row.what, row.case_number,
            None if case_id is None else CaseKey(queue, case_id), row.detail, row.origin,
        )
        for row, queue, case_id in session.execute(query)
    ]  # fmt: skip


def list_names(session: Session) -> list[str]:
    """Return everybody who did something."""
    return sorted(name for name in session.scalars(sa.select(TrailRow.who).distinct()) if name)


def list_rows(session: Session) -> list[dict[str, Any]]:
    """Return the rows without their numbers, oldest first."""
    columns = [column for column in TrailRow.__table__.columns if column.name != "number"]
    return [dict(row) for row in session.execute(sa.select(*columns).order_by(TrailRow.number)).mappings()]


def add_rows(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Add rows that ``list_rows`` returned before a backup came, those left out that the backup, of this very
    store, brought along.

    Their cases are gone, and their numbers may be other cases' now.
    """
    there = {tuple(row.values()) for row in list_rows(session)}
    for row in rows:
        if tuple(row.values()) not in there:
            number, detail = row["case_number"], row["detail"]
            before = detail if number is None else _one_line(f"{detail} case {number} before the restore")
            session.add(TrailRow(**{**row, "case_number": None, "detail": before}))
    session.flush()


def _one_line(text: str) -> str:
    clean = "".join(character if is_line(character) else " " for character in text[:LONGEST_NAME])
    return clean.strip()
