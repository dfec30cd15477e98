"""What programs may ask for, the same behind HTTP and MCP, under the rules of the page: a token sees what its
reader sees there."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial

from magic_demo.api.errors import ApiError
from magic_demo.api.jobs import Job, Jobs, Outcome, Report
from magic_demo.api.predicting import SentPhoto, predict
from magic_demo.api.shapes import (
    CaseAsked,
    CaseSaid,
    CasesAsked,
    CasesSaid,
    ExportAsked,
    JobAsked,
    JobSaid,
    JobsSaid,
    NothingAsked,
    NumberAsked,
    PredictAsked,
    ProgressSaid,
    QuestionSaid,
    QuestionsAsked,
    QuestionsSaid,
    QueueAsked,
    QueuesSaid,
    ReadersSaid,
    ReviewSaid,
    ReviewsSaid,
)
from magic_demo.core.errors import StoreError
from magic_demo.core.review_content import to_json
from magic_demo.core.review_types import CaseKey, SavedReview
from magic_demo.page.panels.case.photo_intake import SENT_AT_ONCE, TOO_MANY
from magic_demo.page.server.downloads.take_away import take_readings
from magic_demo.page.server.requests.parameters import RefusedError
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.inference.source import PredictorSource
from magic_demo.page.session.rate_limit import RateLimit
from magic_demo.reviews.store import LOCAL_READER, Actor, QueueCase, ReaderRole, Token, TrailKind

WITHDRAWALS: tuple[TrailKind, ...] = ("cover", "cover confirmed", "delete", "purge")
"""What makes an export that was made before hold more than it may."""


@dataclass(frozen=True)
class Caller:
    """Who asks: a token's number, its reader as they are now, and the address that the request came from. base:
    the path that the API has for them."""

    token: int
    reader: str
    role: ReaderRole
    address: str
    base: str

    @property
    def source(self) -> str:
        """Return whose photos these are."""
        return f"token {self.token}"


def make_caller(token: Token, address: str, base: str) -> Caller:
    """Return who asks with a token."""
    return Caller(token.number, token.reader.name, token.reader.role, address, base)


class Verbs:
    """Everything that programs may ask for. Raises ApiError, StoreError."""

    def __init__(self, desk: Desk, source: PredictorSource) -> None:
        self.desk, self._source = desk, source
        self.jobs = Jobs(self._is_valid)
        self._photos = RateLimit(*SENT_AT_ONCE)
        desk.on_gone.append(lambda _case: self.jobs.forget_files())

    def _is_valid(self, number: int) -> bool:
        return self.desk.opened_store.is_token_valid(number)

    def questions(self, _caller: Caller, asked: QuestionsAsked) -> QuestionsSaid:
        """Return the closed questions with their options: a queue's, or those of a case in none."""
        if asked.queue is not None:
            self._check_queue(asked.queue)
        questions = self.desk.opened_store.questions_of(asked.queue)
        return QuestionsSaid(
            families=[
                QuestionSaid(
                    family=family.family_id,
                    title=family.title["en"],
                    questions=[question.qid for question in family.questions],
                    options=list(family.options["en"]),
                )
                for family in questions.families
            ]
        )

    def make_room(self, caller: Caller, size: int) -> Job:
        """Return the place of a prediction whose photos are still to come. size: theirs, in bytes."""
        return self.jobs.make_room("prediction", caller.token, size)

    def predict(self, caller: Caller, asked: PredictAsked, photos: Sequence[SentPhoto], job: Job) -> JobSaid:
        """Begin a prediction of photos, the patient's words, or both, in the place that it has."""
        if not photos and not asked.narrative.strip():
            raise ApiError(
                "nothing_to_predict", "neither photos nor words came; send a photo or the patient's words"
            )
        for _ in photos:
            if not self._photos.allows(caller.source):
                raise RefusedError(429, TOO_MANY)
        work = partial(predict, self._source, self.desk.arrivals, caller.source, photos, asked)
        self.jobs.begin(job, work)
        return _say(caller, job)

    def export(self, caller: Caller, asked: ExportAsked) -> JobSaid:
        """Begin an export of a queue's finished reviews: a reader's own, an adjudicator's all; the job has the
        file, a zip."""
        self._check_queue(asked.queue)
        return _say(caller, self.jobs.add("export", caller.token, partial(self._export, caller, asked)))

    def _export(self, caller: Caller, asked: ExportAsked, report: Report, _stop: threading.Event) -> Outcome:
        report(0.1, "writes the export")
        actor = Actor(caller.reader, f"api {caller.address}".strip())
        everything, before = self.desk.may(caller.reader, "export every review"), self._last_withdrawal()
        content = take_readings(self.desk, asked.format, asked.queue, actor, consensus=asked.consensus)
        return Outcome(file=content, file_name=asked.format, of_everybody=everything, withdrawal=before)

    def _last_withdrawal(self) -> int:
        """Return the audit trail's number of the last deletion or covering, by whichever program of the store."""
        rows = self.desk.opened_store.trail(kinds=WITHDRAWALS, most=1)
        return rows[0].number if rows else 0

    def list_jobs(self, caller: Caller, _asked: NothingAsked) -> JobsSaid:
        """Return the token's jobs, oldest first."""
        return JobsSaid(jobs=[_say(caller, job) for job in self.jobs.list_of(caller.token)])

    def read_job(self, caller: Caller, asked: JobAsked) -> JobSaid:
        """Return how far a job is, and what came of it."""
        return _say(caller, self.jobs.find(asked.job, caller.token))

    def forget_job(self, caller: Caller, asked: JobAsked) -> NothingAsked:
        """Stop a job, and forget what came of it."""
        self.jobs.forget(asked.job, caller.token)
        return NothingAsked()

    def read_file(self, caller: Caller, asked: JobAsked) -> tuple[bytes, str]:
        """Return the file that a job made, and a name for it."""
        outcome = self.jobs.find(asked.job, caller.token).outcome
        if outcome.file is None:
            raise ApiError("no_file", "this job has made no file (yet); wait until its state is done")
        if outcome.withdrawal != self._last_withdrawal():
            # another program of the store tells the trail alone
            self.jobs.forget_files()
            self.jobs.find(asked.job, caller.token)
        if outcome.of_everybody and not self.desk.may(caller.reader, "export every review"):
            raise ApiError(
                "no_file",
                "this file holds everybody's reviews, which are an adjudicator's to have; export again",
            )
        return outcome.file, f"{outcome.file_name}.zip"

    def list_queues(self, caller: Caller, _asked: NothingAsked) -> QueuesSaid:
        """Return the queues, and what the token's reader is."""
        return QueuesSaid(queues=self.desk.opened_store.queues(), role=caller.role)

    def list_cases(self, caller: Caller, asked: CasesAsked) -> CasesSaid:
        """Return a queue's cases as the token's reader sees them: their own and everybody's."""
        self._check_queue(asked.queue)
        store = self.desk.opened_store
        cases, hidden = store.list_cases(asked.queue, caller.reader), store.unrevealed(caller.reader)
        part = cases[asked.offset : asked.offset + asked.limit]
        return CasesSaid(total=len(cases), cases=[_describe_case(case, hidden) for case in part])

    def list_reviews(self, caller: Caller, asked: CaseAsked) -> ReviewsSaid:
        """Return the finished reviews of a case that the token's reader may see: others' after a complete one
        of their own. Who sees others' reviews is not blind to them afterwards."""
        return ReviewsSaid(reviews=self._see(caller, CaseKey(asked.queue, asked.case), None))

    def read_review(self, caller: Caller, asked: NumberAsked) -> ReviewSaid:
        """Return a finished review by its number, as the webhook names it, if the token's reader may see it and
        it is its reader's newest."""
        found = self.desk.opened_store.finished(asked.number)
        reviews = self._see(caller, found.key, asked.number) if found is not None else []
        if not reviews:
            raise ApiError(
                "no_review",
                "there is no such finished review, a newer one has taken its place, or it is not to be seen yet",
            )
        return reviews[0]

    def _see(self, caller: Caller, key: CaseKey, number: int | None) -> list[ReviewSaid]:
        """Return a case's reviews, or the one of a number, and keep that they were seen."""
        store = self.desk.opened_store
        try:
            case = store.case(key, caller.reader)
        except StoreError as error:
            raise ApiError("no_case", "there is no such case; cases lists those that there are") from error
        try:
            self.desk.check_assigned(case, caller.reader)
        except StoreError as error:
            raise ApiError("not_assigned", "{reason}", reason=error.message) from error
        seen = [
            saved for saved in store.visible_reviews(key, caller.reader) if number in (None, saved.number)
        ]
        hidden = key in store.unrevealed(caller.reader)
        self.desk.note_seen(caller.reader, key, seen)
        if not hidden and any(saved.review.disagreements is not None for saved in seen):
            # where it differs from the model says what that said
            store.note_seen([key], caller.reader, "model")
        return [_describe_review(saved, hidden=hidden) for saved in seen]

    def read_progress(self, _caller: Caller, asked: QueueAsked) -> ReadersSaid:
        """Return how far each reader is in a queue."""
        self._check_queue(asked.queue)
        rows = self.desk.opened_store.progress(asked.queue)
        return ReadersSaid(
            readers=[
                ProgressSaid(
                    reader=row.reader,
                    cases=row.cases,
                    in_progress=row.in_progress,
                    done=row.done,
                    flagged=row.flagged,
                )
                for row in rows
                if row.reader != LOCAL_READER or row.done or row.in_progress
            ]
        )

    def _check_queue(self, queue: str) -> None:
        if queue not in self.desk.opened_store.queues():
            raise ApiError("no_queue", "there is no such queue; queues lists those that there are")


def _say(caller: Caller, job: Job) -> JobSaid:
    return job.say(f"{caller.base}/jobs")


def _describe_case(case: QueueCase, hidden: Collection[CaseKey]) -> CaseSaid:
    return CaseSaid(
        case=case.key.case_id,
        state=case.state,
        flagged=case.flagged,
        complete=case.complete,
        consensus=case.consensus,
        assigned_to=list(case.assigned_to),
        photos=list(case.photos) if case.photos is not None else None,
        differs=case.disagrees if case.number and case.key not in hidden else None,
    )


def _describe_review(saved: SavedReview, *, hidden: bool) -> ReviewSaid:
    """hidden: whether the model's answer is, and with it where the review differs."""
    review = saved.review
    differs: Sequence[str] | None = sorted(review.disagreements) if review.disagreements is not None else None
    return ReviewSaid(
        number=saved.number,
        queue=review.queue,
        case=review.case_id,
        reader=review.reader,
        kind=review.kind,
        complete=saved.complete,
        saved_at=saved.saved_at,
        seconds=review.seconds,
        content=to_json(review),
        differs=None if hidden or differs is None else list(differs),
    )
