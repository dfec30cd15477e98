"""Who was shown anything of a model, a first map or an outline that follows it, does not read the case blind afterwards:
whatever stopped the analysis, and whether the case was in a store by then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest

from magic_demo.core.types import Prediction
from magic_demo.models.predictor import Predictor
from magic_demo.page.build import Desk
from magic_demo.page.panels.why.why import CLOSED
from magic_demo.reviews.store import LOCAL_READER
from tests.page.events.test_keeping import REQUEST, Page
from tests.page.events.test_unkept import restore, send
from tests.support.open_tabs import FAMILY, Room, Tab


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    page = Page(Desk(store_location=str(tmp_path / "reviews")))
    page.handlers.source.start()
    page.handlers.source.wait(10)
    yield page
    if page.desk.store is not None:
        page.desk.store.close()


def see_first_map(answers: Iterator[dict[Any, Any]], viewer: Any) -> None:
    """Follow an analysis until the browser has got a photo's map, and no further."""
    next(answer for answer in answers if '"levels"' in str(answer.get(viewer, {}).get("found", "")))
    answers.close()  # type: ignore[attr-defined]


def assert_not_blind(page: Page, **told: object) -> None:
    page.keep(mode="blind", **told)
    draft = page.handlers.drafts.get_open("mine")
    assert draft is not None and draft.reading is not None and not draft.hides_model
    saved = page.desk.opened_store.latest(draft.reading.key, LOCAL_READER)
    assert saved is not None and saved.review.kind == "assisted"


def test_a_stored_case_whose_analysis_was_left_after_its_first_map_is_not_read_blind(room: Room) -> None:
    room.page.source.start()
    room.page.source.wait(10)
    tab, parts = Tab(room), room.page.parts
    tab.open()
    typed = {
        parts.case: tab.case,
        parts.spoken: "en",
        parts.panel.narrative: "It itches",
        parts.panel.prompt: "",
    }
    see_first_map(room.page.analyse(typed, tab.request), parts.viewer)
    assert "model" in room.store.known(tab.key, LOCAL_READER)
    again = Tab(room, mode="blind")
    again.open()
    again.answer(FAMILY, 1)
    assert again.latest().kind == "assisted"


def test_an_outline_that_followed_the_model_is_none_of_a_blind_reading(room: Room) -> None:
    room.page.source.start()
    room.page.source.wait(10)
    for mode, known in (("blind", set()), ("assisted", {"model"})):
        tab = Tab(room, mode=mode)
        photo = tab.open()[room.page.parts.viewer]["photos"][0]
        asked = tab.say({"photo": photo["name"], "request": 1, "clicks": [["box", 0.1, 0.1, 0.9, 0.9]]})
        room.review.point({room.page.parts.case: tab.case}, gr.EventData(None, asked), tab.request)
        assert room.store.known(tab.key, LOCAL_READER) == known, mode


