"""What the store is asked of a queue as a whole."""

from __future__ import annotations

from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.store.methods.opened import OpenedStore
from magic_demo.reviews.store.records import PROGRAM, Actor
from magic_demo.reviews.store.rows import audit_trail, queue_settings


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
            changed = queue_settings.keep_questions(session, queue, questions)
            if changed:
                audit_trail.add_entry(session, "questions", by, detail=f"{queue}, {questions.digest}")
        return changed
