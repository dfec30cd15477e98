"""What an event is about is found in one place, and what cannot be found is said by one line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest

from magic_demo.core.errors import FormError, MagicDemoError, StoreError
from magic_demo.page.events.resolve import Updates, answered, answered_with_inputs
from magic_demo.page.session.sign_in.sign_ins import SignIns
from magic_demo.reviews.store import LOCAL_READER
from tests.support.open_tabs import FAMILY, EverybodySignedIn, Room, Tab


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path, (30, 40), 1, drafts=1)
    yield room
    room.store.close()


def resolve(tab: Tab, payload: dict[str, Any]) -> Any:
    return tab.room.state.resolve(gr.EventData(None, payload), tab.request)


def test_an_event_is_resolved_to_its_reader_draft_reading_case_and_payload(room: Room) -> None:
    tab = Tab(room)
    tab.open()
    payload = tab.say({"answers": {FAMILY: [1]}})
    about = resolve(tab, payload)
    assert (about.payload, about.session, about.reader) == (payload, tab.name, LOCAL_READER)
    assert about.draft.open_id == about.case.open_id == tab.case and about.reading.key == tab.key
    assert about.opened == (about.draft, about.reading, about.case)
    assert about.draft_name == (tab.name, tab.case) and about.is_shown


def test_a_stored_case_that_memory_has_dropped_is_resolved_from_the_store(room: Room) -> None:
    tab, other = Tab(room), Tab(room)
    tab.open()
    payload = tab.say({})
    room.page.cases.close(tab.case)
    other.open()  # takes the place of the one draft there is room for
    about = resolve(tab, payload)
    assert about.reading.key == tab.key and len(about.case.encounter.photos) == 1


def test_a_case_that_is_in_no_store_and_not_open_any_more_is_gone(room: Room) -> None:
    about = resolve(Tab(room), {"case": "neverthere"})
    for part in ("draft", "reading", "draft_name", "case"):
        with pytest.raises(FormError):
            getattr(about, part)
    with pytest.raises(FormError):
        _ = resolve(Tab(room), {}).opened


def test_who_signs_in_after_another_reader_gets_nothing_of_theirs(room: Room) -> None:
    for name in ("ann", "bo"):
        room.store.add_reader(name)
    room.desk.sign_ins = cast(SignIns, EverybodySignedIn(room.store))
    tab = Tab(room, "ann")
    tab.open()
    payload = tab.say({})
    tab.request = cast(gr.Request, SimpleNamespace(session_hash=tab.name, cookies={"name": "bo"}))
    about = resolve(tab, payload)
    for part in ("draft", "case", "opened"):
        with pytest.raises(StoreError, match="somebody else has signed in"):
            getattr(about, part)


def test_who_is_signed_out_is_nobody(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_out = SimpleNamespace(find_reader=lambda _cookies: None)
    monkeypatch.setattr(room.desk, "sign_ins", signed_out)
    with pytest.raises(StoreError, match="nobody is signed in"):
        _ = resolve(Tab(room), {}).reader


class Panel:
    """Handlers that raise what they are told to."""

    def __init__(self, room: Room) -> None:
        self.resolve, self.failed = room.state.resolve, lambda error: {"status": str(error)}

    @answered
    def press(self, event: Any) -> Updates:
        """Press."""
        raise FormError(event.payload["line"])

    @answered_with_inputs
    def write(self, inputs: Updates, event: Any) -> Updates:
        return {**inputs, "payload": event.payload}


def test_what_a_handler_raises_is_its_answer_and_a_fault_of_ours_is_not(room: Room) -> None:
    panel, request = Panel(room), Tab(room).request
    assert panel.press(gr.EventData(None, {"line": "why"}), request) == {"status": "why"}
    assert panel.write({"a": 1}, gr.EventData(None, {}), request) == {"a": 1, "payload": {}}
    assert panel.press.__name__ == "press" and panel.press.__doc__ == "Press."
    with pytest.raises(KeyError):
        panel.press(gr.EventData(None, {}), request)
    assert issubclass(FormError, MagicDemoError)
