"""What happens in the bar under the cards: notes, done, reveal, an older reading taken back, and what a
broken connection left unsaved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import gradio as gr

from magic_demo.core.errors import FormError, MagicDemoError
from magic_demo.page.events.drafts.changes import read_stored_case
from magic_demo.page.events.resolve import Resolved, Updates, answered
from magic_demo.page.events.review.review_state import ReviewEvents
from magic_demo.page.panels.case.messages import RESTORED
from magic_demo.page.panels.forms import read_system
from magic_demo.page.panels.frame.status.status import fixed_line, render_status
from magic_demo.page.panels.review.review_form import read_seconds
from magic_demo.page.session.review import Reading
from magic_demo.reviews.store.rules import OWN_READINGS, WITHOUT_MODEL


class ReadingHandlers(ReviewEvents):
    """The events of the bar."""

    @answered
    def note(self, event: Resolved) -> Updates:
        """Save comment, flag, choices and unusable photos."""
        return self.review.take(event, [event.payload]).updates

    @answered
    def send_again(self, event: Resolved) -> Updates:
        """Take what was sent before and not answered; what had come is there once."""
        return self.review.take(event, read_parts(event.payload)).updates

    @answered
    def restore(self, event: Resolved) -> Updates:
        """Put back what this browser had changed and could not save when its connection broke, on top of what
        is newest in the store."""
        name, case = event.draft_name, event.case
        saved = self.review.take(event, read_parts(event.payload), "status.restored").updates
        restored = self.page.drafts.get(name)
        if restored is None or self.parts.form not in saved:  # what could not be saved stays in the tab
            return saved
        # the status line goes on with the next step
        case = self.page.cases.note_line(case.open_id, RESTORED) or case
        updates = self.review.reopen(event.session, case, restored)
        form = updates[self.parts.form]
        in_store = {
            name: value
            for name, value in saved[self.parts.form]["saved"].items()
            if name in ("stored", "conflicts")
        }
        return {
            **updates,
            self.parts.form: {**form, "saved": {**form["saved"], **in_store}},
            self.parts.status: saved[self.parts.status],
        }

    @answered
    def finish(self, event: Resolved) -> Updates:
        """Say that the reading is done, once every change that the browser has sent is heard; what is left
        open is asked about first."""
        payload = event.payload
        name = event.reading_name
        self.review.saver.wait(payload.get("case"), payload.get("heard"))
        with self.review.saver.hold(name):
            taken: Updates = {}
            if parts := read_parts(payload):  # those that may still be on their way
                answer = self.review.take(event, parts)
                taken = answer.updates
                if not answer.whole:
                    return taken
            reading = event.reading
            left_open, confirmed = self.review.find_missing(event.draft), payload.get("anyway")
            if not set(left_open) <= set(confirmed if isinstance(confirmed, list) else ()):
                asks = self.review.ask_about(event.draft, left_open)
                return {
                    **taken,
                    **asks,
                    self.parts.form: {**taken.get(self.parts.form, {}), **asks[self.parts.form]},
                }
            self._change(name, reading, state="done", seconds=read_seconds(payload, reading.seconds))
            return self.review.save(event, "status.case_done", name=name, base=read_base(payload)).updates

    @answered
    def reopen(self, event: Resolved) -> Updates:
        """Take Done back: the reading goes on, as a change after it would make it."""
        payload = event.payload
        name = event.reading_name
        self.review.saver.wait(payload.get("case"), payload.get("heard"))
        with self.review.saver.hold(name):
            reading = event.reading
            self._change(name, reading, state="in progress", seconds=read_seconds(payload, reading.seconds))
            return self.review.save(event, "status.case_reopened", name=name, base=read_base(payload)).updates

    def reveal(self, inputs: Updates, event: gr.EventData, request: gr.Request) -> Iterator[Updates]:
        """Show the model beside a complete blind reading; what is saved from now on is another reading, as
        done as the blind one until it changes."""
        try:
            about = self.resolve(event, request)
            name, draft, reading = about.draft_name, about.draft, about.reading
            last = self.review.store.latest(reading.key, reading.reader, kinds=OWN_READINGS)
            if (
                last is None
                or not last.complete
                or last.review.kind not in WITHOUT_MODEL
                or reading.state != "done"
            ):
                raise FormError(
                    "The model stays hidden for this case: finish your own reading, then reveal it"
                )
            self._change(name, reading, kind="revealed", model_shown=True)
            self.review.saver.save(name)  # that the model was seen is kept, whatever happens next
        except MagicDemoError as error:
            yield self.review.failed(error)
            return
        prediction, case = (
            self.review.desk.prediction(reading.key, read_system(about.payload)),
            self.review.recall.find_case(draft),
        )
        if prediction is not None:
            self.page.cases.keep_analysis(case.open_id, case.encounter, prediction)
            shown = self.page.show_prediction(case, case.encounter, prediction, self.page.drafts.get(name))
            yield {**shown, self.parts.status: render_status("done", fixed_line("status.bundle"))}
        else:
            yield self.page.ask(request)
            yield from self.page.analyse(inputs, request)
        revealed = self.page.drafts.get(name)
        if revealed is not None:
            yield {**self.review.note_shown(revealed), self.parts.panel.run: gr.update(interactive=True)}

    def _change(self, session: str, reading: Reading, **changes: object) -> None:
        self.page.drafts.draft_changed(session, "reading", replace(reading, **changes))  # type: ignore[arg-type]


def read_parts(payload: Mapping[str, object]) -> list[object]:
    """Return the parts that an event says it has sent before and not heard of."""
    parts = payload.get("parts")
    return parts if isinstance(parts, list) else []


def read_base(payload: Mapping[str, Any]) -> int | None:
    """Return the newest review that the tab has heard of, None where it does not say."""
    stored = read_stored_case(payload)
    return stored.base if stored is not None else None
