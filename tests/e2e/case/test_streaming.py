"""Results stream in while a slow model works: maps one by one, the reader's hand is not disturbed, who waits
sees the place, Stop stops."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from magic_demo.synthetic.bundled import load_examples
from tests.e2e.page_server import PageServer
from tests.e2e.slow_page import THRESHOLD


class SlowPage(PageServer):
    """The page over the slow model, and the folder that tells it that it is done with a photo."""

    def __init__(self, repository: Path, folder: Path) -> None:
        super().__init__(repository, folder)
        self.done = folder / "done"
        self.done.mkdir()

    def program(self) -> list[str]:
        return ["-m", "tests.e2e.slow_page"]

    def arguments(self) -> list[str]:
        return [str(self.done)]

    def finish(self, photo: int) -> None:
        (self.done / f"{photo}").touch()


@pytest.fixture
def slow(repository: Path, tmp_path: Path) -> Iterator[SlowPage]:
    """Serve the page over the slow model."""
    server = SlowPage(repository, tmp_path)
    try:
        server.start()
        yield server
    finally:
        said = server.stop()
    assert "Traceback" not in said, said


def open_page(browser: Browser, address: str) -> Page:
    page = browser.new_context(viewport={"width": 1366, "height": 768}, locale="en-US").new_page()
    page.goto(address)
    page.wait_for_selector('.status[data-state="ready"]')
    return page


def status(page: Page, words: str) -> None:
    """Wait until the status line says it."""
    page.wait_for_selector(f'.status-line :text("{words}")')


def wait_for_maps(page: Page, count: int) -> None:
    script = (
        "(count) => document.querySelector('#viewer-stage').viewer.state.photos.filter((one) => "
        "one.model).length === count"
    )
    page.wait_for_function(script, arg=count)


@pytest.mark.long
def test_maps_come_one_by_one_under_a_hand_that_draws(
    browser: Browser, slow: SlowPage, tmp_path: Path
) -> None:
    files = []
    for number, example in enumerate(load_examples()[:3]):
        files.append(tmp_path / f"photo {number}.jpg")
        Image.fromarray(example.encounter.photos[0].pixels).save(files[-1])
    page, other = open_page(browser, slow.address), open_page(browser, slow.address)
    page.check("#consent-given")
    page.set_input_files("#photos input[type=file]", [str(file) for file in files])
    page.wait_for_selector('#photo-strip-list [data-photo="2"]')
    page.click("#run")
    status(page, "photo 1 of 3")
    other.click("#example-0")
    status(other, "1 reader before you")
    assert other.evaluate("() => document.querySelector('#viewer-stage').viewer.state.photos.length") == 1, (
        "the photo is there"
    )
    other.click("#cancel")
    status(other, "Stopped")
    assert other.locator("#run").is_enabled()

    slow.finish(1)
    wait_for_maps(page, 1)
    status(page, "photo 2 of 3")
    threshold = page.input_value("#viewer-threshold")
    assert float(threshold) == THRESHOLD, "the checkpoint's threshold comes with the first map"
    page.eval_on_selector(
        "#viewer-threshold", "(slider) => { slider.value = '0.6'; slider.dispatchEvent(new Event('input')); }"
    )
    page.click("#viewer-zoom-in")
    page.keyboard.press("b")
    box = page.locator("#viewer-stage").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 20, steps=5)
    page.evaluate(
        """() => { const context = document.querySelector("#viewer-canvas").getContext("2d"); window.drawn = 0;
        const draw = context.drawImage.bind(context); context.drawImage = (...given) => { window.drawn += 1; draw(...given); };
        window.before = { ...document.querySelector("#viewer-stage").viewer.state.view };
        document.querySelector('#photo-strip-list [data-photo="1"]').kept = true; }"""
    )
    slow.finish(2)
    wait_for_maps(page, 2)
    status(page, "photo 3 of 3")
    assert page.evaluate("() => window.drawn") == 0, "another photo's map draws nothing"
    page.mouse.move(x + 120, y + 40, steps=5)
    page.mouse.up()
    assert page.evaluate("() => window.drawn") > 0
    assert page.evaluate("() => window.before") == page.evaluate(
        "() => ({ ...document.querySelector('#viewer-stage').viewer.state.view })"
    )
    assert page.input_value("#viewer-threshold") == "0.6"
    drawn = page.evaluate(
        "() => document.querySelector('#viewer-stage').viewer.own().data.reduce((sum, one) => sum + one, 0)"
    )
    assert drawn > 1000, "the stroke went on"
    assert page.evaluate("() => document.querySelector('#photo-strip-list [data-photo=\"1\"]').kept"), (
        "the strip is not made anew"
    )

    page.click("#cancel")
    slow.finish(3)
    status(page, "Stopped")
    assert page.locator('.cards[data-state="waiting"]').count() == 1
    wait_for_maps(page, 2)
    page.click("#run")
    page.wait_for_selector('.cards[data-state="answered"]')
    wait_for_maps(page, 3)
    again = page.evaluate(
        "() => document.querySelector('#viewer-stage').viewer.own().data.reduce((sum, one) => sum + one, 0)"
    )
    assert again == drawn and page.input_value("#viewer-threshold") == "0.6"
    for one in (page, other):
        one.context.close()


def test_a_case_that_is_chosen_while_another_is_analysed_is_analysed_too(
    browser: Browser, slow: SlowPage
) -> None:
    page = open_page(browser, slow.address)
    page.click("#example-0")
    status(page, "photo 1 of 1")
    page.click("#example-1")
    page.wait_for_selector('#example-1[aria-pressed="true"]')
    page.wait_for_selector('#photo-strip-list [data-photo="1"]')
    for photo in (1, 2, 3):
        slow.finish(photo)
    page.wait_for_selector('.cards[data-state="answered"]')
    wait_for_maps(page, 2)
    assert page.locator('#example-1[aria-pressed="true"]').count() == 1
