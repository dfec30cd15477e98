"""The page's parts, the case that is open on it, and how a case and what models say of it are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from magic_demo.core.errors import MagicDemoError
from magic_demo.core.limits import LIMITS
from magic_demo.core.review_content import outlines_of
from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import Encounter, Language, Prediction
from magic_demo.page.events.drafts.recall import Recall
from magic_demo.page.events.resolve import Resolved, Updates, resolve
from magic_demo.page.panels.cards.cards import cards_value, draw_others
from magic_demo.page.panels.case.case_panel import CasePanel
from magic_demo.page.panels.case.messages import render_case_messages
from magic_demo.page.panels.case.words import words_value
from magic_demo.page.panels.forms import (
    read_language,
)
from magic_demo.page.panels.frame.status.status import (
    fixed_line,
    render_status,
)
from magic_demo.page.panels.frame.topbar import TopBar
from magic_demo.page.panels.review.review_form import NO_FORM, unkept_value
from magic_demo.page.panels.viewer import found_value, viewer_value
from magic_demo.page.panels.why.why import CLOSED
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.inference.analysis import Faults, Stops
from magic_demo.page.session.inference.source import PredictorSource
from magic_demo.page.session.open_cases import FileStates, OpenCase
from magic_demo.page.session.review import DraftName, Drafts, NotOpenError, ReviewDraft
from magic_demo.page.texts.i18n import line_in_both
from magic_demo.questions.families import QuestionSet
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


class OpenedCase:
    """What is open in a session, found by the page's own word or the draft's, and shown.

    No model and no photo stays in here.
    """

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

    def note_model_seen(self, session: str, draft: ReviewDraft | None) -> None:
        """Keep that the reader of a draft is shown something of a model, a first map or an outline that follows it,
        before it is sent: what stops then is not read blind afterwards. Raises StoreError."""
        if draft is None or draft.model_seen:  # a click in a photo is no write each time
            return
        if draft.reading is not None:
            self.desk.opened_store.note_seen([draft.reading.key], draft.reading.reader, "model")

        def see(latest: ReviewDraft) -> ReviewDraft:
            return replace(latest, model_seen=True)

        with suppress(NotOpenError):  # the case was closed meanwhile, and is nowhere else
            self.drafts.change(DraftName(session, draft.open_id), see)

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

    def open_id(self, inputs: Updates, request: gr.Request) -> str | None:
        """Return under which id the session's case is open, None where none is."""
        session, reported = str(request.session_hash), inputs[self.parts.case]
        draft = self.drafts.get_open(session) or self.drafts.get_forgotten(session)
        known: str | None = reported if reported is not None or draft is None else draft.open_id
        return known

    def opened(self, inputs: Updates, request: gr.Request) -> OpenCase | None:
        """Return the session's open case."""
        return self.cases.get(self.open_id(inputs, request))

    def language(self, inputs: Updates) -> Language:
        """Return the language that the reader has chosen."""
        return read_language(inputs[self.parts.spoken])

    def open_case(
        self,
        encounter: Encounter,
        request: gr.Request,
        *,
        example: bool = False,
        key: CaseKey | None = None,
        reader: str | None = None,
        states: FileStates = (),
    ) -> OpenCase:
        """Open a case, and begin an empty draft of it. key, reader: as in ``replace_case``."""
        case = self.cases.open(
            encounter, example=example, queued=key is not None, key=key, reader=reader, states=states
        )
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
        states: FileStates = (),
    ) -> OpenCase:
        """Close the session's case and open another one in its place. key: which stored case it is, None
        where it is in no store; reader: whose; states: of its files when they were read."""
        if before is not None:
            self.cases.close(before.open_id)
        return self.open_case(encounter, request, example=example, key=key, reader=reader, states=states)

    def _readers_part(self, case: OpenCase, draft: ReviewDraft | None) -> dict[str, Any]:
        """Return what the viewer shows of a case besides photos and what the models say, as its arguments."""
        return {
            **_own_outlines(draft),
            "synthetic": case.example,
            "labels": self.questions_of(case).labels,
            "missing": case.missing,
            "apart": self.desk.takes_lesions_apart(case.key),
        }

    def show_case(self, case: OpenCase, draft: ReviewDraft | None = None) -> Updates:
        """Show a case that was just opened, with what ``draft`` holds of it."""
        photos = case.encounter.photos
        state = render_status("ready", fixed_line("status.opened")) if photos else gr.skip()
        return {
            self.parts.case: case.open_id,
            self.parts.viewer: viewer_value(
                case.open_id,
                photos,
                **self._readers_part(case, draft),
            ),
            self.parts.cards: self._show_cards(case, None, draft),
            self.parts.why: CLOSED,
            self.parts.readings: "",
            self.parts.form: NO_FORM if case.queued else unkept_value(case.open_id),
            self.parts.panel.messages: render_case_messages(case),
            self.parts.panel.words: words_value(case.encounter.narrative),
            self.parts.status: state,
        }

    def questions_of(self, case: OpenCase | None) -> QuestionSet:
        """Return what is asked of an open case. Raises StoreError."""
        return self.desk.questions_of(case.key if case is not None else None)

    def _show_cards(
        self, case: OpenCase, prediction: Prediction | None, draft: ReviewDraft | None
    ) -> dict[str, Any]:
        asked = self.questions_of(case)
        systems = self.desk.list_systems(case.key) if prediction is not None and case.key is not None else {}
        drawn = draw_others(asked)
        other = drawn if drawn["set"] != draw_others(self.questions)["set"] else {}
        return other | cards_value(
            asked.families, prediction, case=case.open_id, systems=systems, **_own_answers(draft)
        )

    def show_found(
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
        viewer = self.show_found(case, prediction, maps, last=True) or {
            self.parts.viewer: viewer_value(
                case.open_id,
                encounter.photos,
                prediction,
                **self._readers_part(case, draft),
            )
        }
        return {
            self.parts.case: case.open_id,
            **viewer,
            self.parts.cards: self._show_cards(case, prediction, draft),
            self.parts.why: CLOSED,
            self.parts.panel.messages: render_case_messages(case, prediction),
        }


def _own_outlines(draft: ReviewDraft | None) -> dict[str, Any]:
    if draft is None:
        return {}
    return {"own": outlines_of(draft), "rulers": draft.rulers, "remarks": draft.remarks}


def _own_answers(draft: ReviewDraft | None) -> dict[str, Any]:
    return (
        {"answers": draft.answers, "specified": draft.specified, "ties": draft.ties}
        if draft is not None
        else {}
    )
