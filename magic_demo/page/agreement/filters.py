"""The page's filters: buttons that stay pressed, told to the server by ``agreement.mjs`` in one event.

filter   {"name": "system" | "queue" | "reader" | "family" | "reading" | "done" | "measure", "value": str}
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any, Literal, Self

from magic_demo.core.errors import FormError
from magic_demo.page.texts.i18n import both, both_of
from magic_demo.page.texts.queue_names import name_queue
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.agreement.sources import AgreementChoice

Measure = Literal["same", "kappa"]

TITLES = {
    "measure": "agreement.filter_measure",
    "reading": "agreement.filter_reading",
    "queue": "agreement.filter_queue",
    "system": "agreement.filter_system",
    "reader": "agreement.filter_reader",
    "family": "agreement.filter_family",
    "done": "agreement.filter_done",
}
MEASURES = {"same": "agreement.measure_same", "kappa": "agreement.measure_kappa"}
READINGS = {"latest": "agreement.reading_latest", "blind": "agreement.reading_blind"}


@dataclass(frozen=True)
class View:
    """What a browser session looks at: what is compared, and by which number."""

    choice: AgreementChoice = field(default_factory=AgreementChoice)
    measure: Measure = "same"


class HeldView:
    """The view of a browser session. Filters that are pressed at once change it one after the other: each of
    these events gets this very object, and none of them undoes another's."""

    def __init__(self, now: View | None = None) -> None:
        self.now = now or View()
        self._lock = threading.Lock()

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        """Return the view of a session that begins."""
        return type(self)(self.now)

    def change(self, press: Callable[[View], View]) -> None:
        """Let a filter make another view of this one; whatever it raises leaves it as it is."""
        with self._lock:
            self.now = press(self.now)


def read_filter(
    view: View,
    payload: Mapping[str, object],
    queues: Sequence[str],
    questions: QuestionSet,
    systems: Sequence[str] = (),
) -> View:
    """Return the view after a button was pressed. Raises FormError for one that there is not."""
    name, value, choice = payload.get("name"), payload.get("value"), view.choice
    if not isinstance(value, str):
        raise FormError(
            "filter {name!r}: {came} came, text is expected; reload the page",
            name=name,
            came=type(value).__name__,
        )
    if name == "queue" and value in ("", *queues):
        return replace(view, choice=replace(choice, queue=value or None, readers=frozenset(), family=None))
    if name == "reader":
        readers = choice.readers ^ {value} if value else frozenset()
        return replace(view, choice=replace(choice, readers=readers))
    if name == "family" and value in ("", *questions.family_ids):
        return replace(view, choice=replace(choice, family=value or None))
    if name == "system" and value in systems:
        return replace(view, choice=replace(choice, system=value))
    if name == "reading" and value in ("latest", "blind"):
        return replace(view, choice=replace(choice, reading="blind" if value == "blind" else "latest"))
    if name == "done" and value in ("yes", "no"):
        return replace(view, choice=replace(choice, done_only=value == "yes"))
    if name == "measure" and value in ("same", "kappa"):
        return replace(view, measure="kappa" if value == "kappa" else "same")
    raise FormError("filter {name!r}: {value!r} is no choice; reload the page", name=name, value=value)


def render_filters(
    view: View,
    queues: Sequence[str],
    readers: Sequence[str],
    questions: QuestionSet,
    systems: Sequence[str] = (),
) -> str:
    """Return all filters; a queue, reader or system there is only one of needs none."""
    choice = view.choice
    groups = [
        _group("measure", [(value, both(key), view.measure == value) for value, key in MEASURES.items()]),
        _group("reading", [(value, both(key), choice.reading == value) for value, key in READINGS.items()]),
    ]
    if len(systems) > 1:
        shown = choice.system or systems[0]
        groups.append(
            _group("system", [(name, f"<span>{escape(name)}</span>", name == shown) for name in systems])
        )
    if len(queues) > 1:
        named = [(name, both_of(name_queue(name)), choice.queue == name) for name in queues]
        groups.append(_group("queue", [("", both("agreement.all"), choice.queue is None), *named]))
    if len(readers) > 1 or choice.readers:
        named = [
            (name, f"<span>{escape(name)}</span>", name in choice.readers)
            for name in sorted({*readers, *choice.readers})
        ]
        groups.append(_group("reader", [("", both("agreement.all"), not choice.readers), *named]))
    families = [
        (family.family_id, both_of(family.title), choice.family == family.family_id)
        for family in questions.families
    ]
    groups.append(_group("family", [("", both("agreement.all"), choice.family is None), *families]))
    done = [
        ("yes", both("agreement.done_yes"), choice.done_only),
        ("no", both("agreement.done_no"), not choice.done_only),
    ]
    groups.append(_group("done", done))
    return f'<div class="agree-filters">{"".join(groups)}</div>'


def _group(name: str, buttons: Sequence[tuple[str, str, bool]]) -> str:
    shown = "".join(
        f'<button type="button" data-filter="{name}" data-value="{escape(value, quote=True)}" '
        f'aria-pressed="{str(pressed).lower()}">{label}</button>'
        for value, label, pressed in buttons
    )
    return (
        f'<div class="agree-filter" role="group" aria-labelledby="filter-{name}"><h2 '
        f'id="filter-{name}">{both(TITLES[name])}</h2><div class="chips">{shown}</div></div>'
    )
