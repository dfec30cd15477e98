"""What is settled for a queue as a whole. First of all its questions: an index means nothing without its option."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.orm import Session

from magic_demo.core.disk.whole_text import mend_json
from magic_demo.core.errors import FormatError, StoreError
from magic_demo.core.messages import Message
from magic_demo.core.review_types import CaseKey
from magic_demo.questions.families import QuestionSet, load_challenge, pack_questions, unpack_questions
from magic_demo.reviews.store.digests import digest_of
from magic_demo.reviews.store.names import check_name
from magic_demo.reviews.store.records import QueueCase, Repeated
from magic_demo.reviews.store.tables import AssignmentRow, CaseRow, QueueRow, ReviewRow

CHALLENGE = "of the challenge"
MOST_DAYS = 3650
"""Of a wash-out."""
_CHALLENGE = ""
"""In place of the challenge's questions, which come with the program."""


def name_questions(questions: QuestionSet) -> str:
    """Return what a review keeps of the questions it answers: their digest, nothing for the challenge's."""
    return "" if questions.digest == load_challenge().digest else questions.digest


def read_questions_of(session: Session, queue: str, others: QuestionSet) -> QuestionSet:
    """Return the questions of a queue: its own; the challenge's, where its reviews answer those; else ``others``.

    Raises StoreError where its newest review answers neither.
    """
    packed = session.scalar(sa.select(QueueRow.questions).where(QueueRow.queue == queue))
    if packed is not None:
        return load_challenge() if packed == _CHALLENGE else _unpack(packed, queue)
    answered = _newest_answered(session, CaseRow.queue == queue)
    if answered == "":
        return load_challenge()
    _check(answered, others, queue)
    return others


@lru_cache(maxsize=64)
def _unpack(packed: str, queue: str) -> QuestionSet:
    try:
        return unpack_questions(packed, queue)
    except FormatError as error:
        raise StoreError(
            "the questions of the queue {queue!r} are not what was kept; restore a backup", queue=queue
        ) from error


def keep_questions(session: Session, queue: str, questions: QuestionSet) -> bool:
    """Keep the questions of a queue, and return whether that changes anything; see ``Store.ask``."""
    queue = check_name(queue, Message("queue"))
    packed = _CHALLENGE if questions is load_challenge() else pack_questions(questions)
    row = session.get(QueueRow, queue)
    if row is not None and row.questions == packed:
        return False
    _check(_newest_answered(session, CaseRow.queue == queue), questions, queue)
    session.merge(QueueRow(queue=queue, questions=packed, question_digest=questions.digest))
    session.flush()
    return True


def has_questions(session: Session, queue: str) -> bool:
    """Return whether a queue has questions of its own."""
    return session.scalar(sa.select(QueueRow.questions).where(QueueRow.queue == queue)) is not None


def check_questions(session: Session, questions: QuestionSet) -> None:
    """Raise StoreError, one line, where the newest review of the queues without questions of their own answers
    neither these nor the challenge's."""
    own = sa.select(QueueRow.queue).where(QueueRow.questions.is_not(None))
    answered = _newest_answered(session, CaseRow.queue.not_in(own))
    if answered:
        _check(answered, questions, "")


def _check(answered: str | None, questions: QuestionSet, queue: str) -> None:
    if answered not in (None, name_questions(questions)):
        raise StoreError(
            "the reviews of {where} answer the questions {stored}, not {asked}; give the question file that they "
            "were made with (--questions), or name another queue or store",
            where=queue or Message("this store"),
            stored=answered or CHALLENGE,
            asked=name_questions(questions) or CHALLENGE,
        )


def settle_order(session: Session, queue: str, seed: str | None) -> None:
    """Keep by which seed each reader's order is drawn; see ``Store.shuffle``."""
    if seed is not None:
        seed = check_name(seed, Message("seed"))
    if _order_seed(session, queue) == seed:
        return
    if _newest_answered(session, CaseRow.queue == queue) is not None:
        raise StoreError(
            "readers have begun the queue {queue!r}, and keep the order they began with; draw it before the first review",
            queue=queue,
        )
    session.merge(QueueRow(queue=queue, order_seed=seed))
    session.flush()


def draw_order(session: Session, queue: str, folded: str, cases: list[QueueCase]) -> list[QueueCase]:
    """Return cases in the order that is drawn for a reader, where one is: the same each time, also among cases that
    are added later."""
    seed = _order_seed(session, queue)
    if seed is None:
        return cases
    return sorted(cases, key=lambda case: digest_of(f"{seed}\n{folded}\n{case.key.case_id}"))


