"""What the page relies on behind Gradio's public names is there in the pinned version, and behaves as it
needs."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from magic_demo.page.gradio_internals import addresses, tunnel
from magic_demo.page.gradio_internals.blocks import QuickBlocks
from magic_demo.page.gradio_internals.events import (
    is_tick,
    list_names,
    list_stateful,
    list_triggers,
    read_payload,
)
from magic_demo.page.gradio_internals.scripts import load_script

REPOSITORY = Path(__file__).resolve().parents[3]
FRONTEND = Path(gr.__file__).parent / "templates/frontend"


def test_these_tests_run_on_the_pinned_version() -> None:
    pins = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    (pinned,) = re.findall(r"^gradio==(\S+)", pins, re.MULTILINE)
    assert gr.__version__ == pinned


def test_a_payload_is_read_of_an_event_and_is_empty_where_none_came() -> None:
    assert read_payload(gr.EventData(None, {"case": "a", "target": "b"})) == {"case": "a", "target": "b"}
    assert read_payload(gr.EventData(None, None)) == {}


def _lay_out(compose: Callable[[], Any]) -> QuickBlocks:
    """Return a page that is composed inside a running event loop: outside of one Gradio makes loops that
    nobody closes."""

    async def lay() -> QuickBlocks:
        page = QuickBlocks(analytics_enabled=False)
        with page:
            compose()
        page.queue()
        return page

    return asyncio.run(lay())


def _button_and_timer() -> None:
    button, timer, state, words = gr.Button(elem_id="go"), gr.Timer(), gr.State(None), gr.Textbox()
    button.click(lambda *_: None, [state, words], None)
    timer.tick(lambda: None, None, None)


def test_a_page_says_of_an_event_who_sends_it_and_what_it_takes() -> None:
    page = _lay_out(_button_and_timer)
    clicked, ticked = page.fns
    assert list_names(page, clicked) == [("go", "click")] and list_stateful(page, clicked) == [True, False]
    assert None in list_triggers(page, clicked) and page.fns[clicked].targets[0][0] in list_triggers(
        page, clicked
    )
    assert is_tick(page, ticked) and not is_tick(page, clicked) and not is_tick(page, "x")


def test_the_queue_of_a_page_can_be_told_how_often_to_look_for_work() -> None:
    page = _lay_out(_button_and_timer)
    before = page._queue.sleep_when_free
    page.rest_when_idle(0.25)
    assert before < 0.25 == page._queue.sleep_when_free and "progress_update_sleep_when_free" in vars(
        page._queue
    )


def test_a_component_has_the_events_that_its_script_names_and_no_other() -> None:
    script = load_script({"a/b.mjs": "mountB"}, ["watch"], events=["save"], settings={"rest": 2.5})
    assert '("page/a/b.mjs"' in script and "mountB(element, { watch, trigger, rest: 2.5 })" in script
    parts: list[gr.HTML] = []
    _lay_out(lambda: parts.append(gr.HTML("", js_on_load=script)))
    assert callable(parts[0].save)
    with pytest.raises(AttributeError):
        _ = parts[0].erase
    assert "trigger" not in load_script({"a/b.mjs": "mountB"})
    deferred = load_script({"a/b.mjs": "mountB"}, events=["save", "open"], newest=["open"])
    assert 'mountB(element, { props, watch, trigger: keepNewest(trigger, ["open"]) })' in deferred


def test_the_number_of_an_event_is_found_before_its_body_is_parsed() -> None:
    assert addresses.find_event_number(b'{"data": [], "fn_index": 12, "session_hash": "a"}') == 12
    assert addresses.find_event_number(b'{"fn_index": 12, "x": {"fn_index": 13}}') is None
    assert addresses.find_event_number(b"{}") is None


def test_a_session_is_named_by_a_streams_address_alone() -> None:
    assert addresses.find_session("/gradio_api/heartbeat/abc", {}) == "abc"
    assert addresses.find_session("/gradio_api/queue/data", {"session_hash": "abc"}) == "abc"
    assert addresses.find_session("/gradio_api/queue/data", {}) == ""
    assert addresses.find_session("/photos", {"session_hash": "abc"}) is None


def test_gradios_tunnel_is_opened_with_the_host_the_port_and_a_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from gradio import networking

    names = list(inspect.signature(networking.setup_tunnel).parameters)
    assert names[:3] == ["local_host", "local_port", "share_token"] and len(names) == 5
    monkeypatch.setattr(networking, "setup_tunnel", lambda *asked: "/".join(map(str, asked)))
    assert tunnel.open_tunnel("127.0.0.1", 7860, "token") == "127.0.0.1/7860/token/None/None"


def test_gradios_notes_of_failed_requests_are_the_elements_that_the_page_looks_for() -> None:
    drawn = "".join(
        path.read_text(encoding="utf-8") for path in (FRONTEND / "assets").glob("statustracker-*.js")
    )
    assert "toast-wrap" in drawn and "toast-body" in drawn


def test_an_event_that_fails_sends_the_line_it_is_told_and_nothing_of_the_fault() -> None:
    heard: list[Exception] = []

    def tell(error: Exception) -> str:
        heard.append(error)
        return "a line"

    page = _lay_out(lambda: gr.Button().click(lambda: 1 / 0, None, None))
    page.on_fault = tell
    (number,) = page.fns
    with pytest.raises(gr.Error, match="a line") as told:
        asyncio.run(page.process_api(page.fns[number], []))
    assert not told.value.print_exception and [type(one) for one in heard] == [ZeroDivisionError]
