"""Which questions the reviews of a store answer: one set a store, since an index means nothing without its
option."""

from __future__ import annotations

import json

import sqlalchemy as sa
from sqlalchemy.orm import Session

from magic_demo.core.errors import StoreError
from magic_demo.core.whole_text import mend_json
from magic_demo.questions.families import QuestionSet, load_challenge
from magic_demo.reviews.store.tables import ReviewRow

CHALLENGE = "of the challenge"


def name_questions(questions: QuestionSet) -> str:
    """Return what a review keeps of the questions it answers: their digest, nothing for the challenge's."""
    return "" if questions.digest == load_challenge().digest else questions.digest


def check_questions(session: Session, questions: QuestionSet) -> None:
    """Raise StoreError, one line, where the newest review answers other questions."""
    content = session.scalar(sa.select(ReviewRow.content).order_by(ReviewRow.number.desc()).limit(1))
    if content is None:
        return
    try:
        stored = json.loads(mend_json(content)).get("questions", "")
    except (ValueError, AttributeError, RecursionError):  # damaged: reported where it is read
        return
    if stored != name_questions(questions):
        raise StoreError(
            "the reviews of this store answer the questions {stored}, not {asked}; give the question file that "
            "they were made with (--questions), or name another store",
            stored=stored or CHALLENGE,
            asked=name_questions(questions) or CHALLENGE,
        )
