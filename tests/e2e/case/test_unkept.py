"""Work that is in no store: whatever closes the page, it is offered again with photos, answers, outlines and
words, and goes when it should."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import Watched, discard_offers
from tests.e2e.driving import upload
from tests.e2e.review.steps import choose, chosen, cover, own_mask, paint, pixels, save_noise
from tests.support.stand_ins import draw_photo

PHOTO = "document.querySelector('#viewer-stage').viewer.state.photos"
OPEN_ID = (
    "document.querySelector('#viewer-stage')?.viewer?.state.openId"  # none before the viewer has started
)
KEPT = """async () => (await indexedDB.databases()).length"""


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "leg.png"
    Image.fromarray(draw_photo(300, 400)).save(path)
    return path


def review(watched: Watched, photo: Path) -> np.ndarray:
    """Upload a photo, answer, draw and write; return the outline once the browser has kept all of it."""
    page = watched.page
    upload(watched, photo)
    page.wait_for_selector("#keep:visible")
    page.wait_for_selector('.viewer[data-state="photo"]')
    page.fill("#narrative textarea", "since two weeks")
    choose(page, "cqid010", 2)
    paint(page)
    drawn = own_mask(page)
    assert drawn is not None and drawn.any()
    page.wait_for_function(
        """async () => { const open = await new Promise((done) => { const asked = indexedDB.open("magic-demo-drafts"); asked.onsuccess = () => done(asked.result); });
        const all = await new Promise((done) => { const asked = open.transaction("drafts").objectStore("drafts").getAll(); asked.onsuccess = () => done(asked.result); });
        open.close(); return all.some((one) => one.answers.CQID010?.length && Object.keys(one.masks).length && one.narrative); }"""
    )
    return drawn


def go_on(page: Page) -> None:
    # not the status line: of a case that was analysed it soon says that it is analysed again
    before = page.evaluate(OPEN_ID)
    page.locator('[data-act="open"]').first.click()
    page.wait_for_function(f"(before) => ![undefined, null, before].includes({OPEN_ID})", arg=before)
    page.wait_for_selector('.viewer[data-state="photo"]')


def check_back(page: Page, drawn: np.ndarray, before: list[int]) -> None:
    page.wait_for_function("() => document.querySelector('#viewer-stage').viewer.own()")
    kept = own_mask(page)
    assert kept is not None and np.array_equal(kept, drawn)
    assert chosen(page, "cqid010") == [2] and page.input_value("#narrative textarea") == "since two weeks"
    assert pixels(page) == before


def forget(page: Page) -> None:
    """Leave nothing to the tests after this one."""
    page.click("#new-case")
    discard_offers(page)
    page.wait_for_function(f"async () => (await ({KEPT})()) === 0")


def test_an_upload_with_answers_is_the_same_after_a_reload(emptied: Watched, photo: Path) -> None:
    page = emptied.page
    drawn = review(emptied, photo)
    before = pixels(page)
    page.reload()
    emptied.forget_leaving()
    expect(page.locator("#unkept")).to_contain_text("Continue the unsaved case of")
    expect(page.locator("#unkept small")).to_have_text("photos: 1 · answers: 1 · outlines: 1")
    go_on(page)
    check_back(page, drawn, before)
    assert page.locator("#unkept").is_hidden()
    choose(page, "cqid010", 1)  # it goes on to be kept
    page.keyboard.press("z")
    page.click("#new-case")
    page.wait_for_selector('.viewer[data-state="empty"]')
    expect(page.locator("#unkept")).to_contain_text("Continue the")
    go_on(page)
    check_back(page, drawn, before)
    forget(page)


def test_no_lesion_here_comes_back_as_it_was_said(emptied: Watched, photo: Path) -> None:
    page = emptied.page
    review(emptied, photo)
    page.click("#viewer-clear")
    page.wait_for_selector(".when-cleared:visible")
    held: list[Route] = []
    page.route("**/viewer.js*", lambda route: held.append(route))
    page.reload(wait_until="commit")  # before it has rested
    emptied.forget_leaving()
    expect(page.locator("#unkept small")).to_have_text("photos: 1 · answers: 1 · outlines: 1")
    page.locator('[data-act="open"]').first.click()  # of what comes before the viewer has started
    assert page.evaluate(OPEN_ID) is None
    while not held:
        page.wait_for_timeout(50)
    held.pop().continue_()
    page.unroute("**/viewer.js*")
    page.wait_for_selector('.viewer[data-state="photo"]')
    page.wait_for_selector(".when-cleared:visible")
    kept = own_mask(page)
    assert kept is not None and not kept.any()
    forget(page)


def test_an_example_with_answers_is_offered_after_another_one_and_the_agreement_page(
    emptied: Watched,
) -> None:
    page = emptied.page
    page.click("#example-1")
    page.wait_for_selector("#keep:visible")
    page.wait_for_selector('.viewer[data-state="photo"]')
    choose(page, "cqid015", 3)
    page.click("#example-0")
    expect(page.locator("#unkept small")).to_have_text("answers: 1")
    page.goto(f"{emptied.address}/agreement")
    page.go_back()
    emptied.forget_leaving()
    expect(page.locator("#unkept small")).to_have_text("answers: 1")
    go_on(page)
    assert chosen(page, "cqid015") == [3]
    page.wait_for_selector('.cards[data-state="answered"]')
    assert chosen(page, "cqid015") == [3]
    forget(page)


def test_a_covered_photo_comes_back_covered(emptied: Watched, tmp_path: Path) -> None:
    page = emptied.page
    save_noise(tmp_path / "leg.png")
    review(emptied, tmp_path / "leg.png")
    before = pixels(page)
    cover(page)
    page.wait_for_selector(".viewer:not([data-cutting]):not([data-covers])")
    covered = pixels(page)
    gone = np.abs(np.subtract(covered, before)) > 24
    assert gone.mean() > 0.05

    def check_covered() -> None:
        assert np.abs(np.subtract(pixels(page), covered))[gone].mean() < 8
        assert page.evaluate(f"{PHOTO}[0].fullWidth") == 3200

    page.fill("#photo-name", "left shin")  # which opens the photos anew
    page.keyboard.press("Enter")
    expect(page.locator("#photo-strip-list .thumb")).to_have_attribute("title", "left shin")
    check_covered()
    page.click("#new-case")
    page.wait_for_selector('.viewer[data-state="empty"]')
    expect(page.locator("#unkept small")).to_contain_text("photos: 1")
    go_on(page)
    check_covered()
    forget(page)


def test_discarding_deletes_it_from_the_browser(emptied: Watched, photo: Path) -> None:
    page = emptied.page
    review(emptied, photo)
    page.click("#new-case")
    page.locator('[data-act="discard"]').click()
    expect(page.locator("#unkept")).to_be_hidden()
    page.wait_for_function(f"async () => (await ({KEPT})()) === 0")


def test_photos_of_an_upload_are_moved_named_and_removed_with_their_outlines(
    emptied: Watched, photo: Path, tmp_path: Path
) -> None:
    page = emptied.page
    drawn = review(emptied, photo)
    assert page.input_value("#photo-name") == "leg"
    Image.fromarray(draw_photo(200, 260)).save(tmp_path / "arm.png")
    upload(emptied, tmp_path / "arm.png")
    thumbs = page.locator("#photo-strip-list .thumb")
    expect(thumbs).to_have_count(2)
    page.click("#photo-later")
    expect(thumbs.nth(1)).to_have_attribute("title", "leg")
    expect(thumbs.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#photo-later")).to_be_disabled()
    page.fill("#photo-name", "left shin")
    page.keyboard.press("Enter")
    expect(thumbs.nth(1)).to_have_attribute("title", "left shin")
    page.wait_for_function("() => document.querySelector('#viewer-stage').viewer.own()")
    kept = own_mask(page)
    assert kept is not None and np.array_equal(kept, drawn)
    thumbs.nth(0).click()
    expect(page.locator("#photo-name")).to_have_value("arm")
    page.click("#photo-remove")
    expect(thumbs).to_have_count(1)
    assert chosen(page, "cqid010") == [2] and page.input_value("#narrative textarea") == "since two weeks"
    page.wait_for_function("() => document.querySelector('#viewer-stage').viewer.own()")
    page.reload()
    emptied.forget_leaving()
    expect(page.locator("#unkept small")).to_have_text("photos: 1 · answers: 1 · outlines: 1")
    go_on(page)
    expect(thumbs).to_have_attribute("title", "left shin")
    page.wait_for_function("() => document.querySelector('#viewer-stage').viewer.own()")
    kept = own_mask(page)
    assert kept is not None and np.array_equal(kept, drawn)
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("#photo-remove")
    page.wait_for_selector('.viewer:not([data-state="photo"])')
    assert page.locator("#photo-arrange").is_hidden()
    forget(page)
