"""What happens when the reader answers a card, chooses a system, outlines a photo or asks why: parse with forms, one call,
render."""

from __future__ import annotations

import gradio as gr

from magic_demo.core.errors import FormError, MagicDemoError
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.page.events.handlers import Handlers
from magic_demo.page.events.resolve import Resolved, Updates, answered, answered_with_inputs
from magic_demo.page.events.review.review_state import ReviewEvents, ReviewState
from magic_demo.page.panels.forms import read_system, read_why
from magic_demo.page.panels.frame.status.status import fixed_line, render_status
from magic_demo.page.panels.viewer.close_look import CloseLooks
from magic_demo.page.panels.viewer.facts_form import answer_facts
from magic_demo.page.panels.viewer.point_form import answer_points
from magic_demo.page.panels.why.why import CLOSED, why_value
from magic_demo.page.session.desk.systems import shown_system
from magic_demo.page.session.inference.refining import Refiner
from magic_demo.page.session.open_cases import OpenCase
from magic_demo.page.session.review import ReviewDraft


class ReviewHandlers(ReviewEvents):
    """The events of a review, beside those of the case, whose parts, cases and drafts they share."""

    def __init__(self, page: Handlers, review: ReviewState) -> None:
        super().__init__(review)
        self.page = page

    @answered
    def answer(self, event: Resolved) -> Updates:
        """Save what the reader has answered on the cards, whether memory still holds the case or not."""
        return self.review.take(event, [event.payload]).updates

    @answered
    def outline(self, event: Resolved) -> Updates:
        """Save the reader's mask of one photo, or forget it where it was taken back as if never drawn."""
        return self.review.take(event, [event.payload]).updates

    @answered
    def measure(self, event: Resolved) -> Updates:
        """Save what the reader has measured in one photo."""
        return self.review.take(event, [event.payload]).updates

    @answered
    def remark(self, event: Resolved) -> Updates:
        """Save the comments on the lesions of one photo."""
        return self.review.take(event, [event.payload]).updates

    @answered
    def show_system(self, event: Resolved) -> Updates:
        """Show what another system says of the case, where the model is shown; the reader's own stays."""
        draft, reading, case = event.draft, event.reading, event.case
        name = read_system(event.payload)
        prediction = self.review.desk.prediction(reading.key, name)
        if draft.hides_model or prediction is None or shown_system(prediction) != name:
            raise FormError("{system} cannot be shown of this case; choose another one", system=name or "?")
        self.page.cases.keep_analysis(case.open_id, case.encounter, prediction)
        self.review.saver.note_shown(draft)
        return {
            **self.review.note_shown(draft),
            **self.page.show_prediction(case, case.encounter, prediction, draft),
            self.parts.status: render_status("done", fixed_line("status.system", name=name)),
        }

    @answered_with_inputs
    def point(self, inputs: Updates, event: Resolved) -> Updates:
        """Let an outline follow what the reader points at. Where the model is hidden a graph cut alone
        decides: the outline must not tell what the model would say. So it does for a label but the first: the model
        knows no other."""
        case, draft = self._find(inputs, event)
        photos = case.encounter.photos if case is not None else ()
        shown = (draft is None or not draft.hides_model) and not event.payload.get("label")
        refiner = Refiner(self.page.source, case, shown=shown)
        looks = CloseLooks(refiner.cache, refiner.by)
        reply = answer_points(event.payload, photos, refiner.refine, looks)
        if refiner.asks_model:
            self.page.note_model_seen(event.session, draft)
        return {self.parts.viewer: gr.update(point_reply={**reply, "read": refiner.read})}

    @answered_with_inputs
    def facts(self, inputs: Updates, event: Resolved) -> Updates:
        """Measure the open case's photos for a browser that cannot read back what it draws."""
        case, draft = self._find(inputs, event)
        if draft is None or case is None or not event.payload.get("case") == draft.open_id == case.open_id:
            return {self.parts.viewer: gr.skip()}
        own = {photo_id: decode_mask(runs) for photo_id, runs in draft.masks.items()}
        prediction = self.review.saver.prediction(draft)
        return {
            self.parts.viewer: gr.update(
                served=answer_facts(event.payload, case.encounter.photos, prediction, own)
            )
        }

    def _find(self, inputs: Updates, event: Resolved) -> tuple[OpenCase | None, ReviewDraft | None]:
        """Return the open case and its draft, of a stored case from the store what memory does not hold any
        more; None for what cannot be found. Without its draft nobody knows whether a stored case hides the model, and
        it is not found either."""
        try:
            return event.case, event.draft
        except MagicDemoError:
            open_id = event.payload.get("case") or self.page.open_id(inputs, event.request)
            case = self.page.cases.get(open_id)
            return (case if case is not None and not case.queued else None), None

    @answered_with_inputs
    def explain(self, inputs: Updates, event: Resolved) -> Updates:
        """Say why an option has its score: the pane gets the words and the evidence, the viewer a heat
        map."""
        parts = self.parts
        case, draft = self._find(inputs, event)
        hidden = draft is not None and draft.hides_model
        if hidden or case is None or case.analysed is None or event.payload.get("case") != case.open_id:
            return {parts.why: CLOSED, parts.status: gr.skip()}
        encounter, prediction, prompt = (
            case.analysed.encounter,
            case.analysed.prediction,
            case.analysed.prompt,
        )
        try:
            questions = self.page.questions_of(case)
            asked = read_why(event.payload, questions.families)
            predictor = self.page.source.asking(questions, self.page.questions)
            option = asked.family.family_id, asked.option
            with self.page.source.turns.take():
                why = predictor.explain(
                    encounter, prediction, *option, prompt=prompt, language=asked.language, cache=case.cache
                )
            similar = self.review.desk.choose_similar(why.similar, event.reader) if why.similar else []
        except MagicDemoError as error:
            return {parts.why: CLOSED, **self.failed(error)}
        return {
            parts.why: why_value(asked.request, asked.family, why, encounter, prediction, similar),
            parts.status: gr.skip(),
        }
