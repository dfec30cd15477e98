"""How the page is laid out where a queue is read: on laptops, before an audience, on a phone; measured in
boxes, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.review_server import ReviewServer
from tests.e2e.test_access import check_both_themes

ANSWERED = '.cards[data-state="answered"]'
BOX = "(element) => { const { x, y, right, bottom, width, height } = element.getBoundingClientRect(); return { x, y, right, bottom, width, height }; }"
OUT_OF_REACH = """(panel) => { const { left, top, right, bottom } = panel.getBoundingClientRect();
    const seen = [[left + 9, top + 9], [right - 9, top + 9], [left + 9, bottom - 9], [right - 9, bottom - 9]];
    return [left < 0 || top < 0 || right > innerWidth || bottom > innerHeight ? "leaves the window" : "",
        ...seen.map(([x, y]) => document.elementFromPoint(x, y)).map((top) => (panel.contains(top) ? "" : top?.outerHTML.slice(0, 90) ?? "nothing"))].filter(Boolean); }"""
"""What lies over a panel, or that it leaves the window."""
CUT = """(all) => all.filter((one) => one.offsetWidth && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1) && getComputedStyle(one).display !== "inline").map((one) => one.outerHTML.slice(0, 120))"""
SAID = ".status-line, .viewer-facts > div, .viewer-facts > div > span, .viewer-facts strong"
"""What says how things stand and what was measured."""
MENUS = (
    ("#about-open", ".about-panel"),
    ("#workshop-open", ".menu-panel"),
    (".queue-menu summary", ".queue-formats"),
)


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReviewServer]:
    """Start a page over twelve cases."""
    server = ReviewServer(repository, tmp_path_factory.mktemp("layouts"), cases=12)
    server.start()
    yield server
    assert "Traceback" not in server.stop()


def box(page: Page, selector: str) -> dict[str, float]:
    found: dict[str, float] = page.locator(selector).first.evaluate(BOX)
    return found


def open_first(browser: Browser, server: ReviewServer, path: str = "", **settings: Any) -> Page:
    """Open the first case of the queue in a browser of its own."""
    page = browser.new_context(locale="en-US", reduced_motion="reduce", **settings).new_page()
    page.add_init_script(
        "window.faults = []; addEventListener('error', ({ message }) => faults.push(message));"
    )
    page.goto(server.address + path)
    page.locator(".queue-case").first.wait_for()
    assert "Choose an example" not in page.inner_text("#viewer-empty")
    page.locator(".queue-case").first.click()
    page.wait_for_selector(ANSWERED)
    page.wait_for_selector("html[data-reading]")
    return page


@pytest.mark.long
def test_a_queue_is_read_with_its_list_and_words_and_without_what_photos_of_ones_own_need(
    browser: Browser, server: ReviewServer
) -> None:
    page = open_first(browser, server, viewport={"width": 1280, "height": 720})
    for selector in ("#add-photos", "#new-case", "#consent", "#prompt", "#all-photos", "#examples", "#run"):
        assert page.locator(selector).is_hidden(), selector
    for selector in ("#queue-filter", "#queue-order", "#queue-next-open"):
        assert page.locator(selector).is_visible(), selector
    for width, height in ((1366, 768), (1280, 720)):
        page.set_viewport_size({"width": width, "height": height})
        line = page.evaluate(
            "parseFloat(getComputedStyle(document.querySelector('#narrative textarea')).lineHeight)"
        )
        words, column = box(page, "#narrative textarea"), box(page, "#case-panel")
        assert words["height"] >= 10 * line and words["bottom"] <= column["bottom"]
        rows = page.locator(".queue-case").evaluate_all(
            """(rows) => { const list = document.querySelector("#queue-list").getBoundingClientRect();
            return rows.filter((row) => row.getBoundingClientRect().bottom <= list.bottom).length; }"""
        )
        assert rows >= 8
        assert page.locator(SAID).evaluate_all(CUT) == [], width
        facts = page.locator(".viewer-facts > div > :visible").evaluate_all(f"(all) => all.map({BOX})")
        assert facts and max(one["right"] for one in facts) <= box(page, ".viewer-zoom")["x"]
        if height == 768:
            foot = box(page, "#review")["y"]
            assert all(card.evaluate(BOX)["bottom"] <= foot for card in page.locator(".card").all()), (
                "all nine"
            )
    assert page.inner_text("#queue-here") == "clinic"
    page.wait_for_function("document.querySelector('.queue-picture').naturalWidth === 64")
    assert page.locator(".queue-case .queue-sign").first.inner_text() == "○"
    page.keyboard.press("Shift+W")
    assert page.locator("#queue-list").is_hidden()
    assert box(page, "#narrative textarea")["height"] >= 20 * line
    page.keyboard.press("Shift+W")
    check_both_themes(page, "a queue is read")
    page.click("#queue-own")
    page.wait_for_selector('.viewer[data-state="empty"]')
    for selector in ("#add-photos", "#new-case", "#run"):
        assert page.locator(selector).is_visible(), selector
    page.locator(".queue-case").first.click()
    page.wait_for_selector("html[data-reading]")
    page.context.close()


@pytest.mark.long
def test_a_presenter_has_the_photo_large_and_all_cards_or_one_at_will(
    browser: Browser, server: ReviewServer
) -> None:
    page = open_first(browser, server, "/?presenter", viewport={"width": 1280, "height": 720})
    page.wait_for_selector("#case-panel", state="hidden")
    for choice in (None, "nine", "one"):
        if choice is not None:
            page.click(f"#presenter-{choice}")
        stage, slider = box(page, "#viewer-stage"), box(page, "#viewer-threshold")
        assert stage["height"] >= 0.7 * 720 and stage["width"] >= 0.5 * 1280, choice
        assert slider["width"] >= 80 and slider["right"] <= box(page, "#viewer-panel")["right"], choice
        shown = [card for card in page.locator(".card").all() if card.is_visible()]
        assert len(shown) == (1 if choice == "one" else 9)
        if choice == "nine":
            foot = box(page, "#review")["y"]
            assert all(card.evaluate(BOX)["bottom"] <= foot for card in shown), "all nine at once"
    page.keyboard.press("7")
    assert page.locator("#card-cqid034").is_visible() and page.locator("#card-cqid010").is_hidden()
    page.click("#presenter-panel")
    assert page.locator("#case-panel").is_visible()
    page.click("#presenter-leave")
    assert all(card.is_visible() for card in page.locator(".card").all())
    page.context.close()


def test_on_a_phone_every_button_is_reached_and_the_photo_stays_while_answering(
    browser: Browser, server: ReviewServer
) -> None:
    page = open_first(browser, server, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    buttons = page.locator("#topbar :is(button, a, summary):visible").evaluate_all(f"(all) => all.map({BOX})")
    assert len(buttons) >= 6 and all(one["x"] >= 0 and one["right"] <= 390 for one in buttons)
    first = min(buttons, key=lambda one: (round(one["y"] / 20), one["x"]))
    assert first["x"] == box(page, "#language-en")["x"], "the language comes first"
    assert page.locator("kbd:visible").count() == 0, "a finger has no keys"
    for opener, panel in MENUS:
        page.locator(opener).tap()
        assert page.locator(panel).evaluate(OUT_OF_REACH) == [], panel
        page.locator(opener).tap()
        page.locator(panel).wait_for(state="hidden")
    assert page.locator(SAID).evaluate_all(CUT) == []
    reset = box(page, "#viewer-display-reset")
    for name in ("brightness", "contrast", "gamma"):
        slider = box(page, f"#viewer-{name}")
        assert (
            slider["bottom"] <= reset["y"] or slider["right"] <= reset["x"] or slider["x"] >= reset["right"]
        )
        assert slider["right"] <= 390, name
    page.locator("#keys-open").tap()
    assert page.locator("#keys-sheet kbd:visible").last.inner_text() == "?", "who opens it has a keyboard"
    assert "\\" in page.locator("#keys-sheet kbd").all_inner_texts()
    assert (page.get_attribute("#viewer-beside", "title") or "").endswith("(\\)")
    page.locator("#keys-close").tap()
    row = page.locator("#card-cqid036 .row").first
    row.tap()
    page.wait_for_selector('#card-cqid036 .row[aria-checked="true"]')
    stage, answer = box(page, "#viewer-canvas"), row.evaluate(BOX)
    assert stage["y"] >= -1 and stage["bottom"] <= answer["y"] and stage["height"] >= 0.25 * 844
    check_both_themes(page, "a phone")
    assert page.evaluate("faults") == []
    page.context.close()
