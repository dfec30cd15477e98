"""What happens when the reader answers a card or asks why: parse with forms, one call, render."""

from __future__ import annotations

from typing import Any

import gradio as gr

from magic_demo.errors import MagicDemoError
from magic_demo.questions import load_families
from magic_demo.ui.forms import read_answers, read_why
from magic_demo.ui.handlers import Handlers, Updates
from magic_demo.ui.i18n import line_in_both
from magic_demo.ui.review import Part, ReviewDraft
from magic_demo.ui.status import render_status
from magic_demo.ui.why import CLOSED, why_value


class ReviewHandlers:
    """The events of a review, beside those of the case, whose parts, cases and drafts they share."""

    def __init__(self, page: Handlers) -> None:
        self.page = page
        self.parts = page.parts

    def answer(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Keep what the reader has answered on the cards; what comes of a case that is no longer open is late and dropped."""
        session = str(request.session_hash)
        draft = self.page.drafts.get(session)
        if draft is None or event._data.get("case") != draft.case:
            return {self.parts.status: gr.skip()}
        try:
            read = read_answers(event._data, load_families())
        except MagicDemoError as error:
            return {self.parts.status: render_status("failed", line_in_both(str(error)))}
        self.draft_changed(session, "answers", read.answers)
        self.draft_changed(session, "specified", read.specified)
        return {self.parts.status: gr.skip()}

    def draft_changed(self, session: str, part: Part, value: Any) -> ReviewDraft:
        """Take one part of the review that the reader has changed. Every change passes here: what saves reviews listens here."""
        return self.page.drafts.draft_changed(session, part, value)

    def explain(self, inputs: Updates, event: gr.EventData) -> Updates:
        """Say why an option has its score: the pane gets the words and the evidence, the viewer a heat map."""
        parts = self.parts
        case = self.page.cases.get(inputs[parts.case])
        if case is None or case.analysed is None or event._data.get("case") != case.case_id:
            return {parts.why: CLOSED, parts.status: gr.skip()}
        encounter, prediction = case.analysed.encounter, case.analysed.prediction
        try:
            asked = read_why(event._data, load_families())
            predictor = self.page.source.get()
            why = predictor.explain(encounter, prediction, asked.family.family_id, asked.option, language=asked.language)
        except MagicDemoError as error:
            return {parts.why: CLOSED, parts.status: render_status("failed", line_in_both(str(error)))}
        return {parts.why: why_value(asked.request, asked.family, why, encounter, prediction), parts.status: gr.skip()}
