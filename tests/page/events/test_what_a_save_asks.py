"""What a save asks the store: each transaction is a wait for whatever else the machine does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr
import pytest
import sqlalchemy as sa

from magic_demo.page.panels.viewer.mask_form import working_size, write_runs
from magic_demo.reviews.store import Store
from tests.support.open_tabs import FAMILY, Room, Tab, disc

SIZE = (40, 60)
CHANGES: dict[str, dict[str, Any]] = {
    "answer": {"answers": {FAMILY: [1]}, "specified": {}, "touched": [FAMILY]},
    "outline": {"photo": "IMG_ENC00001_00001", **write_runs(disc(working_size(SIZE), 0))},
    "comment": {"comment": "red", "touched": ["comment"]},
}


@contextmanager
def counted(store: Store) -> Iterator[list[str]]:
    """Give how each transaction begins that begins within the block."""
    begun: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("BEGIN"):
            begun.append(statement)

    sa.event.listen(store._database.engine, "before_cursor_execute", note)
    try:
        yield begun
    finally:
        sa.event.remove(store._database.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("what", CHANGES)
def test_a_save_asks_what_the_questions_are_and_what_the_model_showed_and_writes_once(
    room: Room, what: str
) -> None:
    tab = Tab(room)
    tab.open()
    handler = room.bar.note if what == "comment" else getattr(room.review, what)
    with counted(room.store) as begun:
        answer = handler(gr.EventData(None, tab.say(CHANGES[what])), tab.request)
    tab.saved(answer)
    assert begun == ["BEGIN", "BEGIN", "BEGIN IMMEDIATE"]
