"""Deleting a case on the page: who may, that it goes everywhere, and that no open page brings it back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey
from magic_demo.page.build import Desk
from magic_demo.page.events.drafts.saving import Saver
from magic_demo.page.events.review.erasing import Erasing
from magic_demo.page.events.review.review_state import ReviewState
from magic_demo.page.session.review import DraftName, Reading, ReviewDraft
from magic_demo.page.session.sign_in.sign_ins import COOKIE, SignIns
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from magic_demo.synthetic.bundled import load_examples
from tests.support.changes import name_open
from tests.support.fake_predictor import FakePredictor
from tests.support.written_page import lay_out

KEY = CaseKey("q", "ENC1")


class Room:
    """A page over a store with two cases; browsers have the first one open."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.handlers = lay_out(FakePredictor())[1]
        self.desk = Desk(store)
        self.saver = Saver(self.desk, self.handlers.drafts, self.handlers.cases)
        self.erasing = Erasing(ReviewState(self.handlers, self.desk, self.saver))
        store.add_cases("q", [NewCase("ENC1"), NewCase("ENC2")])

    def open(self, session: str, reader: str) -> str:
        case = self.handlers.cases.open(load_examples()[0].encounter, queued=True)
        reading = Reading(KEY, reader, "assisted", "assisted")
        self.handlers.drafts.begin(
            session, ReviewDraft(case.open_id, comment=f"{session} says", reading=reading)
        )
        self.saver.save(name_open(self.handlers.drafts, session))
        return case.open_id

    def erase(self, session: str, case: str, cookies: dict[str, str] | None = None) -> dict[Any, Any]:
        request = SimpleNamespace(session_hash=session, cookies=cookies or {})
        inputs = {self.handlers.parts.case: case}
        return self.erasing.erase(inputs, gr.EventData(None, {"case": case}), request)  # type: ignore[arg-type]

    def cases(self) -> list[str]:
        return [case.key.case_id for case in self.store.list_cases("q", LOCAL_READER)]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with Store.open(tmp_path) as store:
        yield Room(store)


def test_where_nobody_signs_in_the_case_goes_for_good_and_leaves_the_list(room: Room, tmp_path: Path) -> None:
    case = room.open("mine", LOCAL_READER)
    shown = room.erase("mine", case)
    assert room.cases() == ["ENC2"] and shown[room.handlers.parts.panel.queue]["gone"] == {
        "queue": "q",
        "id": "ENC1",
    }
    assert "1 saved reading" in shown[room.handlers.parts.status] and shown[room.handlers.parts.case] is None
    assert room.handlers.cases.get(case) is None
    assert not any(b"mine says" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_another_browser_that_has_it_open_finds_it_gone_and_cannot_bring_it_back(room: Room) -> None:
    case, other = room.open("mine", LOCAL_READER), room.open("other", LOCAL_READER)
    draft, name = room.handlers.drafts.get_open("other"), DraftName("other", other)
    room.erase("mine", case)
    assert room.handlers.cases.get(other) is None and room.saver.save(name) is None
    assert draft is not None
    room.handlers.drafts.begin("other", draft)  # a save that was on its way
    with pytest.raises(StoreError):
        room.saver.save(name)
    assert room.cases() == ["ENC2"]


def test_only_an_adjudicator_deletes_where_readers_sign_in(room: Room) -> None:
    for name, role in (("Ann", "reader"), ("Pat", "presenter"), ("Ada", "adjudicator")):
        room.store.add_reader(name, role=role, password="a long password")  # type: ignore[arg-type]
    room.desk.sign_ins = SignIns(room.store)
    keys = {
        name: {COOKIE: str(room.desk.sign_ins.enter(name, "a long password"))}
        for name in ("Ann", "Pat", "Ada")
    }
    for name in ("Ann", "Pat"):
        refused = room.erase(name, room.open(name, name), keys[name])
        assert "only an adjudicator" in refused[room.handlers.parts.status] and not room.desk.may(
            name, "delete cases"
        )
    assert room.cases() == ["ENC1", "ENC2"]
    case = room.open("Ada", "Ada")
    assert "failed" in room.erase("Ada", case, {})[room.handlers.parts.status], "nobody is signed in there"
    room.erase("Ada", case, keys["Ada"])
    assert room.cases() == ["ENC2"]


@pytest.mark.parametrize("case", ["another", None])
def test_what_is_not_open_is_not_deleted(room: Room, case: Any) -> None:
    room.open("mine", LOCAL_READER)
    assert "failed" in room.erase("mine", case)[room.handlers.parts.status] and room.cases() == [
        "ENC1",
        "ENC2",
    ]


@pytest.mark.parametrize("fails", [False, True])
def test_what_another_browser_has_read_again_while_the_case_was_erased_is_gone_too(
    room: Room, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    case, opened = room.open("mine", LOCAL_READER), []
    delete = room.desk.delete_case

    def delete_slowly(key: CaseKey, *by: Any) -> int:
        opened.append(room.open("other", LOCAL_READER))  # from the store, which still has it
        if fails:
            raise StoreError("the disk is full")
        return delete(key, *by)

    monkeypatch.setattr(room.desk, "delete_case", delete_slowly)
    room.erase("mine", case)
    assert room.handlers.cases.get(opened[0]) is None and room.handlers.drafts.get_open("other") is None
