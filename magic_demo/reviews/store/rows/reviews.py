"""Reviews as rows: written once, never changed."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

import sqlalchemy as sa
from sqlalchemy.orm import Session

from magic_demo.core.errors import StoreError
from magic_demo.core.messages import Message
from magic_demo.core.review_content import outlines_of, split_outline
from magic_demo.core.review_types import CaseKey, Knowledge, Review, ReviewKind, ReviewState, SavedReview
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.store.digests import digest_of
from magic_demo.reviews.store.names import check_name
from magic_demo.reviews.store.rows.cases import find_case, read_photos
from magic_demo.reviews.store.rows.queue_settings import read_questions_of
from magic_demo.reviews.store.rows.readers import find_present_row, find_row, role_of
from magic_demo.reviews.store.rows.review_rows import load_reviews
from magic_demo.reviews.store.rows.review_values import add_masks, check_values, write_content
from magic_demo.reviews.store.rows.seen import find_known, write_known
from magic_demo.reviews.store.rules import (
    OWN_READINGS,
    Earlier,
    find_missing,
    kinds_of_voice,
    may_see,
    settle_kind,
)
from magic_demo.reviews.store.tables import CaseRow, MaskRow, ReviewRow, SaveKeyRow


class ReviewChangedError(StoreError):
    """Another review of the case was saved since the one that this one goes on from."""


def save_review(
    session: Session,
    review: Review,
    questions: QuestionSet,
    client_key: str | None,
    taken_back_from: int | None = None,
    after: int | None = None,
) -> SavedReview:
    """Add a review as a row, unless it is there; see ``Store.save``."""
    check_values(review)
    asked = read_questions_of(session, review.queue, questions)
    if client_key is not None:
        client_key = check_name(client_key, Message("save"))
    reader = find_present_row(session, review.reader)
    case = find_case(session, review.case)
    _check_labels(review, asked)
    content = write_content(review, asked)
    digest = digest_of(f"{review.kind} {review.state} {content}")
    sent_before = session.get(SaveKeyRow, (reader.id, client_key)) if client_key is not None else None
    # else it was damaged since, and is saved anew
    if sent_before is not None and (whole := load_reviews(session, [sent_before.number])):
        where = sa.select(ReviewRow.case_number, ReviewRow.digest).where(
            ReviewRow.number == sent_before.number
        )
        if tuple(session.execute(where).one()) != (case.number, digest):
            raise StoreError(
                "the save {key!r} of {reader} was used for other content; give every save a key of its own",
                key=client_key,
                reader=reader.name,
            )
        return whole[0]
    own = sa.select(ReviewRow).where(ReviewRow.case_number == case.number, ReviewRow.reader_id == reader.id)
    if after is not None:
        kinds = ReviewRow.kind.in_(kinds_of_voice(review.kind))
        newest = session.scalar(own.where(kinds).with_only_columns(sa.func.max(ReviewRow.number))) or 0
        if newest != after:  # what is damaged is nobody's newest
            last = _newest_whole(
                session, [ReviewRow.case_number == case.number, ReviewRow.reader_id == reader.id, kinds]
            )
            newest = last.number if last is not None else 0
        if newest != after:
            raise ReviewChangedError(
                "{reader}'s review of {case} is number {newest} by now, not {after}; merge the two",
                reader=reader.name,
                case=review.case_id,
                newest=newest,
                after=after,
            )
    last_row = (
        own.with_only_columns(ReviewRow.number, ReviewRow.digest, ReviewRow.missing)
        .order_by(ReviewRow.number.desc())
        .limit(1)
    )
    newest_row = session.execute(last_row).one_or_none()
    missing = find_left_open(review, case, asked)
    before = session.execute(
        own.with_only_columns(ReviewRow.kind, ReviewRow.state, ReviewRow.complete).distinct()
    ).all()
    repeated = newest_row is not None and (newest_row.digest, newest_row.missing) == (
        digest,
        json.dumps(missing),
    )
    saved = (
        next(iter(load_reviews(session, [newest_row.number])), None)
        if newest_row is not None and repeated
        else None
    )
    if saved is None:
        known = find_known(session, case.number, reader.id) | _tell_known(review)
        kind = settle_kind(
            review, role_of(reader), [Earlier(earlier.kind, earlier.complete) for earlier in before], known
        )
        add_masks(session, case.number, [outline.runs for outline in outlines_of(review).values()])
        row = ReviewRow(
            case_number=case.number,
            reader_id=reader.id,
            saved_at=datetime.now(UTC),
            kind=kind,
            state=review.state,
            flagged=review.flagged,
            differs=bool(review.disagreements),
            seconds=float(review.seconds),
            content=content,
            digest=digest,
            taken_back_from=taken_back_from,
            complete=review.state == "done" and not missing,
            missing=json.dumps(missing),
            known=write_known(known),
        )
        session.add(row)
        session.flush()
        saved = load_reviews(session, [row.number])[0]
    if client_key is not None:
        session.merge(SaveKeyRow(reader_id=reader.id, client_key=client_key, number=saved.number))
        session.flush()
    finished = any(
        earlier.state == "done" and (earlier.kind == "consensus") == (saved.review.kind == "consensus")
        for earlier in before
    )
    return replace(saved, reopens=finished and saved.review.state != "done")


def holds_review(session: Session, review: Review, questions: QuestionSet) -> bool:
    """Tell whether a reader saved the same of a case before, not only last; see ``Store.holds``."""
    check_values(review)
    asked = read_questions_of(session, review.queue, questions)
    case, reader = find_case(session, review.case), find_row(session, review.reader)
    same = (
        ReviewRow.case_number == case.number,
        ReviewRow.reader_id == reader.id,
        ReviewRow.digest == digest_of(f"{review.kind} {review.state} {write_content(review, asked)}"),
        ReviewRow.missing == json.dumps(find_left_open(review, case, asked)),
    )
    return bool(load_reviews(session, list(session.scalars(sa.select(ReviewRow.number).where(*same)))))


def take_back(session: Session, number: int, reader: str, questions: QuestionSet) -> SavedReview:
    """Add a row that repeats an older one; see ``Store.take_back``."""
    owner = find_present_row(session, reader)
    row = _whose(session, number)
    if row is None or row.reader_id != owner.id:
        raise StoreError(
            "{reader} has no review {number}; only an own one can be taken back",
            reader=owner.name,
            number=number,
        )
    whole = load_reviews(session, [number])
    if not whole:
        raise StoreError(
            "review {number} is not what was saved and cannot be taken back; restore a backup", number=number
        )
    return save_review(session, whole[0].review, questions, None, taken_back_from=number)


def _check_labels(review: Review, asked: QuestionSet) -> None:
    """Raise StoreError for a mask of a label that the queue does not have."""
    known = [label.label_id for label in asked.further_labels]
    others = [label for label, photos in review.label_masks.items() if photos and label not in known]
    if others:
        raise StoreError(
            "{reader}'s review of {case} has masks of {came}, and its queue has the labels {known}; give it labels "
            "before the first review (queues ask)",
            reader=review.reader,
            case=review.case_id,
            came=others,
            known=[label.label_id for label in asked.labels],
        )


def find_left_open(review: Review, case: CaseRow, questions: QuestionSet) -> list[str]:
    """Return what a finished review leaves open: families and photos of the case, and whatever else its
    sender says it left open."""
    if review.state != "done":
        return []
    others = sorted(split_outline(name)[1] for name in review.missing - {*questions.family_ids})
    photos = dict.fromkeys([*(read_photos(case.photos) or ()), *others])
    return list(find_missing(review, photos, questions))


def _tell_known(review: Review) -> frozenset[Knowledge]:
    """Return what a review says itself of what its reader was shown."""
    known = set(review.known)
    if review.models or review.kind == "revealed":
        known.add("model")
    if review.kind == "compared":
        known.add("others")
    return frozenset(known)


def list_history(session: Session, case: CaseKey, reader: str) -> list[SavedReview]:
    """Return everything a reader saved of a case, oldest first."""
    found, owner = find_case(session, case), find_row(session, reader)
    return load_reviews(
        session, _numbers(session, [ReviewRow.case_number == found.number, ReviewRow.reader_id == owner.id])
    )


def find_latest(
    session: Session,
    case: CaseKey,
    reader: str,
    kinds: Collection[ReviewKind] | None,
    state: ReviewState | None,
) -> SavedReview | None:
    """Return a reader's newest review of a case, or None."""
    found, owner = find_case(session, case), find_row(session, reader)
    asked = [ReviewRow.case_number == found.number, ReviewRow.reader_id == owner.id, *_asked(kinds, state)]
    return _newest_whole(session, asked)


