"""What the store is asked of reviews, and of what their readers were shown before."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import sqlalchemy as sa

from magic_demo.core.messages import Message
from magic_demo.core.review_types import CaseKey, Knowledge, Review, ReviewKind, ReviewState, SavedReview
from magic_demo.core.types import Prediction
from magic_demo.files.bundles import pack_prediction
from magic_demo.reviews.store import rules
from magic_demo.reviews.store.methods.readers import ReaderMethods
from magic_demo.reviews.store.rows import cases, predictions, queue_settings, reviews, seen
from magic_demo.reviews.store.tables import CaseRow, ReviewRow, ShowingRow


class ReviewMethods(ReaderMethods):
    """Reviews, and what readers were shown: others' reviews, the model's answers."""

    def save(self, review: Review, *, client_key: str | None = None, after: int | None = None) -> SavedReview:
        """Add a review as a new row and return it as it is kept; nothing older changes.

        No row is added, and the one that is there is returned, when ``client_key`` was used by this reader
        before (a save that was sent again) or when the reader's newest review of the case says the same
        (``seconds`` aside). What comes back is what counts: ``missing`` says what a finished review leaves
        open, ``known`` what the reader had been shown of the case, and a blind review is kept as another kind
        once model or others were shown, whatever its sender believes.
        after: the number of the reader's newest review of the case that this one goes on from (0: there was
        none; a consensus goes on from a consensus alone): ReviewChangedError, a StoreError, when there is a
        newer one. Raises StoreError when case or reader are unknown or the reader was removed; when the key
        was used for other content; for a consensus by somebody who is no adjudicator; for a revealed one
        without a complete blind one.
        """
        with self._database.writing() as session:
            return reviews.save_review(session, review, self.questions, client_key, after=after)

    def holds(self, review: Review) -> bool:
        """Tell whether a reader saved the same of a case before (``seconds`` aside), whatever was saved since.

        Raises StoreError for an unknown case or reader, and for values that cannot be.
        """
        with self._database.reading() as session:
            return reviews.holds_review(session, review, self.questions)

    def find_missing(self, review: Review) -> tuple[str, ...]:
        """Return what a review would leave open if it were finished now: ids of families, then of photos.

        Raises StoreError for an unknown case.
        """
        with self._database.reading() as session:
            asked = queue_settings.read_questions_of(session, review.queue, self.questions)
            done = replace(review, state="done")
            return tuple(reviews.find_left_open(done, cases.find_case(session, review.case), asked))

    def history(self, case: CaseKey, reader: str) -> list[SavedReview]:
        """Return everything a reader ever saved of a case, oldest first: for that reader's own eyes, or an
        adjudicator's."""
        with self._database.reading() as session:
            return reviews.list_history(session, case, reader)

    def latest(
        self,
        case: CaseKey,
        reader: str,
        *,
        kinds: Collection[ReviewKind] | None = None,
        state: ReviewState | None = None,
    ) -> SavedReview | None:
        """Return a reader's newest review of a case, of any kind and state or of those asked for; None where
        there is none.

        For that reader's own eyes: to show it to somebody else, ask ``visible_reviews``.
        """
        with self._database.reading() as session:
            return reviews.find_latest(session, case, reader, kinds, state)

    def review(self, number: int, case: CaseKey, reader: str) -> SavedReview | None:
        """Return a reader's review of a case by its number, None where there is none of this number.

        For that reader's own eyes.
        """
        with self._database.reading() as session:
            return reviews.find_numbered(session, number, case, reader)

    def take_back(self, number: int, reader: str) -> SavedReview:
        """Make an older review of the reader's own the newest again, by adding a row that repeats it, and
        return that row.

        It is marked with what the reader has been shown since: a blind one comes back as revealed after the
        reveal.
        """
        with self._database.writing() as session:
            return reviews.take_back(session, number, reader, self.questions)

    def visible_reviews(self, case: CaseKey, viewer: str) -> list[SavedReview]:
        """Return what a viewer may see of a case: the newest done review of every reader and kind, by number.

        A viewer sees other readers' reviews only after a complete one of their own; an adjudicator sees all.
        Own ones are always among them. What is shown of it to somebody is to be kept with ``note_seen``.
        """
        with self._database.reading() as session:
            found = cases.find_case(session, case)
            return reviews.list_latest(session, [CaseRow.number == found.number], viewer, None, "done")

    def latest_reviews(
        self,
        queue: str | None,
        *,
        viewer: str | None,
        kinds: Collection[ReviewKind] | None = None,
        state: ReviewState | None = "done",
        known: Mapping[int, SavedReview] | None = None,
    ) -> list[SavedReview]:
        """Return the newest review of every case, reader and kind of a queue (None: of all queues), by
        number.

        viewer: whose eyes they are for, under the rule of ``visible_reviews``; None: for the program's own
        use (an export by the one who runs it), everything. state: newest among the reviews in this state;
        None: in any. known: reviews by number that were read before, which are not read again, as no review
        ever changes.
        """
        with self._database.reading() as session:
            return reviews.list_latest(session, _of_queue(queue), viewer, kinds, state, known or {})

    def all_reviews(self, queue: str | None = None) -> list[SavedReview]:
        """Return every row of a queue (None: of all queues), by number: the full history, for the program's
        own use."""
        with self._database.reading() as session:
            return reviews.list_all(session, _of_queue(queue))

    def damaged_reviews(
        self, queue: str | None = None, *, case: CaseKey | None = None, viewer: str | None = None
    ) -> list[Message]:
        """Return a line for each review of a queue or a case (None: of all) that was asked for so far and is
        not what was saved: it was left out.

        viewer: whose eyes they are for, own ones alone but for an adjudicator; None: all.
        """
        found = [
            damaged
            for _number, damaged in sorted(self._database.damaged.items())
            if queue in (None, damaged.case.queue) and case in (None, damaged.case)
        ]
        everything = not found or viewer is None or rules.may(self.reader(viewer).role, "see every review")
        return [damaged.line for damaged in found if everything or damaged.reader == viewer]

    def version(self) -> tuple[int, int, int]:
        """Return what is another one as soon as a review was saved, a case with reviews deleted, or a model's
        answer shown: whether to measure anew."""
        with self._database.reading() as session:
            counts = (
                sa.select(sa.func.count()).select_from(table).scalar_subquery()
                for table in (ReviewRow, ShowingRow)
            )
            newest, reviews_there, showings = session.execute(
                sa.select(sa.func.max(ReviewRow.number), *counts)
            ).one()
            return newest or 0, reviews_there, showings

    def note_seen(self, seen_cases: Collection[CaseKey], reader: str, what: Knowledge) -> None:
        """Keep that a reader was shown, of these cases, what others say, or what the model says: what is
        saved of them later is not blind.

        A store on a disk that cannot be written keeps nothing of it, and no review either.
        """
        if seen_cases and not self.read_only:
            with self._database.writing() as session:
                seen.add_seen(session, seen_cases, reader, what)

    def known(self, case: CaseKey, reader: str) -> frozenset[Knowledge]:
        """Return what a reader was ever shown of a case, in any tab: what the model says, what others say."""
        with self._database.reading() as session:
            return seen.read_reader_known(session, case, reader)

    def note_shown(self, case: CaseKey, reader: str, prediction: Prediction) -> None:
        """Keep that a reader was shown what models say of a case, and what that was (maps as in a bundle);
        nothing older changes."""
        content = pack_prediction(prediction)  # slow: not while others wait to write
        with self._database.writing() as session:
            predictions.add_showing(session, case, reader, content)

    def shown(self, case: CaseKey, reader: str | None = None) -> Prediction | None:
        """Return what anybody, or this reader, was shown last of a case, None where no model has spoken of
        it. For eyes that may see it."""
        with self._database.reading() as session:
            asked = queue_settings.read_questions_of(session, case.queue, self.questions)
            return predictions.read_shown(session, case, reader, asked, self._unpacked)

    def shown_digests(self, queue: str | None = None) -> dict[CaseKey, str]:
        """Return, of every case of a queue (None: of all) that anybody was shown a model's answer of, a
        digest of the one shown last."""
        with self._database.reading() as session:
            return predictions.list_shown(session, queue)

    def was_shown(self, case: CaseKey, reader: str) -> bool:
        """Return whether a reader was ever shown what models say of a case: it cannot be read blind any
        more."""
        with self._database.reading() as session:
            return predictions.was_shown(session, case, reader)

    def unrevealed(self, reader: str) -> Collection[CaseKey]:
        """Return the cases that a reader has begun blind and not revealed: the model's answer stays out of
        their sight everywhere."""
        with self._database.reading() as session:
            return predictions.list_unrevealed(session, reader)


def _of_queue(queue: str | None) -> list[sa.ColumnElement[bool]]:
    return [] if queue is None else [CaseRow.queue == queue]
