"""What a reader may not do is refused by the page itself, whatever their browser sends."""

from __future__ import annotations

from typing import Any, cast

import gradio as gr
import pytest

from magic_demo.page.events.review.adjudication import Adjudication
from tests.support.open_tabs import FAMILY, EverybodySignedIn, Room, Tab


@pytest.fixture
def signed_in(room: Room) -> Room:
    """Return the room where Li and Bo, who are readers, sign in."""
    for name in ("Li", "Bo"):
        room.store.add_reader(name)
    room.desk.sign_ins = cast(Any, EverybodySignedIn(room.store))
    return room


def send_answer(tab: Tab, **changes: Any) -> str:
    told = tab.say({"answers": {FAMILY: [1]}, "specified": {}, "touched": [FAMILY]})
    told["of"] |= changes
    return str(tab.room.review.answer(gr.EventData(None, told), tab.request)[tab.room.page.parts.status])


def test_a_reader_builds_no_consensus(signed_in: Room) -> None:
    tab = Tab(signed_in, "Li")
    tab.open()
    tab.answer(FAMILY, 1)
    before = tab.latest()
    built = Adjudication(signed_in.state).build(gr.EventData(None, {"how": "majority"}), tab.request)
    assert "no adjudicator" in built[signed_in.page.parts.status] and len(built) == 1
    assert tab.latest() == before


def test_a_reader_assigns_no_case(signed_in: Room) -> None:
    tab = Tab(signed_in, "Li")
    tab.open()
    asked = {"queue": tab.key.queue, "cases": [tab.key.case_id], "readers": ["Li"]}
    answered = signed_in.queue.assign(gr.EventData(None, asked), tab.request)
    assert "no adjudicator" in answered[signed_in.page.parts.status] and len(answered) == 1
    assert not signed_in.store.case(tab.key, "Li").assigned_to


def test_a_case_that_was_assigned_to_others_is_not_begun_from_a_page_that_memory_has_forgotten(
    signed_in: Room,
) -> None:
    tab = Tab(signed_in, "Li")
    tab.open()
    signed_in.store.assign(tab.key, ["Bo"])
    signed_in.page.drafts.close(tab.name)
    assert "assigned to others" in send_answer(tab)
    assert signed_in.store.latest(tab.key, "Li") is None


def test_nobody_saves_under_the_name_that_a_page_says(signed_in: Room) -> None:
    tab = Tab(signed_in, "Li")
    tab.open()
    signed_in.page.drafts.close(tab.name)
    assert "somebody else has signed in" in send_answer(tab, reader="Bo")
    assert signed_in.store.latest(tab.key, "Bo") is None and signed_in.store.latest(tab.key, "Li") is None