def find_numbered(session: Session, number: int, case: CaseKey, reader: str) -> SavedReview | None:
    """Return a reader's review of a case by its number, None where there is none."""
    found, owner = find_case(session, case), find_row(session, reader)
    row = _whose(session, number)
    if row is None or (row.case_number, row.reader_id) != (found.number, owner.id):
        return None
    return next(iter(load_reviews(session, [number])), None)


def _whose(session: Session, number: int) -> sa.Row[int, int] | None:
    """Return case and reader of a review by their numbers, None where there is no such review."""
    return session.execute(
        sa.select(ReviewRow.case_number, ReviewRow.reader_id).where(ReviewRow.number == number)
    ).one_or_none()


def _newest_whole(session: Session, conditions: Sequence[sa.ColumnElement[bool]]) -> SavedReview | None:
    """Return the newest of these reviews that is what was saved, or None."""
    before: list[sa.ColumnElement[bool]] = []
    while (
        number := session.scalar(sa.select(sa.func.max(ReviewRow.number)).where(*conditions, *before))
    ) is not None:
        if found := load_reviews(session, [number]):
            return found[0]
        before = [ReviewRow.number < number]
    return None


def list_latest(
    session: Session,
    cases: Sequence[sa.ColumnElement[bool]],
    viewer: str | None,
    kinds: Collection[ReviewKind] | None,
    state: ReviewState | None,
    known: Mapping[int, SavedReview] = MappingProxyType({}),
) -> list[SavedReview]:
    """Return the newest reviews of every case, reader and kind that a viewer may see; see
    ``Store.latest_reviews``. cases: conditions on the cases' table."""
    damaged: set[int] = set()
    while True:
        read, numbers = _load_latest(
            session, [*cases, *_asked(kinds, state), ReviewRow.number.not_in(damaged)], viewer, known
        )
        met = {number for number in numbers if number not in known and number not in read}
        if not met:
            return [read.get(number) or known[number] for number in numbers]
        damaged |= met  # then the ones before them count


