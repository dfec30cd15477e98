"""What the store is asked of a queue as a whole."""

from __future__ import annotations

from datetime import UTC, datetime

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.store.methods.opened import OpenedStore
from magic_demo.reviews.store.records import PROGRAM, Actor, Repeated
from magic_demo.reviews.store.rows import audit_trail, queue_settings
from magic_demo.reviews.store.rows.readers import find_row


class QueueMethods(OpenedStore):
    """The settings of queues."""

    def questions_of(self, queue: str | None) -> QuestionSet:
        """Return what the reviews of a queue answer: its own questions, or those the store was opened with (for
        None, too). Raises StoreError."""
        if queue is None:
            return self.questions
        with self._database.reading() as session:
            return queue_settings.read_questions_of(session, queue, self.questions)

    def has_questions(self, queue: str) -> bool:
        """Return whether a queue has questions of its own, which are those asked whatever a program is started
        with."""
        with self._database.reading() as session:
            return queue_settings.has_questions(session, queue)

    def ask(self, queue: str, questions: QuestionSet, *, by: Actor = PROGRAM) -> bool:
        """Give a queue questions of its own, with their words and keys; it need not have cases yet.

        Returns whether that changes anything. Raises StoreError where its reviews answer other questions: what they
        say would become something else.
        """
        with self._database.writing() as session:
            before = queue_settings.has_questions(session, queue)
            changed = queue_settings.keep_questions(session, queue, questions)
            if changed and before:
                audit_trail.add_entry(session, "questions", by, detail=f"{queue}, {questions.digest}")
        return changed

    def shuffle(self, queue: str, seed: str | None, *, by: Actor = PROGRAM) -> None:
        """Draw an order of a queue's cases for each reader by a seed, which is kept; None: the queue's order for all.

        The same seed gives the same orders in any store. Raises StoreError once readers have begun.
        """
        with self._database.writing() as session:
            queue_settings.settle_order(session, queue, seed)
            audit_trail.add_entry(
                session, "order", by, detail=f"{queue}, {'the same for all' if seed is None else seed}"
            )

    def take_lesions_apart(self, queue: str, apart: bool, *, by: Actor = PROGRAM) -> None:
        """Ask the readers of a queue for its lesions one by one, with measures and a comment each, or not; what was said
        stays. Raises StoreError."""
        with self._database.writing() as session:
            queue_settings.keep_apart(session, queue, apart)
            audit_trail.add_entry(
                session, "lesions", by, detail=f"{queue}, {'one by one' if apart else 'as one'}"
            )

    def takes_lesions_apart(self, queue: str) -> bool:
        """Return whether a queue asks for its lesions one by one."""
        with self._database.reading() as session:
            return queue_settings.reads_apart(session, queue)

    def repeat(self, queue: str, again: str, days: float, *, by: Actor = PROGRAM) -> int:
        """Make the queue ``again`` of a queue's cases, for the same readers to read them a second time, and return how
        many cases it has.

        days: the wash-out, at least so long after a reader has finished a case the first time. Raises StoreError when
        there is such a queue.
        """
        with self._database.writing() as session:
            count = queue_settings.repeat_queue(session, queue, again, days)
            audit_trail.add_entry(
                session, "second reading", by, detail=f"{again}, {days:g} days after {queue}"
            )
        return count

    def repeated(self, queue: str) -> Repeated | None:
        """Return of which queue this one is the second reading, None where it is none."""
        with self._database.reading() as session:
            return queue_settings.read_repeated(session, queue)

    def check_washed_out(self, case: CaseKey, reader: str) -> None:
        """Raise StoreError for a case whose second reading would begin too early."""
        with self._database.reading() as session:
            opening = queue_settings.find_opening(session, case, find_row(session, reader).id)
        if opening is not None and opening > datetime.now(UTC):
            raise StoreError(
                "{case} can be read a second time from {time} UTC on, when the wash-out ends",
                case=case.case_id,
                time=f"{opening:%Y-%m-%d %H:%M}",
            )
