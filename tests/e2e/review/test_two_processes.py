"""Two processes of the page over one store, behind a proxy that keeps each browser with one of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from magic_demo.reviews.store import Store
from tests.e2e.proxy import Proxy, serve_below
from tests.e2e.review.steps import choose, chosen, open_case, saved_of, until
from tests.e2e.review_server import ReviewServer

PASSWORD = "a long password"
PATH = "/skin"


class BehindServer(ReviewServer):
    """``app.py`` below a path, whose readers sign in; the second over the same cases."""

    def write_cases(self, count: int) -> None:
        """Write them where there are none yet."""
        if not self.queue.exists():
            super().write_cases(count)

    def settings(self) -> dict[str, str | None]:
        """Return the path too."""
        return {**super().settings(), "GRADIO_ROOT_PATH": PATH}


@pytest.fixture
def pair(repository: Path, tmp_path: Path) -> Iterator[tuple[BehindServer, BehindServer]]:
    first = BehindServer(repository, tmp_path)
    second = BehindServer(repository, tmp_path)
    second.log = tmp_path / "second.txt"
    with Store.open(first.store) as store:
        for name in ("Ann", "Bo"):
            store.add_reader(name, password=PASSWORD)
    first.start()  # the first makes the queue
    second.start()
    yield first, second
    assert "Traceback" not in first.stop() + second.stop()


def enter(browser: Browser, proxy: Proxy, name: str) -> Page:
    page = browser.new_context(viewport={"width": 1366, "height": 768}, locale="en-US").new_page()
    page.goto(f"{proxy.address}{PATH}/")
    page.fill("#sign-name", name)
    page.fill("#sign-password", PASSWORD)
    page.click("#sign-enter")
    page.locator(".queue-case").first.wait_for()
    return page


def said(server: ReviewServer, reader: str, case_id: str) -> dict[str, int]:
    saved = saved_of(server, case_id, reader)
    return dict(saved[-1].review.answers) if saved else {}


@pytest.mark.long
def test_readers_of_two_processes_share_the_store_and_go_on_at_the_other_when_one_is_killed(
    browser: Browser, pair: tuple[BehindServer, BehindServer]
) -> None:
    first, second = pair
    with serve_below(first.port, second.port, path=PATH, cuts=False) as proxy:
        ann, bo = enter(browser, proxy, "Ann"), enter(browser, proxy, "Bo")
        keys = [
            next(
                str(cookie["value"])
                for cookie in page.context.cookies()
                if cookie["name"] == "magic-demo-reader"
            )
            for page in (ann, bo)
        ]
        ports = [proxy.served_by[key.encode()] for key in keys]
        assert set(ports) == {first.port, second.port}, "each is with a process of their own"
        case_id = open_case(ann, 1)
        assert open_case(bo, 1) == case_id
        choose(ann, "cqid010", 2)
        choose(bo, "cqid010", 1)
        until(ann, lambda: said(first, "Ann", case_id).get("CQID010-001") == 2)
        until(bo, lambda: said(first, "Bo", case_id).get("CQID010-001") == 1)

        next(server for server in pair if server.port == ports[0]).kill()
        ann.evaluate("window.before = true")
        choose(ann, "cqid015", 1)  # said to a process that has ended
        ann.wait_for_function("window.before === undefined")  # the page loads itself from the other one
        ann.wait_for_selector(f'.queue-case[data-case="{case_id}"][aria-current]')
        until(ann, lambda: said(first, "Ann", case_id) == {"CQID010-001": 2, "CQID015-001": 1})
        ann.wait_for_selector('.viewer[data-state="photo"]')
        assert chosen(ann, "cqid010") == [2] and chosen(ann, "cqid015") == [1]
        assert proxy.served_by[keys[0].encode()] == ports[1], "and signed in still"
        choose(bo, "cqid015", 3)
        until(bo, lambda: said(first, "Bo", case_id).get("CQID015-001") == 3)
        assert said(first, "Ann", case_id)["CQID015-001"] == 1 and proxy.strays == []
        for page in (ann, bo):
            page.context.close()
