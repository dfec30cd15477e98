"""What a reader does in a review while the page still waits for an answer, as on a slow link: nothing of it is dropped, and the last thing wins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from magic_demo.core.review_types import CaseKey
from magic_demo.reviews.store import NewCase, Store
from tests.e2e.conftest import WINDOW
from tests.e2e.review.held_back import HOLD, hold, release
from tests.e2e.review.steps import open_case, until
from tests.e2e.rounds_server import RoundsServer
from tests.support.store.agreeing_readers import QUEUE

READER, PASSWORD = "Chen", "a long password"
BLIND = "data"
"""The queue of the page's own folder: the reader has read its first cases blind, and seen nothing else of them."""
NOISE = """for (const kind of [CanvasRenderingContext2D, OffscreenCanvasRenderingContext2D]) {
  const read = kind.prototype.getImageData;
  kind.prototype.getImageData = function (...where) { const image = read.apply(this, where); image.data[0] ^= 1; return image; }; }"""
"""A page's script: the browser changes what is read back of a canvas, as one that protects privacy does."""


class HastyServer(RoundsServer):
    """The readings of three readers, of whom the adjudicator signs in and has cases to reveal."""

    def write_cases(self, count: int) -> None:
        """Write the readings, the adjudicator's password, two blind readings, and a third version of two."""
        super().write_cases(count)
        with Store.open(self.store) as store:
            store.set_password(READER, PASSWORD)
            cases = store.list_cases(QUEUE, READER)
            store.add_cases(BLIND, [NewCase(case.key.case_id, str(self.queue)) for case in cases])
            for case in cases[:2]:
                first, *_, last = [saved.review for saved in store.history(case.key, READER)]
                store.save(replace(first, queue=BLIND))
                store.save(replace(last, comment="read once more"))


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HastyServer]:
    server = HastyServer(repository, tmp_path_factory.mktemp("hasty"), cases=2)
    server.start()
    yield server
    assert "Traceback" not in server.stop()


@pytest.fixture(scope="module")
def context(browser: Browser, server: HastyServer) -> Iterator[BrowserContext]:
    """Give a browser in which the reader has signed in."""
    context = browser.new_context(viewport=WINDOW, locale="en-US", reduced_motion="reduce")
    context.add_init_script(HOLD)
    page = context.new_page()
    page.goto(server.address)
    page.fill("#sign-name", READER)
    page.fill("#sign-password", PASSWORD)
    page.click("#sign-enter")
    page.locator(".queue-case").first.wait_for()
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """Give the one page that the tests use one after the other."""
    return context.pages[0]


def choose_queue(page: Page, name: str) -> None:
    page.select_option("#queue-name", name)
    expect(page.locator("#queue-name")).to_have_value(name)
    page.locator(".queue-case").first.wait_for()


def names_of_cases(page: Page) -> list[str]:
    return [str(one.get_attribute("data-case")) for one in page.locator(".queue-case").all()]


def test_of_systems_that_are_chosen_while_one_is_fetched_the_last_is_shown(page: Page) -> None:
    choose_queue(page, QUEUE)
    open_case(page, 0)
    page.wait_for_selector('#cards-systems [data-system="second"]')
    hold(page, '"system":"second"')
    for name in ("second", "third"):
        page.locator(f'#cards-systems [data-system="{name}"]').evaluate("(button) => button.click()")
    release(page, 1)
    page.wait_for_selector('#cards-systems [data-system="third"][aria-checked="true"]')
    page.wait_for_function(
        "document.querySelector('#viewer-stage').viewer.mask()?.data.every((pixel) => pixel)"
    )


def test_of_earlier_versions_that_are_looked_at_while_one_is_fetched_the_last_is_shown(page: Page) -> None:
    choose_queue(page, QUEUE)
    open_case(page, 1)
    page.click("#review-notes")
    page.click("#review-history summary")
    looks = page.locator("#review-history-list [data-look]")
    looks.nth(1).wait_for()
    numbers = [str(one.get_attribute("data-look")) for one in looks.all()]
    hold(page, f'"number":{numbers[0]}')
    for number in range(2):
        looks.nth(number).evaluate("(button) => button.click()")
    release(page, 1)
    expect(page.locator("#version-which")).to_contain_text("Version 1")
    page.click("#version-close")


def test_readings_that_are_put_away_while_they_are_fetched_stay_away(page: Page) -> None:
    choose_queue(page, QUEUE)
    open_case(page, 0)
    compare = page.locator("#review-readings")
    hold(page, '"open":(true|false)')
    compare.click()
    compare.click()
    release(page, 2)
    expect(compare).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#readings table")).to_have_count(0)
    hold(page, '"open":(true|false)')
    for _ in range(3):
        compare.click()
    release(page, 2)
    page.locator("#readings table").first.wait_for()


def test_a_model_that_was_asked_for_of_the_case_before_is_not_shown_beside_the_one_that_is_open(
    page: Page,
) -> None:
    choose_queue(page, BLIND)
    open_case(page, 0)
    page.wait_for_selector('#review[data-kind="blind"][data-state="done"]')
    hold(page, '"of":.*"system":')
    page.click("#review-reveal")
    page.wait_for_function("window.held.length > 0")
    second = open_case(page, 1)
    release(page, 1)
    expect(page.locator(".status-line")).to_contain_text("not open here any more")
    assert page.get_attribute(".queue-case[aria-current]", "data-case") == second
    assert page.get_attribute("#review", "data-kind") == "blind"
    assert page.get_attribute(".cards", "data-state") != "answered"
    assert names_of_cases(page)[1] in page.inner_text("#viewer-name")


