"""The agreement page in a real browser: it follows what is saved, its filters work by keyboard, and axe finds
no serious fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from magic_demo.core.review_types import Review
from magic_demo.files.bundles import read_prediction
from magic_demo.reviews.agreement.sources import AgreementChoice, AgreementSource
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from tests.e2e.conftest import Watched
from tests.e2e.review.steps import choose, chosen, open_case
from tests.e2e.rounds_server import RoundsServer
from tests.e2e.test_access import check_both_themes
from tests.support.store.agreeing_readers import MODELS, QUEUE
from tests.support.store.reviewed_cases import answer

MADE_UP = MODELS["cvqa"]


@pytest.fixture(scope="module")
def rounds(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RoundsServer]:
    server = RoundsServer(repository, tmp_path_factory.mktemp("agreement"))
    server.start()
    yield server
    assert "Traceback (most recent call last)" not in server.stop()


@pytest.fixture
def watched(browser: Browser, rounds: RoundsServer) -> Iterator[Watched]:
    """Open the page; afterwards no request may have left the computer and the console must be silent."""
    context = browser.new_context(
        viewport={"width": 1366, "height": 768}, locale="en-US", reduced_motion="reduce"
    )
    watched = Watched(context.new_page(), rounds.address)
    watched.page.on("request", lambda request: watched.requests.append(request.url))
    watched.page.on(
        "console",
        lambda message: watched.complaints.append(message.text) if message.type == "error" else None,
    )
    watched.page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    watched.page.goto(f"{rounds.address}/agreement")
    watched.page.wait_for_selector("#agreement-cases .agree-case")
    yield watched
    context.close()
    watched.check()


def press(page: Page, name: str, value: str) -> None:
    """Press a filter's button by keyboard, and wait until it says that it is pressed."""
    page.focus(f'[data-filter="{name}"][data-value="{value}"]')
    page.keyboard.press("Enter")
    page.wait_for_selector(f'[data-filter="{name}"][data-value="{value}"][aria-pressed="true"]')


def shown(page: Page, selector: str) -> list[str]:
    return [text.strip() for text in page.locator(selector).all_inner_texts()]


def test_the_page_shows_what_was_measured(watched: Watched, rounds: RoundsServer) -> None:
    with Store.open(rounds.store) as store:
        agreement = (
            AgreementSource(store, lambda case: read_prediction(rounds.bundle, case.case_id))
            .measure(AgreementChoice(), None)
            .agreement
        )
    overall = agreement.overall
    assert overall.with_model.same and overall.among_readers.same
    tiles = shown(watched.page, ".agree-tile .versus b")
    assert tiles[:2] == [f"{overall.with_model.same.value:.0%}", f"{overall.among_readers.same.value:.0%}"]
    assert len(shown(watched.page, "#agreement-families tbody tr")) == 10
    assert len(shown(watched.page, "#agreement-masks tbody tr")) == 4
    assert watched.page.locator(".agree-case img").count() == watched.page.locator(".agree-case").count() > 0


def test_filters_work_by_keyboard_and_keep_the_focus(watched: Watched) -> None:
    page = watched.page
    before = shown(page, "#agreement-families tbody .agree-number b")
    press(page, "measure", "kappa")
    page.wait_for_function(
        "() => !document.querySelector('#agreement-families tbody .agree-number b').innerText.includes('%')"
    )
    assert shown(page, "#agreement-families tbody .agree-number b") != before
    assert page.evaluate("document.activeElement.dataset.value") == "kappa"
    press(page, "family", "CQID025")
    page.wait_for_function("() => document.querySelectorAll('#agreement-families tbody tr').length === 1")
    press(page, "reader", "Ann")
    press(page, "reader", "Bo")
    page.wait_for_function("() => document.querySelectorAll('#agreement-masks tbody tr').length === 3")
    press(page, "reader", "")
    page.wait_for_function("() => document.querySelectorAll('#agreement-masks tbody tr').length === 4")


def test_the_language_is_switched_without_the_server(watched: Watched) -> None:
    page = watched.page
    assert "Who agrees with whom" in page.inner_text("#agreement-title")
    calls = len(watched.calls())
    page.click("#language-zh")
    assert "谁与谁一致" in page.inner_text("#agreement-title") and "人类上限" in page.inner_text(
        "#agreement-families"
    )
    assert "Human ceiling" not in page.inner_text("#agreement-families")
    assert page.get_attribute("html", "lang") == "zh"
    assert len(watched.calls()) - calls <= 2  # the timer goes on
    page.click("#language-en")


