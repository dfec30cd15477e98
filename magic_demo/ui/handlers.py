"""What happens when the reader does something: parse with forms, one call, render. No model and no photo stays in here."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from magic_demo.bundled import Example
from magic_demo.errors import FormError, MagicDemoError
from magic_demo.mask_runs import decode_mask
from magic_demo.questions import load_families
from magic_demo.types import Encounter, Language, Mask, Photo, Prediction, Step
from magic_demo.ui.analysis import Queued, Stops, follow
from magic_demo.ui.cards import cards_value
from magic_demo.ui.case_panel import CasePanel, render_messages, word_case
from magic_demo.ui.forms import name_uploads, read_encounter, read_keys, read_language, read_narrative, read_problems, read_prompt
from magic_demo.ui.i18n import line_in_both
from magic_demo.ui.open_cases import OpenCase, OpenCases
from magic_demo.ui.photo_intake import Arrivals
from magic_demo.ui.review import Drafts, ReviewDraft
from magic_demo.ui.review_form import NO_FORM, unkept_value
from magic_demo.ui.source import PredictorSource
from magic_demo.ui.status import (
    fixed_line,
    render_about,
    render_queued,
    render_source,
    render_status,
    render_step,
    says_failed,
    says_loading,
)
from magic_demo.ui.topbar import TopBar
from magic_demo.ui.turns import StoppedError
from magic_demo.ui.viewer import EMPTY, found_value, viewer_value
from magic_demo.ui.why import CLOSED

IDENTIFYING = "Faces and tattoos identify people: cover them (#) before you go on"
Updates = dict[Any, Any]
"""Component -> its new value or ``gr.update``; what is not named stays as it is."""


@dataclass(frozen=True)
class Parts:
    """The page's components that handlers read and write; ``case`` and ``spoken`` hold the open case's id and the language."""

    top: TopBar
    panel: CasePanel
    viewer: gr.HTML
    cards: gr.HTML
    why: gr.HTML
    readings: gr.HTML
    form: gr.HTML
    status: gr.HTML
    case: gr.State
    spoken: gr.State
    timer: gr.Timer


class Handlers:
    """The page's events, each a few lines over the parts."""

    def __init__(self, parts: Parts, source: PredictorSource, examples: Sequence[Example], cases: OpenCases, arrivals: Arrivals) -> None:
        self.parts = parts
        self.source = source
        self.examples = examples
        self.cases = cases
        self.arrivals = arrivals
        self.drafts = Drafts()
        self.stops = Stops()
        self.loading = [parts.status, parts.top.about, parts.timer]

    def upload(self, inputs: Updates, event: gr.EventData, request: gr.Request) -> Updates:
        """Open photos that were sent: beside those the case has, or as a new case where an example was open."""
        self.stop(request)  # what is under way is of the case before
        parts, before, language = self.parts, self._case(inputs), self.language(inputs)
        kept = before.encounter.photos if before is not None and not before.fixed else ()
        arrived = self.arrivals.fetch(read_keys(event._data))
        read = name_uploads(arrived, [photo.photo_id for photo in kept], language)
        encounter = Encounter("CASE", photos=(*kept, *read.photos))
        case = self.cases.change(before.case_id, encounter) if before is not None and not before.fixed else None
        case = case or self.replace_case(before, encounter, request, example=False)
        updates = self.show_case(case, problems=[*read_problems(event._data), *read.problems])
        if before is not None and before.fixed:
            typed = read_narrative(inputs[parts.panel.narrative], before, language)
            updates[parts.panel.narrative] = "" if typed == before.encounter.narrative else gr.skip()
        return updates

    def choose_example(self, inputs: Updates, event: gr.EventData, request: gr.Request) -> Updates:
        """Open one of the bundled cases and ask for its analysis."""
        number = event._data.get("number")
        if not isinstance(number, int) or not 0 <= number < len(self.examples):
            raise gr.Error("there is no such example")
        encounter = self.examples[number].encounter
        case = self.replace_case(self._case(inputs), encounter, request, example=True)
        return {
            **self.show_case(case),
            self.parts.panel.narrative: encounter.narrative.text(self.language(inputs)),
            self.parts.panel.prompt: "",
            **self.ask(request),
        }

    def ask(self, request: gr.Request) -> Updates:
        """Say at once that an analysis was asked for: it may have to wait for the models, or for other readers."""
        self.stops.renew(str(request.session_hash))
        waiting = "queued" if self.source.state == "ready" else "waiting"
        return {self.parts.status: render_status("working", fixed_line(f"status.{waiting}"), 0.02), **_busy(self.parts.panel, True)}

    def analyse(self, inputs: Updates, request: gr.Request) -> Iterator[Updates]:
        """Run the models on the case once their turn has come; the reader sees every step, each photo's map as it comes, then the cards."""
        parts, panel, language = self.parts, self.parts.panel, self.language(inputs)
        session = str(request.session_hash)
        began, stop = time.monotonic(), self.stops.sign(session)
        try:
            case = self._case(inputs)
            draft = self.drafts.get(session)
            if draft is not None and draft.hides_model:
                raise FormError(fixed_line("message.hidden")[language])
            if case is None and inputs[parts.case] is not None:
                raise FormError(fixed_line("message.gone")[language])
            encounter = read_encounter(inputs[panel.narrative], case, language)
            prompt = read_prompt(inputs[panel.prompt])
            predictor, cache = self.source.get(stop), case.cache if case is not None else None
            maps: dict[str, str] | None = {} if case is not None else None
            steps = partial(predictor.predict_steps, encounter, prompt=prompt, language=language, cache=cache)
            for event in follow(self.source.turns, steps, stop):
                if isinstance(event, Queued):
                    yield {parts.status: render_queued(event.before)}
                elif isinstance(event, Step):
                    yield {parts.status: render_step(event.share, event.what), **self._show_found(case, event.so_far, maps)}
                else:
                    words_alone = case is None
                    case = case or self._open(Encounter("CASE"), request)  # there is something to answer now, and to keep
                    self.cases.keep_analysis(case.case_id, encounter, event, prompt)
                    offer = {parts.form: unkept_value(case.case_id)} if words_alone else {}
                    yield {**self.show_prediction(case, encounter, event, self.drafts.get(session), maps), **offer, **_busy(panel, False)}
                    yield {parts.status: render_status("done", fixed_line("status.done", seconds=f"{time.monotonic() - began:.1f}"))}
        except StoppedError:
            if self.stops.is_latest(session, stop):
                yield {parts.status: render_status("ready", fixed_line("status.stopped")), **_busy(panel, False)}
            else:  # a newer analysis has taken its place on the page
                yield {parts.status: gr.skip()}
        except MagicDemoError as error:
            yield {parts.status: render_status("failed", line_in_both(str(error))), **_busy(panel, False)}
        except Exception:  # a fault of ours: the console gets it whole, and the reader a page that still works
            yield {parts.status: render_status("failed", fixed_line("status.fault")), **_busy(panel, False)}
            raise
        finally:
            self.stops.forget(session, stop)

    def refuse(self, inputs: Updates) -> Updates:
        """Say that what was asked of the models could not even wait, as too many do; what failed otherwise has said so itself."""
        line = gr.skip() if says_failed(inputs[self.parts.status]) else render_status("failed", fixed_line("status.full"))
        return {self.parts.status: line, **_busy(self.parts.panel, False)}

    def refuse_when_full(self, *asked: gr.events.Dependency, **settings: Any) -> None:
        """Wire what happens to these events when ``limits.waiting`` others wait already. settings: of every event."""
        for event in asked:
            outputs = [self.parts.status, self.parts.panel.run, self.parts.panel.cancel]
            event.failure(self.refuse, {self.parts.status}, outputs, queue=False, **settings)

    def stop(self, request: gr.Request) -> None:
        """Stop the session's analysis."""
        self.stops.stop(str(request.session_hash))

    def clear(self, inputs: Updates, request: gr.Request) -> Updates:
        """Close the case, stop what is under way for it, and begin with an empty page."""
        self.stop(request)
        self.cases.close(inputs[self.parts.case])
        self.drafts.close(str(request.session_hash))
        parts = self.parts
        return {
            parts.case: None,
            parts.viewer: EMPTY,
            parts.cards: cards_value(load_families(), None),
            parts.why: CLOSED,
            parts.readings: "",
            parts.form: NO_FORM,
            parts.panel.messages: render_messages(()),
            parts.panel.narrative: "",
            parts.panel.prompt: "",
            parts.status: render_source(self.source),
        }

    def speak(self, event: gr.EventData) -> Updates:
        """Put the texts that Gradio draws into the language chosen; everything else switches in the browser."""
        language = read_language(event._data.get("language"))
        return {self.parts.spoken: language, **word_case(self.parts.panel, language)}

    def look_for_models(self, inputs: Updates) -> Updates:
        """Say whether the models are loaded, unless the status line has gone on to something else, and stop asking once they are."""
        if self.source.state == "loading":
            return {self.parts.timer: gr.skip()}
        return {
            self.parts.status: render_source(self.source) if says_loading(inputs[self.parts.status]) else gr.skip(),
            self.parts.top.about: render_about(self.source),
            self.parts.timer: gr.Timer(active=False),
        }

    def _case(self, inputs: Updates) -> OpenCase | None:
        return self.cases.get(inputs[self.parts.case])

    def language(self, inputs: Updates) -> Language:
        """Return the language that the reader has chosen."""
        return read_language(inputs[self.parts.spoken])

    def _open(self, encounter: Encounter, request: gr.Request, *, example: bool = False, queued: bool = False) -> OpenCase:
        case = self.cases.open(encounter, example=example, queued=queued)
        self.drafts.begin(str(request.session_hash), ReviewDraft(case.case_id))
        return case

    def replace_case(
        self, before: OpenCase | None, encounter: Encounter, request: gr.Request, *, example: bool, queued: bool = False
    ) -> OpenCase:
        """Close the session's case and open another one in its place."""
        if before is not None:
            self.cases.close(before.case_id)
        return self._open(encounter, request, example=example, queued=queued)

    def show_case(self, case: OpenCase, problems: Sequence[str] = (), draft: ReviewDraft | None = None) -> Updates:
        """Show a case that was just opened, with what ``draft`` holds of it."""
        photos = case.encounter.photos
        state = render_status("ready", fixed_line("status.opened")) if photos else gr.skip()
        return {
            self.parts.case: case.case_id,
            self.parts.viewer: viewer_value(case.case_id, photos, synthetic=case.example, own=_own_masks(draft)),
            self.parts.cards: cards_value(load_families(), None, case=case.case_id, **_own_answers(draft)),
            self.parts.why: CLOSED,
            self.parts.readings: "",
            self.parts.form: NO_FORM if case.queued else unkept_value(case.case_id),
            self.parts.panel.messages: render_messages(
                [*([IDENTIFYING] if photos and not case.fixed else []), *list_photo_notes(photos)], problems
            ),
            self.parts.status: state,
        }

    def _show_found(self, case: OpenCase | None, prediction: Prediction, maps: dict[str, str] | None, *, last: bool = False) -> Updates:
        """Send a viewer that has drawn the case the maps that have come; ``maps`` holds those that were sent before, and then these too."""
        if case is None or maps is None:
            return {}
        return {self.parts.viewer: gr.update(found=found_value(case.case_id, prediction, maps, last=last))}

    def show_prediction(
        self,
        case: OpenCase,
        encounter: Encounter,
        prediction: Prediction,
        draft: ReviewDraft | None = None,
        maps: dict[str, str] | None = None,
    ) -> Updates:
        """Show what the models say; the reader's own part goes along for a page that has not drawn the case yet (``maps`` is None)."""
        notes = [*list_photo_notes(encounter.photos), *prediction.notes]
        viewer = self._show_found(case, prediction, maps, last=True) or {
            self.parts.viewer: viewer_value(case.case_id, encounter.photos, prediction, synthetic=case.example, own=_own_masks(draft))
        }
        return {
            self.parts.case: case.case_id,
            **viewer,
            self.parts.cards: cards_value(load_families(), prediction, case=case.case_id, **_own_answers(draft)),
            self.parts.why: CLOSED,
            self.parts.panel.messages: render_messages(notes, prediction.failures),
        }


def list_photo_notes(photos: Sequence[Photo]) -> list[str]:
    """Return one line for everything that was changed at the photos' intake, and since."""
    return [f"{photo.photo_id}: {note}" for photo in photos for note in photo.notes]


def _own_masks(draft: ReviewDraft | None) -> dict[str, Mask]:
    return {photo_id: decode_mask(runs) for photo_id, runs in draft.masks.items()} if draft is not None else {}


def _own_answers(draft: ReviewDraft | None) -> dict[str, Any]:
    return {"answers": draft.answers, "specified": draft.specified} if draft is not None else {}


def _busy(panel: CasePanel, busy: bool) -> Updates:
    return {panel.run: gr.update(interactive=not busy), panel.cancel: gr.update(interactive=busy)}
