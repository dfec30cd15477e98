"""What each event of the page may bring: the one place where what a browser sends is checked before a
handler, or Gradio, sees it.

An event is named by the id of the element that sends it and by its own name. What its payload holds beside
the fields named here is dropped; a field may be null or missing. A handler that reads an event's payload has
its line here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message
from magic_demo.core.review_content import CHOICES
from magic_demo.page.gradio_internals.addresses import (
    EVENT,
    INPUTS,
    NUMBER,
    PAYLOAD,
    SESSION,
    TRIGGER,
    find_event_number,
)
from magic_demo.page.gradio_internals.events import Page, list_names, list_stateful, list_triggers
from magic_demo.page.server.requests.parameters import Bounds, RefusedError, read_object

Check = Callable[[object], bool]
Fields = Mapping[str, Check]

_TYPED = LIMITS.text_characters + LIMITS.prompt_characters + LIMITS.comment_characters
SMALL = Bounds(min(max(128 * 2**10, 8 * _TYPED), LIMITS.request_bytes), items=20_000, containers=2000)
"""Words, marks and names: every event that has no line of its own."""
ASSIGNMENTS = Bounds(min(4 * 2**20, LIMITS.request_bytes), items=2 * LIMITS.queue_cases, containers=2000)
MASK = Bounds(min(4 * 2**20, LIMITS.request_bytes), items=1_000_000, containers=2000)
"""One outline: a row of the working size may cross it 500 times."""
REMARKS = Bounds(min(2**20, LIMITS.request_bytes), items=1000, containers=2000)
"""The comments on the lesions of one photo."""
MASKS = Bounds(LIMITS.request_bytes, items=2_000_000, containers=5000)
"""Everything of one case that was not saved, with an outline a photo."""
TEXT = 4 * max(LIMITS.text_characters, LIMITS.comment_characters)
"""Characters of a text; what the page shows of a longer one, or says of it, is the handlers'."""


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= TEXT


def _is_whole(value: object) -> bool:
    return type(value) is int


def _is_number(value: object) -> bool:
    return type(value) in (int, float)


def _is_yes_or_no(value: object) -> bool:
    return isinstance(value, bool)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_place(value: object) -> bool:
    return isinstance(value, dict) and all(
        check(value.get(name)) for name, check in _PLACE.items() if value.get(name) is not None
    )


_PLACE: Fields = {"queue": _is_text, "id": _is_text, "reader": _is_text, "mode": _is_text, "base": _is_whole}
CASE: Fields = {"case": _is_text, "of": _is_place}
_TIMED: Fields = {**CASE, "heard": _is_whole, "seconds": _is_number}
_CHANGE: Fields = {**CASE, "part": _is_text, "turn": _is_text, "touched": _are_texts}
_CARDS: Fields = {"answers": _is_object, "specified": _is_object}
_OUTLINE: Fields = {"photo": _is_text, "width": _is_whole, "height": _is_whole}
_SYSTEM: Fields = {"system": _is_text}
_LIST: Fields = {
    **_SYSTEM,
    "queue": _is_text,
    "order": _is_text,
    "mode": _is_text,
    "open": _is_text,
    "case": _is_text,
}
_ASKED: Fields = {"request": _is_whole}


@dataclass(frozen=True)
class Payload:
    """What an event may bring, and how large its request may be."""

    fields: Fields
    bounds: Bounds = SMALL