@pytest.mark.long
def test_three_systems_are_switched_and_the_readers_own_answers_stay(watched: Watched) -> None:
    page = watched.page
    page.wait_for_selector("#agreement-systems tbody tr >> nth=2")
    rows = page.locator("#agreement-systems tbody tr")
    assert [rows.nth(number).get_attribute("data-system") for number in range(3)] == [
        MADE_UP,
        "second",
        "third",
    ]
    tile = shown(page, ".agree-tile .versus b")[0]
    press(page, "system", "second")
    page.wait_for_function(
        "(tile) => document.querySelector('.agree-tile .versus b').innerText !== tile", arg=tile
    )
    watched.page.click("#agreement-back")
    open_case(page, 0)
    page.wait_for_selector(f'#cards-systems [data-system="{MADE_UP}"][aria-checked="true"]')
    choose(page, "cqid010", 1)
    card = '.card[data-family="CQID010"]'
    steps: tuple[tuple[str, Callable[[], None], str | None], ...] = (
        ("second", lambda: page.click('#cards-systems [data-system="second"]'), "agree"),
        ("third", lambda: page.keyboard.press("Shift+M"), "differ"),
        (MADE_UP, lambda: page.press('#cards-systems [aria-checked="true"]', "ArrowRight"), None),
        ("third", lambda: page.press('#cards-systems [aria-checked="true"]', "ArrowLeft"), "differ"),
    )
    for system, press_next, standing in steps:
        press_next()
        page.wait_for_selector(f'#cards-systems [data-system="{system}"][aria-checked="true"]')
        if standing is not None:
            page.wait_for_selector(f'{card}[data-standing="{standing}"]')
        assert chosen(page, "cqid010") == [1]
    lesion = "() => document.querySelector('#viewer-stage').viewer.mask()?.data.some((pixel) => pixel)"
    page.wait_for_function(lesion)
    page.click('#cards-systems [data-system="second"]')
    page.wait_for_function(lesion.replace("some((pixel) => pixel)", "every((pixel) => !pixel)"))
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator('#cards-systems [data-system="third"]').scroll_into_view_if_needed()
    page.click('#cards-systems [data-system="third"]')
    page.wait_for_selector('#cards-systems [data-system="third"][aria-checked="true"]')
    page.click("#queue-mode-blind")
    open_case(page, 1)
    page.wait_for_selector('#review[data-kind="blind"]')
    assert page.locator("#cards-systems").is_hidden() and not page.locator("#cards-systems button").count()
    watched.forget_leaving()


def test_axe_finds_no_serious_fault_and_a_phone_has_the_whole_bar(watched: Watched) -> None:
    page = watched.page
    check_both_themes(page, "agreement")
    page.set_viewport_size({"width": 390, "height": 844})
    buttons = page.locator("#agreement-bar :is(a, button)")
    assert buttons.count() == 4
    for button in buttons.all():
        box = button.bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_pages_lead_to_each_other(watched: Watched) -> None:
    page = watched.page
    page.click("#agreement-back")
    page.wait_for_selector("#cards")
    page.click("#agreement-open")
    page.wait_for_selector("#agreement-families tbody tr")
    assert page.url.endswith("/agreement")
    watched.forget_leaving()


def test_it_follows_what_is_saved_and_draws_nothing_else(watched: Watched, rounds: RoundsServer) -> None:
    """Last in this file: it saves."""
    page = watched.page
    page.evaluate("document.querySelector('.agree-case').dataset.mine = 'yes'")
    with page.expect_response(lambda response: "/queue/" in response.url or "/run/" in response.url):
        pass
    assert page.get_attribute(".agree-case >> nth=0", "data-mine") == "yes"
    assert "18 readings" in page.inner_text(".agree-count")
    with Store.open(rounds.store) as store:
        store.add_cases(QUEUE, [NewCase("ENC00001")])
        store.save(Review("ENC00001", LOCAL_READER, "assisted", "done", answer(0), queue=QUEUE))
    page.wait_for_function("() => document.querySelector('.agree-count').innerText.includes('19 readings')")
    assert LOCAL_READER in page.inner_text("#agreement-filters")
