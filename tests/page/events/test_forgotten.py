"""An open case whose draft or photos memory has dropped is asked about like any other: the store has it, and
it is read again."""

from __future__ import annotations

import gradio as gr
import pytest

from magic_demo.reviews.store import LOCAL_READER, NewCase
from tests.support.open_tabs import FAMILY, Room, Tab


def forget_draft(tab: Tab) -> None:
    """Open so many other cases that memory has no place for a tab's draft."""
    tab.room.page.drafts._most[True] = 1
    Tab(tab.room).open()
    assert tab.room.page.drafts.get_open(tab.name) is None


@pytest.mark.parametrize("photos_in_memory", [True, False])
def test_a_case_that_is_not_in_memory_any_more_is_analysed_like_any_other(
    room: Room, photos_in_memory: bool
) -> None:
    tab, parts = Tab(room), room.page.parts
    tab.open()
    tab.answer(FAMILY, 1)
    forget_draft(tab)
    if not photos_in_memory:
        room.page.cases.close(tab.case)
    room.page.source.start()
    room.page.source.wait(10)
    typed = {parts.case: None, parts.spoken: "en", parts.panel.narrative: "It itches", parts.panel.prompt: ""}
    *_, shown, last = room.page.analyse(typed, tab.request)
    assert 'data-state="done"' in last[parts.status] and room.store.was_shown(tab.key, LOCAL_READER)
    assert shown[parts.cards]["case"] == tab.case and shown[parts.cards]["answers"][FAMILY] == [1]
    tab.answer(FAMILY, 2)
    assert tab.latest().models


def test_a_blind_case_that_is_not_in_memory_any_more_shows_no_model(room: Room) -> None:
    tab, parts = Tab(room, mode="blind"), room.page.parts
    tab.open()
    room.page.source.start()
    room.page.source.wait(10)
    typed = {
        parts.case: tab.case,
        parts.spoken: "en",
        parts.panel.narrative: "It itches",
        parts.panel.prompt: "",
    }
    # known which case it was, then not even that
    for forget in (forget_draft, lambda tab: room.page.drafts.close(tab.name)):
        forget(tab)
        answers = list(room.page.analyse(typed, tab.request))
        assert 'data-state="failed"' in answers[-1][parts.status] and not any(
            parts.cards in answer for answer in answers
        )
    assert not room.store.was_shown(tab.key, LOCAL_READER)


def test_what_comes_late_of_a_case_before_takes_no_forgotten_drafts_place(room: Room) -> None:
    tab, parts = Tab(room), room.page.parts
    room.store.add_cases("clinic", [NewCase("ENC00002", str(room.photos), photos_kept=True)])
    room.keys = [case.key for case in room.store.list_cases("clinic", LOCAL_READER)]
    tab.open()
    late = tab.say({"answers": {FAMILY: [1]}, "specified": {}, "touched": [FAMILY]})
    first, tab.base = tab.key, 0
    tab.open(1)
    forget_draft(tab)
    room.review.answer(gr.EventData(None, late), tab.request)
    saved = room.store.latest(first, LOCAL_READER)
    assert saved is not None and set(saved.review.answers.values()) == {1}
    assert room.page.open_id({parts.case: None}, tab.request) == tab.case
