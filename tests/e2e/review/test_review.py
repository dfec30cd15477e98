"""Readers review a queue in a real browser: crash and resume, blind then reveal, two at once, adjudication,
export."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.reviews.cases.queues import read_queue
from magic_demo.reviews.imports import read_reviews
from tests.e2e.case.test_input import SHEET, carry, press
from tests.e2e.review.steps import (
    answer_all,
    choose,
    chosen,
    finish,
    key_of,
    open_case,
    opened,
    own_mask,
    paint,
    saved_of,
    until,
)
from tests.e2e.review_server import CHANCE, MODEL, ReviewServer


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReviewServer]:
    """Start a page that everybody reviews on as the local reader."""
    server = ReviewServer(repository, tmp_path_factory.mktemp("review"), cases=4)
    server.start()
    yield server
    assert "Traceback" not in server.stop()


@pytest.mark.long
def test_a_review_goes_on_where_it_was_after_the_server_was_killed(
    browser: Browser, server: ReviewServer
) -> None:
    with opened(browser, server) as (_context, page):
        case_id = open_case(page, 1)
        page.wait_for_selector('.cards[data-state="answered"]')
        choose(page, "cqid010", 2)
        paint(page)
        page.keyboard.press("Shift+F")
        drawn = own_mask(page)
        assert drawn is not None and drawn.any()
        page.wait_for_selector(f'.queue-case[data-case="{case_id}"][data-state="in progress"] .queue-flag')
        expect(page.locator(".status-line")).to_contain_text("Saved")
        until(
            page,
            lambda: (
                (last := saved_of(server, case_id)[-1].review).flagged and bool(last.masks and last.answers)
            ),
        )
        page.goto("about:blank")  # a page left open would load itself again while this one is opened
        server.kill()
        server.start()
        page.goto(server.address)
        page.wait_for_selector(f'.queue-case[data-case="{case_id}"][aria-current]')
        page.wait_for_selector('.cards[data-state="answered"]')
        page.wait_for_selector('.viewer[data-state="photo"]')
        assert chosen(page, "cqid010") == [2]
        page.wait_for_function("() => document.querySelector('#viewer-stage').viewer.own()")
        kept = own_mask(page)
        assert kept is not None and np.array_equal(kept, drawn)
        assert page.get_attribute("#review-flag", "aria-pressed") == "true"
    last = saved_of(server, case_id)[-1].review
    assert last.flagged and last.answers["CQID010-001"] == 2 and last.models == {"cvqa": MODEL}
    assert any(np.array_equal(decode_mask(runs), drawn) for runs in last.masks.values())


def test_composing_and_pasting_in_the_notes_leave_them_and_the_case_open(
    browser: Browser, server: ReviewServer, screenshot: Path
) -> None:
    with opened(browser, server) as (_context, page):
        case_id = open_case(page, 0)
        page.keyboard.press("Shift+C")
        comment = page.locator("#review-comment")
        for composing in ({"isComposing": True}, {"keyCode": 229}):
            press(page, "Escape", "Escape", **composing)
            press(page, "D", "KeyD", shiftKey=True, **composing)
        assert comment.is_visible() and page.get_attribute("#review", "data-state") != "done"
        for texts in (SHEET, {}):
            assert not carry(page, "paste", "#review-comment", screenshot, texts)
        carry(page, "drop", "#review-comment", screenshot, SHEET)
        page.keyboard.press("Escape")
        assert not comment.is_visible()
        assert page.locator(f'.queue-case[data-case="{case_id}"][aria-current]').count() == 1
        assert not page.locator("#consent-asked").is_visible(), "no photo was taken of it"
        press(page, "А", "KeyF", shiftKey=True)
        page.wait_for_selector('#review-flag[aria-pressed="true"]')
        page.wait_for_selector(f'.queue-case[data-case="{case_id}"][data-state="in progress"]')


@pytest.mark.long
def test_the_address_is_that_of_the_open_case_and_back_reload_and_a_link_return_to_it(
    browser: Browser, server: ReviewServer
) -> None:
    def wait_for(page: Page, case_id: str) -> None:
        page.wait_for_selector(f'.queue-case[data-case="{case_id}"][aria-current]')
        page.wait_for_selector('.viewer[data-state="photo"]')

    with opened(browser, server) as (context, page):
        first = open_case(page, 0)
        link = page.url
        assert "#case=" in link and first not in link
        page.evaluate("window.row = document.querySelectorAll('.queue-case')[2]")
        second = open_case(page, 1)
        assert page.evaluate("window.row.isConnected"), "a click on another row meanwhile is not lost"
        assert page.url != link and page.url.startswith(f"{server.address}/#case=")
        page.go_back()
        wait_for(page, first)
        assert page.url == link
        page.go_forward()
        wait_for(page, second)
        page.reload()
        wait_for(page, second)
        other = context.new_page()
        other.goto(link)
        wait_for(other, first)
        other.goto(f"{server.address}/#case={'0' * 16}")
        expect(other.locator(".status-line")).to_contain_text("leads to no case")
        other.close()


def test_blind_first_keeps_the_model_out_of_the_page_until_it_is_revealed(
    browser: Browser, server: ReviewServer
) -> None:
    with opened(browser, server) as (_context, page):
        page.locator(".queue-case").first.wait_for()
        page.click("#queue-mode-blind")
        page.evaluate("window.heard = ''")
        case_id = open_case(page, 2)
        page.wait_for_selector('#review[data-kind="blind"]')
        sent = page.evaluate("window.heard")
        assert case_id in sent, "what the page is sent was not heard"
        for told in (sent, page.content()):
            assert (
                str(CHANCE) not in told
                and MODEL not in told
                and '"levels":"data' not in told.replace(" ", "")
            )
        assert page.locator(".row.is-model").count() == 0
        assert page.evaluate("document.querySelector('#viewer-stage').viewer.mask()") is None
        assert page.is_disabled("#run")
        page.evaluate(
            """() => { window.strokes = 0; document.addEventListener("keydown", ({ key }) => key !== "Shift" && (window.strokes += 1), true); }"""
        )
        for number, option in enumerate((1, 0, 0, 1, 0, 0, 0, 0, 0), start=1):
            page.keyboard.press(str(number))
            page.keyboard.press(key_of(page, number, option))
        assert page.inner_text('[data-count="open"]') == "0", "every family is answered in two keys"
        expect(page.locator("#review-outlines")).to_contain_text("not outlined")
        page.keyboard.press("Shift+D")
        page.wait_for_selector("#review[data-asks]")
        page.keyboard.press("Shift+D")
        page.wait_for_selector('#review[data-state="done"]')
        assert page.evaluate("window.strokes") <= 20, "a blind case, its photos not outlined"
        answer_all(page)
        page.keyboard.press("Escape")  # else the brush's letter is the card's
        paint(page)
        page.wait_for_selector('#review[data-state="in progress"]')
        finish(page)
        done = page.inner_text("#queue-done")
        page.keyboard.press("Shift+R")
        page.wait_for_selector('.cards[data-state="answered"]')
        page.wait_for_selector('#review[data-kind="revealed"]')
        assert page.locator(".row.is-model").count() >= 9 and chosen(page, "cqid010") == [1]
        assert (
            page.get_attribute("#review", "data-state") == "done" and page.inner_text("#queue-done") == done
        )
        choose(page, "cqid010", 0)
        expect(page.locator(".status-line")).to_contain_text("open again")
        expect(page.locator('[data-changes="changed"]')).to_have_text("1")
        expect(page.locator('[data-changes="of"]')).to_have_text("9")
        expect(page.locator('[data-changes="towards"]')).to_have_text("1")
        finish(page)
    kinds = [(saved.review.kind, saved.review.state) for saved in saved_of(server, case_id)]
    assert ("blind", "done") in kinds and kinds[-1] == ("revealed", "done")
    blind = next(
        saved.review
        for saved in saved_of(server, case_id)
        if saved.review.kind == "blind" and saved.review.state == "done"
    )
    assert blind.models == {} and blind.disagreements is None and blind.answers["CQID010-001"] == 1


@pytest.mark.long
def test_a_model_shown_in_another_tab_is_known_to_what_this_one_saves(
    browser: Browser, server: ReviewServer
) -> None:
    with opened(browser, server) as (context, page):
        page.locator(".queue-case").first.wait_for()
        page.click("#queue-mode-blind")
        button = page.locator(
            '.queue-case[data-state="not started"]'
        ).last  # none that a test before has opened
        button.wait_for()
        number = [one.get_attribute("data-case") for one in page.locator(".queue-case").all()].index(
            button.get_attribute("data-case")
        )
        case_id = open_case(page, number)
        page.wait_for_selector('#review[data-kind="blind"]')
        other = context.new_page()
        other.goto(server.address)
        other.locator(".queue-case").first.wait_for()
        other.click("#queue-mode-assisted")
        assert open_case(other, number) == case_id
        other.wait_for_selector('.cards[data-state="answered"]')
        choose(page, "cqid010", 1)
        page.wait_for_selector('#review[data-kind="assisted"]')
    last = saved_of(server, case_id)[-1].review
    assert last.kind == "assisted" and last.known == {"model"} and last.answers["CQID010-001"] == 1


@pytest.mark.long
def test_an_older_reading_is_taken_back_and_export_is_what_was_saved(
    browser: Browser, server: ReviewServer, tmp_path: Path
) -> None:
    with opened(browser, server) as (context, page):
        page.locator(".queue-case").first.wait_for()
        page.click("#queue-mode-assisted")
        case_id = open_case(page, 0)
        choose(page, "cqid010", 1)
        answer_all(page)
        paint(page)
        finish(page)
        first = saved_of(server, case_id)[-1]
        choose(page, "cqid010", 3)
        page.wait_for_selector('#review[data-state="in progress"]')
        page.keyboard.press("Shift+C")
        page.click("#review-history summary")
        page.click(f'[data-look="{first.number}"]')
        page.click("#version-back")
        expect(page.locator(".status-line")).to_contain_text("reading restored")
        page.wait_for_function(
            "() => document.querySelector('#card-cqid010 .row[data-option=\"1\"]').ariaChecked === 'true'"
        )
        page.click("#take-away summary")
        with page.expect_download() as download:
            page.click('[data-format="challenge"]')
        content = Path(download.value.path()).read_bytes()
        report = context.request.get(f"{server.address}/take-away/report?queue=clinic").body()
    assert sum(name.endswith(".pdf") for name in zipfile.ZipFile(io.BytesIO(report)).namelist()) == 2
    zipfile.ZipFile(io.BytesIO(content)).extractall(tmp_path)
    assert saved_of(server, case_id)[-1].taken_back_from == first.number
    back = next(
        review
        for review in read_reviews(tmp_path, "clinic", read_queue(server.queue).encounters).reviews
        if review.case_id == case_id
    )
    assert dict(back.masks) == dict(first.review.masks)


def saved_families(server: ReviewServer, case_id: str) -> dict[str, int]:
    """Return the first slot of every family that the newest review answers."""
    history = saved_of(server, case_id)
    return (
        {qid: option for qid, option in history[-1].review.answers.items() if qid.endswith("-001")}
        if history
        else {}
    )


def test_two_tabs_of_one_reader_merge_family_by_family_and_a_conflict_is_a_choice(
    browser: Browser, server: ReviewServer
) -> None:
    with opened(browser, server) as (context, one):
        one.locator(".queue-case").first.wait_for()
        case_id = open_case(one, 1)
        other = context.new_page()
        other.goto(server.address)
        assert open_case(other, 1) == case_id
        choose(one, "cqid015", 1)
        until(one, lambda: saved_families(server, case_id).get("CQID015-001") == 1)
        choose(other, "cqid020", 2)
        until(other, lambda: "CQID020-001" in saved_families(server, case_id))
        assert saved_families(server, case_id)["CQID015-001"] == 1, (
            "what the first tab answered has not left the newest review"
        )
        other.wait_for_function(
            "() => document.querySelector('#card-cqid015 .row[data-option=\"1\"]').ariaChecked === 'true'"
        )
        paint(other)
        until(other, lambda: bool(saved_of(server, case_id)[-1].review.masks))
        drawn = own_mask(other)
        choose(one, "cqid015", 3)
        one.wait_for_function("() => document.querySelector('#viewer-stage').viewer.own()")
        shown = own_mask(one)
        assert drawn is not None and shown is not None and np.array_equal(shown, drawn)
        until(one, lambda: saved_families(server, case_id)["CQID015-001"] == 3)
        choose(other, "cqid015", 2)
        other.wait_for_selector("#conflicts:visible")
        assert saved_families(server, case_id)["CQID015-001"] == 3
        assert "CQID015" not in other.inner_text("#conflicts"), "the choice speaks the reader's language"
        assert chosen(other, "cqid015") == [3]
        other.click('#conflicts [data-mine="true"]')
        until(other, lambda: saved_families(server, case_id)["CQID015-001"] == 2)
        assert other.locator("#conflicts").is_hidden() and chosen(other, "cqid015") == [2]


def test_an_outline_drawn_while_the_connection_is_broken_is_saved_once_it_is_back(
    browser: Browser, server: ReviewServer
) -> None:
    with opened(browser, server) as (context, page):
        case_id = open_case(page, 2)
        before = len(saved_of(server, case_id))
        context.set_offline(True)
        page.wait_for_selector("#connection:visible")
        choose(page, "cqid020", 1)
        paint(page)
        drawn = own_mask(page)
        page.evaluate("document.querySelector('#viewer-stage').viewer.flush()")
        context.set_offline(False)
        until(
            page,
            lambda: len(history := saved_of(server, case_id)) > before and bool(history[-1].review.masks),
        )
        until(page, lambda: "CQID020-001" in saved_families(server, case_id))
        last = saved_of(server, case_id)[-1].review
        assert drawn is not None and any(
            np.array_equal(decode_mask(runs), drawn) for runs in last.masks.values()
        )
        page.wait_for_function("() => !sessionStorage.getItem('magic-demo-unsaved')")
