"""Cases in queues: which there are, whose they are, how far each reader is."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import combinations, permutations
from pathlib import Path
from statistics import fmean
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from magic_demo.core.errors import StoreError
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message
from magic_demo.core.types import CaseKey
from magic_demo.reviews.store.digests import is_of_database, read_content
from magic_demo.reviews.store.names import check_name, is_line
from magic_demo.reviews.store.records import CaseFilter, CaseOrder, CaseState, NewCase, Progress, QueueCase
from magic_demo.reviews.store.rows.readers import find_present_row, find_row, list_readers, role_of
from magic_demo.reviews.store.rules import OWN_READINGS, is_expected, may
from magic_demo.reviews.store.tables import UNREADABLE_TIME, AssignmentRow, CaseRow, ReaderRow, ReviewRow

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
        if case.uncertainty is not None and not math.isfinite(case.uncertainty):
            raise StoreError(
                "case {case!r} has the uncertainty {uncertainty}; expected a finite number or none",
                case=case_id,
                uncertainty=str(case.uncertainty),
            )
        row = there.get(case_id)
        if row is None:
            row = there[case_id] = CaseRow(queue=queue, case_id=case_id, position=position, added_at=now)
            session.add(row)
            position += 1
        row.folder = None if case.folder is None else check_name(case.folder, Message("folder"), longest=4000)
        row.photos_kept, row.uncertainty = case.photos_kept, case.uncertainty
        if case.photos is not None:
            row.photos = json.dumps(case.photos)  # ASCII, as a photo's file may have any name
    return len(there) - known


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
                min(left, key=lambda name: (loads[name], sum(together[name, other] for other in chosen)))
            )
            loads[chosen[-1]] += 1
        for one, other in permutations(chosen, 2):
            together[one, other] += 1
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


def list_cases(
    session: Session,
    queue: str,
    reader: str,
    *,
    only: CaseFilter | None,
    order: CaseOrder,
    all_assigned: bool,
) -> list[QueueCase]:
    """Return a reader's cases of a queue; see ``Store.list_cases``."""
    row = find_row(session, reader)
    everything = all_assigned or may(role_of(row), "open any case")
    found = _read_queue(session, [CaseRow.queue == queue], [ReviewRow.reader_id == row.id])
    cases = [
        _as_reader_sees(case, found, row)
        for case in found.cases
        if everything or _is_for(row.name, found.assigned.get(case.number, ()))
    ]
    if order == "disputed":
        disputes = _measure_disputes(session, [CaseRow.queue == queue])
        cases = sorted(
            (replace(case, dispute=disputes.get(case.key, 0.0)) for case in cases),
            key=lambda case: -case.dispute,
        )
    elif order == "uncertain":
        cases.sort(key=lambda case: (case.uncertainty is None, -(case.uncertainty or 0.0)))
    return [case for case in cases if only is None or _is_in(case, only)]


def read_case(session: Session, key: CaseKey, reader: str) -> QueueCase:
    """Return one case as a reader sees it."""
    case, row = find_case(session, key), find_row(session, reader)
    found = _read_queue(session, [CaseRow.number == case.number], [ReviewRow.reader_id == row.id])
    return _as_reader_sees(found.cases[0], found, row)


def has_others(session: Session, key: CaseKey, reader: str) -> bool:
    """Return whether others than a reader have reviewed a case, or are to: it is assigned to them, or to
    nobody and so to everybody."""
    case, row = find_case(session, key), find_row(session, reader)
    assigned = set(
        session.scalars(sa.select(AssignmentRow.reader_id).where(AssignmentRow.case_number == case.number))
    )
    reviewed = (
        sa.select(ReviewRow.number)
        .where(ReviewRow.case_number == case.number, ReviewRow.reader_id != row.id)
        .limit(1)
    )
    return assigned != {row.id} or session.scalar(reviewed) is not None


