"""Areas of photos that readers would cover for good, which an adjudicator confirms or refuses."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey, MaskRuns
from magic_demo.reviews.store.records import ProposedCover
from magic_demo.reviews.store.rows.cases import find_case
from magic_demo.reviews.store.rows.readers import find_present_row, find_row
from magic_demo.reviews.store.tables import CaseRow, ProposedCoverRow, ReaderRow

MOST = 20
"""Proposals of one reader for one case that wait at once."""


def add_proposal(session: Session, case: CaseRow, photo_id: str, area: MaskRuns, reader: str) -> int:
    """Add a proposal; see ``Store.propose_cover``."""
    row = find_present_row(session, reader)
    of_both = (ProposedCoverRow.case_number == case.number, ProposedCoverRow.reader_id == row.id)
    if (
        session.scalar(sa.select(sa.func.count()).select_from(ProposedCoverRow).where(*of_both)) or 0
    ) >= MOST:
        raise StoreError(
            "{limit} coverings of {case} wait for an adjudicator already; ask one to decide on them first",
            limit=MOST,
            case=case.case_id,
        )
    proposed = ProposedCoverRow(
        case_number=case.number,
        photo_id=photo_id,
        reader_id=row.id,
        proposed_at=datetime.now(UTC),
        height=area.size[0],
        width=area.size[1],
        counts=area.counts,
    )
    session.add(proposed)
    session.flush()
    return proposed.number


def list_proposals(session: Session, key: CaseKey | None, reader: str | None) -> list[ProposedCover]:
    """Return the proposals of a case, of a reader, or all, oldest first."""
    query = (
        sa.select(ProposedCoverRow, CaseRow.queue, CaseRow.case_id, ReaderRow.name)
        .join(CaseRow, CaseRow.number == ProposedCoverRow.case_number)
        .join(ReaderRow, ReaderRow.id == ProposedCoverRow.reader_id)
        .order_by(ProposedCoverRow.number)
    )
    if key is not None:
        query = query.where(ProposedCoverRow.case_number == find_case(session, key).number)
    if reader is not None:
        query = query.where(ProposedCoverRow.reader_id == find_row(session, reader).id)
    return [
        ProposedCover(
            row.number,
            CaseKey(queue, case_id),
            row.photo_id,
            name,
            row.proposed_at,
            MaskRuns((row.height, row.width), row.counts),
        )
        for row, queue, case_id, name in session.execute(query)
    ]


def delete_proposal(session: Session, number: int) -> int:
    """Delete a proposal and return its case's number. Raises StoreError when there is none."""
    row = session.get(ProposedCoverRow, number)
    if row is None:
        raise StoreError(
            "proposal {number} waits no more: somebody has decided on it, or its case was "
            "deleted; reload the page",
            number=number,
        )
    session.delete(row)
    return row.case_number


def delete_of_case(session: Session, case: CaseRow) -> None:
    """Delete what was proposed of a case."""
    session.execute(sa.delete(ProposedCoverRow).where(ProposedCoverRow.case_number == case.number))