def test_a_second_point_writes_nothing_more_into_the_store(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.page.source.start()
    room.page.source.wait(10)
    tab, noted = Tab(room), []
    note = room.store.note_seen

    def note_too(*told: Any) -> None:
        noted.append(told)
        note(*told)

    monkeypatch.setattr(room.store, "note_seen", note_too)
    photo = tab.open()[room.page.parts.viewer]["photos"][0]
    for left in (0.1, 0.2):
        asked = tab.say({"photo": photo["name"], "request": 1, "clicks": [["box", left, 0.1, 0.9, 0.9]]})
        room.review.point({room.page.parts.case: tab.case}, gr.EventData(None, asked), tab.request)
    assert [what for _, _, what in noted] == ["model"]


def test_an_upload_kept_while_its_analysis_still_runs_is_not_read_blind(page: Page) -> None:
    page.upload("arm", "leg")
    typed = {**page.inputs(), page.parts.panel.prompt: ""}
    see_first_map(page.handlers.analyse(typed, REQUEST), page.parts.viewer)
    assert_not_blind(page)


def test_an_upload_that_gets_another_photo_after_its_analysis_is_not_read_blind(page: Page) -> None:
    page.upload("arm")
    list(page.handlers.analyse({**page.inputs(), page.parts.panel.prompt: ""}, REQUEST))
    page.handlers.upload(page.inputs(), gr.EventData(None, {"photos": [send(page, "leg.png")]}), REQUEST)
    case = page.handlers.cases.get(page.open_id)
    assert case is not None and len(case.encounter.photos) == 2
    assert_not_blind(page)


def test_words_alone_that_a_model_has_read_are_not_read_blind(page: Page) -> None:
    page.words = "It itches"
    typed = {
        page.parts.case: None,
        page.parts.spoken: "en",
        page.parts.panel.narrative: page.words,
        page.parts.panel.prompt: "",
    }
    list(page.handlers.analyse(typed, REQUEST))
    page.handlers.upload(page.inputs(), gr.EventData(None, {"photos": [send(page, "leg.png")]}), REQUEST)
    assert_not_blind(page)


def test_an_upload_whose_outline_followed_the_model_is_not_read_blind(page: Page) -> None:
    page.upload("arm")
    asked = {"case": page.open_id, "photo": "arm", "request": 1, "clicks": [["box", 0.1, 0.1, 0.9, 0.9]]}
    page.review.point(page.inputs(), gr.EventData(None, asked), REQUEST)
    assert_not_blind(page)


@pytest.mark.parametrize("asked", [True, False])
def test_a_case_that_is_gone_on_with_is_read_blind_only_where_no_model_was_asked_before(
    page: Page, asked: bool
) -> None:
    restore(page, photos=[send(page, "arm.png")], asked=asked)
    if asked:
        assert_not_blind(page)
    else:
        page.keep(mode="blind")
        draft = page.handlers.drafts.get_open("mine")
        assert draft is not None and draft.hides_model


def test_an_example_that_is_gone_on_with_is_not_read_blind(page: Page) -> None:
    restore(page, example=0)
    page.words = str(page.handlers.examples[0].encounter.narrative.en)
    assert_not_blind(page)


def test_a_stored_case_without_its_draft_asks_no_model(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.page.source.start()
    room.page.source.wait(10)
    asked_of: list[str] = []
    monkeypatch.setattr(Predictor, "refine", lambda _self, photo, *_, **__: asked_of.append(photo.photo_id))
    tab = Tab(room, mode="blind")
    photo = tab.open()[room.page.parts.viewer]["photos"][0]
    asked = {"photo": photo["name"], "request": 1, "clicks": [["box", 0.1, 0.1, 0.9, 0.9]]}
    for told in (asked, {"case": tab.case, **asked}):
        inputs = {room.page.parts.case: tab.case, room.page.parts.spoken: "en"}
        reply = room.review.point(inputs, gr.EventData(None, told), tab.request)
        assert "runs" not in reply[room.page.parts.viewer]["point_reply"] and asked_of == []
        room.page.drafts.close(tab.name)


def test_why_says_nothing_of_what_is_still_in_memory_of_a_hidden_model(page: Page) -> None:
    page.upload("arm")
    page.keep(mode="blind")
    case = page.handlers.cases.get(page.open_id)
    assert case is not None
    said = Prediction("CASE", scores={"CQID010-001": np.zeros(3, np.float32)}, answers={"CQID010-001": 0})
    page.handlers.cases.keep_analysis(case.open_id, case.encounter, said)
    asked = {"case": page.open_id, "request": 1, "family": "CQID010", "option": 0, "language": "en"}
    answered = page.review.explain(page.inputs(), gr.EventData(None, asked), REQUEST)
    assert answered[page.parts.why] == CLOSED
    assert "failed" not in str(answered[page.parts.status])


def test_a_blind_case_that_is_read_again_into_memory_holds_nothing_of_the_model(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = Tab(room, mode="blind")
    tab.open()
    said = Prediction("ENC00001", answers={"CQID010-001": 0})
    monkeypatch.setattr(room.desk, "recall_prediction", lambda _key, _reader: said)
    room.page.cases.close(tab.case)
    about = room.review.resolve(gr.EventData(None, tab.say({})), tab.request)
    assert about.case.open_id == tab.case and about.case.analysed is None


def test_who_reads_unaided_gets_nothing_of_what_the_model_said_to_them_before(room: Room) -> None:
    before = Tab(room)
    before.open()
    room.store.note_shown(before.key, LOCAL_READER, Prediction("ENC00001", answers={"CQID010-001": 0}))
    tab = Tab(room, mode="unaided")
    tab.open()
    about = room.review.resolve(gr.EventData(None, tab.say({})), tab.request)
    assert about.draft.hides_model and room.state.saver.prediction(about.draft) is None
