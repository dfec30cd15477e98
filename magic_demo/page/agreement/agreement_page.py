"""The page ``/agreement``: who agrees with whom, drawn again whenever a review was saved."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import gradio as gr

from magic_demo.core.errors import FormError, MagicDemoError
from magic_demo.core.review_types import CaseKey, Knowledge
from magic_demo.core.types import Answers, Prediction
from magic_demo.page.agreement.again import render_again
from magic_demo.page.agreement.background import Background, Version
from magic_demo.page.agreement.cases import MOST_CASES, Thumbnails, render_cases
from magic_demo.page.agreement.filters import HeldView, View, read_filter, render_filters
from magic_demo.page.agreement.flows import render_switches
from magic_demo.page.agreement.masks import render_labels, render_masks
from magic_demo.page.agreement.numbers import render_families, render_headline, render_systems
from magic_demo.page.gradio_internals.events import read_payload
from magic_demo.page.gradio_internals.scripts import load_script
from magic_demo.page.panels.frame.topbar import BRAND, LANGUAGE_SWITCH
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.desk.systems import System, read_alone
from magic_demo.page.texts.i18n import both, both_of, fill, line_in_both
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.agreement import MODEL
from magic_demo.reviews.agreement.sources import AgreementSource, Comparison, Predictions
from magic_demo.reviews.store import LOCAL_READER, QueueCase, Store

Updates = dict[Any, Any]
SECONDS = 2.0
"""How often the store is asked for its newest review's number; only another one draws anything again."""

_HEAD = '<link rel="stylesheet" href="page/agreement/agreement.css">'
_ON_LOAD = load_script({"agreement/agreement.mjs": "mountFilters"}, ["watch"], events=["filter"])
_BAR = """
<nav><a class="quiet" id="agreement-back" href="./" [[title agreement.back_title]]>← [[agreement.back]]</a></nav>
<button type="button" class="quiet" id="theme" aria-pressed="false" [[title app.theme]] [[aria-label app.theme]]><svg viewBox="0 0 20 20" aria-hidden="true"><circle cx="10" cy="10" r="7"/><path d="M10 3a7 7 0 0 1 0 14Z"/></svg></button>
"""
_ON_BAR = """
import(new URL("page/agreement/agreement.mjs", document.baseURI)).then(({ mountBar }) => mountBar(element));
"""


WAIT_SECONDS = 1.0
"""How long a page waits for its numbers before it says that they are being measured; it has them by one of
the next ticks."""


@dataclass(frozen=True)
class Seen:
    """What a browser session was last shown: of which version of the store, through which filters, and the
    digest of each part."""

    version: Version = None
    view: View = field(default_factory=View)
    digests: tuple[tuple[str, str], ...] = ()