def _load_latest(
    session: Session,
    conditions: Sequence[sa.ColumnElement[bool]],
    viewer: str | None,
    known: Mapping[int, SavedReview],
) -> tuple[dict[int, SavedReview], list[int]]:
    """Return the numbers of the newest reviews, and those of them that are not known and what was saved."""
    by_kind = (
        sa.select(sa.func.max(ReviewRow.number).label("number"), ReviewRow.case_number, ReviewRow.reader_id)
        .join(CaseRow, CaseRow.number == ReviewRow.case_number)
        .where(*conditions)
        .group_by(ReviewRow.case_number, ReviewRow.reader_id, ReviewRow.kind)
    )
    newest = session.execute(by_kind).all()
    if viewer is not None:
        row = find_present_row(session, viewer)
        role, complete = role_of(row), _cases_completed_by(session, row.id)
        newest = [
            entry
            for entry in newest
            if may_see(
                role, own=entry.reader_id == row.id, has_complete_reading=entry.case_number in complete
            )
        ]
    numbers = sorted(entry.number for entry in newest)
    return {
        saved.number: saved
        for saved in load_reviews(session, [number for number in numbers if number not in known])
    }, numbers


def list_all(session: Session, cases: Sequence[sa.ColumnElement[bool]]) -> list[SavedReview]:
    """Return every review of these cases, by number."""
    return load_reviews(session, _numbers(session, cases))


def delete_reviews(session: Session, case: CaseRow) -> int:
    """Delete every review of a case, with masks and keys, and return how many there were."""
    numbers = sa.select(ReviewRow.number).where(ReviewRow.case_number == case.number)
    session.execute(sa.delete(SaveKeyRow).where(SaveKeyRow.number.in_(numbers)))
    count = session.scalar(sa.select(sa.func.count()).select_from(numbers.subquery())) or 0
    session.execute(sa.delete(ReviewRow).where(ReviewRow.case_number == case.number))
    session.execute(sa.delete(MaskRow).where(MaskRow.case_number == case.number))
    return count


def _cases_completed_by(session: Session, reader_id: int) -> set[int]:
    complete = (ReviewRow.reader_id == reader_id, ReviewRow.complete, ReviewRow.kind.in_(OWN_READINGS))
    return set(session.scalars(sa.select(ReviewRow.case_number).where(*complete).distinct()))


def _asked(kinds: Collection[ReviewKind] | None, state: ReviewState | None) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if kinds is not None:
        conditions.append(ReviewRow.kind.in_(list(kinds)))
    if state is not None:
        conditions.append(ReviewRow.state == state)
    return conditions


def _numbers(session: Session, conditions: Sequence[sa.ColumnElement[bool]]) -> list[int]:
    query = (
        sa.select(ReviewRow.number).join(CaseRow, CaseRow.number == ReviewRow.case_number).where(*conditions)
    )
    return list(session.scalars(query.order_by(ReviewRow.number)))
