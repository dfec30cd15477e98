"""What a step yields reaches the browser, in whatever order its client gets to showing it."""

from __future__ import annotations

from collections import defaultdict
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

import pytest

from magic_demo.page.gradio_internals.blocks import QuickBlocks

SKIP = {"__type__": "update"}
FOUND = '{"photo": "A"}\n'
YIELDS: list[list[Any]] = [
    [SKIP, {**SKIP, "props": {"found": ""}}, "working"],
    [SKIP, {**SKIP, "props": {"found": FOUND}}, "still working"],
    [
        {"case": "c", "state": "answered", "answers": {"a": [1]}},
        {**SKIP, "props": {"found": FOUND + FOUND}},
        SKIP,
    ],
    [SKIP, SKIP, "done"],
]


@pytest.fixture
def page() -> QuickBlocks:
    page = QuickBlocks.__new__(QuickBlocks)  # nothing of a page but what it remembers of its steps
    page.pending_diff_streams = defaultdict(dict)
    return page


def show(told: list[list[Any]]) -> list[list[Any]]:
    """Do as Gradio's client does with messages that have come before their step's name: take all, writing
    changes into what is there, then show each."""
    held: list[Any] = []
    waiting = []
    for number, data in enumerate(told):
        if number:
            for output, changes in enumerate(data):
                for action, path, value in changes:
                    held[output] = change(held[output], action, path, value)
        else:
            held = list(data)
        waiting.append(list(held))
    return waiting


def change(whole: Any, action: str, path: list[Any], value: Any) -> Any:
    if not path:
        return value if action == "replace" else whole + value
    inner = whole
    for part in path[:-1]:
        inner = inner[part]
    if action == "delete":
        del inner[path[-1]]
    elif action == "append":
        inner[path[-1]] += value
    else:
        inner[path[-1]] = value
    return whole


def tell(page: QuickBlocks) -> list[list[Any]]:
    step: Any = SimpleNamespace(outputs=[0, 1, 2])
    return [page.handle_streaming_diffs(step, deepcopy(one), "session", "run", False) for one in YIELDS]


def test_answers_and_maps_of_a_step_that_is_done_at_once_are_shown(page: QuickBlocks) -> None:
    told = tell(page)
    shown = show(deepcopy(told))
    assert [one[0] for one in shown] == [one[0] for one in YIELDS]
    assert [one[2] for one in shown] == ["working", "still working", SKIP, "done"]
    assert (
        shown[0][1]["props"]["found"].startswith(FOUND)
        and shown[2][1]["props"]["found"] == FOUND + FOUND
        and shown[3][1] == SKIP
    )


def test_a_map_that_comes_later_is_sent_without_those_before(page: QuickBlocks) -> None:
    assert [list(one) for one in tell(page)[2][1]] == [["append", ["props", "found"], FOUND]]


def test_the_last_message_is_the_last_yield(page: QuickBlocks) -> None:
    tell(page)
    step: Any = SimpleNamespace(outputs=[0, 1, 2])
    assert page.handle_streaming_diffs(step, [None] * 3, "session", "run", True) == YIELDS[-1]
