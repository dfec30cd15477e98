"""What happens when a case is deleted on the page: nothing of it stays in the store, in the program's memory,
or in any open page."""

from __future__ import annotations

import gradio as gr

from magic_demo.core.errors import MagicDemoError, StoreError
from magic_demo.page.events.handlers import Updates
from magic_demo.page.events.review_state import ReviewState
from magic_demo.page.gradio_internals.events import read_payload
from magic_demo.page.panels.frame.status.status import fixed_line, render_status


class Erasing:
    """The event of the drawer under the cards."""

    def __init__(self, review: ReviewState) -> None:
        self.review = review
        self.page = review.page

    def erase(self, inputs: Updates, event: gr.EventData, request: gr.Request) -> Updates:
        """Delete the open case for good, and show an empty page; other browsers that have it open find it
        gone."""
        parts, desk = self.page.parts, self.review.desk
        try:
            _name, _draft, reading = self.review.find_reading(request, read_payload(event))
            if not desk.may(self.review.reader(request), "delete cases"):
                raise StoreError("only an adjudicator deletes cases, as everybody's readings go with them")
            key = reading.key
            for case_id in {*self.page.drafts.close_all(key), *self.page.cases.list_open(key)}:
                self.page.cases.close(case_id)
            status = render_status(
                "done", fixed_line("status.erased", reviews=desk.delete_case(key, self.review.actor(request)))
            )
        except MagicDemoError as error:
            return self.review.failed(error)
        gone = {parts.panel.queue: gr.update(gone={"queue": key.queue, "id": key.case_id})}
        return {**self.page.clear(inputs, request), **gone, parts.status: status}
