"""The page: a reading room for one case.

``build_app`` composes it, ``launch_settings`` is what it must be launched with.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr
from starlette.routing import Route

from magic_demo.core.limits import LIMITS
from magic_demo.page.agreement.agreement_page import add_agreement_page
from magic_demo.page.events.drafts.saving import Saver
from magic_demo.page.events.event_settings import ANALYSIS, CHANGES, MODELS, NEWEST, QUIET
from magic_demo.page.events.handlers import Handlers
from magic_demo.page.events.opened import Parts
from magic_demo.page.events.review.covering import Covering
from magic_demo.page.events.review.review_handlers import ReviewHandlers
from magic_demo.page.events.review.review_state import ReviewState
from magic_demo.page.events.review.review_wiring import list_review_routes, wire_review
from magic_demo.page.events.unkept import Unkept
from magic_demo.page.gradio_internals.blocks import QuickBlocks
from magic_demo.page.gradio_internals.events import Component
from magic_demo.page.panels.cards.cards import cards_component
from magic_demo.page.panels.case.case_panel import lay_out_case
from magic_demo.page.panels.case.photo_intake import list_intake_routes
from magic_demo.page.panels.frame.connection.connection import connection_component
from magic_demo.page.panels.frame.status.status import FAULT, status_component
from magic_demo.page.panels.frame.topbar import lay_out_topbar
from magic_demo.page.panels.review.readings_panel import readings_component
from magic_demo.page.panels.review.review_form import form_component
from magic_demo.page.panels.viewer import viewer_component
from magic_demo.page.panels.why.why import why_component
from magic_demo.page.server.assets import launch_settings
from magic_demo.page.server.gate.gate import list_gates
from magic_demo.page.server.learning.learning import list_learning_routes
from magic_demo.page.server.requests.faults import log_fault
from magic_demo.page.server.sweeping import list_alive_routes
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.inference.source import PredictorSource
from magic_demo.page.texts.i18n import line_in_both
from magic_demo.page.workshop.board_page import list_board_routes
from magic_demo.page.workshop.workshop import workshop_component
from magic_demo.synthetic.bundled import Example

__all__ = ["Desk", "PredictorSource", "build_app", "launch_settings", "list_gates", "list_routes"]

IDLE_SECONDS = 0.01
"""How often the queue of events is looked at while nothing is asked."""


def build_app(
    source: PredictorSource,
    examples: Sequence[Example] = (),
    desk: Desk | None = None,
    *,
    guided: bool = False,
) -> gr.Blocks:
    """Compose the page over a predictor that may still be loading, and over what it reviews. guided: the
    guide opens by itself."""
    return lay_out_page(source, examples, desk, guided=guided)[0]


def list_routes(
    source: PredictorSource, examples: Sequence[Example], desk: Desk, host: str = "127.0.0.1"
) -> list[Route]:
    """Return what the server answers beside the page itself. host: the address that it listens on."""
    return [
        *list_board_routes(source, examples, desk.questions, host),
        *list_intake_routes(desk.arrivals),
        *list_alive_routes(desk),
        *list_review_routes(desk),
        *(list_learning_routes(desk, source) if not desk.public else []),
    ]


def lay_out_page(
    source: PredictorSource, examples: Sequence[Example], desk: Desk | None = None, *, guided: bool = False
) -> tuple[gr.Blocks, Handlers]:
    """Put the parts together; return the page and what it does on events."""
    desk = desk or Desk()
    app = QuickBlocks(title="Magic Demo", analytics_enabled=False, fill_width=True)
    app.on_fault = _tell_fault
    with app:
        case = gr.State(
            None
            # Gradio forgets it an hour after a connection has ended, whether the page goes on or not;
            # ``Handlers.open_id`` does not
        )
        spoken = gr.State("en")
        timer = gr.Timer(0.5)
        top = lay_out_topbar(source, partial(workshop_component, guided, desk.throwaway), public=desk.public)
        with gr.Row(elem_id="room"):
            panel = lay_out_case(
                examples,
                folded=desk.store is not None and bool(desk.store.queues()),
                throwaway=desk.throwaway,
            )
            with gr.Column(elem_id="viewer-panel", min_width=0):
                viewer = viewer_component()
            with gr.Column(elem_id="cards-panel", min_width=0):
                readings = readings_component()
                cards = cards_component(desk.questions)
                why = why_component()
                form = form_component(public=desk.public)
        connection_component()
        status = status_component(source)
        parts = Parts(top, panel, viewer, cards, why, readings, form, status, case, spoken, timer)
        handlers = Handlers(parts, source, examples, desk)
        review = ReviewState(handlers, desk, Saver(desk, handlers.drafts, desk.cases))
        handlers.note_shown = review.saver.note
        _wire(handlers, review)
        wire_review(handlers, review)
        # what the page was built with may be long past
        app.load(handlers.look_for_models, {parts.spoken}, handlers.loading, **QUIET)
    if not desk.public:
        add_agreement_page(app, desk, QUIET)
    app.queue(max_size=LIMITS.waiting)
    app.rest_when_idle(IDLE_SECONDS)
    return app, handlers


def _tell_fault(error: Exception) -> str:
    log_fault(error, "an event")
    return " / ".join(line_in_both(FAULT).values())


def _wire(handlers: Handlers, state: ReviewState) -> None:
    """Say which event calls which handler."""
    parts, panel = handlers.parts, handlers.parts.panel
    review, covering = ReviewHandlers(handlers, state), Covering(state)
    saved = [parts.status, parts.form, panel.queue]
    case = [parts.case, parts.viewer, parts.cards, parts.why, parts.readings, parts.form]
    shown = [*case, parts.status, panel.messages, panel.narrative, panel.words, panel.prompt]
    answered = [
        parts.case,
        parts.viewer,
        parts.cards,
        parts.why,
        parts.form,
        parts.status,
        panel.messages,
        panel.run,
        panel.cancel,
    ]
    typed: set[Any] = {parts.case, parts.spoken, panel.narrative, panel.prompt, panel.all_photos}
    panel.upload.photos(handlers.upload, typed, shown, trigger_mode="multiple", **QUIET)
    panel.unkept.restore(Unkept(handlers).restore, {parts.case, parts.spoken}, shown, **NEWEST)
    asked = panel.run.click(handlers.ask, None, [parts.status, panel.run, panel.cancel], queue=False, **QUIET)
    of_asked = asked.then(handlers.analyse, typed, answered, **ANALYSIS)
    chosen = panel.examples.choose(
        handlers.choose_example,
        {parts.case, parts.spoken},
        [*shown, panel.run, panel.cancel],
        **{**NEWEST, "queue": True},
    )
    of_chosen = chosen.then(handlers.analyse, typed, answered, **ANALYSIS)
    panel.cancel.click(handlers.stop, None, None, queue=False, **QUIET)
    panel.new.click(handlers.clear, {parts.case}, shown, **QUIET)
    parts.cards.answers(review.answer, None, saved, **CHANGES)
    parts.cards.system(review.show_system, None, [*case, parts.status, panel.messages], **NEWEST)
    parts.viewer.mask(review.outline, None, saved, **CHANGES)
    parts.viewer.ruler(review.measure, None, saved, **CHANGES)
    parts.viewer.remarks(review.remark, None, saved, **CHANGES)
    parts.viewer.point(review.point, {parts.case}, [parts.viewer], **CHANGES)
    parts.viewer.facts(review.facts, {parts.case}, [parts.viewer], **NEWEST)
    why = parts.why.why(
        review.explain, {parts.case}, [parts.why, parts.status], trigger_mode="always_last", **MODELS
    )
    seen = [parts.viewer, parts.readings, panel.messages, parts.status]
    covered = parts.viewer.cover(covering.cover, None, seen, **CHANGES)
    of_covered = covered.then(covering.analyse_again, typed, answered, **ANALYSIS)
    parts.top.language.language(handlers.speak, None, [parts.spoken, *panel_texts(handlers)], **NEWEST)
    handlers.refuse_when_full(of_asked, of_chosen, of_covered, why, **QUIET)
    parts.timer.tick(handlers.look_for_models, {parts.spoken}, handlers.loading, **QUIET)


def panel_texts(handlers: Handlers) -> list[Component]:
    """Return the components whose texts Gradio draws."""
    panel = handlers.parts.panel
    return [panel.new, panel.narrative, panel.prompt, panel.all_photos, panel.run, panel.cancel]
