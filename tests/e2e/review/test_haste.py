"""What a reader does while the page still waits for an answer, as on a slow link: nothing of it is dropped, and the last thing wins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Watched, open_watched
from tests.e2e.driving import ANSWERED, open_example, upload, wait_for_numbers
from tests.e2e.review.held_back import HOLD, hold, release
from tests.e2e.review.steps import cover, opened, pixels, save_noise
from tests.e2e.review_server import ReviewServer


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReviewServer]:
    """Serve four cases from a bundle."""
    server = ReviewServer(repository, tmp_path_factory.mktemp("haste"), cases=4)
    server.start()
    yield server
    assert "Traceback" not in server.stop()


def click_case(page: Page, number: int) -> None:
    page.locator(".queue-case").nth(number).evaluate("(button) => button.click()")


def test_of_cases_that_are_clicked_while_one_opens_the_last_is_open(
    browser: Browser, server: ReviewServer
) -> None:
    with opened(browser, server) as (context, _):
        context.add_init_script(HOLD)
        page = context.new_page()
        page.goto(server.address)
        expect(page.locator(".queue-case")).to_have_count(4)
        names = [str(one.get_attribute("data-case")) for one in page.locator(".queue-case").all()]
        hold(page, f'"open":"{names[0]}"')
        for number in (0, 1, 2):
            click_case(page, number)
        release(page)
        current = page.locator(".queue-case[aria-current]")
        expect(current).to_have_attribute("data-case", names[2])
        page.wait_for_selector('.viewer[data-state="photo"][data-editable]')
        assert names[2] in page.inner_text("#viewer-name")
        hold(page, f'"open":"{names[1]}"')
        click_case(page, 1)
        click_case(page, 3)
        release(page)
        expect(current).to_have_attribute("data-case", names[3])
        expect(page.locator("#viewer-name")).to_contain_text(names[3])


def test_a_key_that_is_pressed_three_times_goes_three_cases_on(
    browser: Browser, server: ReviewServer
) -> None:
    with opened(browser, server) as (_, page):
        expect(page.locator(".queue-case")).to_have_count(4)
        names = [str(one.get_attribute("data-case")) for one in page.locator(".queue-case").all()]
        click_case(page, 0)
        expect(page.locator(".queue-case[aria-current]")).to_have_attribute("data-case", names[0])
        for _ in range(3):
            page.keyboard.press("Shift+J")
        expect(page.locator(".queue-case[aria-current]")).to_have_attribute("data-case", names[3])
        expect(page.locator("#viewer-name")).to_contain_text(names[3])


@pytest.fixture
def hasty(browser: Browser, address: str) -> Iterator[Watched]:
    """Open the page with its models, whose requests a test can hold back."""
    watched = open_watched(browser, address, HOLD)
    yield watched
    watched.page.context.close()
    watched.check()


def test_of_examples_that_are_chosen_while_one_opens_the_last_is_shown_and_analysed(hasty: Watched) -> None:
    page = hasty.page
    hold(page, '"number":0')
    for number in (0, 1, 4):
        page.locator(f"#example-{number}").evaluate("(button) => button.click()")
    release(page)
    expect(page.locator("#example-4")).to_have_attribute("aria-pressed", "true")
    wait_for_numbers(hasty)
    page.wait_for_selector(ANSWERED)
    name = page.inner_text("#viewer-name")
    open_example(hasty, 4)
    assert page.inner_text("#viewer-name") == name


def test_photos_that_are_added_while_others_are_on_their_way_are_all_there(
    hasty: Watched, tmp_path: Path
) -> None:
    page = hasty.page
    files = [tmp_path / f"{name}.jpg" for name in ("one", "two", "three")]
    for shade, file in zip((90, 140, 190), files, strict=True):
        Image.new("RGB", (60, 40), (shade, 110, 100)).save(file)
    hold(page, r'"lost":\[\]')
    for file in files:
        upload(hasty, file)
    release(page)
    expect(page.locator("#photo-strip-list [data-photo]")).to_have_count(3)


def test_why_answers_the_option_that_was_asked_for_last(hasty: Watched) -> None:
    page = hasty.page
    open_example(hasty, 1)
    page.wait_for_selector(ANSWERED)
    hold(page, '"request":1')
    page.locator(".card-why").first.click()
    page.wait_for_function("window.held.length > 0")
    page.locator(".card-why").nth(3).click()
    family = str(page.locator(".card").nth(3).get_attribute("data-family"))
    release(page)
    expect(page.locator(".why-place")).not_to_have_attribute("aria-busy", "true")
    page.wait_for_selector("#why-option")
    assert page.locator(f'.card[data-family="{family}"] .card-why[aria-pressed="true"]').count() == 1


def test_photos_that_are_renamed_while_one_is_covered_are_opened_with_it_covered(
    hasty: Watched, tmp_path: Path
) -> None:
    page = hasty.page
    save_noise(tmp_path / "leg.png")
    upload(hasty, tmp_path / "leg.png")
    page.wait_for_selector('.viewer[data-state="photo"][data-editable]')
    before = pixels(page)
    hold(page, '"area"')
    cover(page)
    page.fill("#photo-name", "left shin")
    page.keyboard.press("Enter")
    release(page, 1)
    expect(page.locator("#photo-strip-list .thumb")).to_have_attribute("title", "left shin")
    changed = np.abs(np.subtract(pixels(page), before)) > 24
    assert 0.05 < changed.mean() < 0.5
    assert page.evaluate("document.querySelector('#viewer-stage').viewer.state.photos[0].fullWidth") == 3200
