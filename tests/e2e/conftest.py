"""The page in a real browser: one server for all tests, and nothing may go wrong or leave the computer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

from magic_demo.reviews.reports.printing import find_browser
from tests.e2e.page_server import PageServer

PATIENCE = 120_000
"""Milliseconds that any wait may take: a state that comes late on a busy machine comes; one that does not come
fails the test whenever it is given up."""
WINDOW: ViewportSize = {"width": 1366, "height": 768}
DISCARD = '[data-act="discard"]'


def without_leaving(complaints: list[str]) -> list[str]:
    """Return the complaints without what Gradio says of its own requests that end because a page is left."""
    return [line for line in complaints if "AbortError" not in line and "errored out" not in line]


@dataclass
class Watched:
    """A page under watch: every request it made, and everything its console complained of."""

    page: Page
    address: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def calls(self) -> list[str]:
        """Return the requests that make the server do something, without those that ask whether models are
        loaded."""
        return [url for url in self.requests if "/queue/" in url or "/run/" in url or "/photos?" in url]

    def forget_leaving(self) -> None:
        """Forget what was said because the page was left or loaded again: to be called right after."""
        self.complaints[:] = without_leaving(self.complaints)

    def check(self) -> None:
        """Fail the test where a request has left the computer or the console has complained."""
        assert [
            url for url in self.requests if not url.startswith((f"{self.address}/", "data:", "blob:"))
        ] == []
        assert self.complaints == []


@pytest.fixture(scope="package")  # Playwright keeps an event loop running, which other tests must not find
def browser() -> Iterator[Browser]:
    """Start the browser; a missing one fails the tests."""
    path = find_browser()
    if path is None:
        pytest.fail("no browser: run python -m tests.e2e.browser, or install Chromium")
    with sync_playwright() as playwright:
        # drawing by emulated graphics costs a core
        started = playwright.chromium.launch(executable_path=path, args=["--disable-gpu"])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(started, "new_context", partial(_open_context, started.new_context))
            expect.set_options(timeout=PATIENCE)
            yield started
        started.close()


def _open_context(new_context: Callable[..., BrowserContext], **settings: Any) -> BrowserContext:
    """Open a context whose every wait is a patient one, so that no test can forget to say so."""
    context = new_context(**settings)
    context.set_default_timeout(PATIENCE)
    return context


class PlainPage(PageServer):
    """The page as a user starts it, with the checkpoints that come along."""

    def settings(self) -> dict[str, str | None]:
        return {**super().settings(), "MAGIC_DEMO_STORE": str(self.folder / "no-store")}


@pytest.fixture(scope="package")
def address(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the page and return its address."""
    server = PlainPage(repository, tmp_path_factory.mktemp("page"))
    try:
        server.start()
        yield server.address
    finally:
        said = server.stop()
    assert "Traceback" not in said, said


@pytest.fixture(scope="package")
def screenshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a small picture as it lies on a clipboard."""
    path = tmp_path_factory.mktemp("clipboard") / "image.png"
    cv2.imwrite(str(path), np.full((40, 60, 3), 128, np.uint8))
    return path


def open_watched(browser: Browser, address: str, script: str | None = None) -> Watched:
    """Open the page in a browser context of its own, with its models loaded, and watch it; ``script`` runs
    before any of the page's own."""
    context = browser.new_context(viewport=WINDOW, locale="en-US", reduced_motion="reduce")
    if script is not None:
        context.add_init_script(script)
    page = context.new_page()
    watched = Watched(page, address)
    page.on("request", lambda request: watched.requests.append(request.url))
    page.on(
        "console",
        lambda message: watched.complaints.append(message.text) if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    page.goto(address)
    page.wait_for_selector('.status[data-state="ready"]')
    return watched


@pytest.fixture
def watched(browser: Browser, address: str) -> Iterator[Watched]:
    """Open the page as on a first visit; afterwards no request may have left the computer and the console
    must be silent."""
    watched = open_watched(browser, address)
    yield watched
    watched.page.context.close()
    watched.check()


@pytest.fixture(scope="package")
def kept_page(browser: Browser, address: str) -> Iterator[Watched]:
    """Open a page that tests use one after the other: opening one costs more than most of them."""
    watched = open_watched(browser, address)
    yield watched
    watched.page.context.close()


def discard_offers(page: Page) -> None:
    """Discard all that is offered to be gone on with; an offer that goes while it is looked for does not
    matter."""
    while page.locator(DISCARD).count():
        page.evaluate(f"document.querySelectorAll('{DISCARD}').forEach((button) => button.click())")
        page.wait_for_timeout(50)


@pytest.fixture
def emptied(kept_page: Watched) -> Iterator[Watched]:
    """Give the page that the tests before have used, with a new case begun, for what depends on no first
    visit; checked as ``watched``."""
    page = kept_page.page
    kept_page.requests.clear()
    kept_page.complaints.clear()
    page.set_viewport_size(WINDOW)
    page.evaluate("document.activeElement.blur()")
    for key in ("Escape", "v"):
        page.keyboard.press(key)
    page.click("#language-en")
    # by which it is seen that the server has answered, on an empty page too
    page.fill("#narrative textarea", "words that go")
    page.click("#new-case")
    page.wait_for_function("document.querySelector('#narrative textarea').value === ''")
    for part in (
        '.viewer[data-state="empty"]',
        '.cards[data-state="waiting"]',
        '.status[data-state="ready"]',
    ):
        page.wait_for_selector(part)
    # the words that went are offered again, and so is what the test before left
    page.wait_for_selector(DISCARD)
    discard_offers(page)
    yield kept_page
    kept_page.check()
