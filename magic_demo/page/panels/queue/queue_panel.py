"""The list of cases in the left column: states, progress, order, mode, who reads, and what can be taken away.

Value (``queue_value``): {"queue", "queues", "reader", "signed_in", "mode", "order", "open": case id, "link": its
``case_link``, "case": the open case's secret id, "cases": [{"id", "state", "flagged", "disagrees", "left_open", "assigned": [name],
"mine", "consensus", "why": key of ``reviews.gain.REASONS``, in the order by what teaches}], "readers": [{"name", "cases", "done", "in_progress"}] where readers sign in, "may": [action]}; cases
are in the order chosen; which of them are listed, and which comes next, is the browser's. ``row``
(``gr.update(row={"queue", "id", "case", ...})``) brings what has changed of one of the cases, ``row_value``'s
names, and with "open" and "link" that it was opened; ``gone`` ({"queue", "id"}) takes one away. The whole value comes
with ``arrive`` and ``arrange``: how far readers are is as of then.

Events (``arrive`` and ``open`` may name the case by its "link"):

    arrive    {"queue", "order", "mode", "system", "open"}    the page is there; what the browser remembers of where the
    reader was, or null open      {"queue", "order", "mode", "system", "open", "from", "heard"}   open a case;
    ``heard``: changes sent of the case that is left arrange   {"queue", "order", "mode", "open", "case"}
          another queue, order or mode assign    the same, and {"cases": [id], "readers": [name], "each":
    number or null}   an adjudicator says whose these cases are
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import gradio as gr

from magic_demo.core.review_types import CaseKey
from magic_demo.page.gradio_internals.scripts import load_script
from magic_demo.page.panels.forms import read_system
from magic_demo.page.session.review import MODES, Mode
from magic_demo.page.texts.i18n import both_of, fill
from magic_demo.reviews.exports import FORMATS, REPORT, Offer
from magic_demo.reviews.store import Action, CaseOrder, Progress, QueueCase

ORDERS: tuple[CaseOrder, ...] = get_args(CaseOrder)
EMPTY_QUEUE: dict[str, Any] = {"queue": None, "cases": []}

_ON_LOAD = load_script(
    {"panels/queue/queue_panel.mjs": "mountQueue"},
    events=["arrive", "open", "arrange", "assign"],
    newest=["open"],
)
_PANEL = """
<details class="queue" id="queue" open hidden>
  <summary><h2>[[queue.title]] <span id="queue-here"></span></h2><span class="queue-count"><b id="queue-done">0</b> [[queue.done_of]] <b id="queue-all">0</b></span></summary>
  <div class="queue-progress" aria-hidden="true"><span id="queue-bar"></span></div>
  <p class="queue-reader" id="queue-reader" hidden>[[queue.reader]] <b id="queue-reader-name"></b> <a href="sign-out" id="sign-out">[[queue.sign_out]]</a></p>
  <select id="queue-name" [[aria-label queue.name]] hidden></select>
  <div class="segmented queue-modes" role="radiogroup" [[aria-label queue.mode]]>
    <button type="button" role="radio" id="queue-mode-assisted" data-mode="assisted" aria-checked="true" [[title queue.assisted_title]]>[[queue.assisted]]</button>
    <button type="button" role="radio" id="queue-mode-blind" data-mode="blind" aria-checked="false" [[title queue.blind_title]]>[[queue.blind]]</button>
    <button type="button" role="radio" id="queue-mode-unaided" data-mode="unaided" aria-checked="false" [[title queue.unaided_title]]>[[queue.unaided]]</button>
  </div>
  <div class="queue-choices">
    <select id="queue-filter" [[aria-label queue.filter]]>
      <option value="all" [[label queue.all]]></option><option value="not started" [[label queue.not_started]]></option><option value="in progress" [[label queue.in_progress]]></option>
      <option value="done" [[label queue.done]]></option><option value="flagged" [[label queue.flagged]]></option><option value="disagreeing" [[label queue.disagreeing]]></option>
      <option value="mine" id="queue-mine" [[label queue.mine]] hidden disabled></option>
    </select>
    <select id="queue-order" [[aria-label queue.order]] [[title queue.order_title]]>
      <option value="position" [[label queue.position]]></option><option value="disputed" [[label queue.disputed]]></option><option value="uncertain" [[label queue.uncertain]]></option>
      <option value="teaches" [[label queue.teaches]]></option>
    </select>
  </div>
  <details class="queue-readers" id="queue-readers" hidden><summary>[[queue.readers]]</summary>
    <table><thead><tr><th scope="col">[[queue.reader]]</th><th scope="col">[[queue.done]]</th><th scope="col">[[queue.in_progress]]</th><th scope="col">[[queue.not_started]]</th></tr></thead>
      <tbody id="queue-progress"></tbody></table>
    <div class="queue-assign" id="queue-assign" hidden>
      <label><span>[[queue.each]]</span> <select id="queue-each"></select></label>
      <button type="button" class="quiet" id="queue-assign-open">[[queue.assign_open]]</button><button type="button" class="quiet" id="queue-assign-listed">[[queue.assign_listed]]</button>
      <p class="queue-none">[[queue.assign_note]]</p>
    </div></details>
  <p class="queue-none" id="queue-oversight" hidden><a href="oversight">[[oversight.open]]</a></p>
  <p class="queue-none" id="queue-learning" hidden><a href="learning">[[learning.open]]</a></p>
  <ol class="queue-list" id="queue-list"></ol>
  <p class="queue-none" id="queue-none" hidden>[[queue.empty]]</p>
  <p class="queue-none" id="queue-session" hidden>[[queue.session]]</p>THROWAWAY
  <div class="queue-foot">
    <button type="button" class="quiet" id="queue-previous" [[title queue.previous]] [[aria-label queue.previous]]>‹</button>
    <button type="button" class="quiet" id="queue-next" [[title queue.next]] [[aria-label queue.next]]>›</button>
    <button type="button" class="quiet" id="queue-own" [[title queue.own]] [[aria-label queue.own]]>+</button>
    <button type="button" class="quiet" id="queue-next-open" [[title queue.next_open_title]]>[[queue.next_open]] <kbd>⇧N</kbd></button>
    <details class="queue-menu" id="take-away"><summary class="quiet">[[queue.take_away]]</summary><div class="queue-formats" popover="manual"><p>[[queue.take_away_what]]</p>
      <label id="take-away-agreed" hidden><input type="checkbox" id="take-away-consensus"> <span>[[queue.take_away_consensus]]</span></label>
      EXPORTS
      <p role="status"><span data-take-away="working" hidden>[[queue.take_away_working]]</span><span data-take-away="taken" hidden>[[queue.take_away_done]]</span><span
        class="queue-refused" data-take-away="refused" hidden><span class="t-en" lang="en"></span><span class="t-zh" lang="zh"></span></span><span
        class="queue-refused" data-take-away="lost" hidden>[[queue.take_away_lost]]</span></p></div></details>
  </div>
  <div hidden><i data-word="queue synthetic examples" [[title queue.examples]]></i><i data-word="queue uploads" [[title queue.uploads]]></i><i data-word="not started" [[title queue.not_started]]></i><i data-word="in progress" [[title queue.in_progress]]></i><i data-word="done" [[title queue.done]]></i><i data-word="left_open" [[title queue.left_open]]></i>
    <i data-word="consensus" [[title queue.consensus]]></i><i data-word="flagged" [[title queue.flagged]]></i><i data-word="disagreeing" [[title queue.disagreeing]]></i>
    <i data-word="assigned" [[title queue.assigned]]></i><i data-word="each_all" [[title queue.each_all]]></i><i data-word="more" [[title queue.more]]></i>
    <i data-word="why_disagreement" [[title queue.why_disagreement]]></i><i data-word="why_outlines" [[title queue.why_outlines]]></i><i data-word="why_abstained" [[title queue.why_abstained]]></i><i data-word="why_variance" [[title queue.why_variance]]></i><i data-word="why_distance" [[title queue.why_distance]]></i></div>
