"""Cases are kept in a real browser: the guide over a throw-away store from the first outline to the export,
an upload, and a tab that outlives the server."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from magic_demo.core.review_types import CaseKey
from magic_demo.reviews.cases.kept_cases import EXAMPLES, UPLOADS
from magic_demo.reviews.store import LOCAL_READER, Store
from tests.e2e.conftest import Watched
from tests.e2e.driving import upload
from tests.e2e.page_server import PageServer
from tests.e2e.review.steps import choose, chosen, finish, open_case, opened, own_mask, paint, saved_of
from tests.e2e.review_server import ReviewServer
from tests.support.stand_ins import draw_photo


class GuideServer(PageServer):
    """``app.py --guide`` as ``make demo`` starts it, with the checkpoints that come along; temporary folders
    are made below ``folder``."""

    def arguments(self) -> list[str]:
        """Ask for the guide."""
        return ["--guide"]

    def settings(self) -> dict[str, str | None]:
        """Make the folder of temporary ones."""
        self.temporary = self.folder / "temporary"
        self.temporary.mkdir(exist_ok=True)
        return {"TMPDIR": str(self.temporary), "MAGIC_DEMO_STORE": None}


@pytest.fixture(scope="module")
def guide_server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuideServer]:
    server = GuideServer(repository, tmp_path_factory.mktemp("guide"))
    server.start()
    yield server
    assert "Traceback" not in server.stop()
    assert list(server.temporary.glob(".magic-demo-*")) == [], (
        "the throw-away store is deleted when the program is stopped"
    )


@pytest.mark.long
def test_the_guide_ends_with_a_reading_that_is_saved_and_taken_away_and_a_clean_start_is_one(
    browser: Browser, guide_server: GuideServer
) -> None:
    with opened(browser, guide_server) as (context, page):
        page.wait_for_selector("#guide:visible")
        page.wait_for_selector('.cards[data-state="answered"]')
        # and "Ready" does not take its place
        expect(page.locator(".status-line")).to_contain_text("Done in")
        assert page.locator("#queue").is_hidden()
        page.click("#guide-next")
        paint(page)
        choose(page, "cqid015", 0)
        page.click("#guide-next")
        expect(page.locator("#guide")).to_contain_text("Temporary store")
        drawn = own_mask(page)
        page.click("#keep-case")
        page.wait_for_selector("#review:visible")
        expect(page.locator(".status-line")).to_contain_text("Kept")
        assert page.inner_text("#queue-throwaway").startswith("Temporary store")
        assert chosen(page, "cqid015") == [0] and drawn is not None and own_mask(page) is not None
        assert page.locator(".viewer-synthetic:visible, [data-synthetic]:visible").count() > 0
        page.click("#review-finish")
        page.wait_for_selector("#review[data-asks]")
        page.click("#review-finish")
        page.wait_for_selector('#review[data-state="done"]')
        page.click("#take-away summary")
        with page.expect_download() as download:
            page.click('[data-format="coco"]')
        names = zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes())).namelist()
        assert any(name.endswith(".json") for name in names)
        report = context.request.get(f"{guide_server.address}/take-away/report?queue={EXAMPLES}")
        assert report.ok, "the report knows what the running model said"
        page.click("#guide-next")
        assert page.locator("#guide").is_hidden()
        page.reload()
        page.locator(".queue-case[aria-current]").wait_for()
        page.wait_for_selector('.cards[data-state="answered"]')
        assert chosen(page, "cqid015") == [0] and page.locator("#guide").is_hidden()
        page.evaluate("localStorage.removeItem('magic-demo-guide-seen')")
        page.goto("about:blank")
        page.goto(guide_server.address)
        page.locator(".queue-case[aria-current]").wait_for()
        page.wait_for_selector('.cards[data-state="answered"]')
        assert page.locator("#guide").is_hidden(), "nor over a case that was kept, at the plain address"
        page.click("#workshop-open")
        page.click("#reset-open")
        expect(page.locator("#reset")).to_contain_text("deleted")
        with page.expect_navigation():
            page.click("#reset-yes")
        page.wait_for_selector("#guide:visible")
        page.click("#guide-skip")
        assert page.locator("#guide").is_hidden() and page.locator("#queue").is_hidden()
        page.wait_for_selector("#keep:visible")  # the example is open again, and kept no more
    (place,) = guide_server.temporary.glob(".magic-demo-*")
    with Store.open(place) as store:
        assert store.queues() == [] and list(place.rglob("*.png")) == []


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReviewServer]:
    server = ReviewServer(repository, tmp_path_factory.mktemp("keeping"))
    server.start()
    yield server
    assert "Traceback" not in server.stop()


@pytest.mark.long
def test_an_open_tab_outlives_the_server_and_what_was_changed_meanwhile_is_put_back(
    browser: Browser, server: ReviewServer
) -> None:
    with opened(browser, server) as (_context, page):
        case_id = open_case(page, 1)
        page.wait_for_selector('.cards[data-state="answered"]')
        choose(page, "cqid010", 2)
        expect(page.locator("#review-history-count")).not_to_have_text("0")
        server.kill()
        choose(page, "cqid010", 1)
        paint(page)
        drawn = own_mask(page)
        expect(page.locator("#connection [data-says=lost]")).to_be_visible()
        expect(page.locator("#status-instead [data-shows=lost]")).to_be_visible()
        assert not page.locator("#status .status").is_visible(), "no success is shown beside it"
        server.start()
        expect(page.locator("#messages").get_by_text("put back and saved")).to_be_visible()
        assert chosen(page, "cqid010") == [1] and page.locator("#connection").is_hidden()
        page.wait_for_function("() => document.querySelector('#viewer-stage').viewer.own()")
        choose(page, "cqid015", 2)
        finish(page, anyway=True)
        assert page.evaluate("sessionStorage.getItem('magic-demo-unsaved')") is None
    last = saved_of(server, case_id)[-1].review
    assert last.answers["CQID010-001"] == 1 and last.answers["CQID015-001"] == 2 and last.state == "done"
    assert drawn is not None and len(last.masks) == 1


@pytest.mark.long
def test_an_upload_is_kept_and_goes_on_after_a_crash(
    browser: Browser, server: ReviewServer, tmp_path: Path
) -> None:
    Image.fromarray(draw_photo(300, 400)).save(tmp_path / "Jane Doe.png")
    with opened(browser, server) as (_context, page):
        page.locator(".queue-case").first.wait_for()
        upload(Watched(page, server.address), tmp_path / "Jane Doe.png")
        page.wait_for_selector("#keep:visible")
        page.fill("#narrative textarea", "since two weeks")
        choose(page, "cqid010", 1)
        paint(page)
        drawn = own_mask(page)
        assert drawn is not None
        page.keyboard.press("Shift+S")
        page.wait_for_selector("#review:visible")
        case_id = str(page.get_attribute(".queue-case[aria-current]", "data-case"))
        assert page.input_value("#queue-name") == UPLOADS and "Jane" not in page.content()
        page.goto("about:blank")  # a page left open would load itself again while this one is opened
        server.kill()
        server.start()
        page.goto(server.address)
        page.wait_for_selector(f'.queue-case[data-case="{case_id}"][aria-current]')
        assert chosen(page, "cqid010") == [1] and page.input_value("#narrative textarea") == "since two weeks"
        page.wait_for_function("() => document.querySelector('#viewer-stage').viewer.own()")
        kept = own_mask(page)
        assert kept is not None and (kept == drawn).all()
    with Store.open(server.store) as store:
        assert store.latest(CaseKey(UPLOADS, case_id), LOCAL_READER) is not None
