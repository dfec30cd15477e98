"""Readers review a queue in a real browser: crash and resume, blind then reveal, two at once, adjudication,
export."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from magic_demo.core.types import CaseKey
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.reviews.imports import read_reviews
from magic_demo.reviews.queues import read_queue
from magic_demo.reviews.store import LOCAL_READER, Store
from tests.e2e.case.test_input import SHEET, carry, press
from tests.e2e.review_server import CHANCE, MODEL, ReviewServer

WAIT = 60_000
PASSWORD = "a long password"
LISTEN = """
window.heard = "";
const ask = window.fetch;
window.fetch = async (...what) => {
  const answer = await ask(...what);
  answer.clone().body?.pipeThrough(new TextDecoderStream()).pipeTo(new WritableStream({ write: (text) => { window.heard += text; } })).catch(() => {});
  return answer;
};
"""


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReviewServer]:
    """Start a page that everybody reviews on as the local reader."""
    server = ReviewServer(repository, tmp_path_factory.mktemp("review"), cases=4)
    server.start()
    yield server
    assert "Traceback" not in server.stop()


@contextmanager
def opened(browser: Browser, server: ReviewServer) -> Iterator[tuple[BrowserContext, Page]]:
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
    button.wait_for(timeout=WAIT)
    case_id = str(button.get_attribute("data-case"))
    button.click()
    page.wait_for_selector(f'.queue-case[data-case="{case_id}"][aria-current]', timeout=WAIT)
    page.wait_for_selector('.viewer[data-state="photo"][data-editable]', timeout=WAIT)
    page.wait_for_selector("#review:visible", timeout=WAIT)
    return case_id


def choose(page: Page, family: str, option: int) -> None:
    page.locator(f'#card-{family} .row[data-option="{option}"]').evaluate("(row) => row.click()")


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
        page.wait_for_selector("#review[data-asks]", timeout=WAIT)
        page.keyboard.press("Shift+D")
    page.wait_for_selector('#review[data-state="done"]', timeout=WAIT)


def saved_of(server: ReviewServer, case_id: str, reader: str = LOCAL_READER) -> list[Any]:
    with Store.open(server.store) as store:
        return store.history(CaseKey("clinic", case_id), reader)


def until(page: Page, holds: Callable[[], bool]) -> None:
    """Wait until what the page has sent has come to hold elsewhere."""
    for _ in range(WAIT // 100):
        if holds():
            return
        page.wait_for_timeout(100)
    pytest.fail("what the page sent did not come to hold")


@pytest.mark.long
def test_a_review_goes_on_where_it_was_after_the_server_was_killed(
    browser: Browser, server: ReviewServer
) -> None:
    with opened(browser, server) as (_context, page):
        case_id = open_case(page, 1)
        page.wait_for_selector('.cards[data-state="answered"]', timeout=WAIT)
        choose(page, "cqid010", 2)
        paint(page)
        page.keyboard.press("Shift+F")
        drawn = own_mask(page)
        assert drawn is not None and drawn.any()
        page.wait_for_selector(
            f'.queue-case[data-case="{case_id}"][data-state="in progress"] .queue-flag', timeout=WAIT
        )
        expect(page.locator(".status-line")).to_contain_text("Saved", timeout=WAIT)
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
        page.wait_for_selector(f'.queue-case[data-case="{case_id}"][aria-current]', timeout=WAIT)
        page.wait_for_selector('.cards[data-state="answered"]', timeout=WAIT)
        page.wait_for_selector('.viewer[data-state="photo"]')
        assert chosen(page, "cqid010") == [2]
        page.wait_for_function("() => document.querySelector('#viewer-stage').viewer.own()", timeout=WAIT)
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
        page.wait_for_selector(f'.queue-case[data-case="{case_id}"][data-state="in progress"]', timeout=WAIT)


def test_blind_first_keeps_the_model_out_of_the_page_until_it_is_revealed(
    browser: Browser, server: ReviewServer
) -> None:
    with opened(browser, server) as (_context, page):
        page.locator(".queue-case").first.wait_for(timeout=WAIT)
        page.click("#queue-mode-blind")
        page.evaluate("window.heard = ''")
        case_id = open_case(page, 2)
        page.wait_for_selector('#review[data-kind="blind"]', timeout=WAIT)
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
        choose(page, "cqid010", 1)
        choose(page, "cqid015", 1)
        answer_all(page)
        paint(page)
        finish(page)
        done = page.inner_text("#queue-done")
        page.keyboard.press("Shift+R")
        page.wait_for_selector('.cards[data-state="answered"]', timeout=WAIT)
        page.wait_for_selector('#review[data-kind="revealed"]', timeout=WAIT)
        assert page.locator(".row.is-model").count() >= 9 and chosen(page, "cqid010") == [1]
        assert (
            page.get_attribute("#review", "data-state") == "done" and page.inner_text("#queue-done") == done
        )
        choose(page, "cqid010", 0)
        expect(page.locator(".status-line")).to_contain_text("open again", timeout=WAIT)
        expect(page.locator('[data-changes="changed"]')).to_have_text("1", timeout=WAIT)
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


def test_a_blind_reader_who_finishes_with_nothing_answered_is_told_what_is_open_and_sees_no_others(
    browser: Browser, shared_server: ReviewServer
) -> None:
    with opened(browser, shared_server) as (_context, page):
        sign_in(page, "bo")
        page.locator(".queue-case").first.wait_for(timeout=WAIT)
        page.click("#queue-mode-blind")
        case_id = open_case(page, 2)
        page.keyboard.press("Shift+D")
        page.wait_for_selector("#review[data-asks]", timeout=WAIT)
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


def test_a_model_shown_in_another_tab_is_known_to_what_this_one_saves(
    browser: Browser, server: ReviewServer
) -> None:
    with opened(browser, server) as (context, page):
        page.locator(".queue-case").first.wait_for(timeout=WAIT)
        page.click("#queue-mode-blind")
        button = page.locator('.queue-case[data-state="not started"]').first
        button.wait_for(timeout=WAIT)
        number = [one.get_attribute("data-case") for one in page.locator(".queue-case").all()].index(
            button.get_attribute("data-case")
        )
        case_id = open_case(page, number)
        page.wait_for_selector('#review[data-kind="blind"]', timeout=WAIT)
        other = context.new_page()
        other.goto(server.address)
        other.locator(".queue-case").first.wait_for(timeout=WAIT)
        other.click("#queue-mode-assisted")
        assert open_case(other, number) == case_id
        other.wait_for_selector('.cards[data-state="answered"]', timeout=WAIT)
        choose(page, "cqid010", 1)
        page.wait_for_selector('#review[data-kind="assisted"]', timeout=WAIT)
    last = saved_of(server, case_id)[-1].review
    assert last.kind == "assisted" and last.known == {"model"} and last.answers["CQID010-001"] == 1


def test_an_older_reading_is_taken_back_and_export_is_what_was_saved(
    browser: Browser, server: ReviewServer, tmp_path: Path
) -> None:
    with opened(browser, server) as (context, page):
        page.locator(".queue-case").first.wait_for(timeout=WAIT)
        page.click("#queue-mode-assisted")
        case_id = open_case(page, 0)
        choose(page, "cqid010", 1)
        answer_all(page)
        paint(page)
        finish(page)
        first = saved_of(server, case_id)[-1]
        choose(page, "cqid010", 3)
        page.wait_for_selector('#review[data-state="in progress"]', timeout=WAIT)
        page.keyboard.press("Shift+C")
        page.click("#review-history summary")
        page.click(f'[data-look="{first.number}"]')
        page.click("#version-back")
        expect(page.locator(".status-line")).to_contain_text("newest again", timeout=WAIT)
        page.wait_for_function(
            "() => document.querySelector('#card-cqid010 .row[data-option=\"1\"]').ariaChecked === 'true'",
            timeout=WAIT,
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
        one.locator(".queue-case").first.wait_for(timeout=WAIT)
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
            "() => document.querySelector('#card-cqid015 .row[data-option=\"1\"]').ariaChecked === 'true'",
            timeout=WAIT,
        )
        paint(other)
        until(other, lambda: bool(saved_of(server, case_id)[-1].review.masks))
        drawn = own_mask(other)
        choose(one, "cqid015", 3)
        one.wait_for_function("() => document.querySelector('#viewer-stage').viewer.own()", timeout=WAIT)
        shown = own_mask(one)
        assert drawn is not None and shown is not None and np.array_equal(shown, drawn)
        until(one, lambda: saved_families(server, case_id)["CQID015-001"] == 3)
        choose(other, "cqid015", 2)
        other.wait_for_selector("#conflicts:visible", timeout=WAIT)
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
        page.wait_for_selector("#connection:visible", timeout=WAIT)
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
        page.wait_for_function("() => !sessionStorage.getItem('magic-demo-unsaved')", timeout=WAIT)


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
        page.locator(".queue-case").first.wait_for(timeout=WAIT)
        assert page.inner_text("#queue-reader-name") == "ann"
        assert all(
            cookie["httpOnly"] for cookie in context.cookies() if cookie["name"] == "magic-demo-reader"
        )
        page.click("#sign-out")
        page.wait_for_selector("#sign-name")
        assert context.request.get(f"{shared_server.address}/take-away/csv?queue=clinic").status == 401


def test_signing_out_deletes_work_that_is_in_no_store(browser: Browser, shared_server: ReviewServer) -> None:
    kept = (
        "async (count) => (await indexedDB.databases()).filter(({ name }) => name === "
        "'magic-demo-drafts').length === count"
    )
    with opened(browser, shared_server) as (_context, page):
        sign_in(page, "ann")
        page.locator(".queue-case").first.wait_for(timeout=WAIT)
        page.fill("#narrative textarea", "a patient's words")
        page.wait_for_function(kept, arg=1, timeout=WAIT)
        page.click("#sign-out")
        page.wait_for_selector("#sign-name")
        page.wait_for_function(kept, arg=0, timeout=WAIT)
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
        chen.wait_for_selector("#build-staple", timeout=WAIT)
        assert chen.locator(".readings tr.is-differing").count() == 1 and "=" in chen.inner_text(
            ".readings tr.is-differing .readings-sign"
        )
        chen.click("#build-staple")
        chen.wait_for_selector('#review[data-kind="consensus"]', timeout=WAIT)
        chen.wait_for_function(
            "() => document.querySelector('#card-cqid015 .row[data-option=\"1\"]').ariaChecked === 'true'",
            timeout=WAIT,
        )
        tied = chen.locator("#card-cqid010.is-tied .card-tie")
        expect(tied).to_contain_text("ann", timeout=WAIT)
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


def test_an_adjudicator_assigns_cases_on_the_page_and_sees_how_far_readers_are(
    browser: Browser, shared_server: ReviewServer
) -> None:
    """Last in this file: afterwards the cases are not everybody's any more."""
    with opened(browser, shared_server) as (_one, chen), opened(browser, shared_server) as (_other, ann):
        sign_in(chen, "chen")
        chen.locator(".queue-case").first.wait_for(timeout=WAIT)
        chen.click("#queue-readers summary")
        assert chen.locator("#queue-progress tr").count() == 3
        for name in ("ann", "bo"):
            chen.check(f'#queue-progress input[value="{name}"]')
        chen.select_option("#queue-each", "1")
        chen.click("#queue-assign-listed")
        expect(chen.locator(".status-line")).to_contain_text("3 cases assigned", timeout=WAIT)
        sign_in(ann, "ann")
        ann.locator(".queue-case").first.wait_for(timeout=WAIT)
        mine = ann.locator(".queue-case").count()
        ann.select_option("#queue-filter", "mine")
        assert ann.locator(".queue-case").count() == mine < 3
        assert ann.locator("#queue-progress tr").count() == 3 and ann.locator("#queue-assign").is_hidden()
        counts = ann.locator("#queue-progress tr", has_text="ann").locator("td").all_text_contents()
        assert sum(map(int, counts)) == mine, "done, in progress and not started are what is hers"
    with Store.open(shared_server.store) as store:
        assigned = [case.assigned_to for case in store.list_cases("clinic", "chen")]
    given = sorted(name for (name,) in assigned)
    assert given in (["ann", "ann", "bo"], ["ann", "bo", "bo"]) and given.count("ann") == mine
