"""What an event is about, found in one place: who sent it, the draft, the open case, and what came with it.

``resolve(event, request, recall)`` returns a ``Resolved``, whose parts are found when a handler first asks
for them. One that cannot be found raises the line that answers the event; ``answered`` shows it, so that a
handler says only what happens when everything is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Protocol, TypeVar

import gradio as gr

from magic_demo.core.errors import FormError, MagicDemoError, StoreError
from magic_demo.page.events.drafts.recall import Recall
from magic_demo.page.gradio_internals.events import read_payload
from magic_demo.page.session.desk.desk import page_actor
from magic_demo.page.session.open_cases import OpenCase
from magic_demo.page.session.review import DraftName, NotOpenError, Reading, ReviewDraft
from magic_demo.reviews.store import Actor

Updates = dict[Any, Any]
"""Component -> its new value or ``gr.update``; what is not named stays as it is."""


class Resolved:
    """What an event is about.

    payload: what came with it, as ``requests/payloads.py`` let it through. session: the browser session that
    sent it.
    """

    def __init__(self, payload: Mapping[str, Any], request: gr.Request, recall: Recall) -> None:
        self.payload = payload
        self.request = request
        self.session = str(request.session_hash)
        self._recall = recall

    @cached_property
    def reader(self) -> str:
        """Return who sent it. Raises StoreError for nobody."""
        desk = self._recall.desk
        return desk.reader(self.request.cookies if desk.sign_ins is not None else {})

    @property
    def actor(self) -> Actor:
        """Return the same with where they are, for the audit trail. Raises StoreError for nobody."""
        client = getattr(self.request, "client", None)
        return page_actor(self.reader, client.host if client is not None else "")

    @property
    def named_draft(self) -> tuple[DraftName, ReviewDraft]:
        """Return the draft of the case that the payload names, as it is now, and under which name ``Drafts`` holds it. Raises
        FormError, StoreError."""
        return self._recall.find_draft(self.session, self.payload, self.reader)

    @property
    def draft_name(self) -> DraftName:
        """Return the draft's name. Raises FormError, StoreError."""
        return self.named_draft[0]

    @property
    def draft(self) -> ReviewDraft:
        """Return the draft. Raises FormError, StoreError."""
        return self.named_draft[1]

    @property
    def is_shown(self) -> bool:
        """Return whether the case that the payload names is the one that is open in the session now."""
        draft = self._recall.drafts.get_open(self.session)
        return draft is not None and draft.open_id == self.payload.get("case")

    @property
    def reading(self) -> Reading:
        """Return the reading that the draft is of. Raises FormError where the case is in no store,
        StoreError."""
        reading = self.draft.reading
        if reading is None:
            raise NotOpenError
        return reading

    @property
    def case(self) -> OpenCase:
        """Return the open case that the payload names; a stored one is read again where memory has dropped
        it. Raises FormError, StoreError."""
        return self._recall.find_case(self.draft)

    @property
    def opened(self) -> tuple[ReviewDraft, Reading, OpenCase]:
        """Return the stored case that is open in the session now.

        Raises FormError where none is, or the payload names another, which the session has left since; StoreError where another
        reader opened it.
        """
        draft = self._recall.drafts.get_open(self.session)
        if draft is None or draft.reading is None or self.payload.get("case", draft.open_id) != draft.open_id:
            raise FormError("This case is not open here any more; open it again in the list")
        self.check_reader()
        return draft, draft.reading, self._recall.find_case(draft)

    def check_reader(self) -> None:
        """Raise StoreError when the session's reading is another reader's than who sent the event."""
        draft = self._recall.drafts.get_open(self.session)
        if draft is not None and draft.reading is not None and draft.reading.reader != self.reader:
            raise StoreError("somebody else has signed in since this case was opened; reload the page")


def resolve(event: gr.EventData | None, request: gr.Request, recall: Recall) -> Resolved:
    """Return what an event is about. event: None for one that brings nothing."""
    return Resolved(read_payload(event) if event is not None else {}, request, recall)


class Answering(Protocol):
    """What ``answered`` needs of a class of handlers."""

    def resolve(self, event: gr.EventData | None, request: gr.Request) -> Resolved:
        """Return what an event is about."""

    def failed(self, error: MagicDemoError) -> Updates:
        """Say in the status line what went wrong."""


_Handlers = TypeVar("_Handlers", bound=Answering)


def answered(
    handler: Callable[[_Handlers, Resolved], Updates],
) -> Callable[[_Handlers, gr.EventData, gr.Request], Updates]:
    """Make a handler of what an event is about one of Gradio's; what it raises is said in the status line."""

    def handle(self: _Handlers, event: gr.EventData, request: gr.Request) -> Updates:
        try:
            return handler(self, self.resolve(event, request))
        except MagicDemoError as error:
            return self.failed(error)

    return _named(handle, handler)


def answered_with_inputs(
    handler: Callable[[_Handlers, Updates, Resolved], Updates],
) -> Callable[[_Handlers, Updates, gr.EventData, gr.Request], Updates]:
    """Do the same for a handler that takes what is typed or shown, too."""

    def handle(self: _Handlers, inputs: Updates, event: gr.EventData, request: gr.Request) -> Updates:
        try:
            return handler(self, inputs, self.resolve(event, request))
        except MagicDemoError as error:
            return self.failed(error)

    return _named(handle, handler)


_Named = TypeVar("_Named", bound=Callable[..., Any])


def _named(handle: _Named, handler: Callable[..., Any]) -> _Named:
    """Return a function under a handler's name. Its signature stays its own: Gradio reads off it what to hand
    over."""
    for name in ("__name__", "__qualname__", "__doc__"):
        setattr(handle, name, getattr(handler, name))
    return handle