def measure_progress(session: Session, queue: str) -> list[Progress]:
    """Return how far each reader is in a queue; see ``Store.progress``."""
    in_queue = [CaseRow.queue == queue]
    everything = session.scalar(sa.select(sa.func.count()).select_from(CaseRow).where(*in_queue)) or 0
    given = (
        sa.select(AssignmentRow.reader_id, sa.func.count())
        .join(CaseRow, CaseRow.number == AssignmentRow.case_number)
        .where(*in_queue)
        .group_by(AssignmentRow.reader_id)
    )
    given_to = {reader_id: count for reader_id, count in session.execute(given)}  # noqa: C416 - rows are no tuples to mypy
    of_case = sa.select(AssignmentRow.reader_id).where(AssignmentRow.case_number == ReviewRow.case_number)
    is_theirs = sa.or_(
        ~of_case.exists(), of_case.where(AssignmentRow.reader_id == ReviewRow.reader_id).exists()
    )
    assigned = sa.select(sa.func.count(AssignmentRow.case_number.distinct())).join(
        CaseRow, CaseRow.number == AssignmentRow.case_number
    )
    anybodys = everything - (session.scalar(assigned.where(*in_queue)) or 0)
    what = (
        ReviewRow.reader_id,
        is_theirs.label("theirs"),
        ReviewRow.state,
        ReviewRow.flagged,
        ReviewRow.differs,
    )
    counted = sa.select(*what, sa.func.count().label("cases")).where(
        ReviewRow.number.in_(_newest_numbers(in_queue, []))
    )
    begun: dict[int, list[Any]] = defaultdict(list)
    for row in session.execute(counted.group_by(*what)):
        begun[row.reader_id].append(row)
    rows = {row.name: row for row in session.scalars(sa.select(ReaderRow))}
    progress = []
    for reader in list_readers(session, removed=True):
        number = rows[reader.name].id
        theirs = [row for row in begun[number] if reader.removed or row.theirs]
        if not theirs and (reader.removed or (not is_expected(reader.role) and not given_to.get(number))):
            continue  # nobody waits for a reading of theirs
        progress.append(
            Progress(
                reader=reader.name,
                cases=sum(row.cases for row in theirs)
                if reader.removed
                else anybodys + given_to.get(number, 0),
                in_progress=sum(row.cases for row in theirs if row.state != "done"),
                done=sum(row.cases for row in theirs if row.state == "done"),
                flagged=sum(row.cases for row in theirs if row.flagged),
                disagreeing=sum(row.cases for row in theirs if row.differs),
            )
        )
    return progress


_SEEN = (
    *(
        CaseRow.number,
        CaseRow.queue,
        CaseRow.case_id,
        CaseRow.position,
        CaseRow.folder,
        CaseRow.photos_kept,
        CaseRow.uncertainty,
    ),
    CaseRow.photos,
)
"""The columns of a case that a list of cases needs."""
_SAID = (
    *(
        ReviewRow.case_number,
        ReviewRow.reader_id,
        ReviewRow.state,
        ReviewRow.flagged,
        ReviewRow.differs,
        ReviewRow.saved_at,
    ),
    *(ReviewRow.number, ReviewRow.complete),
)
_Case = sa.Row[int, str, str, int, str | None, bool, float | None, str | None]


@dataclass(frozen=True)
class _Newest:
    """What the newest review of one reader says of one case, as far as a list of cases needs it."""

    state: CaseState
    flagged: bool
    differs: bool
    saved_at: datetime | None
    number: int
    complete: bool


_NOT_BEGUN = _Newest("not started", flagged=False, differs=False, saved_at=None, number=0, complete=False)


@dataclass(frozen=True)
class _Queue:
    """Cases by position, the names each is assigned to, and the newest review by case number and reader
    id."""

    cases: Sequence[_Case]
    assigned: Mapping[int, tuple[str, ...]]
    newest: Mapping[tuple[int, int], _Newest]


def _read_queue(
    session: Session,
    conditions: Sequence[sa.ColumnElement[bool]],
    reviews: Sequence[sa.ColumnElement[bool]] = (),
) -> _Queue:
    """Return what these cases are, and what is newest of them; reviews: of these reviews alone."""
    cases = session.execute(
        sa.select(*_SEEN).where(*conditions).order_by(CaseRow.position, CaseRow.number)
    ).all()
    assigned: dict[int, tuple[str, ...]] = defaultdict(tuple)
    pairs = (
        sa.select(AssignmentRow.case_number, ReaderRow.name)
        .join(ReaderRow, ReaderRow.id == AssignmentRow.reader_id)
        .join(CaseRow, CaseRow.number == AssignmentRow.case_number)
        .where(*conditions)
        .order_by(ReaderRow.folded)
    )
    for case_number, name in session.execute(pairs):
        assigned[case_number] += (name,)
    newest = {
        (row.case_number, row.reader_id): _Newest(
            "done" if row.state == "done" else "in progress",
            row.flagged,
            row.differs,
            _time(row.saved_at),
            row.number,
            row.complete,
        )
        for row in session.execute(
            sa.select(*_SAID).where(ReviewRow.number.in_(_newest_numbers(conditions, reviews)))
        )
    }
    return _Queue(cases, assigned, newest)