def _order_seed(session: Session, queue: str) -> str | None:
    return session.scalar(sa.select(QueueRow.order_seed).where(QueueRow.queue == queue))


def keep_apart(session: Session, queue: str, apart: bool) -> None:
    """Keep whether readers say something of each lesion; see ``Store.take_lesions_apart``."""
    session.merge(QueueRow(queue=check_name(queue, Message("queue")), lesions_apart=apart))
    session.flush()


def reads_apart(session: Session, queue: str) -> bool:
    """Return whether readers say something of each lesion of a queue."""
    return bool(session.scalar(sa.select(QueueRow.lesions_apart).where(QueueRow.queue == queue)))


def repeat_queue(session: Session, queue: str, again: str, days: float) -> int:
    """Make a queue of the same cases for a second reading, and return how many; see ``Store.repeat``."""
    again = check_name(again, Message("queue"))
    if session.scalar(sa.select(CaseRow.number).where(CaseRow.queue == again).limit(1)) is not None:
        raise StoreError("there is a queue {queue!r} already; name another one (--as)", queue=again)
    if not 0 <= days <= MOST_DAYS:
        raise StoreError("a wash-out of {days} days; 0 to {most} are expected", days=days, most=MOST_DAYS)
    first = session.get(QueueRow, queue)
    seed = first.order_seed if first is not None else None
    session.merge(
        QueueRow(
            queue=again,
            questions=first.questions if first is not None else None,
            question_digest=first.question_digest if first is not None else None,
            order_seed=None if seed is None else f"{seed} again",
            again_of=queue,
            washout_days=float(days),
            lesions_apart=first.lesions_apart if first is not None else None,
        )
    )
    rows = session.scalars(sa.select(CaseRow).where(CaseRow.queue == queue).order_by(CaseRow.position)).all()
    for row in rows:
        copied = {
            column: getattr(row, column)
            for column in ("case_id", "position", "folder", "photos_kept", "uncertainty", "photos", "doubts")
        }
        case = CaseRow(queue=again, added_at=datetime.now(UTC), **copied)
        session.add(case)
        session.flush()
        assigned = sa.select(AssignmentRow.reader_id).where(AssignmentRow.case_number == row.number)
        session.add_all(
            AssignmentRow(case_number=case.number, reader_id=reader_id)
            for reader_id in session.scalars(assigned)
        )
    session.flush()
    return len(rows)


def read_repeated(session: Session, queue: str) -> Repeated | None:
    """Return of which queue this one is the second reading, None for a first one."""
    row = session.get(QueueRow, queue)
    return None if row is None or row.again_of is None else Repeated(row.again_of, row.washout_days or 0.0)


def find_opening(session: Session, key: CaseKey, reader_id: int) -> datetime | None:
    """Return from when on a reader may read a case a second time; None: any time, as it is no second reading.

    Raises StoreError where the reader has not finished the first one.
    """
    repeated = read_repeated(session, key.queue)
    if repeated is None:
        return None
    finished = session.scalar(
        sa.select(sa.func.max(ReviewRow.saved_at))
        .join(CaseRow, CaseRow.number == ReviewRow.case_number)
        .where(
            CaseRow.queue == repeated.queue,
            CaseRow.case_id == key.case_id,
            ReviewRow.reader_id == reader_id,
            ReviewRow.kind != "consensus",
            ReviewRow.state == "done",
        )
    )
    if finished is None:
        raise StoreError(
            "{case} is read a second time here; finish it in the queue {queue!r} first",
            case=key.case_id,
            queue=repeated.queue,
        )
    return finished + timedelta(days=repeated.days)


def _newest_answered(session: Session, which: sa.ColumnElement[bool]) -> str | None:
    """Return what the newest review of some queues keeps of its questions, None where there is none."""
    newest = (
        sa.select(ReviewRow.content)
        .join(CaseRow, CaseRow.number == ReviewRow.case_number)
        .where(which)
        .order_by(ReviewRow.number.desc())
        .limit(1)
    )
    content = session.scalar(newest)
    if content is None:
        return None
    try:
        return str(json.loads(mend_json(content)).get("questions", ""))
    except (ValueError, AttributeError, RecursionError):  # damaged: reported where it is read
        return None
