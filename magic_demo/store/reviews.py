"""Reviews as rows: written once, never changed."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType
from typing import Any, cast, get_args

import sqlalchemy as sa
from sqlalchemy.orm import Session

from magic_demo.errors import FormatError, StoreError
from magic_demo.mask_runs import column_lengths
from magic_demo.store.cases import AT_ONCE, find_case
from magic_demo.store.names import check_name
from magic_demo.store.readers import find_present_row, find_row, role_of
from magic_demo.store.rules import OWN_READINGS, check_kind, kind_taken_back, may_see
from magic_demo.store.tables import CaseRow, MaskRow, ReaderRow, ReviewRow, SaveKeyRow
from magic_demo.types import REVIEW_KINDS, CaseKey, Difficulty, MaskRuns, Review, ReviewKind, ReviewState, SavedReview


def save_review(session: Session, review: Review, client_key: str | None, taken_back_from: int | None = None) -> SavedReview:
    """Add a review as a row, unless it is there; see ``Store.save``."""
    _check_values(review)
    if client_key is not None:
        client_key = check_name(client_key, "save")
    reader = find_present_row(session, review.reader)
    case = find_case(session, review.case)
    masks = {photo_id: _digest(f"{runs.size} {runs.counts}") for photo_id, runs in review.masks.items()}
    content = _write_content(review, masks)
    digest = _digest(f"{review.kind} {review.state} {content}")
    sent_before = session.get(SaveKeyRow, (reader.id, client_key)) if client_key is not None else None
    if sent_before is not None:
        row = session.get_one(ReviewRow, sent_before.number)
        if (row.case_number, row.digest) != (case.number, digest):
            raise StoreError(f"the save {client_key!r} of {reader.name} was used for other content; give every save a key of its own")
        return _load(session, [row.number])[0]
    own = sa.select(ReviewRow).where(ReviewRow.case_number == case.number, ReviewRow.reader_id == reader.id)
    row_or_none = session.scalar(own.order_by(ReviewRow.number.desc()).limit(1))
    if row_or_none is not None and row_or_none.digest == digest:
        row = row_or_none
    else:
        earlier = session.execute(own.with_only_columns(ReviewRow.kind, ReviewRow.state).distinct()).all()
        check_kind(review, role_of(reader), [(kind, state) for kind, state in earlier])
        _add_masks(session, case.number, {masks[photo_id]: runs for photo_id, runs in review.masks.items()})
        row = ReviewRow(
            case_number=case.number,
            reader_id=reader.id,
            saved_at=datetime.now(UTC),
            kind=review.kind,
            state=review.state,
            flagged=review.flagged,
            differs=bool(review.disagreements),
            seconds=float(review.seconds),
            content=content,
            digest=digest,
            taken_back_from=taken_back_from,
        )
        session.add(row)
        session.flush()
    if client_key is not None:
        session.add(SaveKeyRow(reader_id=reader.id, client_key=client_key, number=row.number))
        session.flush()
    return _load(session, [row.number])[0]


def take_back(session: Session, number: int, reader: str) -> SavedReview:
    """Add a row that repeats an older one; see ``Store.take_back``."""
    owner = find_present_row(session, reader)
    row = session.get(ReviewRow, number)
    if row is None or row.reader_id != owner.id:
        raise StoreError(f"{owner.name} has no review {number}; only an own one can be taken back")
    kinds = session.scalars(
        sa.select(ReviewRow.kind).where(ReviewRow.case_number == row.case_number, ReviewRow.reader_id == owner.id).distinct()
    )
    older = _load(session, [number])[0].review
    return save_review(session, replace(older, kind=kind_taken_back(older.kind, set(kinds))), None, taken_back_from=number)


def list_history(session: Session, case: CaseKey, reader: str) -> list[SavedReview]:
    """Return everything a reader saved of a case, oldest first."""
    found, owner = find_case(session, case), find_row(session, reader)
    return _load(session, _numbers(session, [ReviewRow.case_number == found.number, ReviewRow.reader_id == owner.id]))


def find_latest(
    session: Session, case: CaseKey, reader: str, kinds: Collection[ReviewKind] | None, state: ReviewState | None
) -> SavedReview | None:
    """Return a reader's newest review of a case, or None."""
    found, owner = find_case(session, case), find_row(session, reader)
    asked = [ReviewRow.case_number == found.number, ReviewRow.reader_id == owner.id, *_asked(kinds, state)]
    number = session.scalar(sa.select(sa.func.max(ReviewRow.number)).where(*asked))
    return None if number is None else _load(session, [number])[0]


