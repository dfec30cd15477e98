"""What the handlers of a review share: the desk, the saver, and how the page is told what is saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from magic_demo.core.errors import MagicDemoError
from magic_demo.core.review_content import outlines_of
from magic_demo.core.review_types import ReviewKind, SavedReview
from magic_demo.core.types import Mask
from magic_demo.page.events.drafts.changes import read_change, read_stored_case
from magic_demo.page.events.drafts.in_step import step_value
from magic_demo.page.events.drafts.recall import Recall
from magic_demo.page.events.drafts.saving import Saver, write_review
from magic_demo.page.events.handlers import Handlers
from magic_demo.page.events.resolve import Resolved, Updates, resolve
from magic_demo.page.panels.frame.status.status import fixed_line, render_status
from magic_demo.page.panels.review.review_form import asks_value, form_value, saved_value
from magic_demo.page.panels.viewer import viewer_value
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.open_cases import OpenCase
from magic_demo.page.session.review import DraftName, Reading, ReviewDraft
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.disagreements import Changes, count_changes
from magic_demo.reviews.store import Store
from magic_demo.reviews.store.rules import find_open_outlines


@dataclass(frozen=True)
class Answer:
    """What a save tells the page. whole: whether all that came is in the store, and nothing is in conflict."""

    updates: Updates
    whole: bool


@dataclass(frozen=True)
class ReviewState:
    """The page, where its reviews are kept, and what saves them."""

    page: Handlers
    desk: Desk
    saver: Saver

    @property
    def store(self) -> Store:
        """Return the store. Raises StoreError where nothing is kept."""
        return self.desk.opened_store

    @property
    def recall(self) -> Recall:
        """Return what finds the draft and the open case of an event."""
        return Recall(self.desk, self.page.drafts, self.page.cases)

    def resolve(self, event: gr.EventData | None, request: gr.Request) -> Resolved:
        """Return what an event is about."""
        return resolve(event, request, self.recall)

    def take(self, event: Resolved, parts: Sequence[object], line: str = "status.saved") -> Answer:
        """Take what parts of the page have changed, save it, and answer with what is in the store now.

        What cannot be taken is told, and the rest saved.
        """
        problem: MagicDemoError | None = None
        try:
            with self.saver.hold(event.session):
                name, draft = event.named_draft
                known = self.questions_of(draft)
                problem = self._take_parts(name, draft, parts, known)
                saved = self.save(event, line, name=name, base=_oldest_base(parts), known=known)
        except MagicDemoError as error:
            if self.page.drafts.was_left(event.payload.get("case")):
                return Answer({self.page.parts.status: gr.skip()}, whole=True)
            return Answer(self.failed(problem or error), whole=False)
        finally:
            self.saver.heard(event.payload.get("case"))
        return saved if problem is None else Answer({**saved.updates, **self.failed(problem)}, whole=False)

    def catch_up(self, event: Resolved) -> Answer:
        """Take what was saved of an event's case elsewhere, or under an earlier opening of it, where that is newer; nothing is saved
        otherwise."""
        try:
            with self.saver.hold(event.session):
                name = event.draft_name
                if not self.saver.is_behind(name):
                    return Answer({self.page.parts.status: gr.skip()}, whole=True)
                return self.save(event, name=name, base=read_base(event.payload))
        except MagicDemoError as error:
            return Answer(self.failed(error), whole=False)

    def _take_parts(
        self, name: DraftName, draft: ReviewDraft, parts: Sequence[object], asked: QuestionSet
    ) -> MagicDemoError | None:
        """Take each part, and return what is wrong with the first that cannot be taken."""
        problem: MagicDemoError | None = None
        sizes = self.recall.find_sizes(draft)
        photos = {*sizes, *self.recall.find_photos(draft)}
        for part in parts:
            try:
                self.saver.take(name, read_change(part, sizes, asked, photos))
            except MagicDemoError as error:
                problem = problem or error
        return problem

    def save(
        self,
        event: Resolved,
        line: str = "status.saved",
        *,
        name: DraftName,
        base: int | None = None,
        known: QuestionSet | None = None,
    ) -> Answer:
        """Save a draft and tell the page. Raises FormError, StoreError.

        What another reader's page sends, after somebody else signed in, is refused.

        base: the newest review that the tab has heard of; it is told what came since. known: what is asked of the draft's case, where
        it was read already.
        """
        parts = self.page.parts
        before = self.page.drafts.get(name)
        # what is heard later may come too late for this save
        heard = self.saver.count_heard(before.open_id) if before is not None else 0
        event.check_reader()
        saved = self.saver.save(name, known)
        conflicts = self.saver.list_conflicts(name, base)
        draft = self.page.drafts.get(name)
        if saved is None or draft is None or draft.reading is None:
            # of no store: nothing is said to be saved
            return Answer({parts.status: gr.skip()}, whole=True)
        asked = known or self.questions_of(draft)
        step = step_value(draft, base, conflicts, asked)
        news = {
            **saved_value(
                draft,
                self._list_since(draft.reading, base) if "merged" in step else [saved],
                self._changes(draft, draft.reading),
                heard,
                self._count_open(draft, asked),
            ),
            **step,
            "kind": saved.review.kind,
        }
        status = (
            render_status("failed", fixed_line("status.conflict"))
            if conflicts
            else self.render_saved(_choose_line(line, saved), saved)
        )
        return Answer(
            {parts.form: gr.update(saved=news), **self.row(draft, saved), parts.status: status},
            whole=not conflicts,
        )

    def _list_since(self, reading: Reading, base: int | None) -> list[SavedReview]:
        """Return the reader's reviews of a case that a tab has not heard of, whoever's tab they came from. Raises StoreError."""
        return [
            saved for saved in self.store.history(reading.key, reading.reader) if saved.number > (base or 0)
        ]

    def questions_of(self, draft: ReviewDraft | None) -> QuestionSet:
        """Return what is asked of a draft's case. Raises StoreError."""
        return self.desk.questions_of(
            draft.reading.key if draft is not None and draft.reading is not None else None
        )

    def find_missing(self, draft: ReviewDraft) -> tuple[str, ...]:
        """Return what finishing the draft now would leave open: ids of families, then of photos.

        Raises StoreError.
        """
        return (
            self.store.find_missing(write_review(draft, draft.reading, None, self.questions_of(draft)))
            if draft.reading is not None
            else ()
        )

    def _count_open(self, draft: ReviewDraft, asked: QuestionSet) -> int:
        """Return how many outlines a complete reading still needs. Raises StoreError."""
        return len(find_open_outlines(draft, self.recall.find_photos(draft), asked))

    def ask_about(self, draft: ReviewDraft, left_open: Sequence[str]) -> Updates:
        """Ask whether a reading is to be finished with this left open."""
        case = self.page.cases.get(draft.open_id)
        asks = asks_value(
            draft, left_open, case.encounter.photos if case is not None else (), self.questions_of(draft)
        )
        line = fixed_line("status.asks", count=len(left_open))
        return {
            self.page.parts.form: gr.update(asks=asks),
            self.page.parts.status: render_status("ready", line),
        }

    def reopen(self, session: str, case: OpenCase, draft: ReviewDraft) -> Updates:
        """Show a case anew with another content: cards and viewer keep what they hold of a case, so that it
        is opened under a new id."""
        page = self.page
        key, reader = (draft.reading.key, draft.reading.reader) if draft.reading is not None else (None, None)
        reopened = page.cases.reopen(case, key=key, reader=reader)
        content = replace(draft, open_id=reopened.open_id)
        page.drafts.begin(session, content)
        updates = page.show_case(reopened, draft=content)
        if reopened.analysed is not None and not content.hides_model:
            analysed = reopened.analysed
            updates |= page.show_prediction(reopened, analysed.encounter, analysed.prediction, content)
        return {**updates, **self.row(content), page.parts.form: self.form(content)}

    def note_shown(self, draft: ReviewDraft) -> Updates:
        """Keep what the models said of the draft's case, which is shown now, and tell the bar what that has
        changed beside a blind reading."""
        parts, reading = self.page.parts, draft.reading
        try:
            self.saver.note_shown(draft)
            if reading is None or reading.kind != "revealed":
                return {parts.status: gr.skip()}
            asked = self.questions_of(draft)
            return {
                parts.form: gr.update(
                    saved={
                        **saved_value(
                            draft, [], self._changes(draft, reading), 0, self._count_open(draft, asked)
                        ),
                        **step_value(draft, None, (), asked),
                    }
                )
            }
        except MagicDemoError as error:
            return self.failed(error)

    def row(self, draft: ReviewDraft, saved: SavedReview | None = None) -> Updates:
        """Tell the list under which id its case is open, and what a save has made of it; a consensus leaves
        the reader's own reading as it was."""
        if draft.reading is None:
            return {}
        row: dict[str, Any] = {
            "queue": draft.reading.key.queue,
            "id": draft.reading.key.case_id,
            "case": draft.open_id,
        }
        if saved is not None and saved.review.kind != "consensus":
            review = saved.review
            row |= {
                "state": review.state,
                "flagged": review.flagged,
                "disagrees": bool(review.disagreements),
                "left_open": bool(review.missing),
            }
        return {self.page.parts.panel.queue: gr.update(row=row)}

    def viewer(
        self,
        draft: ReviewDraft,
        case: OpenCase,
        others: Mapping[str, Mapping[str, Mask]] | None = None,
        *,
        covered: Mapping[str, object] | None = None,
    ) -> dict[str, Any]:
        """Return the viewer's value of an open case: what may be seen of the model, the reader's own masks,
        and others' by name. covered: what it answers to a ``cover``."""
        photos, prediction = case.encounter.photos, self.saver.prediction(draft)
        return viewer_value(
            case.open_id,
            photos,
            prediction,
            synthetic=case.example,
            own=outlines_of(draft),
            labels=self.questions_of(draft).labels,
            rulers=draft.rulers,
            remarks=draft.remarks,
            apart=self.desk.takes_lesions_apart(case.key),
            others=others,
            missing=case.missing,
            covered=covered,
        )

    def failed(self, error: MagicDemoError) -> Updates:
        """Say in the status line what went wrong."""
        return self.page.failed(error)

    def render_saved(self, line: str, saved: SavedReview) -> str:
        """Return the status line of a save, with the time on this computer's clock."""
        time, left_open = saved.saved_at.astimezone().strftime("%H:%M:%S"), len(saved.review.missing)
        return render_status("done", fixed_line(line, time=time, count=left_open))

    def form(self, draft: ReviewDraft, history: Sequence[SavedReview] | None = None) -> dict[str, Any]:
        """Return the bar's value for a case that was just opened. history: all that the reader saved of it,
        where it was read already."""
        case = self.page.cases.get(draft.open_id)
        reading, photos = draft.reading, self.recall.find_photos(draft)
        saved: dict[str, Any] = {}
        if reading is not None:
            known = self.store.history(reading.key, reading.reader) if history is None else history
            counted, asked = self.saver.count_heard(draft.open_id), self.questions_of(draft)
            saved = {
                **saved_value(
                    draft, known, self._changes(draft, reading), counted, self._count_open(draft, asked)
                ),
                **step_value(draft, None, (), asked),
            }
        return form_value(
            draft,
            photos,
            saved,
            missing=case.missing if case is not None else 0,
            may=self.desk.list_permitted(reading.reader) if reading is not None else (),
        )

    def _changes(self, draft: ReviewDraft, reading: Reading) -> Changes | None:
        prediction = self.saver.prediction(draft) if reading.kind == "revealed" else None
        if prediction is None:
            return None
        kinds: tuple[ReviewKind, ...] = ("blind",)
        blind = self.store.latest(reading.key, reading.reader, kinds=kinds, state="done")
        if blind is None:
            return None
        reference, before = self.desk.reference(self.store.case(reading.key, reading.reader)), blind.review
        return count_changes(
            before.answers,
            draft.answers,
            prediction.answers,
            reference,
            masks_before=before.masks,
            masks_after=draft.masks,
            questions=self.questions_of(draft),
        )