def test_models_are_shown_of_the_case_that_they_were_asked_for_last(page: Page, server: HastyServer) -> None:
    choose_queue(page, BLIND)
    first, second = names_of_cases(page)[:2]
    open_case(page, 0)
    page.wait_for_selector('#review[data-kind="blind"][data-state="done"]')
    hold(page, '"of":.*"system":')
    page.click("#review-reveal")
    page.wait_for_function("window.held.length > 0")
    open_case(page, 1)
    page.wait_for_selector('#review[data-kind="blind"][data-state="done"]')
    page.click("#review-reveal")
    release(page, 1)
    page.wait_for_selector('#review[data-kind="revealed"]')
    assert page.get_attribute(".queue-case[aria-current]", "data-case") == second != first
    page.wait_for_selector('.cards[data-state="answered"]')


def test_readings_of_the_case_before_that_come_late_are_not_shown_beside_the_one_that_is_open(
    page: Page,
) -> None:
    choose_queue(page, QUEUE)
    open_case(page, 0)
    hold(page, '"open":true', "answer")
    page.click("#review-readings")
    page.wait_for_function("window.held.length > 0")
    open_case(page, 1)
    release(page, 1)
    page.wait_for_timeout(500)  # what is not to come has no sign
    assert names_of_cases(page)[1] in page.inner_text("#viewer-name")
    expect(page.locator(".readings")).to_have_count(0)
    hold(page, "nothing")
    page.click("#review-readings")
    page.locator(".readings table").wait_for()


def test_a_language_that_is_chosen_while_another_is_fetched_is_that_of_every_text(page: Page) -> None:
    run = page.locator("#new-case")
    english = run.inner_text()
    hold(page, '"language":')
    for language in ("zh", "en"):
        page.click(f"#language-{language}")
    release(page, 2)
    expect(run).to_have_text(english)
    assert page.get_attribute("html", "lang") == "en"


def test_numbers_of_the_case_that_is_open_come_while_those_of_the_one_before_are_fetched(
    context: BrowserContext, server: HastyServer
) -> None:
    page = context.new_page()
    page.add_init_script(NOISE)
    page.goto(server.address)
    page.locator(".queue-case").first.wait_for()
    choose_queue(page, QUEUE)
    hold(page, '"photos":\\["')
    page.locator(".queue-case").nth(0).click()
    page.wait_for_function("window.held.length > 0")
    page.locator(".queue-case").nth(1).click()
    expect(page.locator("#viewer-name")).to_contain_text(names_of_cases(page)[1])
    release(page, 1)
    page.wait_for_selector(".viewer[data-unreadable]:not([data-measuring]) #viewer-tone:not([hidden])")
    page.close()


def test_filters_that_are_pressed_while_one_is_on_its_way_all_hold(
    context: BrowserContext, server: HastyServer
) -> None:
    page = context.new_page()
    page.goto(f"{server.address}/agreement")
    page.wait_for_selector("#agreement-cases .agree-case")
    pressed = (("measure", "kappa"), ("reader", "Ann"), ("reader", "Bo"), ("family", "CQID025"))
    hold(page, '"name":"')
    for name, value in pressed:
        page.click(f'[data-filter="{name}"][data-value="{value}"]')
    release(page, len(pressed))
    for name, value in pressed:
        expect(page.locator(f'[data-filter="{name}"][data-value="{value}"]')).to_have_attribute(
            "aria-pressed", "true"
        )
    expect(page.locator("#agreement-families tbody tr")).to_have_count(1)
    page.close()


def test_two_cases_that_are_assigned_in_a_row_are_both_assigned(page: Page, server: HastyServer) -> None:
    choose_queue(page, QUEUE)
    names = names_of_cases(page)
    page.locator("#queue-readers").evaluate("(readers) => { readers.open = true; }")
    hold(page, '"each":')
    for number, reader in enumerate(("Ann", "Bo")):
        open_case(page, number)
        for other in ("Ann", "Bo"):
            page.locator(f'#queue-progress input[value="{other}"]').set_checked(other == reader)
        page.click("#queue-assign-open")
    release(page, 2)

    def assigned() -> list[tuple[str, ...]]:
        with Store.open(server.store) as store:
            return [store.case(CaseKey(QUEUE, name), READER).assigned_to for name in names[:2]]

    until(page, lambda: assigned() == [("Ann",), ("Bo",)])


def test_two_cases_that_are_deleted_in_a_row_are_both_deleted(page: Page, server: HastyServer) -> None:
    """Last in this file: it deletes."""
    choose_queue(page, QUEUE)
    names = names_of_cases(page)
    hold(page, '"event_data":{"case":"[^"]*","of":({[^}]*}|null)}')
    for number in (2, 3):
        open_case(page, number)
        page.locator("#erase").evaluate("(drawer) => { drawer.open = true; }")
        page.locator("#erase-now").evaluate("(button) => button.click()")
        if number == 2:
            page.wait_for_function("window.held.length > 0")
    release(page, 2)

    def left() -> list[str]:
        with Store.open(server.store) as store:
            return [case.key.case_id for case in store.list_cases(QUEUE, READER, all_assigned=True)]

    until(page, lambda: left() == names[:2])
    expect(page.locator(".queue-case")).to_have_count(2)
