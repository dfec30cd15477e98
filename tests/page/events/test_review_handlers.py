"""What happens when a reader answers, draws and asks why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from magic_demo.core.review_types import MaskRuns
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.page.panels.viewer.mask_form import write_runs
from magic_demo.page.panels.why.why import CLOSED
from magic_demo.synthetic.bundled import load_examples
from tests.support.fake_predictor import FakePredictor
from tests.support.written_page import REQUEST, Browser, ask_why, reviewing, save_photo


def answer(browser: Browser, **told: object) -> dict[Any, Any]:
    event = gr.EventData(None, {"case": browser.values[browser.parts.case], **told})
    return reviewing(browser.handlers).answer(event, REQUEST)  # type: ignore[arg-type]


def test_answers_go_into_the_sessions_draft(browser: Browser) -> None:
    browser.choose(0)
    answer(browser, answers={"CQID025": [1], "CQID035": [1]}, specified={"CQID035": "about ten"})
    draft = browser.handlers.drafts.get_open("mine")
    assert draft is not None and draft.open_id == browser.values[browser.parts.case]
    assert draft.answers == {"CQID025-001": 1, "CQID035-001": 1} and draft.specified == {
        "CQID035-001": "about ten"
    }
    browser.analyse()
    assert browser.handlers.drafts.get_open("mine") == replace(draft, model_seen=True), (
        "an analysis changes no answer"
    )


def test_answers_that_cannot_be_are_one_line_and_change_nothing(browser: Browser) -> None:
    browser.choose(0)
    updates = answer(browser, answers={"CQID025": [9]})
    assert "CQID025: option 9" in updates[browser.parts.status]
    draft = browser.handlers.drafts.get_open("mine")
    assert draft is not None and draft.answers == {}


def test_answers_to_another_case_are_dropped(browser: Browser) -> None:
    browser.choose(0)
    answer(browser, case="another", answers={"CQID025": [1]})
    draft = browser.handlers.drafts.get_open("mine")
    assert draft is not None and draft.answers == {}
    browser.clear()
    answer(browser, answers={"CQID025": [1]})
    assert browser.handlers.drafts.get_open("mine") is None


def test_what_comes_late_of_a_case_that_the_reader_has_left_changes_no_status_line(browser: Browser) -> None:
    browser.choose(0)
    left = browser.values[browser.parts.case]
    browser.clear()
    for _ in range(2):
        late = answer(browser, case=left, answers={"CQID025": [1]})
        assert late[browser.parts.status] == gr.skip(), (
            "it was sent before, and is in the browser's own draft"
        )
        browser.choose(1)
    unknown = answer(browser, case="thought up", answers={"CQID025": [1]})
    assert "no longer open" in unknown[browser.parts.status]


def test_adding_a_photo_keeps_what_was_answered(browser: Browser, tmp_path: Path) -> None:
    browser.upload(save_photo(tmp_path))
    case = browser.values[browser.parts.case]
    answer(browser, answers={"CQID025": [1]})
    browser.upload(save_photo(tmp_path, "leg.png"))
    assert browser.values[browser.parts.case] == case == browser.values[browser.parts.cards]["case"]
    draft = browser.handlers.drafts.get_open("mine")
    assert draft is not None and draft.answers == {"CQID025-001": 1}


def test_words_alone_become_a_case_that_can_be_answered(browser: Browser) -> None:
    browser.values[browser.parts.panel.narrative] = "It itches"
    browser.analyse()
    case = browser.values[browser.parts.case]
    assert case is not None and browser.values[browser.parts.cards]["case"] == case
    answer(browser, answers={"CQID025": [0]})
    browser.analyse()
    assert browser.values[browser.parts.case] == case
    draft = browser.handlers.drafts.get_open("mine")
    assert draft is not None and draft.answers == {"CQID025-001": 0}


def test_an_outline_goes_into_the_draft_at_the_photos_own_size_and_can_be_taken_back(
    browser: Browser, tmp_path: Path
) -> None:
    browser.upload(save_photo(tmp_path))
    mask = np.zeros((40, 60), np.bool_)
    mask[10:20, 5:30] = True
    told = {"case": browser.values[browser.parts.case], "photo": "arm", **write_runs(mask)}
    review = reviewing(browser.handlers)

    def drawn(**changed: object) -> Mapping[str, MaskRuns]:
        review.outline(gr.EventData(None, {**told, **changed}), REQUEST)  # type: ignore[arg-type]
        draft = browser.handlers.drafts.get_open("mine")
        assert draft is not None
        return draft.masks

    assert np.array_equal(decode_mask(drawn()["arm"]), mask)
    assert set(drawn(photo="gone")) == set(drawn(case="another")) == {"arm"}
    updates = review.outline(gr.EventData(None, {**told, "width": 7}), REQUEST)  # type: ignore[arg-type]
    assert "outline the photo again" in updates[browser.parts.status] and set(drawn(photo="gone")) == {"arm"}
    nothing = write_runs(np.zeros_like(mask))
    for cleared in ({}, {"cleared": False}, {"cleared": "true"}):
        updates = review.outline(gr.EventData(None, {**told, **nothing, **cleared}), REQUEST)  # type: ignore[arg-type]
        assert "Clear was not pressed" in updates[browser.parts.status] and np.array_equal(
            decode_mask(drawn(photo="gone")["arm"]), mask
        )
    assert not decode_mask(drawn(**nothing, cleared=True)["arm"]).any(), "no lesion here is an answer"
    assert drawn(runs=None) == {}


def test_an_outline_follows_a_point_as_the_model_says(browser: Browser) -> None:
    browser.choose(0)
    photo = browser.values[browser.parts.viewer]["photos"][0]
    payload = gr.EventData(
        None, {"photo": photo["name"], "request": 3, "clicks": [["box", 0.1, 0.1, 0.9, 0.9]]}
    )
    changes = reviewing(browser.handlers).point(browser.values, payload, REQUEST)  # type: ignore[arg-type]
    reply = changes[browser.parts.viewer]["point_reply"]
    assert reply["request"] == 3 and (reply["width"], reply["height"]) == (photo["width"], photo["height"])
    predictor = browser.handlers.source.get()
    assert isinstance(predictor, FakePredictor)
    assert [guidance.box for guidance in predictor.guided] == [(0.1, 0.1, 0.9, 0.9)]


def test_why_is_said_of_what_was_analysed(browser: Browser) -> None:
    browser.choose(0)
    assert ask_why(browser)[browser.parts.why] == CLOSED, "nothing was analysed yet"
    browser.analyse()
    browser.values[browser.parts.panel.narrative] = "other words"
    why = ask_why(browser, option=1, request=5)[browser.parts.why]
    narrative = load_examples()[0].encounter.narrative.en
    assert (why["family"], why["option"], why["request"]) == ("CQID025", 1, 5)
    assert f">{narrative[:4]}</mark>" in why["html"]
    assert set(why["heat"]) == {photo.photo_id for photo in load_examples()[0].encounter.photos}
    assert "CQID025: option 9" in ask_why(browser, option=9)[browser.parts.status]
    assert ask_why(browser, case="another")[browser.parts.why] == CLOSED


def test_another_analysis_closes_the_pane(browser: Browser) -> None:
    browser.choose(0)
    browser.analyse()
    browser.values[browser.parts.why] = {"html": "<section>"}
    browser.analyse()
    assert browser.values[browser.parts.why] == CLOSED