class ReviewEvents:
    """Handlers of a panel's events, over the page and its reviews."""

    def __init__(self, review: ReviewState) -> None:
        self.review = review
        self.page = review.page
        self.parts = review.page.parts

    def resolve(self, event: gr.EventData | None, request: gr.Request) -> Resolved:
        """Return what an event is about."""
        return self.review.resolve(event, request)

    def failed(self, error: MagicDemoError) -> Updates:
        """Say in the status line what went wrong."""
        return self.review.failed(error)


def _choose_line(line: str, saved: SavedReview) -> str:
    """Return the line that a save is told by: a finished case that goes on says so until it is finished
    again."""
    if line == "status.case_done" and saved.review.missing:
        return "status.case_done_open"
    return "status.reopened" if line == "status.saved" and saved.reopens else line


def read_base(payload: Mapping[str, Any]) -> int | None:
    """Return the newest review that the tab has heard of, None where it does not say."""
    stored = read_stored_case(payload)
    return stored.base if stored is not None else None


def _oldest_base(parts: Sequence[object]) -> int | None:
    """Return the oldest review that any of these parts goes on from, None where they do not say."""
    stored_cases = [read_stored_case(part) for part in parts if isinstance(part, Mapping)]
    return min((stored.base for stored in stored_cases if stored is not None), default=None)
