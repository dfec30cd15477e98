"""What the server reads of a page's events: which element sends which, what each takes, what came with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency
from starlette.types import Scope

__all__ = [
    "Component",
    "Dependency",
    "Page",
    "find_page",
    "is_tick",
    "list_names",
    "list_stateful",
    "list_triggers",
    "read_payload",
]


class _Function(Protocol):
    """What is read of Gradio's ``BlockFunction``."""

    @property
    def targets(self) -> Sequence[tuple[Any, str]]:
        """(number of an element, event)."""

    @property
    def inputs(self) -> Sequence[Any]:
        """The components whose values come with the event."""


class Page(Protocol):
    """What is read of Gradio's ``Blocks``."""

    @property
    def fns(self) -> Mapping[int, _Function]:
        """Number -> event."""

    @property
    def blocks(self) -> Mapping[int, Any]:
        """Number -> component or layout."""


def read_payload(event: gr.EventData) -> Mapping[str, Any]:
    """Return what the browser sent with an event, as ``PAYLOADS`` has let it through; empty for none."""
    payload: Mapping[str, Any] = event._data or {}
    return payload


def find_page(scope: Scope) -> Page | None:
    """Return the page that a request is to, None where the request is to no page of Gradio's."""
    page: Page | None = getattr(scope.get("app"), "blocks", None)
    return page


def list_names(page: Page, number: int) -> list[tuple[str, str]]:
    """Return (element id, event) of everything on the page that begins the event of this number."""
    return [
        (getattr(page.blocks.get(target), "elem_id", None) or "", event)
        for target, event in page.fns[number].targets
    ]


def list_triggers(page: Page, number: int) -> frozenset[int | None]:
    """Return the numbers that may be named as what began an event; None for the page itself, which loads."""
    return frozenset((None, *page.blocks, *(target for target, _ in page.fns[number].targets)))


def list_stateful(page: Page, number: int) -> list[bool]:
    """Return for each input of an event whether the server itself holds its value."""
    return [bool(part.stateful) for part in page.fns[number].inputs]


def is_tick(page: Page, number: object) -> bool:
    """Return whether timers alone begin the event of this number."""
    event = page.fns.get(number) if isinstance(number, int) else None
    return event is not None and bool(event.targets) and all(kind == "tick" for _, kind in event.targets)
