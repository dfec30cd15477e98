"""What happens when the reader does something: parse with forms, one call, render."""

from __future__ import annotations

import gradio as gr

from magic_demo.core.errors import FormError
from magic_demo.core.limits import LIMITS
from magic_demo.core.types import Encounter, Narrative
from magic_demo.page.events.analysing import Analysing
from magic_demo.page.events.resolve import Resolved, Updates, answered, answered_with_inputs
from magic_demo.page.panels.cards.cards import cards_value
from magic_demo.page.panels.case.case_panel import render_messages, word_case, word_prompt
from magic_demo.page.panels.case.messages import say_not_held
from magic_demo.page.panels.case.words import words_value
from magic_demo.page.panels.forms import (
    name_uploads,
    read_keys,
    read_language,
    read_narrative,
    read_problems,
)
from magic_demo.page.panels.frame.status.status import (
    fixed_line,
    render_about,
    render_source,
    render_status,
)
from magic_demo.page.panels.review.review_form import NO_FORM, unkept_value
from magic_demo.page.panels.viewer import EMPTY
from magic_demo.page.panels.why.why import CLOSED


class Handlers(Analysing):
    """The page's events, each a few lines over the parts."""

    @answered_with_inputs
    def upload(self, inputs: Updates, event: Resolved) -> Updates:
        """Open photos that were sent: beside those the case has, or as a new case where an example was
        open."""
        self.end_analysis(event.request)
        parts, before = self.parts, self.opened(inputs, event.request)
        photos = before.encounter.photos if before is not None and not before.fixed else ()
        keys = read_keys(event.payload)
        arrived = self.arrivals.fetch(keys)
        gone = len(keys) - len(arrived)  # more came at once than is held, or they were opened too late
        lost = [say_not_held(gone)] if gone else []
        read = name_uploads(arrived, [photo.photo_id for photo in photos])
        case = (
            self.cases.add_photos(before.open_id, read.photos)
            if before is not None and not before.fixed
            else None
        )
        if case is None:
            encounter = Encounter("CASE", photos=(*photos, *read.photos))
            case = self.replace_case(before, encounter, event.request, example=False)
        problems = [*read_problems(event.payload), *lost, *read.problems]
        case = self.cases.note_problems(case.open_id, problems) or case
        opened = [
            arrival.photo is not None and at < LIMITS.case_photos
            for at, arrival in enumerate(arrived, start=len(photos))
        ]
        updates = {**self.show_case(case), parts.form: unkept_value(case.open_id, opened)}
        if problems:
            updates[parts.status] = render_status(
                "failed", fixed_line("status.opened_some", count=len(read.photos))
            )
        if before is not None and before.fixed:
            typed = read_narrative(inputs[parts.panel.narrative], before)
            updates[parts.panel.narrative] = "" if typed == before.encounter.narrative else gr.skip()
        return updates

    @answered_with_inputs
    def choose_example(self, inputs: Updates, event: Resolved) -> Updates:
        """Open one of the bundled cases and ask for its analysis."""
        encounter = self.find_example(event.payload.get("number"))
        case = self.replace_case(self.opened(inputs, event.request), encounter, event.request, example=True)
        return {
            **self.show_case(case),
            self.parts.panel.narrative: encounter.narrative.text(self.language(inputs)),
            self.parts.panel.prompt: "",
            **self.ask(event.request),
        }

    def find_example(self, number: object) -> Encounter:
        """Return one of the bundled cases. Raises FormError where there is none of this number."""
        if type(number) is not int or not 0 <= number < len(self.examples):
            raise FormError("there is no such example; reload the page")
        return self.examples[number].encounter

    def clear(self, inputs: Updates, request: gr.Request) -> Updates:
        """Close the case, stop what is under way for it, and begin with an empty page."""
        self.end_analysis(request)
        self.cases.close(self.open_id(inputs, request))
        self.drafts.close(str(request.session_hash))
        parts = self.parts
        return {
            parts.case: None,
            parts.viewer: EMPTY,
            parts.cards: cards_value(self.questions.families, None),
            parts.why: CLOSED,
            parts.readings: "",
            parts.form: NO_FORM,
            parts.panel.messages: render_messages(()),
            parts.panel.words: words_value(Narrative()),
            parts.panel.narrative: "",
            parts.panel.prompt: "",
            parts.status: render_source(self.source),
        }

    @answered
    def speak(self, event: Resolved) -> Updates:
        """Put the texts that Gradio draws into the language chosen; everything else switches in the
        browser."""
        language = read_language(event.payload.get("language"))
        return {
            self.parts.spoken: language,
            **word_case(self.parts.panel, language, reads_prompt=self.source.reads_prompt),
        }

    def look_for_models(self, inputs: Updates) -> Updates:
        """Say whether the models are loaded, beside what the status line says of anything else, and stop
        asking once they are."""
        if self.source.state == "loading":
            return {self.parts.timer: gr.skip()}
        return {
            self.parts.status: gr.update(models=render_source(self.source)),
            self.parts.top.about: render_about(self.source),
            self.parts.timer: gr.Timer(active=False),
            self.parts.panel.prompt: word_prompt(
                self.language(inputs), reads_prompt=self.source.reads_prompt
            ),
        }