class AgreementPage:
    """The page's events. Holds no session's state: that is in the browser's ``gr.State``."""

    PARTS = ("headline", "systems", "again", "families", "masks", "switches", "cases")

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.view: Any = None
        self.seen: Any = None
        self.filters: Any = None
        self.parts: dict[str, Any] = {}
        self._cases: dict[CaseKey, QueueCase] = {}
        self._noted: set[tuple[str, CaseKey, Knowledge]] = set()  # spares the store what it has already
        self._background = Background()
        self._turn = 0
        self._stored: Version = None
        self._keys: frozenset[CaseKey] = frozenset()
        self.wait_seconds = WAIT_SECONDS
        desk.on_gone.append(self.forget)

    @property
    def _systems(self) -> tuple[str, ...]:
        """Return the names of several systems, none where there is one alone."""
        return tuple(self._list_predictions())

    @property
    def store(self) -> Store:
        """Return the store. Raises StoreError where nothing is kept yet."""
        return self.desk.opened_store

    @cached_property
    def source(self) -> AgreementSource:
        """Return what measures. Raises StoreError where nothing is kept yet."""
        return AgreementSource(
            self.store,
            self.desk.find_shown,
            self._reference,
            all_known=bool(self.desk.systems),
            systems=self._list_predictions(),
        )

    def _list_predictions(self) -> dict[str, Predictions]:
        """Return how what each system says is read, where there are several."""
        systems = self.desk.systems if len(self.desk.systems) > 1 else ()
        return {system.name: partial(self._read_alone, system) for system in systems}

    def _read_alone(self, system: System, key: CaseKey) -> Prediction | None:
        return read_alone(system, self.desk.questions_of(key), key)

    @cached_property
    def thumbnails(self) -> Thumbnails:
        """Return what draws the cases' pictures. Raises StoreError where nothing is kept yet."""
        return Thumbnails(self.store)

    def _asked(self, view: View) -> QuestionSet:
        return self.source.find_asked(view.choice.queue)[0]

    def press(self, held: HeldView, event: gr.EventData) -> HeldView:
        """Take a filter's button; one that there is not is said and changes nothing."""
        payload = read_payload(event)
        try:
            held.change(
                lambda view: read_filter(view, payload, self.store.queues(), self._asked(view), self._systems)
            )
        except FormError as error:
            raise gr.Error(" / ".join(line_in_both(error.message).values())) from error
        return held

    def follow(self, held: HeldView, seen: Seen, request: gr.Request) -> Updates:
        """Draw what has changed since this browser was last shown anything; nothing, where no review came or
        went and no filter moved."""
        if self.desk.store is None:
            return {self.seen: gr.skip()}
        version: Version = None
        view = held.now
        try:
            stored = self.store.version()
            self._forget_deleted(stored)
            reader = self.desk.reader(request.cookies)
            viewer = None if reader == LOCAL_READER else reader
            # who is no adjudicator any more sees less, though nothing was saved
            role = self.store.reader(viewer).role if viewer is not None else None
            now = (stored, self._turn, role)
            if (now, view) == (seen.version, seen.view):
                return {self.seen: gr.skip()}
            measure = partial(self.source.measure, view.choice, viewer, reader=reader)
            answer = self._background.ask((view.choice, viewer, role), now, measure, self.wait_seconds)
            if answer is not None:
                version = answer[0]
                if (version, view) == (seen.version, seen.view):
                    return {self.seen: gr.skip()}
                drawn = self._draw(view, answer[1])
                self._note_seen(answer[1], reader)
            elif seen.digests and seen.view == view:  # what is shown stays until there is something newer
                return {self.seen: gr.skip()}
            else:
                drawn = {
                    **dict.fromkeys(self.PARTS, ""),
                    "headline": render_note("agreement.measuring", role="status"),
                }
                drawn["filters"] = render_filters(
                    view, self.store.queues(), (), self._asked(view), self._systems
                )
        except MagicDemoError as error:
            drawn = {
                **dict.fromkeys(self.PARTS, ""),
                "headline": render_note("agreement.failed", problem=error.message),
            }
        digests = {name: hashlib.sha256(html.encode()).hexdigest() for name, html in drawn.items()}
        before = dict(seen.digests)
        changed = {self._component(name): drawn[name] for name in drawn if digests[name] != before.get(name)}
        return {self.seen: Seen(version, view, tuple(sorted(digests.items()))), **changed}

    def _note_seen(self, found: Comparison, reader: str) -> None:
        """Keep what the listed cases show a reader of others and of the model, before it is sent: what is
        said of them later is not blind."""
        shown = [case.case for case in found.agreement.differing[:MOST_CASES]]
        panel = found.panel
        others = [
            case
            for case in shown
            if any(name != reader and case in panel.answers[name] for name in panel.readers)
        ]
        spoken = [case for case in shown if case in panel.answers.get(MODEL, {})]
        noted: tuple[tuple[Knowledge, list[CaseKey]], ...] = (("others", others), ("model", spoken))
        for what, cases in noted:
            new = [case for case in cases if (reader, case, what) not in self._noted]
            self.store.note_seen(new, reader, what)
            self._noted.update((reader, case, what) for case in new)

    def _forget_deleted(self, stored: Version) -> None:
        """Forget what was measured and drawn where another program has deleted cases, however many reviews were saved
        meanwhile."""
        if stored == self._stored:
            return
        keys = frozenset(self.store.case_keys())
        if self._keys - keys:
            self.forget()
        self._stored, self._keys = stored, keys

    def forget(self, _case: CaseKey | None = None) -> None:
        """Forget what was measured and drawn, as a case is gone or one of its photos covered; pages that are
        open are drawn anew."""
        self._turn += 1
        self._cases.clear()
        self._noted.clear()
        self._background.forget()
        if self.desk.store is not None:
            self.source.forget()
            self.thumbnails.forget()

    def _draw(self, view: View, found: Comparison) -> dict[str, str]:
        agreement = found.agreement
        filters = render_filters(view, self.store.queues(), found.readers, found.questions, self._systems)
        drawn = {"filters": filters}
        damaged = "".join(
            f'<p class="agree-note" role="alert">{both_of(line_in_both(line))}</p>' for line in found.left_out
        )
        if not agreement.readings:
            return {
                **drawn,
                **dict.fromkeys(self.PARTS, ""),
                "headline": damaged + render_empty(left_open=found.panel.incomplete),
            }
        return {
            **drawn,
            "headline": damaged + render_headline(agreement, view),
            "systems": render_systems(found.systems, view.choice.system),
            "again": render_again(found.again, agreement, view.measure, found.questions),
            "families": render_families(agreement, view.measure, found.questions),
            "masks": render_masks(
                agreement.masks, agreement.readers, render_labels(agreement, found.questions.labels)
            ),
            "switches": render_switches(agreement.switches),
            "cases": render_cases(found, self.thumbnails, found.questions),
        }

    def _component(self, name: str) -> Any:
        return self.filters if name == "filters" else self.parts[name]

    def _reference(self, case: CaseKey) -> Answers | None:
        if case not in self._cases:  # the whole queue at once: there may be ten thousand
            listed = self.store.list_cases(case.queue, LOCAL_READER, all_assigned=True)
            self._cases = {**self._cases, **{case.key: case for case in listed}}
        found = self._cases.get(case)
        return self.desk.reference(found) if found is not None else None  # deleted a moment ago


