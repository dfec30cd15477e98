"""An outline is written only by a decision: what finds, leaves or changes nothing writes nothing, and says so
on the photo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from tests.e2e.conftest import Watched, open_watched
from tests.e2e.drawing import open_photo, point, set_brush, stroke, told
from tests.e2e.driving import open_example, page_mask, set_slider, wait_for_numbers

NOTE = "#viewer-note"
OWN = "document.querySelector('#viewer-stage').viewer.own()"
FLIPPED = "for (let i = 0; i < 200; i++) image.data[(4 * 7919 * i) % image.data.length] ^= 1;"
WHITE = "image.data.fill(255);"


@pytest.fixture(scope="module")
def bare_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a photo on which there is nothing to cut."""
    path = tmp_path_factory.mktemp("photos") / "bare.png"
    Image.fromarray(np.full((480, 640, 3), (222, 180, 156), np.uint8)).save(path)
    return path


@pytest.fixture
def bare(emptied: Watched, bare_file: Path) -> Watched:
    """Open that photo, not analysed."""
    open_photo(emptied, bare_file)
    return emptied


def masks_told(watched: Watched) -> list[dict[str, Any]]:
    """Return every mask that the server was told of: nothing else writes a row."""
    watched.page.evaluate("document.querySelector('#viewer-stage').viewer.flush()")
    sent = watched.page.evaluate("document.querySelector('#viewer-stage').viewer.sent")
    return [entry for entry in sent if "runs" in entry]


def test_a_box_in_which_nothing_is_found_says_so_on_the_photo_and_leaves_mask_and_history_alone(
    bare: Watched,
) -> None:
    page = bare.page
    page.keyboard.press("b")
    set_brush(bare, 20)
    stroke(bare, (100, 100), (160, 100))
    page.keyboard.press("z")
    before = len(masks_told(bare))
    page.keyboard.press("w")
    stroke(bare, (250, 150), (450, 300))
    page.wait_for_selector(NOTE)
    assert (
        page.locator(NOTE).inner_text().startswith("The outline does not follow here, so nothing was changed")
    )
    assert page.locator("#viewer-said").inner_text() == page.locator(NOTE).inner_text(), (
        "for those who do not see the photo as well"
    )
    place = page.locator(NOTE).bounding_box()
    under = point(bare, 350, 300)
    assert (
        place is not None
        and place["y"] == pytest.approx(under[1], abs=20)
        and place["x"] < under[0] < place["x"] + place["width"]
    )
    page.click("#language-zh")
    page.wait_for_function(
        "document.querySelector('#viewer-note').innerText.startsWith('轮廓在此处无法跟随')"
    )
    page.click("#language-en")
    assert (
        len(masks_told(bare)) == before
        and page.evaluate(OWN) is None
        and page.locator(".when-cleared").is_hidden()
    )
    page.keyboard.press("y")
    assert told(bare)[1].any(), "what was undone before can still be done again"
    assert page.locator(NOTE).is_hidden()
    stroke(bare, (250, 150), (450, 300))
    page.wait_for_selector(NOTE)
    page.keyboard.press("z")
    assert told(bare)[0]["runs"] is None, "there was no other edit to undo first"


def test_rubbing_out_the_last_pixel_takes_the_outline_back_and_only_clear_says_no_lesion(
    bare: Watched,
) -> None:
    page = bare.page
    page.keyboard.press("b")
    set_brush(bare, 15)
    stroke(bare, (300, 200), (340, 200))
    page.keyboard.press("e")
    set_brush(bare, 60)
    stroke(bare, (280, 200), (360, 200))
    assert masks_told(bare)[-1]["runs"] is None and page.locator(".when-cleared").is_hidden()
    assert "no outline of yours" in page.locator(NOTE).inner_text()
    page.keyboard.press("z")
    assert told(bare)[1].any()
    page.click("#viewer-clear")
    assert (
        masks_told(bare)[-1]["runs"] == [640 * 480]
        and masks_told(bare)[-1]["cleared"] is True
        and page.locator(".when-cleared").is_visible()
    )


def test_tools_and_buttons_that_change_nothing_write_nothing(bare: Watched) -> None:
    page = bare.page
    for name in ("smooth", "shrink", "grow", "holes"):
        page.click(f"#viewer-{name}")
        assert page.locator(NOTE).inner_text() == "Nothing changed, so no outline was written."
    page.keyboard.press("w")
    page.mouse.click(*point(bare, 100, 100))
    page.wait_for_function("document.querySelector('#viewer-note').innerText.includes('does not follow')")
    page.keyboard.press("p")
    for place in ((200, 200), (260, 200)):
        page.mouse.click(*point(bare, *place))
    page.keyboard.press("Enter")
    assert "three points" in page.locator(NOTE).inner_text()
    page.keyboard.press("e")
    stroke(bare, (280, 200), (360, 200))
    assert page.locator(NOTE).inner_text().startswith("Nothing changed")
    assert masks_told(bare) == [] and page.evaluate(OWN) is None
    assert page.get_attribute("#viewer-undo", "aria-disabled") == "true"


