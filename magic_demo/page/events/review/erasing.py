"""What happens when a case is deleted on the page: nothing of it stays in the store, in the program's memory,
or in any open page."""

from __future__ import annotations

import gradio as gr

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey
from magic_demo.page.events.resolve import Resolved, Updates, answered_with_inputs
from magic_demo.page.events.review.review_state import ReviewEvents
from magic_demo.page.panels.frame.status.status import fixed_line, render_status


class Erasing(ReviewEvents):
    """The event of the drawer under the cards."""

    @answered_with_inputs
    def erase(self, inputs: Updates, event: Resolved) -> Updates:
        """Delete the open case for good, and show an empty page; other browsers that have it open find it
        gone."""
        parts, desk = self.page.parts, self.review.desk
        key = event.reading.key
        if not desk.may(event.reader, "delete cases"):
            raise StoreError("only an adjudicator deletes cases, as everybody's readings go with them")
        self._close(key)
        try:
            reviews = desk.delete_case(key, event.actor)
        finally:  # erasing takes a while, in which another browser may have had it read from the store again
            self._close(key)
        status = render_status("done", fixed_line("status.erased", reviews=reviews))
        gone = {parts.panel.queue: gr.update(gone={"queue": key.queue, "id": key.case_id})}
        return {**self.page.clear(inputs, event.request), **gone, parts.status: status}

    def _close(self, key: CaseKey) -> None:
        for open_id in {*self.page.drafts.close_all(key), *self.page.cases.list_open(key)}:
            self.page.cases.close(open_id)
