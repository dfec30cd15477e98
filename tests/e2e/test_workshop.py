"""A session before an audience: the guided first case, presenter mode, a clean start, and the board with
several browsers, all without a network."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route

from magic_demo.page.workshop.workshop import GUIDED_EXAMPLE
from tests.e2e.conftest import Watched, without_leaving
from tests.e2e.driving import ANSWERED, open_example
from tests.e2e.test_access import check_both_themes, serious_faults

COVERED = """(names) => { const guide = document.querySelector("#guide").getBoundingClientRect();
return names.filter((name) => { const one = document.querySelector(name)?.getBoundingClientRect(); if (!one?.width) return false;
return Math.min(one.right, guide.right) - Math.max(one.left, guide.left) > 0.5 && Math.min(one.bottom, guide.bottom) - Math.max(one.top, guide.top) > 0.5; }); }"""
TITLE_HEIGHT = "document.querySelector('#card-cqid010 h3').getBoundingClientRect().height"
SPOKEN_OF = (["#viewer-stage"], ["#cards-panel", ".viewer-rail", "#viewer-stage"], ["#keep"])


class Room:
    """Browsers of one room, with everything cut off that is not the server itself."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.browser = browser
        self.address = address
        self.away: list[str] = []
        self.complaints: list[str] = []
        self.contexts: list[BrowserContext] = []

    def open(self, path: str, **settings: Any) -> Page:
        """Open a page in a browser context of its own."""
        context = self.browser.new_context(
            **{"viewport": {"width": 1366, "height": 768}, "locale": "en-US", **settings}
        )
        self.contexts.append(context)
        context.route("**/*", self._cut)
        page = context.new_page()
        page.on("websocket", lambda socket: self._note(socket.url))
        page.on(
            "console",
            lambda message: self.complaints.append(message.text) if message.type == "error" else None,
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(f"{self.address}{path}")
        return page

    def _is_here(self, url: str) -> bool:
        return url.startswith(
            (f"{self.address}/", f"{self.address}/".replace("http", "ws", 1), "data:", "blob:")
        )

    def _note(self, url: str) -> None:
        if not self._is_here(url):
            self.away.append(url)

    def _cut(self, route: Route) -> None:
        self._note(route.request.url)
        if self._is_here(route.request.url):
            route.continue_()
        else:
            route.abort()


@pytest.fixture
def room(browser: Browser, address: str) -> Iterator[Room]:
    """Give browsers without a network; afterwards none may have asked for it, and no console may have
    complained."""
    room = Room(browser, address)
    yield room
    for context in room.contexts:
        context.close()
    assert room.away == []
    assert room.complaints == []


def join(room: Room, code: str, **settings: Any) -> Page:
    page = room.open("/join", **settings)
    page.fill("#code", code)
    page.keyboard.press("Enter")
    page.wait_for_selector(".option:visible")
    return page


def open_board(room: Room, **settings: Any) -> tuple[Page, str]:
    board = room.open("/board", **settings)
    board.wait_for_selector("#lobby[open]")
    code = board.locator("#lobby-code").inner_text()
    return board, code


def counts(board: Page) -> list[int]:
    return [int(text) for text in board.locator(".question:visible .bar-count").all_inner_texts()]


def wait_for(holds: Callable[[], bool]) -> None:
    """Wait from outside the page: the board's policy lets no string be evaluated in it."""
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.long
def test_the_guide_opens_its_example_and_covers_nothing_that_it_speaks_of(room: Room) -> None:
    page = room.open("/?guide")
    page.wait_for_selector(ANSWERED)
    page.wait_for_selector(f'#example-{GUIDED_EXAMPLE}[aria-pressed="true"]')
    for number, names in enumerate(SPOKEN_OF):
        page.wait_for_selector(f'.guide-step[data-step="{number}"]:visible')
        for width, height in ((1366, 768), (1920, 1080), (800, 1180)):
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(100)
            assert page.evaluate(COVERED, names if width > 1000 or number != 1 else ["#card-cqid010"]) == []
        page.click("#guide-next")
    assert page.locator("#guide").is_hidden()
    page.reload()
    page.wait_for_selector("#guide", state="visible")  # asked for by the address
    room.complaints = without_leaving(room.complaints)


def test_the_guide_is_driven_by_keys_in_both_languages_and_skipped_by_escape(watched: Watched) -> None:
    page = watched.page
    assert page.locator("#guide").is_hidden(), "started without --guide, it opens by hand only"
    page.focus("#workshop-open")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator("#guide").is_visible() and page.get_attribute("#guide", "role") == "dialog"
    page.wait_for_selector(ANSWERED)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "guide-skip"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.locator('.guide-step[data-step="1"]').is_visible()
    assert page.evaluate("document.activeElement.id") == "guide-title-1"
    page.click("#language-zh")
    assert page.locator("#guide h2:visible").inner_text() == "提出异议"
    page.click("#language-en")
    page.click('#card-cqid015 [data-option="0"]')
    assert page.get_attribute('#card-cqid015 [data-option="0"]', "aria-checked") == "true", (
        "the page works beside the guide"
    )
    assert serious_faults(watched.page) == []
    page.focus("#guide-back")
    page.keyboard.press("Enter")
    assert page.locator('.guide-step[data-step="0"]').is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#guide").is_hidden()
    kept = page.evaluate("Object.entries(localStorage).filter(([name]) => name.includes('guide'))")
    assert kept == [["magic-demo-guide-seen", "1"]], "that it was seen, and nothing of a case"


@pytest.mark.long
def test_presenter_mode_is_larger_and_higher_in_contrast_and_the_photo_stays_in_view(
    watched: Watched,
) -> None:
    page = watched.page
    sizes = ((1366, 768), (1920, 1080))
    open_example(watched, 0)
    before = []
    for width, height in sizes:
        page.set_viewport_size({"width": width, "height": height})
        before.append(page.evaluate(TITLE_HEIGHT))
    page.goto(f"{watched.address}/?presenter")
    page.wait_for_selector("html[data-presenter]")
    watched.forget_leaving()
    open_example(watched, 0)
    for (width, height), usual in zip(sizes, before, strict=True):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate(TITLE_HEIGHT) > 1.25 * usual
        stage = page.locator("#viewer-stage").bounding_box()
        assert stage is not None and stage["width"] > 0.35 * width and stage["y"] + stage["height"] <= height
        assert page.evaluate(
            "document.documentElement.scrollHeight <= innerHeight && document.documentElement.scrollWidth "
            "<= innerWidth"
        )
    check_both_themes(page, "presenter mode")
    page.click("#presenter-leave")
    assert page.get_attribute("html", "data-presenter") is None


def test_starting_afresh_asks_first_and_leaves_nothing_open(watched: Watched) -> None:
    page = watched.page
    page.click("#language-zh")
    page.click("#theme")
    open_example(watched, 1)
    page.click('#card-cqid015 [data-option="0"]')
    page.click("#workshop-open")
    page.click("#reset-open")
    assert "保留" in page.locator("#reset").inner_text()
    assert serious_faults(watched.page) == []
    page.click("#reset-no")
    assert page.locator(ANSWERED).count() == 1
    page.click("#workshop-open")
    page.click("#reset-open")
    with page.expect_navigation():
        page.click("#reset-yes")
    page.wait_for_selector('.status[data-state="ready"]')
    watched.forget_leaving()
    assert (
        page.evaluate(
            "[...Object.keys(localStorage), ...Object.keys(sessionStorage)].filter((name) => "
            "name.startsWith('magic-demo'))"
        )
        == []
    )
    assert page.get_attribute("html", "lang") == "en" and page.get_attribute("html", "data-theme") is None
    assert page.locator(ANSWERED).count() == 0 and page.locator('.viewer[data-state="photo"]').count() == 0
    assert page.input_value("#narrative textarea") == ""


@pytest.mark.long
def test_three_browsers_answer_and_the_plot_moves_until_the_model_is_revealed(room: Room) -> None:
    board, code = open_board(room)
    phones = [join(room, code, viewport={"width": 390, "height": 844}) for _ in range(2)]
    phones.append(join(room, code, locale="zh-CN"))
    wait_for(lambda: board.locator("#lobby-present").inner_text() == "3")
    board.click("#begin")
    for phone, option in zip(phones, (0, 0, 2), strict=True):
        phone.click(f'.option[data-option="{option}"]:visible')
    wait_for(lambda: counts(board) == [2, 0, 1, 0])
    assert board.locator("#agreement").inner_text() == "33%"
    width = (
        '() => document.querySelector(\'.question:not([hidden]) [data-option="0"] .is-audience '
        "i').style.width"
    )
    before = board.evaluate(width)
    phones[2].click('.option[data-option="0"]:visible')
    wait_for(lambda: counts(board) == [3, 0, 0, 0])
    assert board.locator("#agreement").inner_text() == "100%" and board.evaluate(width) != before
    assert not board.locator(".bar.is-model").first.is_visible()

    board.keyboard.press("r")
    board.wait_for_selector(".bars.is-chosen")
    assert board.locator(".question:visible .model-mark:visible").count() == 1
    assert board.locator("#with-model").inner_text() in {"0%", "100%"}
    phones[0].wait_for_selector('[data-seat="closed"]:visible')
    assert phones[0].locator(".option:visible:enabled").count() == 0

    board.keyboard.press("ArrowRight")
    for phone, title in zip(phones, ("Site", "Site", "部位"), strict=True):
        phone.wait_for_selector('.question[data-index="1"]:visible')
        assert title in phone.locator(".question-place:visible").inner_text()
    assert counts(board) == [0] * 8 and not board.locator(".bar.is-model").first.is_visible()
    phones[1].reload()
    phones[1].wait_for_selector('.question[data-index="1"]:visible')
    board.reload()
    board.wait_for_selector('.question[data-index="1"]:visible')
    assert board.locator("#room-code").inner_text() == code, "the presenter's tab keeps its room"

    board.click("#end")
    with board.expect_navigation():
        board.click("#end-yes")
    for phone in phones:
        phone.wait_for_selector("#entry:visible")
    # the browser's own line on the room that is gone
    room.complaints = [line for line in room.complaints if "404" not in line]


def test_a_wrong_code_is_said_and_the_right_one_by_address_enters_at_once(room: Room) -> None:
    _board, code = open_board(room)
    phone = room.open("/join")
    phone.fill("#code", "0000")
    phone.click("#enter")
    phone.wait_for_selector("#trouble:visible")
    room.complaints = [line for line in room.complaints if "404" not in line]
    by_picture = room.open(f"/join#{code}")
    by_picture.wait_for_selector(".option:visible")


@pytest.mark.long
def test_axe_finds_no_serious_fault_on_the_board_and_where_one_joins(room: Room) -> None:
    board, code = open_board(room)
    entry = room.open("/join", viewport={"width": 390, "height": 844})
    phone = join(room, code, viewport={"width": 390, "height": 844})
    for page in (board, entry, phone):
        check_both_themes(page, page.url)
    board.click("#begin")
    phone.click(".option:visible >> nth=0")
    phone.wait_for_selector('[data-seat="sent"]:visible')
    board.click("#reveal")
    board.wait_for_selector(".bars.is-chosen")
    phone.wait_for_selector('[data-seat="closed"]:visible')
    for page in (board, phone):
        check_both_themes(page, f"{page.url} after the reveal")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
