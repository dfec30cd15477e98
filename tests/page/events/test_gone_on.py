"""What is said of a case while its reader goes on to another one is of that case: nothing of it lands in the other, and nothing of it
takes the page back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from magic_demo.page.events.review.adjudication import Adjudication
from magic_demo.page.events.review.versions import Versions
from magic_demo.page.panels.viewer.mask_form import write_runs
from magic_demo.reviews.store import LOCAL_READER, NewCase
from tests.support.open_tabs import FAMILY, Room, Tab, disc

PHOTO = "IMG_ENC00001_00001"
NOTE = {
    "comment": "of the first",
    "flagged": False,
    "difficulty": None,
    "unusable": [],
    "touched": ["comment"],
}
ANSWERS = {"answers": {FAMILY: [1]}, "specified": {}, "touched": [FAMILY]}

EVENTS = (
    "answers", "note", "outline", "again", "restore", "finish", "reopen", "reveal", "back", "compare", "build",
)  # fmt: skip
"""Every event that changes a review, or shows its case anew."""


@pytest.fixture
def two(tmp_path: Path) -> Any:
    """Give a room of two cases with a photo each."""
    room = Room(tmp_path, (40, 60), 1)
    Image.new("RGB", (60, 40)).save(room.photos / "IMG_ENC00002_00001.png")
    room.store.add_cases("clinic", [NewCase("ENC00002", str(room.photos), photos_kept=True)])
    room.keys = [case.key for case in room.store.list_cases("clinic", LOCAL_READER)]
    yield room
    room.store.close()


def events(room: Room) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return the events, with what they bring."""
    newest = room.store.history(room.keys[0], LOCAL_READER)[-1]
    return {
        "answers": (room.review.answer, ANSWERS),
        "note": (room.bar.note, NOTE),
        "outline": (room.review.outline, {"photo": PHOTO, **write_runs(disc((40, 60), 0))}),
        "again": (room.bar.send_again, {"parts": []}),
        "restore": (room.bar.restore, {"parts": []}),
        "finish": (room.bar.finish, {"anyway": [], "parts": []}),
        "reopen": (room.bar.reopen, {}),
        "reveal": (lambda told, request: list(room.bar.reveal({}, told, request)), {}),
        "back": (Versions(room.state).take_back, {"number": newest.number}),
        "compare": (Adjudication(room.state).compare, {"open": True}),
        "build": (Adjudication(room.state).build, {"how": "majority"}),
    }


def finish_anyway(room: Room, tab: Tab) -> None:
    """Finish the open case with all left open that is."""
    asked = room.bar.finish(gr.EventData(None, tab.say({"anyway": []})), tab.request)[room.page.parts.form]
    left = [item["id"] for item in asked["asks"]["missing"]]
    tab.send(room.bar.finish, tab.say({"anyway": left}))


