"""Accessibility: axe finds no serious fault, light and dark, before and after an analysis; the theme follows the system until it is chosen."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.e2e.conftest import Watched
from tests.e2e.driving import MINUTES, open_example


def serious_faults(watched: Watched) -> list[str]:
    """Return axe's serious and critical findings, one line an element."""
    found: dict[str, Any] = Axe().run(watched.page, options={"resultTypes": ["violations"]}).response
    return [
        f"{fault['id']} ({fault['impact']}): {node['target']} {node['html'][:120]} {node.get('failureSummary', '')[:300]}"
        for fault in found["violations"]
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]


def room_colour(watched: Watched) -> str:
    return str(watched.page.evaluate("getComputedStyle(document.body).backgroundColor"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_fault(watched: Watched, theme: str) -> None:
    page = watched.page
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    assert serious_faults(watched) == []
    open_example(watched, 1)
    page.keyboard.press("a")
    page.click('#card-cqid025 [data-option="1"]')
    page.click('#card-cqid035 [data-option="1"]')
    page.click("#card-cqid015 .card-why")
    page.wait_for_selector(".why", timeout=MINUTES)
    assert serious_faults(watched) == []
    page.keyboard.press("Escape")
    page.click("#keys-open")
    assert serious_faults(watched) == []


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
    assert room_colour(watched) == dark
    assert page.get_attribute("html", "data-theme") == "dark"
    page.click("#theme")
    assert room_colour(watched) == light
