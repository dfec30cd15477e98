"""Earlier versions of a reader's own review: looked at beside nothing that could be changed, and brought
back.

What the bar gets of one (``version_value``):

    {"case", "number", "at": ISO time, "kind", "state", "answers": {family id: [option]}, "specified": {family
    id: str},
     "masks": {outline's name: {"width", "height", "runs"}}, "clicks": of them, and the other fields of
     ``ReviewContent``}
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from magic_demo.core.errors import StoreError
from magic_demo.core.review_content import outlines_of, parts_of, to_json
from magic_demo.core.review_types import SavedReview
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.page.events.resolve import Resolved, Updates, answered
from magic_demo.page.events.review.review_state import ReviewEvents
from magic_demo.page.panels.cards.cards import cards_value
from magic_demo.page.panels.viewer.mask_form import write_outline
from magic_demo.questions.families import QuestionSet


class Versions(ReviewEvents):
    """The events of the bar's list of saved readings."""

    @answered
    def look(self, event: Resolved) -> Updates:
        """Show what an earlier review of the reader's own said; nothing is changed or saved."""
        found = self._find(event)
        return {
            self.parts.form: gr.update(
                version=version_value(event.draft.open_id, found, self.review.questions_of(event.draft))
            ),
            self.parts.status: gr.skip(),
        }

    @answered
    def take_back(self, event: Resolved) -> Updates:
        """Make an older reading of the reader's own the newest again; the page takes it as one more change,
        which can be undone."""
        payload = event.payload
        _ = event.reading
        self.review.saver.wait(payload.get("case"), payload.get("heard"))
        with self.review.saver.hold(event.session):
            (name, draft), reading = event.named_draft, event.reading
            saved = self.review.store.take_back(self._find(event).number, reading.reader)
            last = saved.review
            taken = replace(
                draft,
                **parts_of(last),
                reading=replace(reading, state=last.state, kind=last.kind),
                synced=saved,
                foreign={},
                conflicts=(),
            )
            self.page.drafts.change(name, lambda _: taken)
        in_store = self.review.form(taken, [saved])["saved"]
        back = {
            **version_value(draft.open_id, saved, self.review.questions_of(draft)),
            "of": payload.get("number"),
        }
        return {
            self.parts.form: gr.update(saved=in_store, back=back),
            **self.review.row(taken, saved),
            self.parts.status: self.review.render_saved("status.taken_back", saved),
        }

    def _find(self, event: Resolved) -> SavedReview:
        """Return the review that an event names, one of the reader's own of the case. Raises FormError, StoreError."""
        reading, number = event.reading, event.payload.get("number")
        for saved in self.review.store.history(reading.key, reading.reader):
            if saved.number == number:
                return saved
        raise StoreError(
            "{reader} has no review {number} of this case; open the list of saved readings again",
            reader=reading.reader,
            number=str(number)[:20],
        )


def version_value(case: str, saved: SavedReview, questions: QuestionSet) -> dict[str, Any]:
    """Return what the page gets of a saved review. case: the id under which it is open."""
    review = saved.review
    shown = cards_value(questions.families, None, answers=review.answers, specified=review.specified)
    return {
        **to_json(replace(review, masks={}, clicks={}, label_masks={})),
        "masks": {
            name: write_outline(decode_mask(outline.runs), outline.clicks)
            for name, outline in outlines_of(review).items()
        },
        "case": case,
        "number": saved.number,
        "at": saved.saved_at.isoformat(),
        "kind": review.kind,
        "state": review.state,
        "answers": shown["answers"],
        "specified": shown["specified"],
    }
