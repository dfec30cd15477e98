"""Readers with passwords share a queue in a real browser: the door, who sees whom, adjudication, assignment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from magic_demo.reviews.store import Store
from tests.e2e.review.steps import (
    answer_all,
    choose,
    chosen,
    finish,
    open_case,
    opened,
    own_mask,
    paint,
    saved_of,
)
from tests.e2e.review_server import ReviewServer

PASSWORD = "a long password"


@pytest.fixture(scope="module")
def shared_server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReviewServer]:
    """Start a page that two readers and an adjudicator sign in to."""
    server = ReviewServer(repository, tmp_path_factory.mktemp("shared"))
    with Store.open(server.store) as store:
        store.add_reader("ann", password=PASSWORD)
        store.add_reader("bo", password=PASSWORD)
        store.add_reader("chen", role="adjudicator", password=PASSWORD)
    server.start()
    yield server
    assert "Traceback" not in server.stop()


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.fill("#sign-name", name)
    page.fill("#sign-password", password)
    page.click("#sign-enter")


def test_a_blind_reader_who_finishes_with_nothing_answered_is_told_what_is_open_and_sees_no_others(
    browser: Browser, shared_server: ReviewServer
) -> None:
    with opened(browser, shared_server) as (_context, page):
        sign_in(page, "bo")
        page.locator(".queue-case").first.wait_for()
        page.click("#queue-mode-blind")
        case_id = open_case(page, 2)
        page.keyboard.press("Shift+D")
        page.wait_for_selector("#review[data-asks]")
        named = page.locator("#review-asks-list li")
        assert named.count() >= 10 and page.locator("#review-asks-list [data-family]").count() == 9
        assert page.get_attribute(
            "#review", "data-state"
        ) == "in progress" and "Finish with" in page.inner_text("#review-finish")
        page.keyboard.press("Escape")
        page.wait_for_selector("#review-asks", state="hidden")
        choose(page, "cqid010", 1)
        finish(page, anyway=True)
        expect(page.locator("#review-left-open")).to_be_visible()
        assert page.is_hidden("#review-readings") and page.is_hidden("#review-reveal")
        assert page.locator(f'.queue-case[data-case="{case_id}"] .queue-sign').inner_text() == "◕"
    last = saved_of(shared_server, case_id, "bo")[-1].review
    assert (last.kind, last.state) == ("blind", "done") and len(last.missing) >= 9


def test_nobody_gets_past_the_sign_in_page(browser: Browser, shared_server: ReviewServer) -> None:
    with opened(browser, shared_server) as (context, page):
        sign_in(page, "ann", "a wrong password")
        expect(page.locator(".sign-refused")).to_be_visible()
        for path, status in {
            "take-away/csv?queue=clinic": 401,
            "gradio_api/queue/data": 401,
            "gradio_api/info": 404,
            "config": 404,
        }.items():
            assert context.request.get(f"{shared_server.address}/{path}").status == status, path
        sign_in(page, "ann")
        page.locator(".queue-case").first.wait_for()
        assert page.inner_text("#queue-reader-name") == "ann"
        assert all(
            cookie["httpOnly"] for cookie in context.cookies() if cookie["name"] == "magic-demo-reader"
        )
        page.click("#sign-out")
        page.wait_for_selector("#sign-name")
        assert context.request.get(f"{shared_server.address}/take-away/csv?queue=clinic").status == 401


@pytest.mark.long
def test_signing_out_deletes_work_that_is_in_no_store(browser: Browser, shared_server: ReviewServer) -> None:
    kept = (
        "async (count) => (await indexedDB.databases()).filter(({ name }) => name === "
        "'magic-demo-drafts').length === count"
    )
    with opened(browser, shared_server) as (_context, page):
        sign_in(page, "ann")
        page.locator(".queue-case").first.wait_for()
        page.fill("#narrative textarea", "a patient's words")
        page.wait_for_function(kept, arg=1)
        page.click("#sign-out")
        page.wait_for_selector("#sign-name")
        page.wait_for_function(kept, arg=0)
        assert "a patient's words" not in page.evaluate("JSON.stringify({ ...localStorage })")


def test_two_readers_see_each_other_only_when_done_and_an_adjudicator_agrees_them(
    browser: Browser, shared_server: ReviewServer
) -> None:
    with opened(browser, shared_server) as (_one, ann), opened(browser, shared_server) as (_other, bo):
        for page, name in ((ann, "ann"), (bo, "bo")):
            sign_in(page, name)
        case_id = open_case(ann, 1)
        assert open_case(bo, 1) == case_id
        for page, option in ((ann, 1), (bo, 2)):
            choose(page, "cqid010", option)
            choose(page, "cqid015", 1)
            answer_all(page)
            page.get_by_role("button", name="Notes").click()
            page.fill("#review-comment", f"words-of-{option}")
            page.keyboard.press("Escape")
            paint(page)
            drawn = own_mask(page)
            assert drawn is not None and drawn.any()
        finish(bo)
        assert ann.locator("#review-readings").is_hidden()
        assert "words-of-2" not in ann.evaluate("window.heard") and ann.locator(".readings").count() == 0
        bo.click("#review-readings")
        expect(bo.locator(".readings thead")).to_contain_text("bo")
        assert "ann" not in bo.inner_text(".readings thead")
        finish(ann)
        ann.click("#review-readings")
        expect(ann.locator(".readings thead")).to_contain_text("bo")
        assert (
            ann.locator("#viewer-layer-reader-0").inner_text() == "bo"
            and ann.locator("#build-majority").count() == 0
        )
    with opened(browser, shared_server) as (_third, chen):
        sign_in(chen, "chen")
        open_case(chen, 1)
        chen.click("#review-readings")
        chen.wait_for_selector("#build-staple")
        assert chen.locator(".readings tr.is-differing").count() == 1 and "=" in chen.inner_text(
            ".readings tr.is-differing .readings-sign"
        )
        chen.click("#build-staple")
        chen.wait_for_selector('#review[data-kind="consensus"]')
        chen.wait_for_function(
            "() => document.querySelector('#card-cqid015 .row[data-option=\"1\"]').ariaChecked === 'true'"
        )
        tied = chen.locator("#card-cqid010.is-tied .card-tie")
        expect(tied).to_contain_text("ann")
        expect(tied).to_contain_text("bo")
        assert chosen(chen, "cqid010") == []
        chen.keyboard.press("n")
        assert chen.evaluate("document.activeElement.closest('.card')?.id") == "card-cqid010"
        choose(chen, "cqid010", 0)
        answer_all(chen)  # the photos that neither has outlined
        finish(chen)
    consensus = saved_of(shared_server, case_id, "chen")[-1].review
    assert (consensus.kind, consensus.state, consensus.answers["CQID010-001"]) == ("consensus", "done", 0)
    assert len(consensus.masks) == 1
    for name, option in (("ann", 1), ("bo", 2)):
        last = saved_of(shared_server, case_id, name)[-1].review
        assert (last.state, last.answers["CQID010-001"], last.comment) == (
            "done",
            option,
            f"words-of-{option}",
        )


@pytest.mark.long
def test_an_adjudicator_assigns_cases_on_the_page_and_sees_how_far_readers_are(
    browser: Browser, shared_server: ReviewServer
) -> None:
    """Last in this file: afterwards the cases are not everybody's any more."""
    with opened(browser, shared_server) as (_one, chen), opened(browser, shared_server) as (_other, ann):
        sign_in(chen, "chen")
        chen.locator(".queue-case").first.wait_for()
        chen.click("#queue-readers summary")
        assert chen.locator("#queue-progress tr").count() == 3
        for name in ("ann", "bo"):
            chen.check(f'#queue-progress input[value="{name}"]')
        chen.select_option("#queue-each", "1")
        chen.click("#queue-assign-listed")
        expect(chen.locator(".status-line")).to_contain_text("3 cases assigned")
        sign_in(ann, "ann")
        ann.locator(".queue-case").first.wait_for()
        mine = ann.locator(".queue-case").count()
        ann.select_option("#queue-filter", "mine")
        assert ann.locator(".queue-case").count() == mine < 3
        assert ann.locator("#queue-progress tr").count() == 3 and ann.locator("#queue-assign").is_hidden()
        counts = ann.locator("#queue-progress tr", has_text="ann").locator("td").all_text_contents()
        assert sum(map(int, counts)) == mine, "done, in progress and not started are what is hers"
        hers = {str(row.get_attribute("data-case")) for row in ann.locator(".queue-case").all()}
        rows = [str(row.get_attribute("data-case")) for row in chen.locator(".queue-case").all()]
        others = next(case_id for case_id in rows if case_id not in hers)
        open_case(chen, rows.index(others))
        ann.goto("about:blank")
        ann.goto(chen.url)
        expect(ann.locator(".status-line")).to_contain_text("leads to no case")
        assert others not in ann.locator("body").inner_text()
    with Store.open(shared_server.store) as store:
        assigned = [case.assigned_to for case in store.list_cases("clinic", "chen")]
    given = sorted(name for (name,) in assigned)
    assert given in (["ann", "ann", "bo"], ["ann", "bo", "bo"]) and given.count("ann") == mine
