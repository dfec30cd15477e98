"""What happens when the reader does something: parse with forms, one call, render.

No model and no photo stays in here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from magic_demo.core.errors import FormError, MagicDemoError
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message
from magic_demo.core.types import CaseKey, Encounter, Language, Prediction, Step
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.page.events.drafts.recall import Recall
from magic_demo.page.events.resolve import Resolved, Updates, answered, answered_with_inputs, resolve
from magic_demo.page.gradio_internals.events import Dependency
from magic_demo.page.panels.cards.cards import cards_value
from magic_demo.page.panels.case.case_panel import CasePanel, render_messages, word_case, word_prompt
from magic_demo.page.panels.case.messages import render_case_messages, say_not_held
from magic_demo.page.panels.forms import (
    name_uploads,
    read_encounter,
    read_keys,
    read_language,
    read_narrative,
    read_problems,
    read_prompt,
)
from magic_demo.page.panels.frame.status.status import (
    FAULT,
    fixed_line,
    render_about,
    render_queued,
    render_source,
    render_status,
    render_step,
)
from magic_demo.page.panels.frame.topbar import TopBar
from magic_demo.page.panels.review.review_form import NO_FORM, unkept_value
from magic_demo.page.panels.viewer import EMPTY, found_value, viewer_value
from magic_demo.page.panels.why.why import CLOSED
from magic_demo.page.session.analysis import Faults, Queued, Stops, follow
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.open_cases import OpenCase
from magic_demo.page.session.review import Drafts, ReviewDraft
from magic_demo.page.session.source import PredictorSource
from magic_demo.page.session.turns import StoppedError
from magic_demo.page.texts.i18n import line_in_both
from magic_demo.reviews.disagreements import prepare_outlines
from magic_demo.synthetic.bundled import Example


@dataclass(frozen=True)
class Parts:
    """The page's components that handlers read and write; ``case`` and ``spoken`` hold the open case's id and
    the language."""

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

    def __init__(
        self,
        parts: Parts,
        source: PredictorSource,
        examples: Sequence[Example],
        desk: Desk,
    ) -> None:
        self.parts = parts
        self.source = source
        self.examples = examples
        self.desk = desk
        self.cases = desk.cases
        self.arrivals = desk.arrivals
        self.questions = desk.questions
        self.drafts = Drafts(LIMITS.open_drafts)
        self.stops = Stops()
        self.faults = Faults()
        self.note_shown: Callable[[ReviewDraft, Prediction], None] = lambda _draft, _prediction: None
        self.loading = [parts.status, parts.top.about, parts.timer, parts.panel.prompt]

    @property
    def recall(self) -> Recall:
        """Return what finds the draft and the open case of an event."""
        return Recall(self.desk, self.drafts, self.cases)

    def resolve(self, event: gr.EventData | None, request: gr.Request) -> Resolved:
        """Return what an event is about."""
        return resolve(event, request, self.recall)

    def failed(self, error: MagicDemoError) -> Updates:
        """Say in the status line what went wrong."""
        return {self.parts.status: render_status("failed", line_in_both(error.message))}

    @answered_with_inputs
    def upload(self, inputs: Updates, event: Resolved) -> Updates:
        """Open photos that were sent: beside those the case has, or as a new case where an example was
        open."""
        self.end_analysis(event.request)
        parts, before = self.parts, self._case(inputs, event.request)
        photos = before.encounter.photos if before is not None and not before.fixed else ()
        keys = read_keys(event.payload)
        arrived = self.arrivals.fetch(keys)
        gone = len(keys) - len(arrived)  # more came at once than is held, or they were opened too late
        lost = [say_not_held(gone)] if gone else []
        read = name_uploads(arrived, [photo.photo_id for photo in photos])
        encounter = Encounter("CASE", photos=(*photos, *read.photos))
        case = (
            self.cases.change(before.open_id, encounter) if before is not None and not before.fixed else None
        )
        case = case or self.replace_case(before, encounter, event.request, example=False)
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
        case = self.replace_case(self._case(inputs, event.request), encounter, event.request, example=True)
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

    def ask(self, request: gr.Request) -> Updates:
        """Say at once that an analysis was asked for: it may have to wait for the models, or for other
        readers."""
        self.stops.renew(str(request.session_hash))
        waiting = "queued" if self.source.state == "ready" else "waiting"
        return {
            self.parts.status: render_status("working", fixed_line(f"status.{waiting}"), 0.02),
            **_busy(self.parts.panel, True),
        }

    def analyse(self, inputs: Updates, request: gr.Request) -> Iterator[Updates]:
        """Run the models on the case once their turn has come; the reader sees every step, each photo's map
        as it comes, then the cards."""
        parts, panel, language = self.parts, self.parts.panel, self.language(inputs)
        session = str(request.session_hash)
        began, stop = time.monotonic(), self.stops.sign(session)
        try:
            case, draft = self._find_opened(inputs, request)
            encounter = read_encounter(inputs[panel.narrative], case)
            prompt = read_prompt(inputs[panel.prompt])
            predictor, cache = self.source.get(stop), case.cache if case is not None else None
            maps: dict[str, str] | None = {} if case is not None else None
            steps = partial(
                predictor.predict_steps,
                encounter,
                prompt=prompt,
                language=language,
                cache=cache,
                all_photos=inputs.get(panel.all_photos) is True,
            )
            for event in follow(self.source.turns, steps, stop, prepare_outlines):
                if isinstance(event, Queued):
                    yield {parts.status: render_queued(event.before)}
                elif isinstance(event, Step):
                    yield {
                        parts.status: render_step(event.share, event.what),
                        **self._show_found(case, event.so_far, maps),
                    }
                else:
                    words_alone = case is None
                    # there is something to answer now, and to keep
                    case = case or self._open(Encounter("CASE"), request)
                    self.cases.keep_analysis(case.open_id, encounter, event, prompt)
                    if draft is not None and draft.open_id == case.open_id:
                        # kept before it is seen, whatever is still in memory then
                        self.note_shown(draft, event)
                    case = self.cases.get(case.open_id) or case
                    offer = {parts.form: unkept_value(case.open_id)} if words_alone else {}
                    latest = self.drafts.get(session)  # it may have changed since, or be forgotten
                    own = latest if latest is not None and latest.open_id == case.open_id else draft
                    yield {
                        **self.show_prediction(case, encounter, event, own, maps),
                        **offer,
                        **_busy(panel, False),
                    }
                    yield {parts.status: _say_done(event, time.monotonic() - began)}
        except StoppedError:
            if not self.stops.is_latest(session, stop):  # a newer analysis has taken its place on the page
                yield {parts.status: gr.skip()}
            else:
                stopped = render_status("ready", fixed_line("status.stopped"))
                yield {parts.status: stopped if stop.by_reader else gr.skip(), **_busy(panel, False)}
        except MagicDemoError as error:
            failed = (
                self._note_failure(self.open_id(inputs, request), error.message)
                if not isinstance(error, FormError)
                else {}
            )
            yield {
                parts.status: render_status("failed", line_in_both(error.message)),
                **failed,
                **_busy(panel, False),
            }
        except Exception:
            # a fault of ours: the console gets it whole, and the reader a page that still works
            failed = self._note_failure(self.open_id(inputs, request), FAULT)
            yield {
                parts.status: render_status("failed", line_in_both(FAULT)),
                **failed,
                **_busy(panel, False),
            }
            self.faults.note(session)
            raise
        finally:
            self.stops.forget(session, stop)

    def _find_opened(
        self, inputs: Updates, request: gr.Request
    ) -> tuple[OpenCase | None, ReviewDraft | None]:
        """Return the open case and its draft, of a stored one from the store what memory does not hold any
        more; None where only words are typed.

        Raises FormError where the model is hidden, or what was open is in no store and not in memory either;
        StoreError.
        """
        session, open_id = str(request.session_hash), self.open_id(inputs, request)
        draft, forgotten = self.drafts.get(session), self.drafts.get_forgotten(session)
        if draft is None and forgotten is not None and forgotten.open_id == open_id:
            draft = self.recall.make_again(forgotten, self.resolve(None, request).reader)
        if draft is not None and draft.hides_model:
            raise FormError("The model stays hidden for this case: finish your own reading, then reveal it")
        case = self.cases.get(open_id)
        if case is None and draft is not None and draft.open_id == open_id and draft.reading is not None:
            case = self.recall.find_case(draft)  # its photos are read again
        if open_id is not None and (case is None or (case.key is not None and draft is None)):
            raise FormError("These photos are no longer open here; add them again")
        return case, draft

    def _note_failure(self, open_id: str | None, line: Message) -> Updates:
        """Let the line that says why an analysis failed stay with the case: the next save has the status line
        for itself."""
        case = self.cases.note_failure(open_id, line) if open_id is not None else None
        if case is None:
            return {}
        shown = case.analysed.prediction if case.analysed is not None else None
        return {self.parts.panel.messages: render_case_messages(case, shown)}

    def refuse(self, request: gr.Request) -> Updates:
        """Say that what was asked of the models could not even wait, as too many do; what failed otherwise
        has said so itself."""
        reported = self.faults.take(str(request.session_hash))
        line = gr.skip() if reported else render_status("failed", fixed_line("status.full"))
        return {self.parts.status: line, **_busy(self.parts.panel, False)}

    def refuse_when_full(self, *asked: Dependency, **settings: Any) -> None:
        """Wire what happens to these events when ``limits.waiting`` others wait already. settings: of every
        event."""
        for event in asked:
            outputs = [self.parts.status, self.parts.panel.run, self.parts.panel.cancel]
            event.failure(self.refuse, None, outputs, queue=False, **settings)

    def stop(self, request: gr.Request) -> None:
        """Stop the session's analysis, and say so."""
        self.stops.stop(str(request.session_hash), by_reader=True)

    def end_analysis(self, request: gr.Request) -> None:
        """Stop the session's analysis, as its case is left or changed: the status line is for what comes in
        its place."""
        self.stops.stop(str(request.session_hash), by_reader=False)

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

    def open_id(self, inputs: Updates, request: gr.Request) -> str | None:
        """Return under which id the session's case is open, None where none is."""
        session, reported = str(request.session_hash), inputs[self.parts.case]
        draft = self.drafts.get(session) or self.drafts.get_forgotten(session)
        known: str | None = reported if reported is not None or draft is None else draft.open_id
        return known

    def _case(self, inputs: Updates, request: gr.Request) -> OpenCase | None:
        return self.cases.get(self.open_id(inputs, request))

    def language(self, inputs: Updates) -> Language:
        """Return the language that the reader has chosen."""
        return read_language(inputs[self.parts.spoken])

    def _open(
        self,
        encounter: Encounter,
        request: gr.Request,
        *,
        example: bool = False,
        key: CaseKey | None = None,
        reader: str | None = None,
    ) -> OpenCase:
        case = self.cases.open(encounter, example=example, queued=key is not None, key=key, reader=reader)
        self.drafts.begin(str(request.session_hash), ReviewDraft(case.open_id))
        return case

    def replace_case(
        self,
        before: OpenCase | None,
        encounter: Encounter,
        request: gr.Request,
        *,
        example: bool,
        key: CaseKey | None = None,
        reader: str | None = None,
    ) -> OpenCase:
        """Close the session's case and open another one in its place. key: which stored case it is, None
        where it is in no store; reader: whose."""
        if before is not None:
            self.cases.close(before.open_id)
        return self._open(encounter, request, example=example, key=key, reader=reader)

    def show_case(self, case: OpenCase, draft: ReviewDraft | None = None) -> Updates:
        """Show a case that was just opened, with what ``draft`` holds of it."""
        photos = case.encounter.photos
        state = render_status("ready", fixed_line("status.opened")) if photos else gr.skip()
        return {
            self.parts.case: case.open_id,
            self.parts.viewer: viewer_value(
                case.open_id, photos, synthetic=case.example, **_own_outlines(draft), missing=case.missing
            ),
            self.parts.cards: cards_value(
                self.questions.families, None, case=case.open_id, **_own_answers(draft)
            ),
            self.parts.why: CLOSED,
            self.parts.readings: "",
            self.parts.form: NO_FORM if case.queued else unkept_value(case.open_id),
            self.parts.panel.messages: render_case_messages(case),
            self.parts.status: state,
        }

    def _show_found(
        self,
        case: OpenCase | None,
        prediction: Prediction,
        maps: dict[str, str] | None,
        *,
        last: bool = False,
    ) -> Updates:
        """Send a viewer that has drawn the case the maps that have come; ``maps`` holds those that were sent
        before, and then these too."""
        if case is None or maps is None:
            return {}
        return {self.parts.viewer: gr.update(found=found_value(case.open_id, prediction, maps, last=last))}

    def show_prediction(
        self,
        case: OpenCase,
        encounter: Encounter,
        prediction: Prediction,
        draft: ReviewDraft | None = None,
        maps: dict[str, str] | None = None,
    ) -> Updates:
        """Show what the models say; the reader's own part goes along for a page that has not drawn the case
        yet (``maps`` is None)."""
        viewer = self._show_found(case, prediction, maps, last=True) or {
            self.parts.viewer: viewer_value(
                case.open_id,
                encounter.photos,
                prediction,
                synthetic=case.example,
                **_own_outlines(draft),
                missing=case.missing,
            )
        }
        return {
            self.parts.case: case.open_id,
            **viewer,
            self.parts.cards: cards_value(
                self.questions.families, prediction, case=case.open_id, **_own_answers(draft)
            ),
            self.parts.why: CLOSED,
            self.parts.panel.messages: render_case_messages(case, prediction),
        }


def _say_done(prediction: Prediction, seconds: float) -> str:
    """Return the status line of an analysis that has come to its end: one that went wrong in part is not
    called well."""
    if prediction.failures:
        return render_status("failed", fixed_line("status.done_in_part", seconds=f"{seconds:.1f}"))
    return render_status("done", fixed_line("status.done", seconds=f"{seconds:.1f}"))


def _own_outlines(draft: ReviewDraft | None) -> dict[str, Any]:
    if draft is None:
        return {}
    own = {photo_id: decode_mask(runs) for photo_id, runs in draft.masks.items()}
    return {"own": own, "clicks": draft.clicks}


def _own_answers(draft: ReviewDraft | None) -> dict[str, Any]:
    return (
        {"answers": draft.answers, "specified": draft.specified, "ties": draft.ties}
        if draft is not None
        else {}
    )


def _busy(panel: CasePanel, busy: bool) -> Updates:
    return {panel.run: gr.update(interactive=not busy), panel.cancel: gr.update(interactive=busy)}
