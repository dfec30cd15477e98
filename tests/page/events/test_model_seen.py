"""Who was shown anything of a model, a first map or an outline that follows it, does not read the case blind afterwards:
whatever stopped the analysis, and whether the case was in a store by then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from magic_demo.page.build import Desk
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
    draft = page.handlers.drafts.get("mine")
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
        draft = page.handlers.drafts.get("mine")
        assert draft is not None and draft.hides_model


def test_an_example_that_is_gone_on_with_is_not_read_blind(page: Page) -> None:
    restore(page, example=0)
    page.words = str(page.handlers.examples[0].encounter.narrative.en)
    assert_not_blind(page)
