"""Cases in queues: which there are and whose they are."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from magic_demo.core.errors import StoreError
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message
from magic_demo.core.review_types import CaseKey
from magic_demo.reviews.learning.gain import Doubts
from magic_demo.reviews.store.names import check_name, is_line
from magic_demo.reviews.store.records import NewCase
from magic_demo.reviews.store.rows.readers import find_present_row
from magic_demo.reviews.store.tables import AssignmentRow, CaseRow, ReviewRow

AT_ONCE = 500
"""Values in one IN (...): below what every SQLite allows."""


def find_case(session: Session, key: CaseKey) -> CaseRow:
    """Return a case's row. Raises StoreError when there is none."""
    if is_line(key.queue + key.case_id):  # what no database keeps is no case's name
        row = session.scalar(
            sa.select(CaseRow).where(CaseRow.queue == key.queue, CaseRow.case_id == key.case_id)
        )
        if row is not None:
            return row
    raise StoreError(
        "there is no case {case!r} in queue {queue!r}; add it to the queue first",
        case=key.case_id,
        queue=key.queue,
    )


def add_cases(session: Session, queue: str, cases: Sequence[NewCase]) -> int:
    """Put cases at the end of a queue; see ``Store.add_cases``."""
    queue = check_name(queue, Message("queue"))
    there = _find_cases(session, queue, [case.case_id for case in cases])
    last, before = session.execute(
        sa.select(sa.func.max(CaseRow.position), sa.func.count()).where(CaseRow.queue == queue)
    ).one()
    position = 0 if last is None else last + 1
    known, now = len(there), datetime.now(UTC)
    wanted = before + len({case.case_id for case in cases}) - known
    if wanted > max(before, LIMITS.queue_cases):
        raise StoreError(
            "queue {queue!r} would have {count} cases, the limit is {limit}; put some into another queue",
            queue=queue,
            count=wanted,
            limit=LIMITS.queue_cases,
        )
    for case in cases:
        case_id = check_name(case.case_id, Message("case"))
        _check_uncertainty(case_id, case.uncertainty)
        row = there.get(case_id)
        if row is None:
            row = there[case_id] = CaseRow(queue=queue, case_id=case_id, position=position, added_at=now)
            session.add(row)
            position += 1
        row.folder = None if case.folder is None else check_name(case.folder, Message("folder"), longest=4000)
        row.photos_kept, row.uncertainty = case.photos_kept, case.uncertainty
        _note_found(row, case.photos, case.doubts)
    return len(there) - known


def describe_case(
    session: Session,
    key: CaseKey,
    photos: Collection[str] | None,
    uncertainty: float | None,
    doubts: Doubts | None,
) -> None:
    """Keep what was found of a case; see ``Store.describe_case``."""
    _check_uncertainty(key.case_id, uncertainty)
    row = find_case(session, key)
    if uncertainty is not None:
        row.uncertainty = uncertainty
    _note_found(row, photos, doubts)


def _check_uncertainty(case_id: str, uncertainty: float | None) -> None:
    if uncertainty is not None and not math.isfinite(uncertainty):
        raise StoreError(
            "case {case!r} has the uncertainty {uncertainty}; expected a finite number or none",
            case=case_id,
            uncertainty=str(uncertainty),
        )


def _note_found(row: CaseRow, photos: Collection[str] | None, doubts: Doubts | None) -> None:
    if doubts is not None:
        row.doubts = doubts.pack()
    if photos is not None:
        row.photos = json.dumps([*photos])  # ASCII, as a photo's file may have any name


def keep_case(session: Session, key: CaseKey, new: NewCase, readers: Collection[str]) -> None:
    """Add a new case whose photos the program keeps; see ``Store.keep_case``."""
    if add_cases(session, key.queue, [new]) != 1:
        raise StoreError(
            "there is a case {case!r} in queue {queue!r} already; keep this one again",
            case=key.case_id,
            queue=key.queue,
        )
    session.flush()
    assign_case(session, key, readers)


def owns_folder(session: Session, folder: Path) -> bool:
    """Return whether the photos of a case of this store are kept in a folder."""
    named = CaseRow.folder.in_([folder.name, str(folder)])
    return session.scalar(sa.select(CaseRow.number).where(CaseRow.photos_kept, named).limit(1)) is not None


def name_kept_folders(session: Session, above: Path) -> None:
    """Replace whole paths of kept folders by their names where such a folder lies in ``above``."""
    for row in session.scalars(sa.select(CaseRow).where(CaseRow.photos_kept, CaseRow.folder.like("%/%"))):
        name = Path(str(row.folder)).name
        if name and (above / name).is_dir():
            row.folder = name


def list_keys(session: Session) -> list[CaseKey]:
    """Return every case of every queue."""
    return [
        CaseKey(queue, case_id)
        for queue, case_id in session.execute(sa.select(CaseRow.queue, CaseRow.case_id))
    ]


