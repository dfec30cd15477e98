"""Lists of cases as a reader sees them, and how far each reader is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations
from statistics import fmean
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey
from magic_demo.reviews.learning.gain import Gain, expect_gain, rank_cases, unpack_doubts
from magic_demo.reviews.store.digests import is_of_database, read_content
from magic_demo.reviews.store.records import CaseFilter, CaseOrder, CaseState, Progress, QueueCase
from magic_demo.reviews.store.rows.cases import AT_ONCE, find_case, read_photos
from magic_demo.reviews.store.rows.outlines_differing import measure_outlines
from magic_demo.reviews.store.rows.programs.tokens import list_programs
from magic_demo.reviews.store.rows.queue_settings import draw_order
from magic_demo.reviews.store.rows.readers import find_row, list_readers, role_of
from magic_demo.reviews.store.rules import OWN_READINGS, is_expected, may
from magic_demo.reviews.store.tables import UNREADABLE_TIME, AssignmentRow, CaseRow, ReaderRow, ReviewRow


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
    if not all_assigned:
        cases = draw_order(session, queue, row.folded, cases)
    if order == "disputed":
        disputes = _measure_disputes(session, [CaseRow.queue == queue])
        cases = sorted(
            (replace(case, dispute=disputes.get(case.key, 0.0)) for case in cases),
            key=lambda case: -case.dispute,
        )
    elif order == "teaches":
        gains = _expect_gains(session, [CaseRow.queue == queue], cases)
        cases = [replace(cases[index], gain=gains[index]) for index in rank_cases(gains)]
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
    progress, programs = [], list_programs(session)
    for reader in list_readers(session, removed=True):
        number = rows[reader.name].id
        theirs = [row for row in begun[number] if reader.removed or row.theirs]
        expected = is_expected(reader.role) and number not in programs
        if not theirs and (reader.removed or (not expected and not given_to.get(number))):
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
    CaseRow.doubts,
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
_Case = sa.Row[int, str, str, int, str | None, bool, float | None, str | None, str | None]


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
    """Cases by position, the names each is assigned to, the newest review by case number and reader id, and
    the numbers of the cases that have a finished consensus."""

    cases: Sequence[_Case]
    assigned: Mapping[int, tuple[str, ...]]
    newest: Mapping[tuple[int, int], _Newest]
    agreed: Set[int]


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
    agreed = (
        sa.select(ReviewRow.case_number)
        .distinct()
        .join(CaseRow, CaseRow.number == ReviewRow.case_number)
        .where(*conditions, ReviewRow.kind == "consensus", ReviewRow.state == "done")
    )
    return _Queue(cases, assigned, newest, frozenset(session.scalars(agreed)))


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
        consensus=case.number in found.agreed,
        photos=read_photos(case.photos),
        doubts=unpack_doubts(case.doubts),
    )


def _expect_gains(
    session: Session, conditions: Sequence[sa.ColumnElement[bool]], cases: Sequence[QueueCase]
) -> list[Gain]:
    """Return what each case is expected to teach: what the models leave open, and how far readers differ."""
    contents = _read_finished(session, conditions)
    differ = {key: _disagree([one["answers"] for one in readings]) for key, readings in contents.items()}
    outlines = measure_outlines(session, contents)
    return [
        expect_gain(replace(case.doubts, disagreement=differ.get(case.key), outlines=outlines.get(case.key)))
        for case in cases
    ]


def _disagree(answers: Sequence[Mapping[str, int]]) -> float | None:
    """Return the mean share of the families that two readers both answered on which they differ, None for one
    reader."""
    shares = []
    for first, second in combinations(answers, 2):
        both = _by_family(first).keys() & _by_family(second).keys()
        if both:
            shares.append(_families_differing(first, second) / len(both))
    return fmean(shares) if shares else None


def _measure_disputes(session: Session, conditions: Sequence[sa.ColumnElement[bool]]) -> dict[CaseKey, float]:
    return {key: _dispute(readings) for key, readings in _read_finished(session, conditions).items()}


def _read_finished(
    session: Session, conditions: Sequence[sa.ColumnElement[bool]]
) -> dict[CaseKey, list[dict[str, Any]]]:
    """Return what the newest finished reading of every reader says of each case."""
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
    return contents


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
        _families_differing(first, second)
        for first, second in combinations([reading["answers"] for reading in readings], 2)
    ]
    return _mean(with_model) + _mean(between)


def _families_differing(first: Mapping[str, int], second: Mapping[str, int]) -> int:
    ours, theirs = _by_family(first), _by_family(second)
    return sum(ours[family] != theirs[family] for family in ours.keys() & theirs.keys())


def _by_family(answers: Mapping[str, int]) -> dict[str, set[int]]:
    families: dict[str, set[int]] = defaultdict(set)
    for qid, option in answers.items():
        families[qid.partition("-")[0]].add(option)
    return families


def _mean(values: Iterable[int]) -> float:
    listed = list(values)
    return fmean(listed) if listed else 0.0
