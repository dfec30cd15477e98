"""Whom the page lets in and what it keeps of whom: a page for everybody, one in the Hub's frame, one below a
proxy's path."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from magic_demo.reviews.store import Store
from tests.e2e.conftest import without_leaving
from tests.e2e.driving import ANSWERED
from tests.e2e.page_server import PageServer
from tests.e2e.proxy import serve_below
from tests.e2e.review_server import ReviewServer

WORDS = "only visitor A wrote this"


class SpaceServer(PageServer):
    """``app.py`` as a Hugging Face Space starts it, in a folder of its own: no store, no queue, the
    checkpoints that come along."""

    def started_in(self) -> Path:
        """Make the folder, and one for temporary files."""
        for name in ("work", "temporary"):
            (self.folder / name).mkdir(exist_ok=True)
        return self.folder / "work"

    def settings(self) -> dict[str, str | None]:
        """Return what a Space sets."""
        return {
            "SPACE_ID": "somebody/magic-demo",
            "GRADIO_SERVER_NAME": "0.0.0.0",
            "TMPDIR": str(self.folder / "temporary"),
            "HF_HUB_OFFLINE": "1",
            "MAGIC_DEMO_STORE": None,
        }


def visit(browser: Browser, address: str) -> Page:
    page = browser.new_context(
        viewport={"width": 1366, "height": 768}, locale="en-US", reduced_motion="reduce"
    ).new_page()
    page.goto(address)
    page.wait_for_selector('.status[data-state="ready"]')
    return page


@pytest.mark.long
def test_a_page_for_everybody_keeps_nothing_of_anybody_and_starts_again(
    browser: Browser, repository: Path, tmp_path: Path
) -> None:
    server = SpaceServer(repository, tmp_path)
    server.start()
    try:
        ann = visit(browser, server.address)
        ann.click("#example-1")
        ann.wait_for_selector(ANSWERED)
        ann.fill("#narrative textarea", WORDS)
        expect(ann.locator("#keeps-nothing")).to_contain_text("nothing is saved")
        assert ann.locator("#keep-case").count() == ann.locator("#agreement-open").count() == 0
        ann.keyboard.press("Escape")
        ann.keyboard.press("Shift+S")
        bo = visit(browser, server.address)
        assert (
            bo.locator("#queue").is_hidden()
            and bo.locator("#review").is_hidden()
            and bo.locator("#keep").is_hidden()
        )
        assert WORDS not in bo.content() and bo.locator("#photo-strip-list .thumb").count() == 0
        for path in ("agreement", "take-away/csv?queue=uploads", "start-afresh", "sign-in"):
            assert bo.request.get(f"{server.address}/{path}").status == 404, path
        assert ann.locator("#review").is_hidden(), "nothing was kept by the key either"
        for page in (ann, bo):
            page.context.close()
        assert "Traceback" not in server.stop()
        server.start()
        said = server.stop()
    finally:
        server.stop()
    assert said.count("nothing is kept") == 2 and "Traceback" not in said
    left = [
        path for folder in ("work", "temporary") for path in (tmp_path / folder).rglob("*") if path.is_file()
    ]
    assert [path for path in left if not re.search("/gradio/", str(path))] == []


PASSWORD = "a long password"
HUB = "https://huggingface.co/spaces/somebody/magic-demo"


class BelowServer(ReviewServer):
    """``app.py`` below /demo as a Space with a store and a reader with a password."""

    def settings(self) -> dict[str, str | None]:
        """Return what a Space below a path sets."""
        return {"SPACE_ID": "somebody/magic-demo", "GRADIO_ROOT_PATH": "/demo/"}

    def start(self) -> None:
        """Add the reader, then start the page."""
        with Store.open(self.store) as store:
            store.add_reader("Ann", password=PASSWORD)
        super().start()


@pytest.fixture(scope="module")
def below(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BelowServer]:
    server = BelowServer(repository, tmp_path_factory.mktemp("below"))
    server.start()
    yield server
    said = server.stop()
    assert "Traceback" not in said, said


def sign_in(page: Page) -> None:
    page.fill("#sign-name", "Ann")
    page.fill("#sign-password", PASSWORD)
    page.click("#sign-enter")
    page.locator(".queue-case").first.wait_for()


@pytest.mark.long
def test_the_page_works_below_a_proxys_path_and_a_link_to_a_case_outlives_signing_in(
    browser: Browser, below: BelowServer
) -> None:
    requests: list[str] = []
    complaints: list[str] = []
    with serve_below(below.port, path="/demo", cuts=False) as proxy:
        context = browser.new_context(
            viewport={"width": 1366, "height": 768}, locale="en-US", reduced_motion="reduce"
        )
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type == "error" else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{proxy.address}/demo")
        assert page.url == f"{proxy.address}/demo/sign-in"
        sign_in(page)
        assert page.url == f"{proxy.address}/demo/"
        page.locator(".queue-case").first.click()
        page.wait_for_selector(ANSWERED)
        link = page.url
        assert "#case=" in link
        page.click('#card-cqid010 [data-option="1"]')
        expect(page.locator("#review-history-count")).not_to_have_text("0")
        expect(page.locator(".status-line")).to_contain_text("aved")
        assert page.request.get(f"{proxy.address}/demo/take-away/report?queue=clinic").status in (200, 409), (
            "409: no reading is finished"
        )
        page.click("#agreement-open")
        page.wait_for_selector(".agree-live")
        page.click("#agreement-back")
        page.locator(".queue-case").first.wait_for()
        board = context.new_page()
        board.goto(f"{proxy.address}/demo/join")
        assert board.evaluate("document.styleSheets.length") > 0
        cookies = {(str(cookie.get("name")), cookie.get("path")) for cookie in context.cookies()}
        assert {"magic-demo-reader", "magic-demo-drafts-of"} <= {name for name, _ in cookies} and {
            path for _, path in cookies
        } == {"/demo/"}
        # what is still asked for at sign-out is refused, and the console says so
        assert without_leaving(complaints) == []
        page.goto(f"{proxy.address}/demo/sign-out")
        assert page.url == f"{proxy.address}/demo/sign-in" and not [
            one for one in context.cookies() if one.get("name") == "magic-demo-reader"
        ]
        page.goto(link)
        assert page.url.startswith(f"{proxy.address}/demo/sign-in#case=")
        sign_in(page)
        page.locator(".queue-case[aria-current]").wait_for()
        assert page.url == link
        context.close()
    assert [
        url for url in requests if not url.startswith((f"{proxy.address}/demo", "data:", "blob:"))
    ] == [] and proxy.strays == []


@pytest.mark.long
def test_in_the_hubs_frame_signing_in_leads_to_a_tab_of_its_own_where_it_holds(
    browser: Browser, below: BelowServer
) -> None:
    with serve_below(below.port, path="/demo", cuts=True) as proxy:
        context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="en-US")
        with suppress(Error):  # a Chromium that has no such permission yet needs none
            context.grant_permissions(["local-network-access"], origin="https://huggingface.co")
        page = context.new_page()
        frame_of = f'<!doctype html><iframe src="{proxy.address}/demo/" width="1200" height="700"></iframe>'
        page.route(HUB, lambda route: route.fulfill(content_type="text/html", body=frame_of))
        page.goto(HUB)
        frame = page.frame_locator("iframe")
        expect(frame.locator(".sign-framed")).to_contain_text("keep no sign-in")
        assert frame.locator("form").count() == 0
        page.screenshot(path=os.environ.get("DOORS_SHOT", str(below.folder / "framed.png")))
        with context.expect_page() as opened:
            frame.locator("#sign-own-tab").click()
        own = opened.value
        sign_in(own)
        own.reload()
        own.locator(".queue-case").first.wait_for()
        context.close()
