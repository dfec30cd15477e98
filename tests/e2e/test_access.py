"""Accessibility: axe finds no serious fault, light and dark, before and after an analysis; the theme follows
the system until it is chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.e2e.conftest import Watched
from tests.e2e.driving import open_example
from tests.e2e.review.steps import answer_all
from tests.e2e.review_server import ReviewServer

THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def serious_faults(page: Page) -> list[str]:
    """Return axe's serious and critical findings, one line an element."""
    found: dict[str, Any] = Axe().run(page, options={"resultTypes": ["violations"]}).response
    return [
        f"{fault['id']} ({fault['impact']}): {node['target']} {node['html'][:120]} "
        f"{node.get('failureSummary', '')[:300]}"
        for fault in found["violations"]
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]


ROOM_COLOUR = "getComputedStyle(document.body).backgroundColor"


def room_colour(watched: Watched) -> str:
    return str(watched.page.evaluate(ROOM_COLOUR))


def check_both_themes(page: Page, step: str) -> None:
    """Fail the test where axe finds a serious fault in the light or the dark page."""
    for theme in THEMES:
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        assert serious_faults(page) == [], f"{step}, {theme}"


STATES = ("aria-pressed", "aria-checked", "aria-current", "aria-expanded")


def test_in_windows_high_contrast_what_is_on_looks_other_than_what_is_off(emptied: Watched) -> None:
    """Of every kind of control that is on (mode, tool, language, theme, example, answer) the state is taken
    away: the picture of it must change.

    Light or dark is the system's choice then, whatever its button says.
    """
    page = emptied.page
    open_example(emptied, 1)
    page.keyboard.press("a")
    page.keyboard.press("b")
    page.click("#card-cqid015 .card-why")
    page.wait_for_selector(".why")
    page.emulate_media(forced_colors="active", reduced_motion="reduce")
    try:
        seen = set()
        for state in STATES:
            for element in page.query_selector_all(f"[{state}]:not([{state}=false])"):
                kind = element.evaluate(
                    "e => `${e.tagName} ${e.id.startsWith('viewer-tool') ? '' : e.className} "
                    "${e.getAttribute('role')}`"
                )
                if (
                    (state, kind) in seen
                    or element.get_attribute("id") == "theme"
                    or not element.is_visible()
                    or element.evaluate("e => e.getClientRects().length === 0")
                ):
                    continue
                seen.add((state, kind))
                value = element.get_attribute(state)
                on = element.screenshot(animations="disabled")
                element.evaluate("(e, state) => e.setAttribute(state, 'false')", state)
                off = element.screenshot(animations="disabled")
                element.evaluate("(e, [state, value]) => e.setAttribute(state, value)", [state, value])
                if state != "aria-expanded":  # what is open is seen by what opened
                    assert on != off, f"{state} of {element.evaluate('e => e.outerHTML')[:200]}"
        assert len(seen) >= 6, seen
    finally:
        page.emulate_media(forced_colors="none", reduced_motion="reduce")


def test_axe_finds_no_serious_fault(watched: Watched) -> None:
    page = watched.page
    check_both_themes(page, "empty")
    open_example(watched, 1)
    page.keyboard.press("a")
    page.click('#card-cqid025 [data-option="1"]')
    page.click('#card-cqid035 [data-option="1"]')
    page.click("#card-cqid015 .card-why")
    page.wait_for_selector(".why")
    check_both_themes(page, "answered, asked why")
    page.keyboard.press("Escape")
    page.click("#keys-open")
    check_both_themes(page, "the sheet of keys")
    page.keyboard.press("Escape")
    page.keyboard.press('"')
    check_both_themes(page, "the ruler")
    page.keyboard.press("#")
    page.keyboard.press("/")
    page.click("#workshop-open")
    check_both_themes(page, "a tool, the compare slider, the menu")


@pytest.mark.long
def test_axe_finds_no_serious_fault_in_a_review(browser: Browser, repository: Path, tmp_path: Path) -> None:
    server = ReviewServer(repository, tmp_path)
    server.start()
    context = browser.new_context(viewport={"width": 1366, "height": 768}, reduced_motion="reduce")
    page = context.new_page()

    try:
        page.goto(server.address)
        page.locator(".queue-case").first.wait_for()
        page.click("#queue-mode-blind")
        page.locator(".queue-case").first.click()
        page.wait_for_selector('#review[data-kind="blind"]')
        page.keyboard.press("Shift+C")
        check_both_themes(page, "a blind reading with its notes")
        page.keyboard.press("Escape")
        page.keyboard.press("Shift+D")
        page.wait_for_selector("#review[data-asks]")
        check_both_themes(page, "what is still open is named")
        answer_all(page, outlined=0)
        page.keyboard.press("Shift+D")
        page.wait_for_selector('#review[data-state="done"]')
        page.click("#review-readings")
        page.wait_for_selector(".readings")
        check_both_themes(page, "done, with all readings")
        bar, last = page.locator("#review").bounding_box(), page.locator("#review-next").bounding_box()
        assert bar and last and last["x"] + last["width"] <= bar["x"] + bar["width"], (
            "nothing of the bar is cut off"
        )
        page.keyboard.press("Shift+R")
        page.wait_for_selector('.cards[data-state="answered"]')
        check_both_themes(page, "revealed")
    finally:
        context.close()
        said = server.stop()
    assert "Traceback" not in said


def test_the_theme_follows_the_system_until_the_reader_chooses_and_is_remembered(watched: Watched) -> None:
    page = watched.page
    page.emulate_media(color_scheme="dark")
    dark = room_colour(watched)
    page.emulate_media(color_scheme="light")
    light = room_colour(watched)
    assert light != dark
    page.click("#theme")
    assert room_colour(watched) == dark
    page.reload()
    page.wait_for_selector("#theme")
    watched.forget_leaving()
    page.wait_for_function(f"(dark) => {ROOM_COLOUR} === dark", arg=dark)
    assert page.get_attribute("html", "data-theme") == "dark"
    page.click("#theme")
    assert room_colour(watched) == light
