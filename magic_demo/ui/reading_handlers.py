"""What happens in the bar under the cards: notes, done, reveal, and an older reading taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import gradio as gr

from magic_demo.errors import FormError, MagicDemoError
from magic_demo.ui.handlers import Updates
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
            case = self.page.cases.get(draft.case)
            note = read_note(told, case.encounter.photos if case is not None else ())
            parts: tuple[Part, ...] = ("comment", "flagged", "difficulty", "unusable")
            for part in parts:
                self.review.saver.change(session, part, getattr(note, part))
            _draft, reading = self._open(session, told)
            self._change(session, reading, seconds=read_seconds(told, reading.seconds))
            return self.review.keep(request)
        except MagicDemoError as error:
            return self.review.failed(error)
        finally:
            self.review.saver.heard(told.get("case"))

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
        return {**self.review.reopen(request, case, taken), self.parts.status: self.review.said("status.taken_back", saved)}

    def _open(self, session: str, told: Mapping[str, object]) -> tuple[ReviewDraft, Reading]:
        draft = self.page.drafts.get(session)
        if draft is None or draft.reading is None or draft.case != told.get("case"):
            raise FormError(fixed_line("message.gone")["en"])
        return draft, draft.reading

    def _change(self, session: str, reading: Reading, **changes: object) -> None:
        self.page.drafts.draft_changed(session, "reading", replace(reading, **changes))  # type: ignore[arg-type]
