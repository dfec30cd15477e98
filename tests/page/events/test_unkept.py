"""A case that was in no store is opened again from what the browser kept: the same photos, answers, outlines
and words, or a line that says what is wrong."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from magic_demo.core.types import Mask
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.page.build import Desk
from magic_demo.page.events.unkept import Unkept
from magic_demo.page.panels.viewer.mask_form import working_size, write_runs
from magic_demo.synthetic.bundled import load_examples
from tests.page.events.test_keeping import REQUEST, Page, square
from tests.support.stand_ins import draw_photo


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    page = Page(Desk(store_location=str(tmp_path / "reviews")))
    yield page
    if page.desk.store is not None:
        page.desk.store.close()


def send(page: Page, name: str) -> str:
    buffer = io.BytesIO()
    Image.fromarray(draw_photo(40, 60)).save(buffer, "PNG")
    return str(page.handlers.arrivals.take(name, buffer.getvalue()))


def restore(page: Page, **told: object) -> dict[Any, Any]:
    inputs = {page.parts.case: None, page.parts.spoken: "en"}
    sent: dict[str, object] = {
        "photos": [],
        "example": None,
        "narrative": "",
        "prompt": "",
        "typed": False,
        "answers": {},
        "specified": {},
        "masks": {},
    }
    return Unkept(page.handlers).restore(inputs, gr.EventData(None, {**sent, **told}), REQUEST)


def test_an_upload_comes_back_with_answers_outline_and_words(page: Page) -> None:
    keys = [send(page, "arm.png"), send(page, "leg.png")]
    updates = restore(
        page,
        photos=keys,
        narrative="itches",
        typed=True,
        answers={"CQID025": [1]},
        masks={"leg": write_runs(square())},
        rulers={"leg": {"known": [0, 0, 10, 0], "mm": 5, "lines": []}},
        remarks={"leg": [[1, 2, "old scar"]]},
    )
    draft = page.handlers.drafts.get_open("mine")
    assert draft is not None and draft.rulers["leg"].mm_per_pixel == 0.5
    assert updates[page.parts.viewer]["rulers"]["leg"]["mm"] == 5
    assert updates[page.parts.viewer]["remarks"] == {"leg": [[1, 2, "old scar"]]}
    assert updates[page.parts.viewer]["apart"] is False
    assert draft is not None and draft.answers == {"CQID025-001": 1} and list(draft.masks) == ["leg"]
    assert np.array_equal(decode_mask(draft.masks["leg"]), square())
    viewer = updates[page.parts.viewer]
    assert [photo["name"] for photo in viewer["photos"]] == ["arm", "leg"] and viewer["own"][
        "leg"
    ] == write_runs(square())
    assert (
        updates[page.parts.cards]["answers"]["CQID025"] == [1]
        and updates[page.parts.panel.narrative] == "itches"
    )
    assert updates[page.parts.form]["keep"] == page.open_id, "it can be kept now"


def test_an_example_comes_back_by_its_number_in_its_own_words(page: Page) -> None:
    updates = restore(page, example=2, answers={"CQID025": [0]})
    encounter = load_examples()[2].encounter
    assert updates[page.parts.panel.narrative] == encounter.narrative.en
    case = page.handlers.cases.get(page.open_id)
    assert case is not None and case.example and case.encounter.photos == encounter.photos


def test_what_was_covered_of_an_examples_photo_is_covered_again(page: Page) -> None:
    number, example = next(
        (number, one) for number, one in enumerate(load_examples()) if one.encounter.photos
    )
    photo = example.encounter.photos[0]
    area: Mask = np.zeros(working_size(photo.size), np.bool_)
    area[5:25, 5:25] = True
    runs = write_runs(area)
    restore(
        page,
        example=number,
        covers=[
            {"photo": photo.photo_id, "width": runs["width"], "height": runs["height"], "area": runs["runs"]}
        ],
    )
    case = page.handlers.cases.get(page.open_id)
    assert case is not None and (case.encounter.photos[0].pixels != photo.pixels).any()
    assert (load_examples()[number].encounter.photos[0].pixels == photo.pixels).all(), (
        "the example itself stays as it is"
    )


def test_an_outline_that_does_not_fit_costs_a_line_and_the_rest_is_there(page: Page) -> None:
    wrong = {"width": 3, "height": 3, "runs": [9]}
    updates = restore(
        page,
        photos=[send(page, "arm.png")],
        answers={"CQID025": [1]},
        masks={"arm": wrong, "gone": write_runs(square())},
        rulers={"arm": {"known": [0, 0, 10, 0], "mm": -5, "lines": []}},
        remarks={"arm": [[1, 2, ""]]},
    )
    draft = page.handlers.drafts.get_open("mine")
    assert draft is not None and draft.masks == {} and draft.answers == {"CQID025-001": 1}
    assert "arm: a mask of 3 x 3" in updates[page.parts.panel.messages]
    assert draft.rulers == {} and "arm: the measured lines" in updates[page.parts.panel.messages]
    assert draft.remarks == {} and "arm: the comments on" in updates[page.parts.panel.messages]


def test_no_lesion_here_comes_back_as_it_was_said(page: Page) -> None:
    nothing = write_runs(np.zeros_like(square()))
    updates = restore(page, photos=[send(page, "arm.png")], masks={"arm": {**nothing, "cleared": True}})
    draft = page.handlers.drafts.get_open("mine")
    assert draft is not None and not decode_mask(draft.masks["arm"]).any()
    assert updates[page.parts.viewer]["own"]["arm"] == nothing


def test_an_outline_without_a_pixel_that_clear_did_not_make_is_no_decision(page: Page) -> None:
    updates = restore(
        page, photos=[send(page, "arm.png")], masks={"arm": write_runs(np.zeros_like(square()))}
    )
    draft = page.handlers.drafts.get_open("mine")
    assert draft is not None and draft.masks == {}
    assert (
        "arm: an outline without a pixel came and Clear was not pressed" in updates[page.parts.panel.messages]
    )


@pytest.mark.parametrize(
    "told",
    [{"example": 99}, {"example": "0"}, {"answers": {"CQID025": [99]}}, {"example": 0, "covers": ["x"]}],
)
def test_what_cannot_be_is_one_line(page: Page, told: dict[str, object]) -> None:
    updates = restore(page, **told)
    assert 'data-state="failed"' in updates[page.parts.status] and page.parts.case not in updates
