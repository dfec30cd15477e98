"""What a reader does with a queue in a real browser, in the words of the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from magic_demo.core.review_types import CaseKey
from magic_demo.reviews.store import LOCAL_READER, Store
from tests.e2e.conftest import PATIENCE
from tests.e2e.page_server import PageServer
from tests.e2e.review_server import ReviewServer

TRY = 10_000
LISTEN = """
window.heard = "";
const ask = window.fetch;
window.fetch = async (...what) => {
  const answer = await ask(...what);
  answer.clone().body?.pipeThrough(new TextDecoderStream()).pipeTo(new WritableStream({ write: (text) => { window.heard += text; } })).catch(() => {});
  return answer;
};
"""


@contextmanager
def opened(browser: Browser, server: PageServer) -> Iterator[tuple[BrowserContext, Page]]:
    """Open the page in a browser of its own; nothing may leave the computer or go wrong in the page's
    scripts."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="en-US")
    context.add_init_script(LISTEN)
    page = context.new_page()
    faults: list[str] = []
    asked: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(server.address)
    yield context, page
    context.close()
    assert faults == []
    assert [url for url in asked if not url.startswith((f"{server.address}/", "data:", "blob:"))] == []


def open_case(page: Page, number: int) -> str:
    """Open a case of the list and return its id."""
    button = page.locator(".queue-case").nth(number)
    button.wait_for()
    case_id = str(button.get_attribute("data-case"))
    current = page.locator(f'.queue-case[data-case="{case_id}"][aria-current]')
    for _ in range(6):  # the column makes room for the words of the case before, under the pointer
        button.click()
        with suppress(PlaywrightTimeout):
            current.wait_for(timeout=TRY)
            break
    current.wait_for()
    page.wait_for_selector('.viewer[data-state="photo"][data-editable]')
    page.wait_for_selector("#review:visible")
    return case_id


def choose(page: Page, family: str, option: int) -> None:
    page.locator(f'#card-{family} .row[data-option="{option}"]').evaluate("(row) => row.click()")


def key_of(page: Page, number: int, option: int) -> str:
    """Return the key that an option of a card shows."""
    box = page.locator(".card").nth(number - 1).locator(".row-box").nth(option)
    return str(box.get_attribute("data-key")).lower()


def chosen(page: Page, family: str) -> list[int]:
    rows = page.locator(f'#card-{family} .row[aria-checked="true"]').all()
    return [int(row.get_attribute("data-option") or -1) for row in rows]


def paint(page: Page) -> None:
    """Draw a stroke across the middle of the photo."""
    page.keyboard.press("b")
    box = page.locator("#viewer-stage").bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(middle[0] - 40, middle[1])
    page.mouse.down()
    page.mouse.move(middle[0] + 40, middle[1] + 10, steps=5)
    page.mouse.up()
    page.keyboard.press("v")


def draw_cover(page: Page, reach: int = 100) -> None:
    """Draw a square to cover, which reaches so many window pixels from the middle of the photo to each side."""
    page.keyboard.press("#")
    box = page.locator("#viewer-stage").bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(middle[0] - reach, middle[1] - reach)
    page.mouse.down()
    for x, y in ((reach, -reach), (reach, reach), (-reach, reach)):
        page.mouse.move(middle[0] + x, middle[1] + y, steps=3)
    page.mouse.up()


def cover(page: Page) -> None:
    """Cover a square in the middle of the photo for good."""
    draw_cover(page)
    page.click("#viewer-cover-confirm")


def save_noise(path: Path) -> None:
    """Write a photo of noise, in which blocks are seen wherever they lie, larger than it is drawn."""
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    Image.fromarray(noise.repeat(8, axis=0).repeat(8, axis=1)).save(path)


def pixels(page: Page) -> list[int]:
    """Return what the first photo is drawn from, every 97th value."""
    drawn: list[int] = page.evaluate(
        """() => { const [{ bitmap, width, height }] = document.querySelector("#viewer-stage").viewer.state.photos;
        const canvas = new OffscreenCanvas(width, height); const context = canvas.getContext("2d"); context.drawImage(bitmap, 0, 0);
        return Array.from(context.getImageData(0, 0, width, height).data.filter((_, i) => i % 97 === 0)); }"""
    )
    return drawn


def own_mask(page: Page) -> np.ndarray | None:
    own = page.evaluate(
        """() => { const own = document.querySelector("#viewer-stage").viewer.own();
        return own && { width: own.width, height: own.height, data: Array.from(own.data, (one) => one ? 1 : 0).join("") }; }"""
    )
    return (
        None
        if own is None
        else np.array([one == "1" for one in own["data"]]).reshape(own["height"], own["width"])
    )


def answer_all(page: Page, outlined: int = 1) -> None:
    """Answer every card that is open with its first option, and call all photos but so many unusable, which
    are to be outlined."""
    page.evaluate(
        """() => { for (const card of document.querySelectorAll('.card[data-standing="open"]')) card.querySelector('.row').click(); }"""
    )
    page.evaluate(
        """(outlined) => [...document.querySelectorAll('#review-photos input')].slice(outlined).forEach((box) => box.checked || box.click())""",
        outlined,
    )


def finish(page: Page, *, anyway: bool = False) -> None:
    """Finish the case by key; anyway: with something left open, which is named first."""
    page.keyboard.press("Shift+D")
    if anyway:
        page.wait_for_selector("#review[data-asks]")
        page.keyboard.press("Shift+D")
    page.wait_for_selector('#review[data-state="done"]')


def saved_of(server: ReviewServer, case_id: str, reader: str = LOCAL_READER) -> list[Any]:
    with Store.open(server.store) as store:
        return store.history(CaseKey("clinic", case_id), reader)


def until(page: Page, holds: Callable[[], bool]) -> None:
    """Wait until what the page has sent has come to hold elsewhere."""
    for _ in range(PATIENCE // 100):
        if holds():
            return
        page.wait_for_timeout(100)
    pytest.fail("what the page sent did not come to hold")