def render_note(key: str, role: str = "alert", **facts: object) -> str:
    """Return one line in place of the numbers."""
    return f'<p class="agree-note" role="{role}">{both(key, **facts)}</p>'


def render_empty(key: str = "agreement.empty", left_open: int = 0) -> str:
    """Return what the page says before there is anything to compare, and what to do. left_open: finished
    readings that do not count as complete."""
    more = f"<p>{both('agreement.empty_filters')}</p>" if key == "agreement.empty" else ""
    if left_open:
        more = f"<p>{both('agreement.empty_open', count=left_open)}</p>"
    return (
        f'<div class="agree-empty"><h2>{both("agreement.empty_title")}</h2><p>{both(key)}</p>{more}'
        f'<p><a href="./">{both("agreement.go")}</a></p></div>'
    )


def add_agreement_page(app: gr.Blocks, desk: Desk, quiet: Mapping[str, Any]) -> AgreementPage:
    """Give the app its page ``/agreement``, which says so while nothing is kept. quiet: settings of every
    event."""
    page = AgreementPage(desk)
    queues = desk.store.queues() if desk.store is not None else ()
    with app.route("Agreement", "/agreement", show_in_navbar=False):
        with gr.Row(elem_id="agreement-bar"):
            gr.HTML(
                html_template=fill(BRAND),
                js_on_load=None,
                elem_id="agreement-brand",
                apply_default_css=False,
                head=_HEAD,
            )
            gr.HTML(
                html_template=fill(_BAR),
                js_on_load=_ON_BAR,
                elem_id="agreement-looks",
                apply_default_css=False,
            )
            gr.HTML(
                html_template=fill(LANGUAGE_SWITCH),
                js_on_load=None,
                elem_id="agreement-language",
                apply_default_css=False,
            )
        with gr.Row(elem_id="agreement-room"):
            with gr.Column(elem_id="agreement-side", min_width=0):
                filters = _part(
                    render_filters(View(), queues, (), desk.questions), "agreement-filters", _ON_LOAD
                )
            with gr.Column(elem_id="agreement-main", min_width=0):
                gr.HTML(
                    f'<h1 class="agree-title">{both("agreement.title")} <small><span '
                    'class="agree-live" '
                    f'aria-hidden="true"></span>{both("agreement.live")}</small></h1>',
                    js_on_load=None,
                    elem_id="agreement-title",
                    apply_default_css=False,
                )
                first = _part(
                    render_empty("agreement.no_store") if desk.store is None else "", "agreement-headline"
                )
                systems = _part("", "agreement-systems")
                again = _part("", "agreement-again")
                with gr.Row(elem_id="agreement-wide"):
                    families = _part("", "agreement-families")
                with gr.Row(elem_id="agreement-pair"):
                    masks, switches = _part("", "agreement-masks"), _part("", "agreement-switches")
                cases = _part("", "agreement-cases")
        page.filters = filters
        page.parts = dict(
            zip(page.PARTS, (first, systems, again, families, masks, switches, cases), strict=True)
        )
        page.view, page.seen = gr.State(HeldView()), gr.State(Seen())
        timer = gr.Timer(SECONDS)
        inputs, outputs = [page.view, page.seen], [page.seen, filters, *page.parts.values()]
        app.load(page.follow, inputs, outputs, queue=False, **quiet)
        timer.tick(page.follow, inputs, outputs, queue=False, **quiet)
        pressed = filters.filter(
            page.press, [page.view], [page.view], queue=False, trigger_mode="multiple", **quiet
        )
        pressed.then(page.follow, inputs, outputs, queue=False, **quiet)
    return page


def _part(value: str, elem_id: str, on_load: str | None = None) -> gr.HTML:
    return gr.HTML(value, js_on_load=on_load, elem_id=elem_id, apply_default_css=False)