def overtake(room: Room, tab: Tab, send: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Send an event, open the other case while it waits for an earlier save of the session, and return its answer."""
    waits = threading.Event()
    hold = room.state.saver.hold

    def held(session: str) -> Any:
        if threading.current_thread() is not threading.main_thread():
            waits.set()
        return hold(session)

    monkeypatch.setattr(room.state.saver, "hold", held)
    answers: list[Any] = []
    sending = threading.Thread(target=lambda: answers.append(send()))
    with hold(tab.name):
        sending.start()
        waits.wait(2)
        tab.open(1)
    sending.join(20)
    assert len(answers) == 1
    return answers[0]


def shown_cases(room: Room, answer: Any) -> set[Any]:
    """Return the ids of the cases that an answer makes the page show."""
    parts = room.page.parts
    shown: set[Any] = set()
    for updates in answer if isinstance(answer, list) else [answer]:
        shown |= {updates[parts.case]} if parts.case in updates else set()
        for part in (parts.viewer, parts.cards):
            value = updates.get(part)
            if isinstance(value, dict) and "case" in value:
                shown.add(value["case"])
    return shown


@pytest.mark.parametrize("late", [True, False], ids=["it comes after", "it waits meanwhile"])
@pytest.mark.parametrize("name", EVENTS)
def test_an_event_that_the_opening_of_another_case_overtakes_touches_and_shows_its_own_alone(
    two: Room, name: str, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = Tab(two)
    tab.open(1)
    tab.comment("of the second")
    finish_anyway(two, tab)
    assert tab.latest().state == "done"
    second = two.store.history(two.keys[1], LOCAL_READER)
    tab.open(0)
    tab.answer(FAMILY, 0)
    handler, brought = events(two)[name]
    told, first = tab.say(dict(brought)), tab.case
    if name in ("again", "restore", "finish"):
        part = {**told, **ANSWERS, "part": "answers"}
        told["parts"] = [part]
    if late or name == "compare":  # which changes nothing, and waits for nothing
        tab.open(1)
        answer = handler(gr.EventData(None, told), tab.request)
    else:
        answer = overtake(two, tab, lambda: handler(gr.EventData(None, told), tab.request), monkeypatch)
    opened = two.page.drafts.get_open(tab.name)
    assert opened is not None and opened.open_id == tab.case != first
    assert opened.comment == "of the second" and not opened.answers and not opened.masks
    assert two.store.history(two.keys[1], LOCAL_READER) == second
    assert not shown_cases(two, answer)
    assert not any(
        updates.get(two.page.parts.readings) for updates in (answer if name == "reveal" else [answer])
    )
    kept = two.store.latest(two.keys[0], LOCAL_READER)
    assert kept is not None
    if name in ("answers", "again", "restore", "finish"):
        assert set(kept.review.answers.values()) == {1}
    if name == "outline":
        assert set(kept.review.masks) == {PHOTO}
    if name == "note":
        assert kept.review.comment == "of the first"


@pytest.mark.parametrize("heard", [True, False], ids=["and was told", "and was not told"])
def test_who_opens_a_case_once_more_while_a_save_of_it_is_on_its_way_has_it_in_the_end(
    two: Room, heard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = Tab(two)
    tab.open(0)
    late = tab.say(dict(ANSWERS))
    opened = tab.open(0)
    assert not opened[two.page.parts.form]["saved"]["history"]
    tab.send(two.review.answer, late)
    if not heard:
        tab.base = 0
    assert two.page.drafts.get_open(tab.name).answers == {}
    caught_up = tab.saved(tab.send(two.bar.send_again, tab.say({"parts": []})))
    assert len(two.store.history(two.keys[0], LOCAL_READER)) == 1, "nothing was said anew"
    assert ("merged" in caught_up) != heard and len(caught_up["history"]) == 1
    assert set(two.page.drafts.get_open(tab.name).answers.values()) == {1}


def test_what_another_tab_has_answered_is_not_asked_for_when_the_case_is_finished(two: Room) -> None:
    one, other = Tab(two), Tab(two)
    one.open(0), other.open(0)
    one.answer(FAMILY, 1)
    told = other.say({"anyway": [], "parts": []})
    asked = two.bar.finish(gr.EventData(None, told), other.request)[two.page.parts.form]
    assert FAMILY not in [item["id"] for item in asked["asks"]["missing"]]
    assert asked["saved"]["merged"]["answers"] == {FAMILY: [1]}


def test_nothing_is_saved_of_a_case_that_is_finished_with_nothing_said_and_asked_about(two: Room) -> None:
    tab = Tab(two)
    tab.open(0)
    told = tab.say({"anyway": [], "parts": []})
    asked = two.bar.finish(gr.EventData(None, told), tab.request)[two.page.parts.form]
    assert asked["asks"]["missing"] and not two.store.history(two.keys[0], LOCAL_READER)


def test_a_version_of_another_case_is_not_brought_back_into_this_one(two: Room) -> None:
    tab = Tab(two)
    tab.open(1)
    tab.comment("of the second")
    (second,) = two.store.history(two.keys[1], LOCAL_READER)
    tab.open(0)
    tab.comment("of the first")
    told = tab.say({"number": second.number})
    refused = Versions(two.state).take_back(gr.EventData(None, told), tab.request)
    assert "has no review" in refused[two.page.parts.status] and tab.latest().comment == "of the first"
    assert two.store.history(two.keys[1], LOCAL_READER) == [second]
