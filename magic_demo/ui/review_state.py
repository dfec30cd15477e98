"""What the handlers of a review share: the desk, the saver, and how the page is told what is saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from magic_demo.disagreements import Changes, count_changes
from magic_demo.errors import MagicDemoError, StoreError
from magic_demo.mask_runs import decode_mask
from magic_demo.store import Store
from magic_demo.types import Mask, ReviewKind, SavedReview
from magic_demo.ui.desk import Desk
from magic_demo.ui.handlers import Handlers, Updates
from magic_demo.ui.i18n import line_in_both
from magic_demo.ui.open_cases import OpenCase
from magic_demo.ui.review import Reading, ReviewDraft
from magic_demo.ui.review_form import form_value, saved_value
from magic_demo.ui.saving import Saver
from magic_demo.ui.status import fixed_line, render_status
from magic_demo.ui.viewer import viewer_value


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

    def reader(self, request: gr.Request) -> str:
        """Return who sent a request. Raises StoreError for nobody."""
        return self.desk.reader(request.cookies if self.desk.sign_ins is not None else {})

    def check_reader(self, request: gr.Request) -> None:
        """Raise StoreError when the session's reading is another reader's than who sent the request."""
        draft = self.page.drafts.get(str(request.session_hash))
        if draft is not None and draft.reading is not None and draft.reading.reader != self.reader(request):
            raise StoreError("somebody else has signed in since this case was opened; reload the page")

    def keep(self, request: gr.Request, line: str = "status.saved") -> Updates:
        """Save the session's draft and tell the page. What another reader's page sends, after somebody else signed in, is refused."""
        parts, session = self.page.parts, str(request.session_hash)
        before = self.page.drafts.get(session)
        heard = self.saver.count_heard(before.case) if before is not None else 0  # what is heard later may come too late for this save
        try:
            self.check_reader(request)
            saved = self.saver.save(session)
            draft = self.page.drafts.get(session)
            if saved is None or draft is None or draft.reading is None:
                return {parts.status: gr.skip()}
            told = saved_value(draft, [saved], self._changes(draft, draft.reading), heard)
        except MagicDemoError as error:
            return self.failed(error)
        return {parts.form: gr.update(saved=told), **self.row(draft, saved), parts.status: self.said(line, saved)}

    def reopen(self, request: gr.Request, case: OpenCase, draft: ReviewDraft) -> Updates:
        """Show a case anew with another content: cards and viewer keep what they hold of a case, so that it is opened under a new id."""
        page = self.page
        reopened = page.cases.open(case.encounter, example=case.example, queued=True)
        content = replace(draft, case=reopened.case_id)
        page.drafts.begin(str(request.session_hash), content)
        updates = page.show_case(reopened, draft=content)
        if case.analysed is not None:
            page.cases.keep_analysis(reopened.case_id, case.analysed.encounter, case.analysed.prediction)
            if not content.hides_model:
                updates |= page.show_prediction(reopened, case.analysed.encounter, case.analysed.prediction, content)
        page.cases.close(case.case_id)
        return {**updates, **self.row(content), page.parts.form: self.form(content)}

    def note_shown(self, draft: ReviewDraft) -> Updates:
        """Keep what the models said of the draft's case, which is shown now, and tell the bar what that has changed beside a blind reading."""
        parts, reading = self.page.parts, draft.reading
        try:
            self.saver.note_shown(draft)
            if reading is None or reading.kind != "revealed":
                return {parts.status: gr.skip()}
            return {parts.form: gr.update(saved=saved_value(draft, [], self._changes(draft, reading), 0))}
        except MagicDemoError as error:
            return self.failed(error)

    def row(self, draft: ReviewDraft, saved: SavedReview | None = None) -> Updates:
        """Tell the list under which id its case is open, and what a save has made of it; a consensus leaves the reader's own reading as it was."""
        if draft.reading is None:
            return {}
        row: dict[str, Any] = {"queue": draft.reading.key.queue, "id": draft.reading.key.case_id, "case": draft.case}
        if saved is not None and saved.review.kind != "consensus":
            said = saved.review
            row |= {"state": said.state, "flagged": said.flagged, "disagrees": bool(said.disagreements)}
        return {self.page.parts.panel.queue: gr.update(row=row)}

    def viewer(self, draft: ReviewDraft, case: OpenCase, others: Mapping[str, Mapping[str, Mask]] | None = None) -> dict[str, Any]:
        """Return the viewer's value of an open case: what may be seen of the model, the reader's own masks, and others' by name."""
        own = {photo_id: decode_mask(runs) for photo_id, runs in draft.masks.items()}
        photos, prediction = case.encounter.photos, self.saver.prediction(draft)
        return viewer_value(case.case_id, photos, prediction, synthetic=case.example, own=own, others=others)

    def failed(self, error: MagicDemoError) -> Updates:
        """Say in the status line what went wrong."""
        return {self.page.parts.status: render_status("failed", line_in_both(str(error)))}

    def said(self, line: str, saved: SavedReview) -> str:
        """Return the status line of a save, with the time on this computer's clock."""
        return render_status("done", fixed_line(line, time=saved.saved_at.astimezone().strftime("%H:%M:%S")))

    def form(self, draft: ReviewDraft, history: Sequence[SavedReview] | None = None) -> dict[str, Any]:
        """Return the bar's value for a case that was just opened. history: all that the reader saved of it, where it was read already."""
        case = self.page.cases.get(draft.case)
        photos = case.encounter.photos if case is not None else ()
        reading = draft.reading
        saved = {}
        if reading is not None:
            known = self.store.history(reading.key, reading.reader) if history is None else history
            saved = saved_value(draft, known, self._changes(draft, reading), self.saver.count_heard(draft.case))
        adjudicator = reading is not None and self.store.reader(reading.reader).role == "adjudicator"
        return form_value(
            draft, photos, saved, adjudicator=adjudicator, erases=reading is not None and self.desk.may_delete(reading.reader)
        )

    def _changes(self, draft: ReviewDraft, reading: Reading) -> Changes | None:
        prediction = self.saver.prediction(draft)
        if reading.kind != "revealed" or prediction is None:
            return None
        kinds: tuple[ReviewKind, ...] = ("blind",)
        blind = self.store.latest(reading.key, reading.reader, kinds=kinds, state="done")
        if blind is None:
            return None
        reference, before = self.desk.reference(self.store.case(reading.key, reading.reader)), blind.review
        return count_changes(
            before.answers, draft.answers, prediction.answers, reference, masks_before=before.masks, masks_after=draft.masks
        )
