"""Requests of the page with a marker in every position, of every JSON type: what comes back and what is in
the log must hold none of it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from magic_demo.page.server.requests.payloads import PAYLOADS, TEXT
from magic_demo.questions.families import load_families
from tests.support.live_page import LivePage
from tests.support.page_client import API

MARK = "MARK7f3aPATIENT"
NUMBER = 7310077310
FAMILY = load_families()[0].family_id
RUNS = {"width": 64, "height": 48, "runs": [700, 60, 64 * 48 - 760]}

ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    NUMBER,
    -(2**63),
    10**400,
    NUMBER + 0.5,
    float("nan"),
    float("inf"),
    "",
    MARK,
    f"{MARK}\ud83d",
    f"../{MARK}\0\u202e",
    MARK * TEXT,
    [],
    [MARK, {MARK: MARK}, [[MARK]], NUMBER, None],
    {},
    {MARK: MARK, "case": [MARK], "queue": {MARK: 1}},
)
"""A value of every JSON type, and those that have ended in a traceback before."""


class Hostile:
    """Sends events of a page that is open at a case."""

    def __init__(self, page: LivePage) -> None:
        self.page, self.client = page, page.client
        self.open()

    def open(self) -> None:
        """Open a case as a browser does."""
        told = {"queue": None, "order": "position", "mode": "assisted", "open": None}
        listed = self.client.send("queue-panel", "arrive", told)["queue-panel"]
        asked = {
            "queue": listed["queue"],
            "open": listed["cases"][0]["id"],
            "order": "position",
            "mode": "assisted",
        }
        shown = self.client.send("queue-panel", "open", asked)
        self.case = shown["review-form"]["case"]
        of = {**shown["review-form"]["stored"], "mode": "assisted", "base": 0}
        part = {
            "case": self.case,
            "of": of,
            "part": "note",
            "turn": "tab.1",
            "comment": MARK,
            "flagged": True,
            "difficulty": None,
            "unusable": [],
        }
        self.whole = {
            "case": self.case, "of": of, "part": "answers", "turn": "tab.2", "touched": [FAMILY, "comment"], "heard": 0, "seconds": 1.5,
            "answers": {FAMILY: [0]}, "specified": {FAMILY: MARK}, "photo": "IMG_ENC00001_00001", "label": "", "edits": 1, "request": 1, "family": FAMILY,
            "option": 0, "language": "en", "number": 1, "queue": of["queue"], "order": "position", "mode": "assisted", "open": "ENC00001",
            "from": None, "link": None, "cases": ["ENC00002"], "readers": ["Bo"], "each": 1, "comment": MARK, "flagged": False, "difficulty": "easy", "photo_quality": "good",
            "unusable": [], "anyway": [], "parts": [part], "how": "staple", "name": "measure", "value": "kappa", "photos": [], "lost": [MARK], "reasons": [MARK],
            "example": 0, "system": MARK, "narrative": MARK, "prompt": MARK, "typed": True, "asked": True, "masks": {"a": RUNS}, "covers": [], "cleared": True,
            "ruler": {"known": [0, 0, 2, 0], "mm": 10, "lines": [[0, 0, 1, 1]]}, "rulers": {"a": {"known": None, "mm": None, "lines": []}},
            "remarks": {"a": [[0, 0, MARK]]}, "comments": [[0, 0, MARK]],
            "clicks": [["box", 0.1, 0.1, 0.6, 0.6], ["lesion", 0.4, 0.4]], "before": RUNS["runs"], "area": RUNS["runs"], **RUNS,
        }  # fmt: skip

    def payload(self, element: str, event: str) -> dict[str, Any]:
        """Return a whole payload of an event."""
        told = {name: self.whole[name] for name in PAYLOADS[element, event].fields}
        return {**told, "open": True} if event == "compare" else told

    def bodies(self, chance: random.Random) -> Iterator[dict[str, Any]]:
        """Give one request after another: each event whole, each of its fields odd, its payload odd, its
        inputs odd."""
        for number, (name, inputs) in self.client.list_events().items():
            whole = self.payload(*name) if name in PAYLOADS else None
            base = {
                "fn_index": number,
                "session_hash": self.client.session,
                "trigger_id": None,
                "data": [None] * inputs,
                "event_data": whole,
            }
            # the case is needed further on
            if name not in {("review-form", "erase"), ("review-form", "keep")}:
                yield {**base, "data": [MARK] * inputs}
            yield {**base, "event_data": chance.choice(ODD)}
            yield {**base, "event_data": None}
            yield {**base, "data": [chance.choice(ODD) for _ in range(inputs)]}
            yield {**base, "data": chance.choice([[MARK] * (inputs + 1), MARK, None, {MARK: MARK}])}
            yield {
                **base,
                chance.choice(["trigger_id", "fn_index", "session_hash", "event_id", MARK]): chance.choice(
                    ODD
                ),
            }
            for field in whole or ():
                odd = chance.choice([*ODD, [MARK], {MARK: [MARK]}, MARK, NUMBER])
                # a server that waits for changes on their way is no fault
                if field != "heard" or type(odd) is not int:
                    yield {**base, "event_data": {**(whole or {}), field: odd}}

    def post(self, body: dict[str, Any], way: str) -> int:
        """Send a request by way of ``run/predict`` or ``queue/join``; returns the answer's status."""
        sent = json.dumps(body).encode()
        return self.client.http.post(
            f"{API}/{way}", content=sent, headers={"Content-Type": "application/json"}
        ).status_code

    def find_faults(self) -> list[str]:
        """Return the lines of the log that hold a value of a request, or tell of a traceback."""
        return [
            line
            for line in self.page.log().splitlines()
            if MARK in line or str(NUMBER) in line or "Traceback" in line or "fault" in line
        ]
