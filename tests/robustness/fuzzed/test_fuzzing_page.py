"""Whatever a browser sends, what reads it for the page gives a value or one documented error."""

from __future__ import annotations

import atexit
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from magic_demo.core.types import Photo
from magic_demo.page.panels import forms
from magic_demo.page.panels.review import review_form
from magic_demo.page.panels.viewer import mask_form, point_form
from magic_demo.page.server.requests.payloads import PAYLOADS
from magic_demo.questions.families import load_families
from tests.robustness.fuzzed.fuzzing import EXAMPLES, FUZZ, tried
from tests.robustness.fuzzed.inputs import (
    altered,
    check,
    texts,
    values,
)
from tests.support.hostile.hostile_events import Hostile
from tests.support.live_page import LivePage
from tests.support.stand_ins import draw_photo

PHOTO = Photo("A", draw_photo(12, 16))
FAMILIES = load_families()
ON_CARDS = {
    "answers": {family.family_id: [0] for family in FAMILIES},
    "specified": {FAMILIES[1].family_id: "x"},
}
POINTED = {
    "photo": "A",
    "request": 1,
    "width": 16,
    "height": 12,
    "clicks": [["box", 0.1, 0.1, 0.9, 0.9], ["lesion", 0.5, 0.5], ["skin", 1, 0]],
    "before": [3, 100, 89],
}
NOTED = {"comment": "x", "flagged": True, "difficulty": "easy", "unusable": ["A"], "seconds": 3}


@FUZZ
@given(
    values
    | st.lists(st.integers(0, 99), max_size=9).map(lambda runs: {"width": 16, "height": 12, "runs": runs})
    | altered({"width": 16, "height": 12, "runs": [3, 100, 89]})
)
def test_page_masks(payload: Any) -> None:
    check("page masks", lambda: mask_form.write_runs(mask_form.read_mask(payload, (12, 16))))


@FUZZ
@given(
    altered(ON_CARDS)
    | altered({"family": FAMILIES[0].family_id, "option": 0, "request": 3, "language": "en"})
    | st.dictionaries(texts, values, max_size=3)
)
def test_page_answers(told: Any) -> None:
    check("page answers", lambda: forms.read_answers(told, FAMILIES))
    check("page answers", lambda: forms.read_why(told, FAMILIES))


@FUZZ
@given(altered(NOTED) | st.dictionaries(texts, values, max_size=3))
def test_page_notes(told: Any) -> None:
    check("page notes", lambda: review_form.read_note(told, [PHOTO.photo_id]))
    check("page notes", lambda: review_form.read_seconds(told, 0.0))


@cache
def serve_page() -> Hostile:
    """Start the page, once: a process of its own that ends with this one."""
    folder = tempfile.TemporaryDirectory()
    page = LivePage(Path(folder.name))
    atexit.register(folder.cleanup)
    atexit.register(page.stop)
    return Hostile(page)


if EXAMPLES:  # of every test run `test_ui_hostile_requests` gives the same page a fixed share

    @FUZZ
    @given(st.data())
    def test_page_events(data: st.DataObject) -> None:
        hostile = serve_page()
        events = hostile.client.list_events()
        number = data.draw(st.sampled_from(sorted(events)))
        name, inputs = events[number]
        whole = hostile.payload(*name) if name in PAYLOADS else None
        body: dict[str, Any] = {
            "fn_index": number,
            "session_hash": hostile.client.session,
            "trigger_id": None,
            "data": [None] * inputs,
            "event_data": whole,
        }
        body |= (
            {"event_data": data.draw(altered(whole) if whole is not None else values)}
            if data.draw(st.booleans())
            else data.draw(altered(body))
        )
        if isinstance(body.get("event_data"), dict):
            body["event_data"].pop("heard", None)  # a server that waits for changes on their way is no fault
        tried["page events"] += 1
        status = hostile.post(body, data.draw(st.sampled_from(["run/predict", "queue/join"])))
        assert status in (200, 400, 404, 413) and hostile.find_faults() == [], (status, body)


@FUZZ
@given(altered(POINTED) | values)
def test_page_points(payload: Any) -> None:
    check(
        "page points", lambda: point_form.read_pointed(payload if isinstance(payload, dict) else {}, [PHOTO])
    )


@FUZZ
@given(values | texts)
def test_page_words(value: Any) -> None:
    check("page words", lambda: forms.read_encounter(value, None))
    check("page words", lambda: forms.read_prompt(value))
    check("page words", lambda: forms.read_language(value))