def list_keys_of_photo(session: Session, key: CaseKey, photo_id: str) -> list[CaseKey]:
    """Return the other cases whose photos lie in the same folder and are, or may be, of this id; see ``Store.cases_of_photo``."""
    case = find_case(session, key)
    if case.folder is None:
        return []
    named = CaseRow.photos.contains(json.dumps(photo_id), autoescape=True)
    unknown = sa.and_(CaseRow.photos.is_(None), CaseRow.case_id == case.case_id)
    where = [CaseRow.folder == case.folder, CaseRow.number != case.number, sa.or_(named, unknown)]
    rows = session.execute(sa.select(CaseRow.queue, CaseRow.case_id).where(*where).order_by(CaseRow.number))
    return [CaseKey(queue, case_id) for queue, case_id in rows]


def _find_cases(session: Session, queue: str, case_ids: Sequence[str]) -> dict[str, CaseRow]:
    """Return those of these cases that the queue has: a queue is long, and what is added mostly short."""
    found: dict[str, CaseRow] = {}
    asked = [case_id for case_id in case_ids if is_line(case_id)]  # what no database keeps is not there
    for start in range(0, len(asked), AT_ONCE):
        query = sa.select(CaseRow).where(
            CaseRow.queue == queue, CaseRow.case_id.in_(asked[start : start + AT_ONCE])
        )
        found.update({row.case_id: row for row in session.scalars(query)})
    return found


def read_photos(column: str | None) -> tuple[str, ...] | None:
    """Return the ids of a case's photos from the column that keeps them, None where they are not known, or
    the column is damaged.

    They are looked up anew when the case is opened.
    """
    try:
        names = json.loads(column or "null")
    except ValueError:
        return None
    return tuple(str(name) for name in names) if isinstance(names, list) else None


def list_queues(session: Session) -> list[str]:
    """Return the queues' names, by name."""
    return sorted(session.scalars(sa.select(CaseRow.queue).distinct()))


def assign_case(session: Session, key: CaseKey, readers: Collection[str]) -> None:
    """Assign a case to these readers and nobody else."""
    case = find_case(session, key)
    ids = {find_present_row(session, name).id for name in readers}
    session.execute(sa.delete(AssignmentRow).where(AssignmentRow.case_number == case.number))
    session.add_all(AssignmentRow(case_number=case.number, reader_id=reader_id) for reader_id in sorted(ids))


def share_out(
    session: Session, queue: str, case_ids: Sequence[str], readers: Sequence[str], each: int
) -> None:
    """Assign every case to ``each`` of the readers; see ``Store.share_out``."""
    names = list(dict.fromkeys(find_present_row(session, name).name for name in readers))
    if not min(1, len(names)) <= each <= len(names):
        raise StoreError(
            "each case to {each} of {count} readers; 1 to {count} are expected", each=each, count=len(names)
        )
    loads = dict.fromkeys(names, 0)
    together: dict[tuple[str, str], int] = defaultdict(int)
    for case_id in dict.fromkeys(case_ids):
        chosen: list[str] = []
        for _ in range(each):  # who has least, and of those who has been with the others of this case least
            left = (name for name in names if name not in chosen)
            chosen.append(
                min(
                    left,
                    key=lambda name: (loads[name], sum(together[name, companion] for companion in chosen)),
                )
            )
            loads[chosen[-1]] += 1
        for first, second in permutations(chosen, 2):
            together[first, second] += 1
        assign_case(session, CaseKey(queue, case_id), chosen)


def delete_case_row(session: Session, case: CaseRow) -> None:
    """Delete a case that has no reviews any more, and its assignments."""
    session.execute(sa.delete(AssignmentRow).where(AssignmentRow.case_number == case.number))
    session.delete(case)


def list_old_cases(session: Session, before: datetime, queue: str | None) -> tuple[list[CaseKey], int]:
    """Return the cases in which nothing was done since, and how many have neither a review nor a date of
    their own."""
    newest = sa.func.max(ReviewRow.saved_at).label("newest")
    query = (
        sa.select(CaseRow.queue, CaseRow.case_id, CaseRow.added_at, newest)
        .join(ReviewRow, ReviewRow.case_number == CaseRow.number, isouter=True)
        .where(*([] if queue is None else [CaseRow.queue == queue]))
        .group_by(CaseRow.number)
        .order_by(CaseRow.number)
    )
    old: list[CaseKey] = []
    undated = 0
    for row in session.execute(query):
        dates = [date for date in (row.added_at, row.newest) if date is not None]
        undated += not dates
        if dates and max(dates) < before:
            old.append(CaseKey(row.queue, row.case_id))
    return old, undated


def read_kept_folder(session: Session, key: CaseKey) -> str | None:
    """Return the folder of photos that the program keeps for this case alone, None where it keeps none."""
    case = find_case(session, key)
    if not case.photos_kept or case.folder is None:
        return None
    others = session.scalar(
        sa.select(sa.func.count())
        .select_from(CaseRow)
        .where(CaseRow.folder == case.folder, CaseRow.number != case.number)
    )
    return None if others else case.folder
