"""An analysis: asked for, waited for, seen step by step, stopped, or refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import gradio as gr

from magic_demo.core.errors import FormError, MagicDemoError
from magic_demo.core.messages import Message
from magic_demo.core.types import Encounter, Prediction, Step
from magic_demo.page.events.opened import OpenedCase
from magic_demo.page.events.resolve import Updates
from magic_demo.page.gradio_internals.events import Dependency
from magic_demo.page.panels.case.case_panel import CasePanel
from magic_demo.page.panels.case.messages import render_case_messages
from magic_demo.page.panels.forms import (
    read_encounter,
    read_prompt,
)
from magic_demo.page.panels.frame.status.status import (
    FAULT,
    fixed_line,
    render_queued,
    render_status,
    render_step,
)
from magic_demo.page.panels.review.review_form import unkept_value
from magic_demo.page.session.inference.analysis import Queued, follow
from magic_demo.page.session.inference.turns import StoppedError
from magic_demo.page.session.open_cases import OpenCase
from magic_demo.page.session.review import NotOpenError, ReviewDraft
from magic_demo.page.texts.i18n import line_in_both
from magic_demo.reviews.disagreements import prepare_outlines


class Analysing(OpenedCase):
    """Runs the models on what is open."""

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
            predictor = self.source.asking(self.questions_of(case), self.questions, stop)
            cache = case.cache if case is not None else None
            maps: dict[str, str] | None = {} if case is not None else None
            seen = False
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
                    if not seen and maps is not None and event.so_far.photos:
                        self.note_model_seen(session, draft)
                        seen = True
                    yield {
                        parts.status: render_step(event.share, event.what),
                        **self.show_found(case, event.so_far, maps),
                    }
                else:
                    words_alone = case is None
                    # there is something to answer now, and to keep
                    case = case or self.open_case(Encounter("CASE"), request)
                    self.cases.keep_analysis(case.open_id, encounter, event, prompt)
                    if draft is not None and draft.open_id == case.open_id:
                        # kept before it is seen, whatever is still in memory then
                        self.note_shown(draft, event)
                    if not seen:
                        self.note_model_seen(session, draft or self.drafts.get_open(session))
                    case = self.cases.get(case.open_id) or case
                    offer = {parts.form: unkept_value(case.open_id)} if words_alone else {}
                    latest = self.drafts.get_open(session)  # it may have changed since, or be forgotten
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
        draft, forgotten = self.drafts.get_open(session), self.drafts.get_forgotten(session)
        if draft is None and forgotten is not None and forgotten.open_id == open_id:
            draft = self.recall.make_again(forgotten, self.resolve(None, request).reader)
        if draft is not None and draft.hides_model:
            raise FormError("The model stays hidden for this case: finish your own reading, then reveal it")
        case = self.cases.get(open_id)
        if case is None and draft is not None and draft.open_id == open_id and draft.reading is not None:
            case = self.recall.find_case(draft)  # its photos are read again
        if open_id is not None and (case is None or (case.key is not None and draft is None)):
            raise NotOpenError
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


def _say_done(prediction: Prediction, seconds: float) -> str:
    """Return the status line of an analysis that has come to its end: one that went wrong in part is not
    called well."""
    if prediction.failures:
        return render_status("failed", fixed_line("status.done_in_part", seconds=f"{seconds:.1f}"))
    return render_status("done", fixed_line("status.done", seconds=f"{seconds:.1f}"))


def _busy(panel: CasePanel, busy: bool) -> Updates:
    return {panel.run: gr.update(interactive=not busy), panel.cancel: gr.update(interactive=busy)}
