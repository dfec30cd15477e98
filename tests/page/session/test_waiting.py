"""How many may wait for the models on the page: the one too many is told so, and can ask again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from gradio.data_classes import PredictBodyInternal

import magic_demo.page.build
from magic_demo.core.limits import LIMITS
from magic_demo.page.events.handlers import Handlers
from magic_demo.page.panels.frame.status.status import FAULT, fixed_line, render_status
from magic_demo.page.session.inference.analysis import Faults
from magic_demo.page.texts.i18n import line_in_both
from tests.support.fake_predictor import FakePredictor
from tests.support.written_page import lay_out

MOST = 3
REQUEST: Any = SimpleNamespace(session_hash="mine", cookies={})


@pytest.fixture(scope="module")
def page() -> tuple[gr.Blocks, Handlers]:
    with pytest.MonkeyPatch.context() as limited:
        limited.setattr(magic_demo.page.build, "LIMITS", replace(LIMITS, waiting=MOST))
        return lay_out(FakePredictor())


def _asks_models(blocks: gr.Blocks) -> list[int]:
    return [number for number, event in blocks.fns.items() if event.concurrency_id == "models"]


def test_as_many_wait_as_the_limit_says_and_the_next_is_refused(page: tuple[gr.Blocks, Handlers]) -> None:
    blocks, (first, *_) = page[0], _asks_models(page[0])

    async def ask() -> tuple[bool, Any, str]:
        request: Any = None
        return await blocks._queue.push(PredictBodyInternal(fn_index=first, data=[]), request, None)

    async def ask_often() -> list[tuple[bool, Any, str]]:
        return [await ask() for _ in range(MOST + 1)]

    answers = asyncio.run(ask_often())
    assert [said for *_, said in answers] == ["success"] * MOST + ["queue_full"]


def test_whatever_asks_the_models_tells_the_one_too_many_in_one_line(
    page: tuple[gr.Blocks, Handlers],
) -> None:
    blocks, handlers = page
    parts, asks = handlers.parts, _asks_models(blocks)
    refusals = {event.trigger_after: event for event in blocks.fns.values() if event.trigger_only_on_failure}
    assert len(asks) >= 8 and set(asks) == refusals.keys()
    for refusal in refusals.values():
        assert refusal.fn is not None and not refusal.queue, "it must not wait itself"
        said = refusal.fn(REQUEST)
        assert said[parts.status] == render_status("failed", fixed_line("status.full"))
        assert said[parts.panel.run]["interactive"] and not said[parts.panel.cancel]["interactive"]


def test_a_fault_that_the_session_was_told_of_is_not_called_a_full_page(
    page: tuple[gr.Blocks, Handlers], monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers, parts = page[1], page[1].parts
    monkeypatch.setattr(handlers.source, "get", lambda _stop: 1 / 0)
    inputs = {parts.case: None, parts.spoken: "en", parts.panel.narrative: "itches", parts.panel.prompt: ""}
    analysis = handlers.analyse(inputs, REQUEST)
    assert next(analysis)[parts.status] == render_status("failed", line_in_both(FAULT))
    with pytest.raises(ZeroDivisionError):
        next(analysis)
    assert handlers.refuse(REQUEST)[parts.status] == gr.skip()
    assert handlers.refuse(REQUEST)[parts.status] == render_status("failed", fixed_line("status.full"))


def test_of_too_many_sessions_with_faults_the_oldest_is_forgotten() -> None:
    faults = Faults(most=2)
    for session in ("a", "b", "c"):
        faults.note(session)
    assert [faults.take(session) for session in ("a", "b", "c", "c")] == [False, True, True, False]
