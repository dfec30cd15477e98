"""docs/how-to/add-an-event.md works as it is written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from magic_demo.page.gradio_internals.blocks import QuickBlocks
from magic_demo.page.server.requests import payloads
from magic_demo.page.texts import i18n
from tests.support.open_tabs import FAMILY, Room, Tab
from tests.support.source.documents import read_code, run_code

HOW_TO = "how-to/add-an-event.md"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path, (30, 40), 1)
    yield room
    room.store.close()


def test_a_button_added_as_the_how_to_says_answers_in_both_languages(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    (texts,) = (json.loads(block) for block in read_code(HOW_TO, "json"))
    new = {key: dict(zip(("en", "zh"), pair, strict=True)) for key, pair in texts.items()}
    known = {**i18n.load_texts(), **new}
    monkeypatch.setattr(i18n, "load_texts", lambda: known)
    names: dict[str, Any] = {"__name__": __name__}
    for block in read_code(HOW_TO):
        run_code(block, HOW_TO, names)
    monkeypatch.setattr(payloads, "PAYLOADS", {**payloads.PAYLOADS, **names["LINE"]})
    counting = names["Counting"](room.state)

    async def lay_out() -> tuple[QuickBlocks, gr.HTML]:
        page = QuickBlocks(analytics_enabled=False)
        with page:
            panel = names["count_component"]()
            room.page.parts.status.render()
            names["wire_count"](panel, counting, {})
        return page, panel

    page, panel = asyncio.run(lay_out())
    drawn = str(panel.html_template)
    assert "Count my answers" in drawn and "统计我的回答" in drawn
    (number,) = page.fns
    tab = Tab(room)
    tab.open()
    tab.send(room.review.answer, tab.say({"answers": {FAMILY: [1]}}))
    sent = {"session_hash": tab.name, "fn_index": number, "data": [], "trigger_id": panel._id}
    body = json.dumps({**sent, "event_data": {**tab.say({}), "more": 1}}).encode()
    event, _ = payloads.read_event(body, page)
    assert set(event["event_data"]) == {"case", "of"}, "what PAYLOADS does not name is dropped"
    handler = page.fns[number].fn
    assert handler is not None
    answer = handler(gr.EventData(None, event["event_data"]), tab.request)
    line = answer[room.page.parts.status]
    assert " answers so far" in line and "目前有" in line
    gone = handler(gr.EventData(None, {"case": "neverthere"}), tab.request)
    assert 'data-state="failed"' in gone[room.page.parts.status]


def test_the_script_of_the_how_to_mounts_what_the_panel_names() -> None:
    (script,) = read_code(HOW_TO, "js")
    assert "export function mountCount(" in script and 'trigger("count"' in script
    assert 'mountCount"' in read_code(HOW_TO)[0] and 'events=["count"]' in read_code(HOW_TO)[0]