def list_latest(
    session: Session,
    cases: Sequence[sa.ColumnElement[bool]],
    viewer: str | None,
    kinds: Collection[ReviewKind] | None,
    state: ReviewState | None,
    known: Mapping[int, SavedReview] = MappingProxyType({}),
) -> list[SavedReview]:
    """Return the newest reviews of every case, reader and kind that a viewer may see; see ``Store.latest_reviews``. cases: conditions on the cases' table."""
    by_kind = (
        sa.select(sa.func.max(ReviewRow.number).label("number"), ReviewRow.case_number, ReviewRow.reader_id)
        .join(CaseRow, CaseRow.number == ReviewRow.case_number)
        .where(*cases, *_asked(kinds, state))
        .group_by(ReviewRow.case_number, ReviewRow.reader_id, ReviewRow.kind)
    )
    newest = session.execute(by_kind).all()
    if viewer is not None:
        row = find_present_row(session, viewer)
        role, done = role_of(row), _cases_done_by(session, row.id)
        newest = [entry for entry in newest if may_see(role, own=entry.reader_id == row.id, has_done_reading=entry.case_number in done)]
    numbers = sorted(entry.number for entry in newest)
    read = {saved.number: saved for saved in _load(session, [number for number in numbers if number not in known])}
    return [read.get(number) or known[number] for number in numbers]


def list_all(session: Session, cases: Sequence[sa.ColumnElement[bool]]) -> list[SavedReview]:
    """Return every review of these cases, by number."""
    return _load(session, _numbers(session, cases))


def delete_reviews(session: Session, case: CaseRow) -> int:
    """Delete every review of a case, with masks and keys, and return how many there were."""
    numbers = sa.select(ReviewRow.number).where(ReviewRow.case_number == case.number)
    session.execute(sa.delete(SaveKeyRow).where(SaveKeyRow.number.in_(numbers)))
    count = session.scalar(sa.select(sa.func.count()).select_from(numbers.subquery())) or 0
    session.execute(sa.delete(ReviewRow).where(ReviewRow.case_number == case.number))
    session.execute(sa.delete(MaskRow).where(MaskRow.case_number == case.number))
    return count


def _cases_done_by(session: Session, reader_id: int) -> set[int]:
    done = (ReviewRow.reader_id == reader_id, ReviewRow.state == "done", ReviewRow.kind.in_(OWN_READINGS))
    return set(session.scalars(sa.select(ReviewRow.case_number).where(*done).distinct()))


def _asked(kinds: Collection[ReviewKind] | None, state: ReviewState | None) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if kinds is not None:
        conditions.append(ReviewRow.kind.in_(list(kinds)))
    if state is not None:
        conditions.append(ReviewRow.state == state)
    return conditions


def _numbers(session: Session, conditions: Sequence[sa.ColumnElement[bool]]) -> list[int]:
    query = sa.select(ReviewRow.number).join(CaseRow, CaseRow.number == ReviewRow.case_number).where(*conditions)
    return list(session.scalars(query.order_by(ReviewRow.number)))


_COLUMNS = (
    *(ReviewRow.number, ReviewRow.saved_at, ReviewRow.kind, ReviewRow.state, ReviewRow.flagged, ReviewRow.seconds, ReviewRow.content),
    *(ReviewRow.taken_back_from, ReviewRow.case_number, CaseRow.queue, CaseRow.case_id, ReaderRow.name),
)


def _load(session: Session, numbers: Sequence[int]) -> list[SavedReview]:
    """Return the reviews of these numbers, in their order. Columns, no rows as objects: ten thousand of them are read in a second."""
    loaded: list[SavedReview] = []
    for start in range(0, len(numbers), AT_ONCE):
        query = (
            sa.select(*_COLUMNS)
            .select_from(ReviewRow)
            .join(CaseRow, CaseRow.number == ReviewRow.case_number)
            .join(ReaderRow, ReaderRow.id == ReviewRow.reader_id)
            .where(ReviewRow.number.in_(numbers[start : start + AT_ONCE]))
            .order_by(ReviewRow.number)
        )
        rows = session.execute(query).all()
        contents = [json.loads(row.content) for row in rows]
        wanted = {(row.case_number, digest) for row, content in zip(rows, contents, strict=True) for digest in content["masks"].values()}
        masks = _load_masks(session, wanted)
        loaded.extend(_read_row(row, content, masks) for row, content in zip(rows, contents, strict=True))
    return loaded


