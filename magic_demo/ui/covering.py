"""What happens when a reader covers a face or a tattoo: the pixels go from every copy of the photo here, and the models are asked anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import cv2
import gradio as gr
import numpy as np

from magic_demo.covered_photos import COVERED_NOTE, cover_area
from magic_demo.errors import FormError, MagicDemoError, StoreError
from magic_demo.types import Photo
from magic_demo.ui.case_panel import render_messages
from magic_demo.ui.handlers import Updates, list_photo_notes
from magic_demo.ui.mask_form import read_mask, working_size
from magic_demo.ui.open_cases import OpenCase
from magic_demo.ui.review import ReviewDraft
from magic_demo.ui.review_state import ReviewState
from magic_demo.ui.status import fixed_line, render_status


class Covering:
    """The events of covering, over the page and its reviews."""

    def __init__(self, review: ReviewState) -> None:
        self.review = review
        self.page = review.page
        self.parts = review.page.parts

    def cover(self, inputs: Updates, event: gr.EventData, request: gr.Request) -> Updates:
        """Cover an area of a photo for good: in memory, and in what is kept of it. The viewer gets the photo anew, or why not."""
        told = event._data
        reply = {"photo": told.get("photo"), "request": told.get("request")}
        try:
            self.review.check_reader(request)
            case, draft = self.page.cases.get(inputs[self.parts.case]), self.page.drafts.get(str(request.session_hash))
            if case is None or draft is None or not told.get("case") == draft.case == case.case_id:
                raise FormError(fixed_line("message.gone")["en"])
            self.page.stop(request)  # a model at work on the photo as it was
            case = self._change(case, draft, cover_photo(told, case))
        except (MagicDemoError, OSError) as error:
            failure = (
                error if isinstance(error, MagicDemoError) else StoreError(f"the covered photo cannot be kept ({error.strerror or error})")
            )
            return {self.parts.viewer: gr.update(cover_reply={**reply, "covered": False}), **self.review.failed(failure)}
        return {
            self.parts.viewer: gr.update(value=self.review.viewer(draft, case), cover_reply={**reply, "covered": True}),
            self.parts.readings: "",
            self.parts.panel.messages: render_messages(list_photo_notes(case.encounter.photos)),
            self.parts.status: render_status("done", fixed_line("status.covered")),
        }

    def analyse_again(self, inputs: Updates, request: gr.Request) -> Iterator[Updates]:
        """Ask the models about the photo as it is now, where they have spoken of the case and are at hand."""
        case, draft = self.page.cases.get(inputs[self.parts.case]), self.page.drafts.get(str(request.session_hash))
        stale = case is not None and case.analysed is not None and case.analysed.stale
        if not stale or draft is None or draft.hides_model or self.page.source.state != "ready" or self.review.desk.bundle is not None:
            yield {self.parts.status: gr.skip()}  # a generator that yields nothing empties every output
            return
        yield self.page.ask(request)
        yield from self.page.analyse(inputs, request)

    def _change(self, case: OpenCase, draft: ReviewDraft, photo: Photo) -> OpenCase:
        """Keep a covered photo, then let it take the original's place in the open case, in every browser that has it open."""
        if draft.reading is not None:
            self.review.desk.keep_covered(self.review.store.case(draft.reading.key, draft.reading.reader), photo)
            for case_id in self.page.drafts.list_open(draft.reading.key):
                self.page.cases.put_photo(case_id, photo)
        changed = self.page.cases.put_photo(case.case_id, photo)
        if changed is None:
            raise FormError(fixed_line("message.gone")["en"])
        return changed


def cover_photo(told: Mapping[str, Any], case: OpenCase) -> Photo:
    """Return the photo that a ``cover`` event names with the area it sends covered, a working pixel around it included.

    Raises FormError for a photo that is not open, for an area that cannot be read or is empty.
    """
    photo = next((photo for photo in case.encounter.photos if photo.photo_id == told.get("photo")), None)
    if photo is None:
        raise FormError(fixed_line("message.gone")["en"])
    area = read_mask({**told, "runs": told.get("area")}, photo.size)
    if not area.any():
        raise FormError("the area to cover is empty; draw around what is to be covered")
    border = 2 * -(-max(photo.size) // max(working_size(photo.size))) + 1
    grown = cv2.dilate(area.astype(np.uint8), np.ones((border, border), np.uint8)) > 0
    notes = photo.notes if COVERED_NOTE in photo.notes else (*photo.notes, COVERED_NOTE)
    return replace(photo, pixels=cover_area(photo.pixels, grown), notes=notes)
