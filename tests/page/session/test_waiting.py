"""How many may wait for the models on the page: the one too many is told so, and can ask again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest
from gradio.data_classes import PredictBodyInternal

import magic_demo.page.build
from magic_demo.core.limits import LIMITS
from magic_demo.page.events.handlers import Handlers
from magic_demo.page.panels.frame.status.status import fixed_line, render_status
from tests.support.written_page import WritingPredictor, lay_out

MOST = 3


@pytest.fixture(scope="module")
def page() -> tuple[gr.Blocks, Handlers]:
    with pytest.MonkeyPatch.context() as limited:
        limited.setattr(magic_demo.page.build, "LIMITS", replace(LIMITS, waiting=MOST))
        return lay_out(WritingPredictor())


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
        said = refusal.fn({parts.status: render_status("working", fixed_line("status.queued"))})
        assert said[parts.status] == render_status("failed", fixed_line("status.full"))
        assert said[parts.panel.run]["interactive"] and not said[parts.panel.cancel]["interactive"]


def test_what_failed_with_a_line_of_its_own_keeps_that_line(page: tuple[gr.Blocks, Handlers]) -> None:
    parts = page[1].parts
    assert (
        page[1].refuse({parts.status: render_status("failed", fixed_line("status.fault"))})[parts.status]
        == gr.skip()
    )
