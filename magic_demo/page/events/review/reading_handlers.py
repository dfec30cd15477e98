"""What happens in the bar under the cards: notes, done, reveal, an older reading taken back, and what a
broken connection left unsaved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import gradio as gr

from magic_demo.core.errors import FormError, MagicDemoError
from magic_demo.page.events.resolve import Resolved, Updates, answered
from magic_demo.page.events.review.review_state import ReviewEvents, read_base
from magic_demo.page.panels.case.messages import RESTORED
from magic_demo.page.panels.forms import read_system
from magic_demo.page.panels.frame.status.status import fixed_line, render_status
from magic_demo.page.panels.review.review_form import read_seconds
from magic_demo.page.session.review import DraftName, Reading
from magic_demo.reviews.store.rules import OWN_READINGS, WITHOUT_MODEL


class ReadingHandlers(ReviewEvents):
    """The events of the bar."""

    @answered
    def note(self, event: Resolved) -> Updates:
        """Save comment, flag, choices and unusable photos."""
        return self.review.take(event, [event.payload]).updates

    @answered
    def send_again(self, event: Resolved) -> Updates:
        """Take what was sent before and not answered; what had come is there once. Without any: bring the tab into step with what
        an earlier opening of the case has saved."""
        parts = read_parts(event.payload)
        return (self.review.take(event, parts) if parts else self.review.catch_up(event)).updates

    @answered
    def restore(self, event: Resolved) -> Updates:
        """Put back what this browser had changed and could not save when its connection broke, on top of what
        is newest in the store."""
        with self.review.saver.hold(event.session):  # a case that is opened meanwhile comes after it
            return self._restore(event)

    def _restore(self, event: Resolved) -> Updates:
        case = event.case
        saved = self.review.take(event, read_parts(event.payload), "status.restored").updates
        # what could not be saved stays in the tab; what could of a case that was left is there when it is opened again
        if not event.is_shown or self.parts.form not in saved:
            return saved
        # the status line goes on with the next step
        case = self.page.cases.note_line(case.open_id, RESTORED) or case
        updates = self.review.reopen(event.session, case, event.draft)
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
        _ = event.reading
        self.review.saver.wait(payload.get("case"), payload.get("heard"))
        with self.review.saver.hold(event.session):
            parts = read_parts(payload)  # those that may still be on their way
            answer = self.review.take(event, parts) if parts else self.review.catch_up(event)
            if not answer.whole:
                return answer.updates
            taken = answer.updates if self.parts.form in answer.updates else {}
            (name, draft), reading = event.named_draft, event.reading
            left_open, confirmed = self.review.find_missing(draft), payload.get("anyway")
            if not set(left_open) <= set(confirmed if isinstance(confirmed, list) else ()):
                asks = self.review.ask_about(draft, left_open)
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
        _ = event.reading
        self.review.saver.wait(payload.get("case"), payload.get("heard"))
        with self.review.saver.hold(event.session):
            name, reading = event.draft_name, event.reading
            self._change(name, reading, state="in progress", seconds=read_seconds(payload, reading.seconds))
            return self.review.save(event, "status.case_reopened", name=name, base=read_base(payload)).updates

    def reveal(self, inputs: Updates, event: gr.EventData, request: gr.Request) -> Iterator[Updates]:
        """Show the model beside a complete blind reading; what is saved from now on is another reading, as
        done as the blind one until it changes."""
        try:
            about = self.resolve(event, request)
            with self.review.saver.hold(about.session):
                if not about.is_shown:
                    raise FormError("This case is not open here any more; open it again in the list")
                (name, draft), reading = about.named_draft, about.reading
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

    def _change(self, name: DraftName, reading: Reading, **changes: object) -> None:
        changed = replace(reading, **changes)  # type: ignore[arg-type]
        self.page.drafts.change(name, lambda draft: replace(draft, reading=changed))


def read_parts(payload: Mapping[str, object]) -> list[object]:
    """Return the parts that an event says it has sent before and not heard of."""
    parts = payload.get("parts")
    return parts if isinstance(parts, list) else []
