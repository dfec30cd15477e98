"""What happens when the reader answers a card, outlines a photo or asks why: parse with forms, one call,
render."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from magic_demo.core.errors import MagicDemoError
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.page.events.handlers import Handlers, Updates
from magic_demo.page.events.review_state import ReviewState
from magic_demo.page.gradio_internals.events import read_payload
from magic_demo.page.panels.forms import read_why
from magic_demo.page.panels.frame.status.status import render_status
from magic_demo.page.panels.viewer.facts_form import answer_facts
from magic_demo.page.panels.viewer.wand_form import answer_wand
from magic_demo.page.panels.why.why import CLOSED, why_value
from magic_demo.page.session.open_cases import OpenCase
from magic_demo.page.session.review import ReviewDraft
from magic_demo.page.texts.i18n import line_in_both
from magic_demo.questions.families import load_families


class ReviewHandlers:
    """The events of a review, beside those of the case, whose parts, cases and drafts they share."""

    def __init__(self, page: Handlers, review: ReviewState) -> None:
        self.page = page
        self.parts = page.parts
        self.review = review

    def answer(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Keep what the reader has answered on the cards, whether the case is still held in memory or not."""
        return self.review.take(request, read_payload(event), [read_payload(event)])

    def outline(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Keep the reader's mask of one photo, or forget it where it was taken back as if never drawn."""
        return self.review.take(request, read_payload(event), [read_payload(event)])

    def wand(self, inputs: Updates, event: gr.EventData, request: gr.Request) -> Updates:
        """Cut out what the reader has shown the wand."""
        case, _ = self._find(inputs, read_payload(event), request)
        photos = case.encounter.photos if case is not None else ()
        return {self.parts.viewer: gr.update(wand_reply=answer_wand(read_payload(event), photos))}

    def facts(self, inputs: Updates, event: gr.EventData, request: gr.Request) -> Updates:
        """Measure the open case's photos for a browser that cannot read back what it draws."""
        case, draft = self._find(inputs, read_payload(event), request)
        if draft is None or case is None or not read_payload(event).get("case") == draft.case == case.case_id:
            return {self.parts.viewer: gr.skip()}
        own = {photo_id: decode_mask(runs) for photo_id, runs in draft.masks.items()}
        prediction = self.review.saver.prediction(draft)
        return {
            self.parts.viewer: gr.update(
                served=answer_facts(read_payload(event), case.encounter.photos, prediction, own)
            )
        }

    def _find(
        self, inputs: Updates, told: Mapping[str, Any], request: gr.Request
    ) -> tuple[OpenCase | None, ReviewDraft | None]:
        """Return the open case and its draft, of a stored case from the store what memory does not hold any
        more; None for what cannot be found."""
        try:
            draft = self.page.drafts.get(self.review.find(request, told))
            case = self.review.recall.find_case(draft) if draft is not None else None
            return case, draft
        except MagicDemoError:
            return self.page.cases.get(told.get("case") or self.page.open_id(inputs, request)), None

    def explain(self, inputs: Updates, event: gr.EventData, request: gr.Request) -> Updates:
        """Say why an option has its score: the pane gets the words and the evidence, the viewer a heat
        map."""
        parts = self.parts
        case, _ = self._find(inputs, read_payload(event), request)
        if case is None or case.analysed is None or read_payload(event).get("case") != case.case_id:
            return {parts.why: CLOSED, parts.status: gr.skip()}
        encounter, prediction, prompt = (
            case.analysed.encounter,
            case.analysed.prediction,
            case.analysed.prompt,
        )
        try:
            asked = read_why(read_payload(event), load_families())
            predictor = self.page.source.get()
            option = asked.family.family_id, asked.option
            with self.page.source.turns.take():
                why = predictor.explain(
                    encounter, prediction, *option, prompt=prompt, language=asked.language, cache=case.cache
                )
        except MagicDemoError as error:
            return {parts.why: CLOSED, parts.status: render_status("failed", line_in_both(str(error)))}
        return {
            parts.why: why_value(asked.request, asked.family, why, encounter, prediction),
            parts.status: gr.skip(),
        }
