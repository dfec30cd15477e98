"""What is settled for a queue as a whole. First of all its questions: an index means nothing without its option."""

from __future__ import annotations

import json
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.orm import Session

from magic_demo.core.errors import FormatError, StoreError
from magic_demo.core.messages import Message
from magic_demo.core.whole_text import mend_json
from magic_demo.questions.families import QuestionSet, load_challenge, pack_questions, unpack_questions
from magic_demo.reviews.store.names import check_name
from magic_demo.reviews.store.tables import CaseRow, QueueRow, ReviewRow

CHALLENGE = "of the challenge"
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
