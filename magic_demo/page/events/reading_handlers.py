"""What happens in the bar under the cards: notes, done, reveal, an older reading taken back, and what a
broken connection left unsaved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import gradio as gr

from magic_demo.core.errors import FormError, MagicDemoError
from magic_demo.page.events.drafts.changes import read_place
from magic_demo.page.events.handlers import Updates
from magic_demo.page.events.review_state import ReviewState
from magic_demo.page.gradio_internals.events import read_payload
from magic_demo.page.panels.case.messages import RESTORED
from magic_demo.page.panels.frame.status.status import fixed_line, render_status, says_failed
from magic_demo.page.panels.review.review_form import read_seconds
from magic_demo.page.session.review import Reading
from magic_demo.reviews.store.rules import OWN_READINGS, WITHOUT_MODEL


class ReadingHandlers:
    """The events of the bar."""

    def __init__(self, review: ReviewState) -> None:
        self.review = review
        self.page = review.page
        self.parts = review.page.parts

    def note(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Keep comment, flag, difficulty and unusable photos."""
        return self.review.take(request, read_payload(event), [read_payload(event)])

    def send_again(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Take what was sent before and not answered; what had come is there once."""
        told = read_payload(event)
        return self.review.take(request, told, read_parts(told))

    def restore(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Put back what this browser had changed and could not save when its connection broke, on top of what
        is newest in the store."""
        told = read_payload(event)
        try:
            name, draft, _reading = self.review.find_reading(request, told)
            case = self.review.recall.find_case(draft)
            kept = self.review.take(request, told, read_parts(told), "status.restored")
            restored = self.page.drafts.get(name)
            if restored is None or self.parts.form not in kept:  # what could not be saved stays in the tab
                return kept
            # the status line goes on with the next step
            case = self.page.cases.note_line(case.case_id, RESTORED) or case
            updates = self.review.reopen(request, case, restored)
        except MagicDemoError as error:
            return self.review.failed(error)
        form = updates[self.parts.form]
        told_too = {
            name: value
            for name, value in kept[self.parts.form]["saved"].items()
            if name in ("stored", "conflicts")
        }
        return {
            **updates,
            self.parts.form: {**form, "saved": {**form["saved"], **told_too}},
            self.parts.status: kept[self.parts.status],
        }

    def finish(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Say that the reading is done, once every change that the browser has sent is heard; what is left
        open is asked about first."""
        told = read_payload(event)
        try:
            name, _draft, _reading = self.review.find_reading(request, told)
            self.review.saver.wait(told.get("case"), told.get("heard"))
            with self.review.saver.hold(name):
                taken: Updates = {}
                if parts := read_parts(told):  # those that may still be on their way
                    taken = self.review.take(request, told, parts)
                    if says_failed(taken[self.parts.status]):
                        return taken
                _name, draft, reading = self.review.find_reading(request, told)
                left_open, confirmed = self.review.find_missing(draft), told.get("anyway")
                if not set(left_open) <= set(confirmed if isinstance(confirmed, list) else ()):
                    asks = self.review.ask_about(draft, left_open)
                    return {
                        **taken,
                        **asks,
                        self.parts.form: {**taken.get(self.parts.form, {}), **asks[self.parts.form]},
                    }
                self._change(name, reading, state="done", seconds=read_seconds(told, reading.seconds))
                return self.review.keep(request, "status.case_done", name=name, base=read_base(told))
        except MagicDemoError as error:
            return self.review.failed(error)

    def reopen(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Take Done back: the reading goes on, as a change after it would make it."""
        told = read_payload(event)
        try:
            name, _draft, _reading = self.review.find_reading(request, told)
            self.review.saver.wait(told.get("case"), told.get("heard"))
            with self.review.saver.hold(name):
                _name, _draft, reading = self.review.find_reading(request, told)
                self._change(name, reading, state="in progress", seconds=read_seconds(told, reading.seconds))
                return self.review.keep(request, "status.case_reopened", name=name, base=read_base(told))
        except MagicDemoError as error:
            return self.review.failed(error)

    def reveal(self, inputs: Updates, event: gr.EventData, request: gr.Request) -> Iterator[Updates]:
        """Show the model beside a complete blind reading; what is saved from now on is another reading, as
        done as the blind one until it changes."""
        try:
            session, draft, reading = self.review.find_reading(request, read_payload(event))
            last = self.review.store.latest(reading.key, reading.reader, kinds=OWN_READINGS)
            if (
                last is None
                or not last.complete
                or last.review.kind not in WITHOUT_MODEL
                or reading.state != "done"
            ):
                raise FormError(fixed_line("message.hidden")["en"])
            self._change(session, reading, kind="revealed", model_shown=True)
            self.review.saver.save(session)  # that the model was seen is kept, whatever happens next
        except MagicDemoError as error:
            yield self.review.failed(error)
            return
        prediction, case = self.review.desk.prediction(reading.key), self.review.recall.find_case(draft)
        if prediction is not None:
            self.page.cases.keep_analysis(case.case_id, case.encounter, prediction)
            shown = self.page.show_prediction(case, case.encounter, prediction, self.page.drafts.get(session))
            yield {**shown, self.parts.status: render_status("done", fixed_line("status.bundle"))}
        else:
            yield self.page.ask(request)
            yield from self.page.analyse(inputs, request)
        revealed = self.page.drafts.get(session)
        if revealed is not None:
            yield {**self.review.note_shown(revealed), self.parts.panel.run: gr.update(interactive=True)}

    def _change(self, session: str, reading: Reading, **changes: object) -> None:
        self.page.drafts.draft_changed(session, "reading", replace(reading, **changes))  # type: ignore[arg-type]


def read_parts(told: Mapping[str, object]) -> list[object]:
    """Return the parts that an event says it has sent before and not heard of."""
    parts = told.get("parts")
    return parts if isinstance(parts, list) else []


def read_base(told: Mapping[str, Any]) -> int | None:
    """Return the newest review that the tab has heard of, None where it does not say."""
    place = read_place(told)
    return place.base if place is not None else None
