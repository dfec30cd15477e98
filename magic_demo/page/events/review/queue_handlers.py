"""What happens in the list of cases: the page arrives, a case is opened, its models are asked, the list is
arranged otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import gradio as gr

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey
from magic_demo.page.events.handlers import Handlers
from magic_demo.page.events.resolve import Resolved, Updates, answered, answered_with_inputs
from magic_demo.page.events.review.review_state import ReviewEvents, ReviewState
from magic_demo.page.panels.frame.status.status import fixed_line, render_status
from magic_demo.page.panels.queue.queue_panel import (
    Arrangement,
    case_link,
    queue_value,
    read_arrangement,
    row_value,
)
from magic_demo.reviews.cases.kept_cases import EXAMPLES
from magic_demo.reviews.store import LOCAL_READER
from magic_demo.reviews.store.rules import WITHOUT_MODEL


class QueueHandlers(ReviewEvents):
    """The events of the list, over the parts of the page and of the review."""

    def __init__(self, page: Handlers, review: ReviewState) -> None:
        super().__init__(review)
        self.page = page

    @answered_with_inputs
    def arrive(self, inputs: Updates, event: Resolved) -> Updates:
        """Show the list, and open the case that the reader was at: the one the browser remembers, else the
        one last saved and not done."""
        if self.review.desk.store is None:  # nothing is kept yet
            return {self.parts.status: gr.skip()}
        reader = event.reader
        arrangement = self._arrangement(event.payload)
        if arrangement.queue is None:
            return {self.parts.status: gr.skip()}
        link = event.payload.get("link")
        if isinstance(link, str):
            try:
                return self._follow(inputs, arrangement, reader, link, event)
            except StoreError as error:
                return {
                    self.parts.panel.queue: self.list_value(arrangement, reader, None, None),
                    **self.failed(error),
                }
        cases = self.review.store.list_cases(arrangement.queue, reader, order=arrangement.order)
        known = {case.key.case_id for case in cases}
        asked = event.payload.get("open")
        begun = [case for case in cases if case.state == "in progress"]
        last = max(begun, key=lambda case: case.number, default=None)
        wanted = (
            asked
            if isinstance(asked, str) and asked in known
            else last.key.case_id
            if last is not None
            else None
        )
        # the guide has opened its example
        if wanted is None or self.page.drafts.get_open(event.session) is not None:
            return {self.parts.panel.queue: self.list_value(arrangement, reader, None, None)}
        return self._open(inputs, arrangement, reader, wanted, event)

    @answered_with_inputs
    def open(self, inputs: Updates, event: Resolved) -> Updates:
        """Open a case of the queue, with all that the reader has saved of it."""
        payload = event.payload
        self.review.saver.wait(payload.get("from"), payload.get("heard"))
        arrangement = self._arrangement(event.payload)
        link = payload.get("link")
        if arrangement.queue is None or not isinstance(link or payload.get("open"), str):
            return {self.parts.status: gr.skip()}
        self.page.end_analysis(event.request)
        if link:
            return self._follow(inputs, arrangement, event.reader, link, event)
        # the browser has the list, of which one row changes
        listed = payload.get("queue") == arrangement.queue
        return self._open(inputs, arrangement, event.reader, payload["open"], event, listed=listed)

    @answered
    def arrange(self, event: Resolved) -> Updates:
        """List the cases of another queue, in another order, or go on in another mode."""
        payload = event.payload
        shown = self.list_value(
            self._arrangement(event.payload), event.reader, payload.get("open"), payload.get("case")
        )
        shown["arranged"] = True  # the answer may come after that of a case that was opened meanwhile
        return {self.parts.panel.queue: shown, self.parts.status: gr.skip()}

    @answered
    def assign(self, event: Resolved) -> Updates:
        """Let an adjudicator say whose these cases are; without a name they are everybody's."""
        payload, store = event.payload, self.review.store
        reader, arrangement = event.reader, self._arrangement(event.payload)
        if not self.review.desk.may(reader, "assign cases"):
            raise StoreError(
                "{reader} is no adjudicator; readers role {reader} adjudicator changes that", reader=reader
            )
        case_ids, names = ([str(name) for name in payload.get(what) or ()] for what in ("cases", "readers"))
        asked = payload.get("each")
        each = asked if isinstance(asked, int) else len(names)
        store.share_out(str(arrangement.queue), case_ids, names, each=min(each, len(names)))
        shown = {
            **self.list_value(arrangement, reader, payload.get("open"), payload.get("case")),
            "arranged": True,
        }
        line = fixed_line("status.assigned", count=len(case_ids))
        return {self.parts.panel.queue: shown, self.parts.status: render_status("done", line)}

    def analyse(self, inputs: Updates, request: gr.Request) -> Iterator[Updates]:
        """Ask the models about a case that was just opened, unless they stay hidden or have spoken."""
        draft = self.page.drafts.get_open(str(request.session_hash))
        if draft is None or draft.reading is None or draft.open_id != self.page.open_id(inputs, request):
            yield {self.parts.status: gr.skip()}  # a generator that yields nothing empties every output
            return
        case = self.page.cases.get(draft.open_id)
        if draft.hides_model or (case is not None and case.analysed is not None):
            yield {self.parts.status: gr.skip()}  # the opening said so; the reader may have gone on since
        else:
            yield self.page.ask(request)
            yield from self.page.analyse(inputs, request)
            yield self.review.note_shown(draft)

    def _follow(
        self, inputs: Updates, arrangement: Arrangement, reader: str, link: str, event: Resolved
    ) -> Updates:
        """Open the case that an address leads to. Raises StoreError, which says nothing of a case that the
        reader may not see."""
        key = next((key for key in self.review.store.case_keys() if case_link(key) == link), None)
        refused = StoreError("This link leads to no case that you can open here; choose one in the list")
        if key is None:
            raise refused
        try:
            self.review.desk.check_assigned(self.review.store.case(key, reader), reader)
        except StoreError as error:
            raise refused from error
        return self._open(inputs, replace(arrangement, queue=key.queue), reader, key.case_id, event)

    def _open(
        self,
        inputs: Updates,
        arrangement: Arrangement,
        reader: str,
        case_id: str,
        event: Resolved,
        *,
        listed: bool = False,
    ) -> Updates:
        desk = self.review.desk
        queued = self.review.store.case(CaseKey(str(arrangement.queue), case_id), reader)
        desk.check_assigned(queued, reader)
        read = desk.read_case(queued, reader)
        before = self.page.cases.get(self.page.open_id(inputs, event.request))
        case = self.page.replace_case(
            before,
            read.encounter,
            event.request,
            example=queued.key.queue == EXAMPLES,
            key=queued.key,
            reader=reader,
            states=read.states,
        )
        case = desk.put_newest(case)
        with self.review.saver.hold(
            event.session
        ):  # what an earlier opening of it still saves comes before or after
            history = self.review.store.history(queued.key, reader)
            draft = self.review.recall.begin_draft(case.open_id, queued, history, arrangement.mode, reader)
            self.page.drafts.begin(event.session, draft)
        case = self.page.cases.note_problems(case.open_id, read.problems, stored=True) or case
        case = (
            self.page.cases.note_problems(
                case.open_id, self.review.store.damaged_reviews(viewer=reader, case=queued.key)
            )
            or case
        )
        updates = self.page.show_case(case, draft)
        prediction = None if draft.hides_model else desk.prediction(queued.key, arrangement.system)
        if prediction is not None:
            self.page.cases.keep_analysis(case.open_id, case.encounter, prediction)
            self.review.saver.note_shown(draft)
            updates |= self.page.show_prediction(case, case.encounter, prediction, draft)
            updates[self.parts.status] = render_status("done", fixed_line("status.bundle"))
        elif draft.hides_model and draft.reading is not None:
            line = "status.blind" if draft.reading.kind in WITHOUT_MODEL else "status.unaided"
            updates[self.parts.status] = render_status("ready", fixed_line(line))
        panel, language = self.parts.panel, self.page.language(inputs)
        row = gr.update(
            row={
                **row_value(queued, reader),
                "case": case.open_id,
                "open": True,
                "link": case_link(queued.key),
            }
        )
        return {
            **updates,
            panel.narrative: read.encounter.narrative.text(language),
            panel.prompt: "",
            panel.queue: row if listed else self.list_value(arrangement, reader, case_id, case.open_id),
            panel.run: gr.update(interactive=not draft.hides_model),
            self.parts.form: self.review.form(draft, history),
            self.parts.readings: "",
        }

    def list_value(
        self, arrangement: Arrangement, reader: str, case_id: str | None, open_id: str | None
    ) -> dict[str, Any]:
        """Return what the list shows."""
        store, queue, signed_in = (
            self.review.store,
            str(arrangement.queue),
            self.review.desk.sign_ins is not None,
        )
        return queue_value(
            arrangement,
            store.queues(),
            store.list_cases(queue, reader, order=arrangement.order),
            reader=reader,
            signed_in=signed_in,
            case_id=case_id,
            open_id=open_id,
            link=case_link(CaseKey(queue, case_id)) if case_id is not None else None,
            progress=[
                row
                for row in store.progress(queue)
                if row.reader != LOCAL_READER or row.done or row.in_progress
            ]
            if signed_in
            else (),
            may=self.review.desk.list_permitted(reader),
        )

    def _arrangement(self, payload: Mapping[str, Any]) -> Arrangement:
        asked = read_arrangement(payload, self.review.desk.mode)
        queues = self.review.store.queues()
        queue = (
            asked.queue if asked.queue in queues else self.review.desk.first_queue or next(iter(queues), None)
        )
        return replace(asked, queue=queue)