def _time(saved_at: datetime) -> datetime | None:
    return None if saved_at == UNREADABLE_TIME else saved_at


def _newest_numbers(
    cases: Sequence[sa.ColumnElement[bool]], reviews: Sequence[sa.ColumnElement[bool]]
) -> sa.Select[int]:
    return (
        sa.select(sa.func.max(ReviewRow.number))
        .join(CaseRow, CaseRow.number == ReviewRow.case_number)
        .where(*cases, *reviews, ReviewRow.kind.in_(OWN_READINGS))
        .group_by(ReviewRow.case_number, ReviewRow.reader_id)
    )


def _is_for(reader: str, assigned: tuple[str, ...]) -> bool:
    return not assigned or reader in assigned


def _is_in(case: QueueCase, only: CaseFilter) -> bool:
    if only == "flagged":
        return case.flagged
    if only == "disagreeing":
        return case.disagrees
    return case.state == only


def _as_reader_sees(case: _Case, found: _Queue, reader: ReaderRow) -> QueueCase:
    newest = found.newest.get((case.number, reader.id), _NOT_BEGUN)
    return QueueCase(
        CaseKey(case.queue, case.case_id),
        case.position,
        case.folder,
        case.photos_kept,
        case.uncertainty,
        found.assigned.get(case.number, ()),
        newest.state,
        newest.flagged,
        newest.differs,
        newest.saved_at,
        newest.number,
        complete=newest.complete,
        photos=read_photos(case.photos),
    )


def _measure_disputes(session: Session, conditions: Sequence[sa.ColumnElement[bool]]) -> dict[CaseKey, float]:
    newest = _newest_numbers(conditions, [ReviewRow.state == "done"])
    numbers = list(session.scalars(newest))
    query = (
        sa.select(
            CaseRow.queue,
            CaseRow.case_id,
            ReviewRow.kind,
            ReviewRow.state,
            ReviewRow.content,
            ReviewRow.digest,
        )
        .join(CaseRow, CaseRow.number == ReviewRow.case_number)
        .order_by(ReviewRow.number)
    )
    contents: dict[CaseKey, list[dict[str, Any]]] = defaultdict(list)
    for row in _read_contents(session, query, numbers):
        with suppress(StoreError):  # a damaged review is named where it is read
            contents[CaseKey(row.queue, row.case_id)].append(read_content(row))
    return {key: _dispute(readings) for key, readings in contents.items()}


def _read_contents(
    session: Session, query: sa.Select[*tuple[Any, ...]], numbers: Sequence[int]
) -> Iterable[Any]:
    """Return what a query finds of reviews by their numbers, without those whose text is no text any more."""
    for start in range(0, len(numbers), AT_ONCE):
        part = numbers[start : start + AT_ONCE]
        try:
            yield from session.execute(query.where(ReviewRow.number.in_(part))).all()
        except OperationalError as error:
            if is_of_database(error):
                raise
            half = len(part) // 2
            for side in (part[:half], part[half:]) if half else ():
                yield from _read_contents(session, query, side)


def _dispute(readings: Sequence[dict[str, Any]]) -> float:
    with_model = [
        len(reading["disagreements"]) for reading in readings if reading["disagreements"] is not None
    ]
    between = [
        _families_differing(one, other)
        for one, other in combinations([reading["answers"] for reading in readings], 2)
    ]
    return _mean(with_model) + _mean(between)


def _families_differing(one: Mapping[str, int], other: Mapping[str, int]) -> int:
    ours, theirs = _by_family(one), _by_family(other)
    return sum(ours[family] != theirs[family] for family in ours.keys() & theirs.keys())


def _by_family(answers: Mapping[str, int]) -> dict[str, set[int]]:
    families: dict[str, set[int]] = defaultdict(set)
    for qid, option in answers.items():
        families[qid.partition("-")[0]].add(option)
    return families


def _mean(values: Iterable[int]) -> float:
    listed = list(values)
    return fmean(listed) if listed else 0.0