def _load_masks(session: Session, wanted: Collection[tuple[int, str]]) -> dict[tuple[int, str], MaskRuns]:
    """Return masks by case number and digest."""
    masks: dict[tuple[int, str], MaskRuns] = {}
    ordered, at_once = sorted(wanted), AT_ONCE // 2
    for start in range(0, len(ordered), at_once):
        part = ordered[start : start + at_once]
        values = {f"{name}{number}": value for number, pair in enumerate(part) for name, value in zip("cd", pair, strict=True)}
        for case_number, digest, height, width, counts in session.execute(_select_masks(len(part)), values):
            masks[case_number, digest] = MaskRuns((height, width), counts)
    return masks


@cache
def _select_masks(count: int) -> sa.TextClause:
    """Return a query for so many masks, each looked up by the table's key. SQLite reads the whole table for a list of pairs, or of digests alone."""
    pairs = ", ".join(f"(CAST(:c{number} AS INTEGER), CAST(:d{number} AS TEXT))" for number in range(count))
    return sa.text(
        f"WITH wanted (case_number, digest) AS (VALUES {pairs}) "
        "SELECT masks.case_number, masks.digest, masks.height, masks.width, masks.counts "
        "FROM wanted JOIN masks ON masks.case_number = wanted.case_number AND masks.digest = wanted.digest"
    )


def _read_row(row: Any, content: dict[str, Any], masks: Mapping[tuple[int, str], MaskRuns]) -> SavedReview:
    disagreements = content["disagreements"]
    review = Review(
        case_id=row.case_id,
        reader=row.name,
        kind=cast(ReviewKind, row.kind),
        state=cast(ReviewState, row.state),
        answers=content["answers"],
        specified=content["specified"],
        masks={photo_id: masks[row.case_number, digest] for photo_id, digest in content["masks"].items()},
        unusable=frozenset(content["unusable"]),
        comment=content["comment"],
        flagged=row.flagged,
        difficulty=content["difficulty"],
        models=content["models"],
        seconds=row.seconds,
        queue=row.queue,
        disagreements=None if disagreements is None else frozenset(disagreements),
    )
    return SavedReview(row.number, row.saved_at, review, row.taken_back_from)


def _write_content(review: Review, masks: dict[str, str]) -> str:
    content = {
        "answers": dict(review.answers),
        "specified": dict(review.specified),
        "masks": masks,
        "unusable": sorted(review.unusable),
        "comment": review.comment,
        "flagged": review.flagged,
        "difficulty": review.difficulty,
        "models": dict(review.models),
        "disagreements": None if review.disagreements is None else sorted(review.disagreements),
    }
    return json.dumps(content, sort_keys=True)  # ASCII: neither database minds what a comment may hold


def _add_masks(session: Session, case_number: int, masks: dict[str, MaskRuns]) -> None:
    there = set(session.scalars(sa.select(MaskRow.digest).where(MaskRow.case_number == case_number, MaskRow.digest.in_(list(masks)))))
    for digest, runs in masks.items():
        if digest not in there:
            session.add(MaskRow(case_number=case_number, digest=digest, height=runs.size[0], width=runs.size[1], counts=runs.counts))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _check_values(review: Review) -> None:
    where = f"{review.reader}'s review of {review.case_id}"
    if review.kind not in REVIEW_KINDS or review.state not in get_args(ReviewState):
        raise StoreError(f"{where} is {review.kind!r}, {review.state!r}; expected one of {REVIEW_KINDS} and of {get_args(ReviewState)}")
    if review.difficulty is not None and review.difficulty not in get_args(Difficulty):
        raise StoreError(f"{where} has the difficulty {review.difficulty!r}; expected one of {get_args(Difficulty)} or none")
    if not (math.isfinite(review.seconds) and review.seconds >= 0):
        raise StoreError(f"{where} took {review.seconds} seconds; expected 0 or more")
    for qid, option in review.answers.items():
        if isinstance(option, bool) or not isinstance(option, int) or option < 0:
            raise StoreError(f"{where} answers {qid} with {option!r}; expected an option's index, 0 or more")
    for photo_id, runs in review.masks.items():
        try:
            column_lengths(runs)
        except FormatError as error:
            raise StoreError(f"{where} holds a damaged mask of {photo_id}: {error}") from error