@pytest.mark.parametrize("name", ["shrink", "smooth"])
def test_shrinking_or_smoothing_to_nothing_takes_the_outline_back(bare: Watched, name: str) -> None:
    bare.page.keyboard.press("b")
    set_brush(bare, 1)
    bare.page.mouse.click(*point(bare, 300.5, 200.5))
    assert told(bare)[1].sum() <= 9
    for _ in range(2):
        if bare.page.evaluate(OWN) is not None:
            bare.page.click(f"#viewer-{name}")
    assert (
        masks_told(bare)[-1]["runs"] is None and "no outline of yours" in bare.page.locator(NOTE).inner_text()
    )


def test_the_models_outline_becomes_nobodys_by_an_edit_that_changes_nothing(emptied: Watched) -> None:
    page = emptied.page
    open_example(emptied, 3)
    page.evaluate(
        """() => { const stage = document.querySelector("#viewer-stage"), heard = stage.viewer.sent; stage.viewer.sent = [];
        if (!heard) stage.addEventListener("viewer-tells", (event) => stage.viewer.sent.push(event.detail)); }"""
    )
    set_slider(emptied, "threshold", 0.3)
    page.wait_for_function("document.querySelector('#viewer-stage').viewer.mask()?.data.includes(1)")
    mask = page_mask(emptied)
    rows, columns = np.nonzero(mask)
    page.keyboard.press("e")
    set_brush(emptied, 2)
    corner = next(
        place
        for place in ((8, 8), (mask.shape[1] - 8, 8), (8, mask.shape[0] - 8))
        if not mask[place[1] - 6 : place[1] + 6, place[0] - 6 : place[0] + 6].any()
    )
    page.mouse.click(*point(emptied, *corner))
    assert masks_told(emptied) == [] and page.evaluate(OWN) is None and page.locator(NOTE).is_visible()
    set_brush(emptied, 200)
    stroke(
        emptied,
        (columns.min(), rows.min()),
        *(
            (int(columns.max() if turn % 2 else columns.min()), int(row))
            for turn, row in enumerate(range(rows.min(), rows.max() + 100, 100))
        ),
    )
    assert masks_told(emptied) == [] and page.evaluate(OWN) is None
    assert "no outline of yours" in page.locator(NOTE).inner_text()
    # a model that marks nothing
    page.evaluate("document.querySelector('#viewer-stage').viewer.state.photos[0].model.levels.fill(0)")
    page.click("#viewer-take")
    assert masks_told(emptied) == [] and "The model marks nothing here" in page.locator(NOTE).inner_text()


def test_no_number_of_the_photo_before_stands_beside_the_next_one(emptied: Watched) -> None:
    page = emptied.page
    open_example(emptied, 3)
    wait_for_numbers(emptied)
    page.evaluate(
        """() => { window.shownAtOnce = []; const shown = (name) => document.querySelector(`#viewer-${name}`).checkVisibility();
        new MutationObserver(() => window.shownAtOnce.push(["count", "colour", "tone"].filter(shown)))
          .observe(document.querySelector("#viewer-name"), { childList: true }); }"""
    )
    open_example(emptied, 4)
    wait_for_numbers(emptied)
    assert page.evaluate("window.shownAtOnce[0]") == []


@pytest.mark.parametrize("changing", [FLIPPED, WHITE], ids=["noise", "white"])
def test_a_browser_that_changes_what_is_read_back_shows_the_servers_numbers_and_offers_no_editing(
    browser: Browser, address: str, emptied: Watched, changing: str
) -> None:
    script = """for (const kind of [CanvasRenderingContext2D, OffscreenCanvasRenderingContext2D]) {
      const read = kind.prototype.getImageData;
      kind.prototype.getImageData = function (...where) { const image = read.apply(this, where); %s return image; }; }"""
    open_example(emptied, 3)
    facts = ("area-value", "count-value", "colour", "tone-value")
    wait_for_numbers(emptied)
    expected = [emptied.page.locator(f"#viewer-{name}").inner_text() for name in facts]
    mask = page_mask(emptied)
    watched = open_watched(browser, address, script % changing)
    try:
        page = watched.page
        open_example(watched, 3)
        page.wait_for_selector(".viewer[data-unreadable]")
        assert "privacy protection" in page.locator("#viewer-unreadable").inner_text()
        wait_for_numbers(watched)
        assert [page.locator(f"#viewer-{name}").inner_text() for name in facts] == expected
        assert np.array_equal(page_mask(watched), mask), "the outline is the server's"
        for name in ("tool-brush", "tool-point", "take", "clear", "mode-heat", "threshold"):
            assert page.locator(f"#viewer-{name}").is_hidden()
        assert page.locator("#viewer-tool-cover").is_visible(), "a face can be covered all the same"
        page.keyboard.press("b")
        assert page.get_attribute(".viewer", "data-tool") == "view"
        page.click("#language-zh")
        page.wait_for_function("document.querySelector('#viewer-unreadable').innerText.includes('隐私保护')")
    finally:
        watched.page.context.close()
    watched.check()