</details>
"""
_THROWAWAY = '<p class="queue-none" id="queue-throwaway">[[queue.throwaway]]</p>'


@dataclass(frozen=True)
class Arrangement:
    """How a reader has the list: which queue (None: the first), in which order, and how cases are opened.
    system: of several, whose predictions the reader wants to see."""

    queue: str | None
    order: CaseOrder
    mode: Mode
    system: str | None = None


def render_exports(offers: Iterable[Offer]) -> str:
    """Return the menu of what can be exported, in both languages."""
    return "\n      ".join(
        f'<a data-format="{offer.name}" download>{both_of(offer.titles)}</a>' for offer in offers
    )


def queue_component(*, throwaway: bool = False) -> gr.HTML:
    """Return the list, which is seen once there is a queue; its value is what ``queue_value`` returns.
    throwaway: the page says so of its store."""
    panel = fill(_PANEL.replace("THROWAWAY", _THROWAWAY if throwaway else ""))
    return gr.HTML(
        EMPTY_QUEUE,
        html_template=panel.replace("EXPORTS", render_exports((*FORMATS, REPORT))),
        js_on_load=_ON_LOAD,
        elem_id="queue-panel",
        apply_default_css=False,
        row=None,
        gone=None,
    )


def read_arrangement(payload: Mapping[str, object], default: Mode) -> Arrangement:
    """Return what an event says of the arrangement, the usual one where it says nothing that is known."""
    queue = payload.get("queue")
    order: CaseOrder = next((order for order in ORDERS if order == payload.get("order")), "position")
    mode = next((mode for mode in MODES if mode == payload.get("mode")), default)
    return Arrangement(queue if isinstance(queue, str) else None, order, mode, read_system(payload))


def queue_value(
    arrangement: Arrangement,
    queues: Sequence[str],
    cases: Sequence[QueueCase],
    *,
    reader: str,
    signed_in: bool,
    case_id: str | None,
    open_id: str | None,
    link: str | None = None,
    progress: Sequence[Progress] = (),
    may: Collection[Action] = (),
) -> dict[str, Any]:
    """Return what the list shows. progress: of every reader, where readers sign in. may: what the reader
    may do."""
    return {
        "queue": arrangement.queue,
        "queues": list(queues),
        "reader": reader,
        "signed_in": signed_in,
        "mode": arrangement.mode,
        "order": arrangement.order,
        "open": case_id,
        "case": open_id,
        "link": link,
        "cases": [row_value(case, reader) for case in cases],
        "readers": [
            {"name": row.reader, "cases": row.cases, "done": row.done, "in_progress": row.in_progress}
            for row in progress
        ],
        "may": list(may),
    }


def case_link(key: CaseKey) -> str:
    """Return the word by which an address names a case: the same for everybody, and without its name."""
    return hashlib.sha256(f"{key.queue}\n{key.case_id}".encode()).hexdigest()[:16]


def row_value(case: QueueCase, reader: str) -> dict[str, Any]:
    """Return what the list shows a reader of one case."""
    return {
        "queue": case.key.queue,
        "id": case.key.case_id,
        "state": case.state,
        "flagged": case.flagged,
        "disagrees": case.disagrees,
        "left_open": case.state == "done" and not case.complete,
        "assigned": list(case.assigned_to),
        "mine": reader in case.assigned_to,
        "consensus": case.consensus,
        **({"why": case.gain.reason} if case.gain.reason else {}),
    }
