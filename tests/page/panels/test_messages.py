"""What is said of a case's photos stays for as long as the case is open, whatever the next step has to
say."""

from __future__ import annotations

import zipfile
from pathlib import Path

import gradio as gr
import pytest

from magic_demo.page.build import Desk
from magic_demo.page.events.drafts.saving import Saver
from magic_demo.page.events.review.queue_handlers import QueueHandlers
from magic_demo.page.events.review.reading_handlers import ReadingHandlers
from magic_demo.page.events.review.review_state import ReviewState
from magic_demo.reviews.store import Store
from tests.support.fake_predictor import FakePredictor
from tests.support.written_page import REQUEST, Browser, lay_out

MISSING = "IMG_ENC1_2: cannot be read"
COUNTED = "2 of 3 photos"


class Reader(Browser):
    """A browser whose reader opens a queue's case and presses Done."""

    reading: ReadingHandlers


@pytest.fixture
def browser(tmp_path: Path, repository: Path) -> Reader:
    """Open a queue's case of three photos of which one is not there."""
    folder = tmp_path / "queue"
    with zipfile.ZipFile(repository / "tests/data/reported/challenge_photo_missing.zip") as packed:
        packed.extractall(folder)
    desk = Desk(Store.open(tmp_path / "store"))
    browser = Reader(lay_out(FakePredictor(), desk=desk)[1])
    desk.add_queue(folder)
    review = ReviewState(browser.handlers, desk, Saver(desk, browser.handlers.drafts, browser.handlers.cases))
    queue = QueueHandlers(browser.handlers, review)
    told = {"queue": "queue", "open": "ENC1", "mode": "assisted"}
    browser.take(queue.open(browser.values, gr.EventData(None, told), REQUEST))  # type: ignore[arg-type]
    browser.reading = ReadingHandlers(review)
    return browser


def test_done_asks_about_a_missing_photo(browser: Reader) -> None:
    told = {"case": browser.values[browser.parts.case], "heard": 0, "seconds": 1}
    updates = browser.reading.finish(gr.EventData(None, told), REQUEST)  # type: ignore[arg-type]
    asked = updates[browser.parts.form]["asks"]["missing"]
    assert "IMG_ENC1_2" in [one["id"] for one in asked]


def test_a_missing_photo_can_be_called_unusable_which_done_no_longer_asks_about(browser: Reader) -> None:
    assert browser.values[browser.parts.form]["photos"][-1] == "IMG_ENC1_2", "after those that are shown"
    told = {
        "case": browser.values[browser.parts.case],
        "heard": 0,
        "seconds": 1,
        "comment": "",
        "flagged": False,
        "difficulty": None,
    }
    browser.reading.note(gr.EventData(None, {**told, "unusable": ["IMG_ENC1_2", "no photo"]}), REQUEST)  # type: ignore[arg-type]
    store = browser.reading.review.store
    saved = store.latest(store.case_keys()[0], "local")
    assert saved is not None and saved.review.unusable == {"IMG_ENC1_2"}
    updates = browser.reading.finish(gr.EventData(None, told), REQUEST)  # type: ignore[arg-type]
    assert "IMG_ENC1_2" not in [one["id"] for one in updates[browser.parts.form]["asks"]["missing"]]


def test_a_missing_photo_is_counted_and_named_until_the_case_is_closed(browser: Reader) -> None:
    messages = browser.parts.panel.messages
    for _step in range(3):
        assert MISSING in browser.values[messages] and COUNTED in browser.values[messages]
        assert "共 3 张" in browser.values[messages]
        assert browser.values[browser.parts.viewer]["missing"] == 1
        browser.analyse()
    browser.clear()
    assert MISSING not in browser.values[messages] and COUNTED not in browser.values[messages]


def test_a_missing_photo_is_known_to_the_bar_and_to_a_case_that_is_opened_anew(browser: Reader) -> None:
    assert browser.values[browser.parts.form]["missing"] == 1
    cases = browser.handlers.cases
    before = cases.get(browser.values[browser.parts.case])
    assert before is not None
    again = cases.reopen(before, key=None, reader=None)
    assert again.open_id != before.open_id and cases.get(before.open_id) is None
    assert MISSING in again.problems[0] and again.missing == 1
