"""Readers of a soak: what each does on the page, one after the other, and what it was told."""

from __future__ import annotations

import json
import random
import re
import secrets
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
import numpy as np

from magic_demo.core.review_types import MaskRuns
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.page.panels.viewer.mask_form import read_mask, working_size, write_runs
from magic_demo.questions.families import load_families
from tests.robustness.load.server import LARGE, PASSWORD, START_SECONDS
from tests.support.page_client import PageClient

MARK = re.compile(r"mark-([0-9a-f]{12})-")
PLACE = re.compile(r"(\d+) readers? before you")
ENTERING = threading.BoundedSemaphore(4)
"""Readers who sign in side by side: a password takes a processor for a while, on purpose."""
SECONDS_TO_ENTER = 3.0
OUTLINES = 4
"""Outlines that are drawn, of different sizes."""
Saved = tuple[str, str, int]
"""("comment", words, 0), ("answer", qid, option) or ("outline", photo, its number)."""


@dataclass
class Told:
    """What one reader did and was told. saved: (case, what) of every save that was answered, in order, each
    as the store has to hold it.

    save_ms, open_ms: of saves and openings at the reader's own pace. first_ms: of the first opening, which all
    readers begin in the same moment; last_ms: of saves that were sent because the soak was over, again by all in the
    same moment.
    """

    mark: str = field(default_factory=lambda: secrets.token_hex(6))
    saved: list[tuple[str, Saved]] = field(default_factory=list)
    save_ms: list[float] = field(default_factory=list)
    open_ms: list[float] = field(default_factory=list)
    first_ms: list[float] = field(default_factory=list)
    last_ms: list[float] = field(default_factory=list)
    analyses: int = 0
    places: Counter[int] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    leaks: int = 0
    page: PageClient | None = None


def read_cases(
    address: str, name: str, told: Told, begin: threading.Barrier, stopping: threading.Event, pace: float
) -> None:
    """Sign in, wait until everybody has, and be a reader until the server stops; everything that goes wrong
    before that is an error."""
    chance = random.Random(name)
    try:
        with ENTERING:
            page = told.page = PageClient(address, name, PASSWORD)
        shown = page.send(
            "queue-panel", "arrive", {"queue": None, "order": "position", "mode": "assisted", "open": None}
        )
        cases = [one["id"] for one in shown["queue-panel"]["cases"]]
        queue = shown["queue-panel"]["queue"]
        begin.wait(START_SECONDS + SECONDS_TO_ENTER * begin.parties)
        while not stopping.is_set():
            _read_case(page, told, {"queue": queue, "open": chance.choice(cases)}, chance, stopping, pace)
            told.leaks += sum(mark != told.mark for text in page.heard for mark in MARK.findall(text))
            page.heard.clear()
    except (httpx.HTTPError, KeyError, ValueError, AssertionError, threading.BrokenBarrierError) as error:
        if not stopping.is_set():
            told.errors.append(f"{name}: {type(error).__name__}: {error}"[:300])
        begin.abort()  # where the others still wait for this one


def _read_case(
    page: PageClient,
    told: Told,
    case: dict[str, Any],
    chance: random.Random,
    stopping: threading.Event,
    pace: float,
) -> None:
    began = time.perf_counter()
    shown = page.send(
        "queue-panel", "open", {"order": "position", "mode": "assisted", "from": None, "heard": 0, **case}
    )
    (told.open_ms if told.first_ms else told.first_ms).append(1000 * (time.perf_counter() - began))
    tab = _Tab(page, told, case, shown, stopping)
    asked = threading.Thread(target=analyse, args=(page, told, stopping), daemon=True)
    asked.start()
    turn = 0
    while not stopping.is_set() and (asked.is_alive() or turn < 3):
        stopping.wait(pace * chance.uniform(2 / 3, 4 / 3))
        turn += 1
        (tab.outline, tab.answer, tab.comment)[turn % 3](chance)
    asked.join(60)


class _Tab:
    """A reader's open case: what is sent of it says what the page's own scripts say."""

    def __init__(
        self,
        page: PageClient,
        told: Told,
        case: dict[str, Any],
        shown: dict[str, Any],
        stopping: threading.Event,
    ) -> None:
        self.page, self.told, self.case, self.stopping = page, told, str(case["open"]), stopping
        self.secret = shown["queue-panel"]["props"]["row"]["case"]
        self.photos = shown["viewer"]["photos"]
        form = shown["review-form"]
        self.of = {**form["stored"], "mode": "assisted", "base": form["saved"]["number"]}
        self.turn = 0

    def outline(self, chance: random.Random) -> None:
        photo, number = chance.choice(self.photos), chance.randrange(OUTLINES)
        runs = draw_runs((photo["height"], photo["width"]), number)
        self._save("viewer", "mask", {"photo": photo["name"], **runs}, ("outline", photo["name"], number))

    def answer(self, chance: random.Random) -> None:
        family = chance.choice(load_families())
        option = chance.randrange(len(family.options["en"]))
        told = {"answers": {family.family_id: [option]}, "specified": {}, "touched": [family.family_id]}
        self._save("cards", "answers", told, ("answer", family.questions[0].qid, option))

    def comment(self, _chance: random.Random) -> None:
        words = f"mark-{self.told.mark}-{len(self.told.saved)}"
        self._save(
            "review-form",
            "note",
            {"comment": words, "seconds": self.turn, "touched": ["comment"]},
            ("comment", words, 0),
        )

    def _save(self, element: str, event: str, what: dict[str, Any], saved: Saved) -> None:
        self.turn += 1
        times = self.told.last_ms if self.stopping.is_set() else self.told.save_ms
        began = time.perf_counter()
        said = self.page.send(
            element, event, {"case": self.secret, "of": self.of, "turn": f"{self.secret}.{self.turn}", **what}
        )
        times.append(1000 * (time.perf_counter() - began))
        if 'data-state="done"' not in str(said.get("status")):
            self.told.errors.append(f"a save was answered with {str(said.get('status'))[:300]}")
            return
        self.of["base"] = said["review-form"]["props"]["saved"]["number"]
        self.told.saved.append((self.case, saved))


@cache
def draw_runs(working: tuple[int, int], number: int) -> dict[str, Any]:
    """Return an outline as the page sends it, of a photo's working (height, width)."""
    rows, columns = np.ogrid[: working[0], : working[1]]
    return write_runs(
        np.asarray(
            (rows - working[0] / 2) ** 2 + (columns - working[1] / 3) ** 2
            < (min(working) / (3 + number)) ** 2
        )
    )


@cache
def kept_runs(number: int) -> MaskRuns:
    """Return what the store holds of an outline."""
    return encode_mask(read_mask(draw_runs(working_size(LARGE), number), LARGE))


def analyse(page: PageClient, told: Told, stopping: threading.Event) -> None:
    """Ask the models with a prompt of its own, so that something is computed; note the places in the line
    that were told."""
    try:
        for message in page.follow(
            "queue-panel", "open", prompt=f"spot {secrets.token_hex(2)}", narrative="A red spot."
        ):
            for place in PLACE.findall(json.dumps(message)):
                told.places[int(place)] += 1
            if message.get("msg") == "process_completed":
                told.analyses += bool(message.get("success"))
                if not message.get("success"):
                    told.errors.append(f"an analysis failed: {json.dumps(message)[:300]}")
    except (httpx.HTTPError, ValueError) as error:
        if not stopping.is_set():
            told.errors.append(f"an analysis: {type(error).__name__}: {error}"[:300])
