"""What happens in the bar under the cards: notes, done, reveal, an older reading taken back, and what a broken connection left unsaved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import gradio as gr

from magic_demo.errors import FormError, MagicDemoError
from magic_demo.mask_runs import encode_mask
from magic_demo.questions import load_families
from magic_demo.ui.forms import read_answers
from magic_demo.ui.handlers import Updates
from magic_demo.ui.mask_form import read_mask
from magic_demo.ui.open_cases import OpenCase
from magic_demo.ui.review import Part, Reading, ReviewDraft
from magic_demo.ui.review_form import is_blind_done, read_note, read_seconds
from magic_demo.ui.review_state import ReviewState
from magic_demo.ui.status import fixed_line, render_status


class ReadingHandlers:
    """The events of the bar."""

    def __init__(self, review: ReviewState) -> None:
        self.review = review
        self.page = review.page
        self.parts = review.page.parts

    def note(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Keep comment, flag, difficulty and unusable photos."""
        session, told = str(request.session_hash), event._data
        try:
            draft, _reading = self._open(session, told)
            self._take_note(session, told, self.page.cases.get(draft.case))
            _draft, reading = self._open(session, told)
            self._change(session, reading, seconds=read_seconds(told, reading.seconds))
        except MagicDemoError as error:
            return self.review.failed(error)
        finally:
            self.review.saver.heard(told.get("case"))
        return self.review.keep(request)

    def restore(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Put back what this browser had changed and could not save when its connection broke, on top of what is newest in the store."""
        session, told = str(request.session_hash), event._data
        try:
            self.review.check_reader(request)
            draft, _reading = self._open(session, told)
            case = self.page.cases.get(draft.case)
            if case is None:
                raise FormError(fixed_line("message.gone")["en"])
            parts = told.get("parts")
            for part in parts if isinstance(parts, list) else ():
                self._put_back(session, part, case)
        except MagicDemoError as error:
            return self.review.failed(error)
        restored = self.page.drafts.get(session)
        if restored is None:
            return {self.parts.status: gr.skip()}
        updates = self.review.reopen(request, case, restored)
        return {**updates, **self.review.keep(request, "status.restored"), self.parts.form: updates[self.parts.form]}

    def _put_back(self, session: str, told: object, case: OpenCase) -> None:
        """Take one event that was not heard: of the cards, of the viewer or of the bar. Raises FormError."""
        if not isinstance(told, Mapping):
            raise FormError(f"a change came as {type(told).__name__}, an object is expected; reload the page")
        saver = self.review.saver
        if "answers" in told:
            read = read_answers(told, load_families())
            saver.change(session, "answers", read.answers)
            saver.change(session, "specified", read.specified)
        elif "comment" in told:
            self._take_note(session, told, case)
        else:
            photo = next((photo for photo in case.encounter.photos if photo.photo_id == told.get("photo")), None)
            draft = self.page.drafts.get(session)
            if photo is None or draft is None:
                return
            masks = {name: runs for name, runs in draft.masks.items() if name != photo.photo_id}
            if told.get("runs") is not None:
                masks[photo.photo_id] = encode_mask(read_mask(told, photo.size))
            saver.change(session, "masks", masks)

    def _take_note(self, session: str, told: Mapping[str, object], case: OpenCase | None) -> None:
        note = read_note(told, case.encounter.photos if case is not None else ())
        parts: tuple[Part, ...] = ("comment", "flagged", "difficulty", "unusable")
        for part in parts:
            self.review.saver.change(session, part, getattr(note, part))

    def finish(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Say that the reading is done, once every change that the browser has sent is heard."""
        session, told = str(request.session_hash), event._data
        try:
            self.review.saver.wait(told.get("case"), told.get("heard"))
            _draft, reading = self._open(session, told)
            self._change(session, reading, state="done", seconds=read_seconds(told, reading.seconds))
            return self.review.keep(request, "status.case_done")
        except MagicDemoError as error:
            return self.review.failed(error)

    def reveal(self, inputs: Updates, event: gr.EventData, request: gr.Request) -> Iterator[Updates]:
        """Show the model beside a blind reading that is done; what is saved from now on is another reading."""
        session = str(request.session_hash)
        try:
            self.review.check_reader(request)
            draft, reading = self._open(session, event._data)
            history = self.review.store.history(reading.key, reading.reader)
            if reading.kind != "blind" or reading.state != "done" or not any(is_blind_done(saved) for saved in history):
                raise FormError(fixed_line("message.hidden")["en"])
            self._change(session, reading, kind="revealed", state="in progress", model_shown=True)
            self.review.saver.save(session)  # that the model was seen is kept, whatever happens next
        except MagicDemoError as error:
            yield self.review.failed(error)
            return
        prediction, case = self.review.desk.prediction(reading.key), self.page.cases.get(draft.case)
        if prediction is not None and case is not None:
            self.page.cases.keep_analysis(case.case_id, case.encounter, prediction)
            shown = self.page.show_prediction(case, case.encounter, prediction, self.page.drafts.get(session))
            yield {**shown, self.parts.status: render_status("done", fixed_line("status.bundle"))}
        else:
            yield self.page.ask(request)
            yield from self.page.analyse(inputs, request)
        revealed = self.page.drafts.get(session)
        if revealed is not None:
            yield {**self.review.note_shown(revealed), self.parts.panel.run: gr.update(interactive=True)}

    def take_back(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Make an older reading of the reader's own the newest again, and show it."""
        session, told = str(request.session_hash), event._data
        try:
            self.review.check_reader(request)
            draft, reading = self._open(session, told)
            saved = self.review.store.take_back(int(told.get("number") or 0), reading.reader)
        except MagicDemoError as error:
            return self.review.failed(error)
        last = saved.review
        case = self.page.cases.get(draft.case)
        if case is None:
            return self.review.failed(FormError(fixed_line("message.gone")["en"]))
        taken = ReviewDraft(
            case.case_id, last.answers, last.specified, last.masks, last.comment, last.flagged, last.difficulty, last.unusable,
            replace(reading, state=last.state, kind=last.kind),
        )  # fmt: skip
        updates = self.review.reopen(request, case, taken)
        row = self.review.row(replace(taken, case=updates[self.parts.case]), saved)
        return {**updates, **row, self.parts.status: self.review.said("status.taken_back", saved)}

    def _open(self, session: str, told: Mapping[str, object]) -> tuple[ReviewDraft, Reading]:
        draft = self.page.drafts.get(session)
        if draft is None or draft.reading is None or draft.case != told.get("case"):
            raise FormError(fixed_line("message.gone")["en"])
        return draft, draft.reading

    def _change(self, session: str, reading: Reading, **changes: object) -> None:
        self.page.drafts.draft_changed(session, "reading", replace(reading, **changes))  # type: ignore[arg-type]
