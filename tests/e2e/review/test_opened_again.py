"""A case that is opened once more while its reader goes on with it, as by a second click on its row: what is said meanwhile is there
afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.review.held_back import HOLD, hold, release
from tests.e2e.review.steps import (
    answer_all,
    choose,
    chosen,
    finish,
    open_case,
    opened,
    paint,
    saved_of,
    until,
)
from tests.e2e.review_server import ReviewServer

OPENS = '"open":"[^"]*","link":null'
"""What the page sends to open a case has this."""

SLOW_PHOTOS = """
const read = window.createImageBitmap;
window.createImageBitmap = (...what) => new Promise((go) => setTimeout(go, 1500)).then(() => read(...what));
"""
"""A page's script: photos take a while to be read, as large ones do on a tablet."""

OPEN_ID = "document.querySelector('.cards').cards.state.case"
SHOWN_ID = "document.querySelector('#viewer-stage').viewer.state.openId"


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReviewServer]:
    server = ReviewServer(repository, tmp_path_factory.mktemp("again"), cases=3)
    server.start()
    yield server
    assert "Traceback" not in server.stop()


@pytest.fixture
def page(browser: Browser, server: ReviewServer) -> Iterator[Page]:
    with opened(browser, server) as (context, page):
        context.add_init_script(HOLD)
        context.add_init_script(SLOW_PHOTOS)
        page.reload()
        page.locator(".queue-case").first.wait_for()
        yield page


def _open_slowly(page: Page, number: int) -> None:
    """Click a case's row, and hold back what the server says to it."""
    hold(page, OPENS, "answer")
    page.locator(".queue-case").nth(number).click()
    page.wait_for_function("window.held.length > 0")


def _wait_for_another_opening(page: Page, before: str) -> None:
    page.wait_for_function(f"(before) => {OPEN_ID} !== before && {OPEN_ID} === {SHOWN_ID}", arg=before)


def test_a_case_that_is_finished_while_it_is_opened_once_more_is_shown_as_it_was_finished(
    page: Page, server: ReviewServer
) -> None:
    case_id = open_case(page, 0)
    page.wait_for_selector('.cards[data-state="answered"]')
    before = page.evaluate(OPEN_ID)
    _open_slowly(page, 0)
    paint(page)
    answer_all(page)
    choose(page, "cqid010", 2)
    finish(page)
    assert saved_of(server, case_id)[-1].review.complete
    release(page, 1)
    _wait_for_another_opening(page, before)
    page.wait_for_selector('#review[data-state="done"]')
    assert chosen(page, "cqid010") == [2]
    page.wait_for_function("() => document.querySelector('#viewer-stage').viewer.own()?.data.some(Boolean)")


def test_what_is_said_while_a_case_is_opened_once_more_is_shown_and_saved_once(
    page: Page, server: ReviewServer
) -> None:
    case_id = open_case(page, 1)
    page.wait_for_selector('.cards[data-state="answered"]')
    before = page.evaluate(OPEN_ID)
    _open_slowly(page, 1)
    choose(page, "cqid010", 2)
    page.keyboard.press("Shift+C")
    page.fill("#review-comment", "said meanwhile")
    page.keyboard.press("Escape")
    until(page, lambda: bool(saved := saved_of(server, case_id)) and saved[-1].review.comment != "")
    until(page, lambda: bool(saved_of(server, case_id)[-1].review.answers))
    count = len(saved_of(server, case_id))
    release(page, 1)
    _wait_for_another_opening(page, before)
    expect(page.locator("#review-comment")).to_have_value("said meanwhile")
    expect(page.locator("#review-history-count")).to_have_text(str(count))
    assert chosen(page, "cqid010") == [2] and len(saved_of(server, case_id)) == count


def test_the_photo_of_the_case_before_is_not_seen_beside_the_answers_of_the_one_that_comes(
    page: Page, server: ReviewServer
) -> None:
    first = open_case(page, 0)
    expect(page.locator("#viewer-canvas")).to_be_visible()
    page.locator(".queue-case").nth(2).click()
    page.wait_for_function(f"{OPEN_ID} !== {SHOWN_ID}")
    for what in ("#viewer-canvas", "#viewer-name", "#photo-strip-list button"):
        expect(page.locator(what).first).to_be_hidden()
    assert page.evaluate(f"{OPEN_ID} !== {SHOWN_ID}"), "while the photos are being read"
    page.wait_for_function(f"{OPEN_ID} === {SHOWN_ID}")
    expect(page.locator("#viewer-canvas")).to_be_visible()
    assert first not in page.inner_text("#viewer-name")
