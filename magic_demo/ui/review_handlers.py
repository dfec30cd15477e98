"""What happens when the reader answers a card, outlines a photo or asks why: parse with forms, one call, render."""

from __future__ import annotations

import threading
from typing import Any

import gradio as gr

from magic_demo.errors import MagicDemoError
from magic_demo.mask_runs import encode_mask
from magic_demo.questions import load_families
from magic_demo.types import MaskRuns
from magic_demo.ui.forms import read_answers, read_why
from magic_demo.ui.handlers import Handlers, Updates
from magic_demo.ui.i18n import line_in_both
from magic_demo.ui.mask_form import read_mask
from magic_demo.ui.review import Part
from magic_demo.ui.review_state import ReviewState
from magic_demo.ui.status import render_status
from magic_demo.ui.wand_form import answer_wand
from magic_demo.ui.why import CLOSED, why_value


class ReviewHandlers:
    """The events of a review, beside those of the case, whose parts, cases and drafts they share."""

    def __init__(self, page: Handlers, review: ReviewState) -> None:
        self.page = page
        self.parts = page.parts
        self.review = review
        self._outlining = threading.Lock()

    def answer(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Keep what the reader has answered on the cards; what comes of a case that is no longer open is late and dropped."""
        session, told = str(request.session_hash), event._data
        draft = self.page.drafts.get(session)
        if draft is None or told.get("case") != draft.case:
            return {self.parts.status: gr.skip()}
        try:
            read = read_answers(told, load_families())
            self.draft_changed(session, "answers", read.answers)
            self.draft_changed(session, "specified", read.specified)
        except MagicDemoError as error:
            return self.review.failed(error)
        finally:
            self.review.saver.heard(draft.case)
        return self.review.keep(request)

    def outline(self, inputs: Updates, event: gr.EventData, request: gr.Request) -> Updates:
        """Keep the reader's mask of one photo, or forget it where it was taken back as if never drawn."""
        session, told = str(request.session_hash), event._data
        draft, case = self.page.drafts.get(session), self.page.cases.get(inputs[self.parts.case])
        if draft is None or case is None or not told.get("case") == draft.case == case.case_id:
            return {self.parts.status: gr.skip()}
        photo = next((photo for photo in case.encounter.photos if photo.photo_id == told.get("photo")), None)
        if photo is None:
            return {self.parts.status: gr.skip()}
        try:
            mask = encode_mask(read_mask(told, photo.size)) if told.get("runs") is not None else None
            self.outline_changed(session, photo.photo_id, mask)
        except MagicDemoError as error:
            return self.review.failed(error)
        finally:
            self.review.saver.heard(draft.case)
        return self.review.keep(request)

    def wand(self, inputs: Updates, event: gr.EventData) -> Updates:
        """Cut out what the reader has shown the wand."""
        case = self.page.cases.get(inputs[self.parts.case])
        photos = case.encounter.photos if case is not None else ()
        return {self.parts.viewer: gr.update(wand_reply=answer_wand(event._data, photos))}

    def outline_changed(self, session: str, photo_id: str, mask: MaskRuns | None) -> None:
        """Put one photo's mask into the draft beside those of the others; two masks that come at once are both kept."""
        with self._outlining:
            draft = self.page.drafts.get(session)
            others = {name: runs for name, runs in draft.masks.items() if name != photo_id} if draft is not None else {}
            self.draft_changed(session, "masks", {**others, photo_id: mask} if mask is not None else others)

    def draft_changed(self, session: str, part: Part, value: Any) -> None:
        """Take one part of the review that the reader has changed. Every change passes here, and is saved after it."""
        self.review.saver.change(session, part, value)

    def explain(self, inputs: Updates, event: gr.EventData) -> Updates:
        """Say why an option has its score: the pane gets the words and the evidence, the viewer a heat map."""
        parts = self.parts
        case = self.page.cases.get(inputs[parts.case])
        if case is None or case.analysed is None or event._data.get("case") != case.case_id:
            return {parts.why: CLOSED, parts.status: gr.skip()}
        encounter, prediction, prompt = case.analysed.encounter, case.analysed.prediction, case.analysed.prompt
        try:
            asked = read_why(event._data, load_families())
            predictor = self.page.source.get()
            option = asked.family.family_id, asked.option
            with self.page.source.turns.take():
                why = predictor.explain(encounter, prediction, *option, prompt=prompt, language=asked.language, cache=case.cache)
        except MagicDemoError as error:
            return {parts.why: CLOSED, parts.status: render_status("failed", line_in_both(str(error)))}
        return {parts.why: why_value(asked.request, asked.family, why, encounter, prediction), parts.status: gr.skip()}
