"""An open case is kept, and what a broken connection left unsaved is put back: what the store holds
afterwards, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest

from magic_demo.core.messages import Message
from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import (
    Encounter,
    Mask,
    Photo,
    PhotoPrediction,
    Prediction,
)
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.page.build import Desk, PredictorSource, lay_out_page
from magic_demo.page.events.drafts.saving import Saver
from magic_demo.page.events.review.keeping import Keeping
from magic_demo.page.events.review.queue_handlers import QueueHandlers
from magic_demo.page.events.review.reading_handlers import ReadingHandlers
from magic_demo.page.events.review.review_handlers import ReviewHandlers
from magic_demo.page.events.review.review_state import ReviewState
from magic_demo.page.panels.case.messages import RESTORED
from magic_demo.page.panels.viewer.mask_form import write_runs
from magic_demo.reviews.cases.kept_cases import EXAMPLES, UPLOADS
from magic_demo.reviews.store import LOCAL_READER, Store
from magic_demo.synthetic.bundled import load_examples
from tests.support.stand_ins import draw_photo, stand_in_predictor

REQUEST: Any = SimpleNamespace(session_hash="mine", cookies={})


class Page:
    """A page without a browser: one session, whose events are called as Gradio would."""

    def __init__(self, desk: Desk) -> None:
        source = PredictorSource(stand_in_predictor)

        async def lay() -> Any:
            return lay_out_page(source, load_examples(), desk)[1]

        self.desk, self.handlers = desk, asyncio.run(lay())
        self.parts = self.handlers.parts
        self.state = ReviewState(self.handlers, desk, Saver(desk, self.handlers.drafts, self.handlers.cases))
        self.queue, self.reading = QueueHandlers(self.handlers, self.state), ReadingHandlers(self.state)
        self.review, self.keeping = ReviewHandlers(self.handlers, self.state), Keeping(self.state, self.queue)
        self.words = ""

    @property
    def open_id(self) -> str:
        draft = self.handlers.drafts.get_open("mine")
        assert draft is not None
        return str(draft.open_id)

    def inputs(self) -> dict[Any, Any]:
        return {
            self.parts.case: self.open_id,
            self.parts.spoken: "en",
            self.parts.panel.narrative: self.words,
        }

    def upload(self, *names: str) -> None:
        photos = tuple(Photo(name, draw_photo(40, 60)) for name in names)
        self.handlers.replace_case(None, Encounter("CASE", photos=photos), REQUEST, example=False)

    def say(self, handler: Any, **told: object) -> dict[Any, Any]:
        found: dict[Any, Any] = handler(gr.EventData(None, {"case": self.open_id, **told}), REQUEST)
        return found

    def draw(self, photo: str, mask: Mask) -> None:
        self.review.outline(
            gr.EventData(None, {"case": self.open_id, "photo": photo, **write_runs(mask)}), REQUEST
        )

    def keep(self, **told: object) -> dict[Any, Any]:
        return self.keeping.keep(self.inputs(), gr.EventData(None, {"case": self.open_id, **told}), REQUEST)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    page = Page(Desk(store_location=str(tmp_path / "reviews")))
    yield page
    if page.desk.store is not None:
        page.desk.store.close()


def square() -> Mask:
    mask = np.zeros((40, 60), np.bool_)
    mask[10:20, 5:30] = True
    return mask


def test_what_was_answered_and_outlined_is_the_first_reading_of_the_case_that_is_kept(page: Page) -> None:
    page.upload("Jane Doe", "leg")
    page.words = "itches for weeks"
    page.say(page.review.answer, answers={"CQID025": [1]})
    page.draw("Jane Doe", square())
    page.say(page.review.measure, photo="Jane Doe", ruler={"known": [0, 0, 10, 0], "mm": 5, "lines": []})
    page.say(page.review.remark, photo="Jane Doe", comments=[[12, 12, "old scar"]])
    updates = page.keep()
    (key,) = (case.key for case in page.desk.opened_store.list_cases(UPLOADS, LOCAL_READER))
    saved = page.desk.opened_store.latest(key, LOCAL_READER)
    assert (
        saved is not None and saved.review.answers == {"CQID025-001": 1} and saved.review.kind == "assisted"
    )
    assert np.array_equal(decode_mask(saved.review.masks[f"IMG_{key.case_id}_00001"]), square())
    assert saved.review.rulers[f"IMG_{key.case_id}_00001"].mm_per_pixel == 0.5
    assert [one.comment for one in saved.review.remarks[f"IMG_{key.case_id}_00001"]] == ["old scar"]
    assert (
        updates[page.parts.panel.queue]["open"] == key.case_id
        and updates[page.parts.form]["case"] == page.open_id
    )
    assert "Kept" in updates[page.parts.status] and "Doe" not in str(updates[page.parts.viewer])
    page.say(page.review.answer, answers={"CQID025": [0]})
    assert len(page.desk.opened_store.history(key, LOCAL_READER)) == 2, (
        "and every change is saved from now on"
    )


def test_what_the_model_had_said_is_kept_along_under_the_photos_new_names(page: Page) -> None:
    page.upload("Jane Doe")
    said = Prediction(
        "CASE",
        (PhotoPrediction("Jane Doe", np.ones((4, 4), np.float32), (40, 60)),),
        answers={"CQID025-001": 0},
        failures=(
            Message("Jane Doe: no mask"),
            Message("{photo}: no mask ({reason})", photo="Jane Doe", reason="dark"),
        ),
    )
    case = page.handlers.cases.get(page.open_id)
    page.handlers.cases.keep_analysis(page.open_id, case.encounter, said)
    page.keep(mode="blind")
    store = page.desk.opened_store
    (key,) = store.shown_digests()
    shown = store.shown(key)
    assert shown is not None and [photo.photo_id for photo in shown.photos] == [f"IMG_{key.case_id}_00001"]
    name = f"IMG_{key.case_id}_00001"
    assert shown.failures == (f"{name}: no mask", f"{name}: no mask (dark)")
    assert isinstance(shown.failures[1], Message) and shown.failures[1].values["photo"] == name
    assert store.was_shown(key, LOCAL_READER)
    last = store.latest(key, LOCAL_READER)
    assert last is not None and last.review.kind == "assisted", "it was seen, whatever the mode"


def test_an_upload_that_no_model_has_seen_can_be_read_blind(page: Page) -> None:
    page.upload("arm")
    updates = page.keep(mode="blind")
    draft = page.handlers.drafts.get_open("mine")
    assert draft is not None and draft.hides_model and updates[page.parts.panel.queue]["mode"] == "blind"


def test_an_example_that_is_kept_again_shows_what_was_saved_of_it(page: Page) -> None:
    def open_example() -> None:
        page.handlers.replace_case(None, load_examples()[0].encounter, REQUEST, example=True)
        page.words = load_examples()[0].encounter.narrative.en

    open_example()
    page.say(page.review.answer, answers={"CQID025": [1]})
    page.keep()
    open_example()
    updates = page.keep()
    assert updates[page.parts.cards]["answers"]["CQID025"] == [1]
    key = CaseKey(EXAMPLES, load_examples()[0].encounter.encounter_id)
    assert (
        len(page.desk.opened_store.history(key, LOCAL_READER)) == 1
        and updates[page.parts.viewer]["synthetic"]
    )


def test_a_case_of_a_queue_is_not_kept_twice_and_late_events_keep_nothing(page: Page) -> None:
    page.upload("arm")
    before = page.open_id
    page.keep()
    for told in ({}, {"case": before}):
        assert 'data-state="failed"' in page.keep(**told)[page.parts.status]
    assert len(page.desk.opened_store.list_cases(UPLOADS, LOCAL_READER)) == 1


def test_a_store_that_cannot_be_opened_is_one_line_and_the_case_stays_open(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    page = Page(Desk(store_location=str(tmp_path / "file" / "below")))
    page.upload("arm")
    open_id = page.open_id
    updates = page.keep()
    assert (
        'data-state="failed"' in updates[page.parts.status]
        and updates[page.parts.form]["keep"] == open_id == page.open_id
    )


def test_what_could_not_be_saved_is_put_back_on_top_of_what_is_newest(page: Page) -> None:
    page.upload("arm")
    page.keep()
    (key,) = (case.key for case in page.desk.opened_store.list_cases(UPLOADS, LOCAL_READER))
    photo = f"IMG_{key.case_id}_00001"
    lost = [
        {"case": "of the life before", "answers": {"CQID025": [0]}, "specified": {}},
        {"case": "of the life before", "photo": photo, **write_runs(square())},
        {
            "case": "of the life before",
            "comment": "edge unclear",
            "flagged": True,
            "difficulty": "hard",
            "unusable": [photo, "gone"],
        },
        {"case": "of the life before", "photo": "gone", **write_runs(square())},
    ]
    restored = page.say(page.reading.restore, parts=lost[:1])
    assert "restored" in restored[page.parts.status]
    assert RESTORED in restored[page.parts.panel.messages], "it stays when the status line goes on"
    updates = page.say(page.reading.restore, parts=lost)
    saved = page.desk.opened_store.latest(key, LOCAL_READER)
    assert saved is not None and "gone: the case has no such photo" in updates[page.parts.status]
    assert "mask gone" not in updates[page.parts.form]["saved"]["stored"], (
        "what is not in the store stays in the tab"
    )
    review = saved.review
    assert (review.answers, review.comment, review.flagged, review.difficulty) == (
        {"CQID025-001": 0},
        "edge unclear",
        True,
        "hard",
    )
    assert set(review.masks) == review.unusable == {photo} and np.array_equal(
        decode_mask(review.masks[photo]), square()
    )
    assert (
        updates[page.parts.cards]["answers"]["CQID025"] == [0]
        and updates[page.parts.form]["comment"] == "edge unclear"
    )


@pytest.mark.parametrize(
    "parts", [["x"], [{"answers": {"CQID999": [1]}}], [{"comment": "", "difficulty": "impossible"}]]
)
def test_what_cannot_be_put_back_is_one_line(page: Page, parts: list[object]) -> None:
    page.upload("arm")
    page.keep()
    assert 'data-state="failed"' in page.say(page.reading.restore, parts=parts)[page.parts.status]


def test_a_case_that_is_assigned_to_others_is_not_opened(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.add_reader("ann")
        page = Page(Desk(store))
        page.upload("arm")
        page.keep()
        (key,) = (case.key for case in store.list_cases(UPLOADS, LOCAL_READER))
        store.assign(key, ["ann"])
        event = gr.EventData(None, {"queue": UPLOADS, "open": key.case_id})
        assert "assigned to others" in page.queue.open(page.inputs(), event, REQUEST)[page.parts.status]
        told = gr.EventData(None, {"queue": UPLOADS, "cases": [key.case_id], "readers": []})
        assert "no adjudicator" in page.queue.assign(told, REQUEST)[page.parts.status]
        store.set_role(LOCAL_READER, "adjudicator")
        assert "1 case assigned" in page.queue.assign(told, REQUEST)[page.parts.status]
        assert store.case(key, "ann").assigned_to == ()


def test_a_save_tells_of_itself_alone_and_a_case_of_the_list_that_is_opened_of_its_row(page: Page) -> None:
    page.upload("arm")
    page.keep()
    (key,) = (case.key for case in page.desk.opened_store.list_cases(UPLOADS, LOCAL_READER))
    page.say(page.review.answer, answers={"CQID025": [0]})
    updates = page.say(page.reading.note, comment="scaly", flagged=True)
    history = page.desk.opened_store.history(key, LOCAL_READER)
    assert len(history) == 3 and [one["number"] for one in updates[page.parts.form]["saved"]["history"]] == [
        history[-1].number
    ]
    row = {
        "queue": UPLOADS,
        "id": key.case_id,
        "case": page.open_id,
        "state": "in progress",
        "flagged": True,
        "disagrees": False,
        "left_open": False,
    }
    assert updates[page.parts.panel.queue]["row"] == row
    opened = page.queue.open(
        page.inputs(), gr.EventData(None, {"queue": UPLOADS, "open": key.case_id}), REQUEST
    )
    told = opened[page.parts.panel.queue]["row"]
    assert told.items() >= {**row, "case": page.open_id, "open": True}.items() and page.open_id != row["case"]
    assert [one["number"] for one in opened[page.parts.form]["saved"]["history"]] == [
        saved.number for saved in reversed(history)
    ]
    other = page.queue.open(
        page.inputs(), gr.EventData(None, {"queue": "gone", "open": key.case_id}), REQUEST
    )
    assert other[page.parts.panel.queue]["cases"], "a browser with another list gets the whole of this one"