PAYLOADS: Mapping[tuple[str, str], Payload] = {
    ("photo-intake", "photos"): Payload({"photos": _are_texts, "lost": _are_texts, "reasons": _are_texts}),
    ("unkept-offers", "restore"): Payload(
        {
            **_CARDS,
            "photos": _are_texts,
            "example": _is_whole,
            "narrative": _is_text,
            "prompt": _is_text,
            "typed": _is_yes_or_no,
            "asked": _is_yes_or_no,
        }
        | {"masks": _is_object, "rulers": _is_object, "remarks": _is_object, "covers": _is_list},
        MASKS,
    ),
    ("examples", "choose"): Payload({"number": _is_whole}),
    ("language", "language"): Payload({"language": _is_text}),
    ("cards", "answers"): Payload({**_CHANGE, **_CARDS}),
    ("cards", "system"): Payload({**CASE, **_SYSTEM}),
    ("why", "why"): Payload(
        {**CASE, **_ASKED, "family": _is_text, "option": _is_whole, "language": _is_text}
    ),
    ("viewer", "mask"): Payload(
        {
            **_CHANGE,
            **_OUTLINE,
            "label": _is_text,
            "runs": _is_list,
            "clicks": _is_list,
            "cleared": _is_yes_or_no,
            "edits": _is_whole,
        },
        MASK,
    ),
    ("viewer", "point"): Payload(
        {**CASE, **_ASKED, **_OUTLINE, "label": _is_text, "clicks": _is_list, "before": _is_list}, MASK
    ),
    ("viewer", "ruler"): Payload({**_CHANGE, "photo": _is_text, "ruler": _is_object}),
    ("viewer", "remarks"): Payload({**_CHANGE, "photo": _is_text, "comments": _is_list}, REMARKS),
    ("viewer", "facts"): Payload({**CASE, "photos": _are_texts}),
    ("viewer", "cover"): Payload({**CASE, **_ASKED, **_OUTLINE, "area": _is_list}, MASK),
    ("queue-panel", "arrive"): Payload({**_LIST, "link": _is_text}),
    ("queue-panel", "open"): Payload({**_LIST, "link": _is_text, "from": _is_text, "heard": _is_whole}),
    ("queue-panel", "arrange"): Payload(_LIST),
    ("queue-panel", "assign"): Payload(
        {**_LIST, "cases": _are_texts, "readers": _are_texts, "each": _is_whole}, ASSIGNMENTS
    ),
    ("review-form", "note"): Payload(
        {
            **_CHANGE,
            "comment": _is_text,
            "flagged": _is_yes_or_no,
            **dict.fromkeys(CHOICES, _is_text),
            "unusable": _are_texts,
            "seconds": _is_number,
        }
    ),
    ("review-form", "again"): Payload({**CASE, "parts": _is_list}, MASKS),
    ("review-form", "restore"): Payload({**CASE, "parts": _is_list}, MASKS),
    ("review-form", "finish"): Payload({**_TIMED, "anyway": _are_texts, "parts": _is_list}, MASKS),
    ("review-form", "reopen"): Payload(_TIMED),
    ("review-form", "reveal"): Payload({**CASE, **_SYSTEM}),
    ("review-form", "compare"): Payload({**CASE, "open": _is_yes_or_no}),
    ("review-form", "back"): Payload({**CASE, "number": _is_whole, "heard": _is_whole}),
    ("review-form", "look"): Payload({**CASE, "number": _is_whole}),
    ("review-form", "keep"): Payload({"case": _is_text, "heard": _is_whole, "mode": _is_text}),
    ("review-form", "erase"): Payload(CASE),
    ("readings", "build"): Payload({"how": _is_text}),
    ("agreement-filters", "filter"): Payload({"name": _is_text, "value": _is_text}),
}

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NO_EVENT = Message("the page has no such event; reload it")
_OTHERWISE = Message("the event does not hold what the page sends; reload it")


def find_payload(page: Page, number: int) -> Payload | None:
    """Return what the page's event of this number may bring, None where its handler reads nothing of it."""
    return next((PAYLOADS[name] for name in list_names(page, number) if name in PAYLOADS), None)


def read_event(body: bytes, page: Page | None, *, cancels: bool = False) -> tuple[dict[str, Any], bytes]:
    """Return what of a request's body goes on to Gradio, read and written: the event's number, its inputs and
    its payload, each as it has to be.

    page: None where there is none to ask what an event is. cancels: the request ends an event and brings
    none. Raises RefusedError, for a body that is too large for its event before it is parsed.
    """
    number = find_event_number(body)
    payload = (
        find_payload(page, number) if page is not None and number is not None and number in page.fns else None
    )
    bounds = payload.bounds if payload is not None else SMALL
    message = read_object(body, bounds)
    asked, session = message.get(NUMBER), message.get(SESSION)
    if not isinstance(session, str) or not _TOKEN.fullmatch(session):
        raise RefusedError(400, "the session's number is missing; reload the page")
    if page is not None and (
        type(asked) is not int or asked not in page.fns or (bounds is not SMALL and asked != number)
    ):
        raise RefusedError(400, _NO_EVENT)
    if not isinstance(message.get(PAYLOAD), dict | None):
        raise RefusedError(400, _OTHERWISE)
    index = asked if type(asked) is int else -1
    event: dict[str, Any] = {SESSION: session, NUMBER: asked}
    if cancels:
        event[EVENT] = message.get(EVENT)
        if not isinstance(event[EVENT], str) or not _TOKEN.fullmatch(event[EVENT]):
            raise RefusedError(400, _OTHERWISE)
    elif page is None:
        event |= {name: message.get(name) for name in (INPUTS, PAYLOAD)}
    else:
        event[TRIGGER] = trigger = message.get(TRIGGER)
        if type(trigger) not in (int, type(None)) or trigger not in list_triggers(page, index):
            raise RefusedError(400, _NO_EVENT)
        event[INPUTS] = _read_inputs(message.get(INPUTS), list_stateful(page, index))
        event[PAYLOAD] = _read_payload(message.get(PAYLOAD), find_payload(page, index))
    # writing a large mask anew would hold everybody
    same = len(body) > SMALL.size and b"\\u" not in body and event == message
    return event, body if same else json.dumps(event, ensure_ascii=False).encode()


def _read_inputs(data: object, stateful: Sequence[bool]) -> list[str | bool | None]:
    """Return the inputs: what is typed, ticked or shown, and null for what the server itself holds of the
    session."""
    if not isinstance(data, list) or len(data) != len(stateful):
        raise RefusedError(400, _OTHERWISE)
    read = [None if is_held else value for value, is_held in zip(data, stateful, strict=True)]
    if not all(value is None or _is_yes_or_no(value) or _is_text(value) for value in read):
        raise RefusedError(400, _OTHERWISE)
    return read


def _read_payload(sent: object, payload: Payload | None) -> dict[str, Any] | None:
    if payload is None:
        return None
    if not isinstance(sent, dict) or not all(
        check(sent[name]) for name, check in payload.fields.items() if sent.get(name) is not None
    ):
        raise RefusedError(400, _OTHERWISE)
    return {name: value for name, value in sent.items() if name in payload.fields}
