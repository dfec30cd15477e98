"""Earlier versions of a reader's own review: looked at beside nothing that could be changed, and brought
back.

What the bar gets of one (``version_value``):

    {"case", "number", "at": ISO time, "kind", "state", "answers": {family id: [option]}, "specified": {family
    id: str},
     "masks": {photo_id: {"width", "height", "runs"}}, "comment", "flagged", "difficulty", "unusable": [photo
     id]}
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from magic_demo.core.errors import MagicDemoError, StoreError
from magic_demo.core.types import SavedReview
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.page.events.handlers import Updates
from magic_demo.page.events.review_state import ReviewState
from magic_demo.page.gradio_internals.events import read_payload
from magic_demo.page.panels.cards.cards import cards_value
from magic_demo.page.panels.viewer.mask_form import write_runs
from magic_demo.questions.families import load_families


class Versions:
    """The events of the bar's list of saved readings."""

    def __init__(self, review: ReviewState) -> None:
        self.review = review
        self.page = review.page
        self.parts = review.page.parts

    def look(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Show what an earlier review of the reader's own said; nothing is changed or saved."""
        told = read_payload(event)
        try:
            _name, draft, reading = self.review.find_reading(request, told)
            number = told.get("number")
            found = next(
                (
                    saved
                    for saved in self.review.store.history(reading.key, reading.reader)
                    if saved.number == number
                ),
                None,
            )
            if found is None:
                raise StoreError(
                    "{reader} has no review {number} of this case; open the list of saved readings again",
                    reader=reading.reader,
                    number=str(number)[:20],
                )
        except MagicDemoError as error:
            return self.review.failed(error)
        return {
            self.parts.form: gr.update(version=version_value(draft.case, found)),
            self.parts.status: gr.skip(),
        }

    def take_back(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Make an older reading of the reader's own the newest again; the page takes it as one more change,
        which can be undone."""
        told = read_payload(event)
        try:
            name, _draft, _reading = self.review.find_reading(request, told)
            self.review.saver.wait(told.get("case"), told.get("heard"))
            with self.review.saver.hold(name):
                _name, draft, reading = self.review.find_reading(request, told)
                number = told.get("number")
                saved = self.review.store.take_back(number if type(number) is int else 0, reading.reader)
                last = saved.review
                taken = replace(
                    draft, answers=last.answers, specified=last.specified, masks=last.masks, comment=last.comment, flagged=last.flagged,
                    difficulty=last.difficulty, unusable=last.unusable, reading=replace(reading, state=last.state, kind=last.kind),
                    synced=saved, foreign={}, conflicts=(),
                )  # fmt: skip
                self.page.drafts.begin(name, taken)
            told_saved = self.review.form(taken, [saved])["saved"]
        except MagicDemoError as error:
            return self.review.failed(error)
        back = {**version_value(draft.case, saved), "of": told.get("number")}
        return {
            self.parts.form: gr.update(saved=told_saved, back=back),
            **self.review.row(taken, saved),
            self.parts.status: self.review.said("status.taken_back", saved),
        }


def version_value(case: str, saved: SavedReview) -> dict[str, Any]:
    """Return what the page gets of a saved review. case: the id under which it is open."""
    review = saved.review
    shown = cards_value(load_families(), None, answers=review.answers, specified=review.specified)
    return {
        "case": case,
        "number": saved.number,
        "at": saved.saved_at.isoformat(),
        "kind": review.kind,
        "state": review.state,
        "answers": shown["answers"],
        "specified": shown["specified"],
        "masks": {photo_id: write_runs(decode_mask(runs)) for photo_id, runs in review.masks.items()},
        "comment": review.comment,
        "flagged": review.flagged,
        "difficulty": review.difficulty,
        "unusable": sorted(review.unusable),
    }
