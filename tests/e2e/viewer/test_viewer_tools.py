"""A reader corrects masks in a real browser, by mouse and keyboard; what the server would receive is what is
drawn."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from magic_demo.files.photos.reading import read_photo
from magic_demo.page.panels.viewer.mask_form import WORKING_SIDE, read_mask
from tests.e2e.conftest import Watched
from tests.e2e.drawing import HEIGHT, WIDTH, dice, disc, open_photo, point, set_brush, stroke, told
from tests.e2e.driving import canvas_pixels, open_example, set_slider


def test_brush_polygon_eraser_and_undo_change_the_mask_that_the_server_receives(opened: Watched) -> None:
    page = opened.page
    page.keyboard.press("b")
    set_brush(opened, 20)
    bare = canvas_pixels(opened)
    stroke(opened, (200, 200), (300, 200))
    entry, painted = told(opened)
    assert (entry["photo"], entry["width"], entry["height"], entry["edits"]) == (
        "arm",
        WIDTH,
        HEIGHT,
        1,
    ) and entry["case"]
    capsule = disc(200, 200, 20) | disc(300, 200, 20)
    capsule[180:220, 200:300] = True
    assert dice(painted, capsule) > 0.97
    assert (canvas_pixels(opened) != bare).any()

    page.keyboard.press("p")
    for place in ((400, 100), (500, 100), (500, 200), (400, 200)):
        page.mouse.click(*point(opened, *place))
    page.keyboard.press("Enter")
    _, both = told(opened)
    assert both[105:195, 405:495].all() and (both & ~painted).sum() == pytest.approx(100 * 100, rel=0.05)

    page.keyboard.press("e")
    stroke(opened, (250, 150), (250, 250))
    _, erased = told(opened)
    assert not erased[180:220, 235:265].any() and erased[105:195, 405:495].all()

    page.keyboard.press("z")
    assert np.array_equal(told(opened)[1], both)
    page.keyboard.press("Control+z")
    assert np.array_equal(told(opened)[1], painted)
    page.keyboard.press("z")
    entry, _ = told(opened)
    assert entry["runs"] is None, "all taken back: as if never outlined"
    for expected in (painted, both, erased):
        page.keyboard.press("y")
        assert np.array_equal(told(opened)[1], expected)
    page.keyboard.press("Control+Shift+z")
    assert told(opened)[0]["edits"] == 9


def spread(watched: Watched, place: tuple[int, int, int, int]) -> float:
    """Return the largest standard deviation of a colour in a part (x, y, width, height) of the photo that the
    browser holds."""
    colours = watched.page.evaluate(
        """([x, y, wide, high]) => { const { bitmap, width, height } = document.querySelector("#viewer-stage").viewer.state.photos[0];
        const context = new OffscreenCanvas(width, height).getContext("2d"); context.drawImage(bitmap, 0, 0);
        return Array.from(context.getImageData(x, y, wide, high).data); }""",
        place,
    )
    return float(np.reshape(colours, (-1, 4))[:, :3].std(axis=0).max())


@pytest.mark.long
def test_a_face_is_covered_for_good_and_can_be_taken_back_before(opened: Watched) -> None:
    page = opened.page
    bare = canvas_pixels(opened)
    page.keyboard.press("#")
    assert page.locator("#viewer-cover-confirm").is_hidden()
    for middle in ((300, 230), (500, 400)):
        angles = np.linspace(0, 2 * np.pi, 16)
        stroke(
            opened, *((middle[0] + 60 * np.cos(angle), middle[1] + 40 * np.sin(angle)) for angle in angles)
        )
    assert (canvas_pixels(opened) != bare).any(), "covered while it is drawn"
    page.keyboard.press("z")
    page.keyboard.press("h")
    source = "document.querySelector('#viewer-stage').viewer.state.photos[0].src"
    before = page.evaluate(source)
    page.click("#viewer-cover-confirm")
    page.wait_for_function(f"(before) => {source} !== before", arg=before)
    page.wait_for_selector("#viewer-cover-confirm", state="hidden")
    assert spread(opened, (295, 225, 11, 11)) < 2 < spread(opened, (20, 20, 40, 40))
    assert spread(opened, (495, 395, 11, 11)) > 2, "what was taken back is not covered"
    page.keyboard.press("v")


def test_a_mask_is_drawn_by_keyboard_alone(opened: Watched) -> None:
    page = opened.page
    page.focus("#viewer-stage")
    page.keyboard.press("b")
    set_brush(opened, 12)
    page.keyboard.press("ArrowRight")
    assert page.locator("#viewer-cursor").is_visible()
    page.keyboard.down(" ")
    for _ in range(8):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.up(" ")
    _, painted = told(opened)
    rows, columns = np.nonzero(painted)
    assert columns.max() - columns.min() > 4 * (rows.max() - rows.min()) > 80
    page.keyboard.press("p")
    for arrow in ("ArrowUp", "ArrowLeft", "ArrowDown"):
        for _ in range(4):
            page.keyboard.press(f"Shift+{arrow}")
        page.keyboard.press(" ")
    page.keyboard.press("Enter")
    assert told(opened)[1].sum() > painted.sum() + 1000
    page.wait_for_function("document.querySelector('#viewer-said').textContent.includes('%')")


def test_space_and_drag_move_the_photo_while_a_tool_is_in_use(opened: Watched) -> None:
    page = opened.page
    page.click("#viewer-zoom-in")
    page.click("#viewer-zoom-in")
    page.click("#viewer-zoom-in")
    page.keyboard.press("b")
    page.mouse.move(*point(opened, 300, 200))
    before = page.evaluate("document.querySelector('#viewer-stage').viewer.state.view.x")
    page.keyboard.down(" ")
    stroke(opened, (300, 200), (330, 200))
    page.keyboard.up(" ")
    assert page.evaluate("document.querySelector('#viewer-stage').viewer.state.view.x") > before + 10
    assert page.evaluate("document.querySelector('#viewer-stage').viewer.own()") is None


def test_x_swaps_the_last_two_tools_brackets_change_the_brush_and_fields_keep_their_keys(
    opened: Watched,
) -> None:
    page = opened.page
    pressed = "document.querySelector('.viewer').dataset.tool"
    for key, tool in (
        ("b", "brush"),
        ("w", "point"),
        ("x", "brush"),
        ("x", "point"),
        ("e", "eraser"),
        ("v", "view"),
    ):
        page.keyboard.press(key)
        assert page.evaluate(pressed) == tool
        assert page.get_attribute(f"#viewer-tool-{tool}", "aria-pressed") == "true"
    page.keyboard.press("b")
    size = "document.querySelector('#viewer-stage').viewer.tools.radius"
    before = page.evaluate(size)
    page.keyboard.press("]")
    assert page.evaluate(size) == pytest.approx(before * 1.2)
    page.keyboard.press("[")
    assert page.evaluate(size) == pytest.approx(before)
    page.mouse.move(*point(opened, 300, 200))
    ring = page.locator("#viewer-cursor").bounding_box()
    scale = page.evaluate("document.querySelector('#viewer-stage').viewer.state.view.scale")
    assert ring is not None and ring["width"] == pytest.approx(2 * before * scale, abs=1.5), (
        "the cursor has the brush's true size"
    )
    page.focus("#narrative textarea")
    page.keyboard.type("ev")
    assert page.evaluate(pressed) == "brush"


def test_buttons_clear_grow_shrink_and_fill_holes(opened: Watched) -> None:
    page = opened.page
    page.keyboard.press("p")
    for corner in (
        ((200, 150), (400, 150), (400, 300), (200, 300)),
        ((260, 200), (340, 200), (340, 260), (260, 260)),
    ):
        for place in corner:
            page.mouse.click(*point(opened, *place))
        page.keyboard.press("Enter")
        page.click("#viewer-polygon-subtract")
    ring = told(opened)[1]
    assert not ring[210:250, 270:330].any()
    page.click("#viewer-holes")
    filled = told(opened)[1]
    assert filled[150:300, 200:400].mean() > 0.97
    page.click("#viewer-grow")
    grown = told(opened)[1]
    assert grown.sum() > filled.sum() and (grown & filled).sum() == filled.sum()
    page.click("#viewer-shrink")
    assert dice(told(opened)[1], filled) > 0.99
    page.click("#viewer-smooth")
    assert dice(told(opened)[1], filled) > 0.98
    page.click("#viewer-clear")
    entry, cleared = told(opened)
    assert entry["runs"] == [WIDTH * HEIGHT] and not cleared.any(), "no lesion here is an answer"
    assert page.locator(".when-cleared").is_visible()
    page.click("#viewer-undo")
    assert told(opened)[1].any()


def test_the_models_outline_is_taken_and_corrected_and_both_are_named(emptied: Watched) -> None:
    page = emptied.page
    open_example(emptied, 3)
    set_slider(emptied, "threshold", 0.3)
    page.wait_for_function("document.querySelector('#viewer-stage').viewer.mask()?.data.includes(1)")
    assert page.locator("#viewer-legend").is_hidden()
    page.click("#viewer-take")
    same = page.evaluate(
        """() => { const { own, mask } = document.querySelector("#viewer-stage").viewer; const model = mask().data;
        return own().data.every((one, i) => one === model[i]); }"""
    )
    assert same
    assert page.locator("#viewer-legend button").all_inner_texts() == ["Model", "Yours"]
    assert "area" in page.locator("#viewer-count").inner_text()
    marked = canvas_pixels(emptied)
    page.click("#viewer-layer-own")
    page.click("#viewer-layer-model")
    assert (canvas_pixels(emptied) != marked).any()
    page.click("#viewer-layer-own")
    page.click("#viewer-layer-model")
    page.keyboard.press("/")
    assert page.locator("#viewer-compare-line").is_visible()
    whole = canvas_pixels(emptied)
    page.focus("#viewer-compare-line")
    page.keyboard.press("Home")
    assert (canvas_pixels(emptied) != whole).any()
    page.click("#language-zh")
    page.wait_for_function("document.querySelector('#viewer-layer-own').innerText === '您的'")
    assert page.get_attribute("#viewer-tool-brush", "title") == "画笔（B）"


@pytest.mark.long
def test_a_photo_of_48_megapixels_is_drawn_small_and_its_mask_comes_back_full(
    emptied: Watched, tmp_path: Path
) -> None:
    size = (6000, 8000)
    file = tmp_path / "large.jpg"
    pixels = np.full((*size, 3), (222, 180, 156), np.uint8)
    cv2.circle(pixels, (4000, 3000), 900, (170, 80, 76), -1)
    Image.fromarray(pixels).save(file, quality=80)
    open_photo(emptied, file)
    shown = emptied.page.evaluate(
        "(() => { const one = document.querySelector('#viewer-stage').viewer.state.photos[0]; return "
        "[one.bitmap.width, one.bitmap.height]; })()"
    )
    assert shown == [WORKING_SIDE, WORKING_SIDE * 3 // 4]
    emptied.page.keyboard.press("b")
    set_brush(emptied, 100)
    stroke(emptied, (1024, 768), (1025, 768))
    entry, _ = told(emptied, size)
    mask = read_mask(entry, read_photo(file).size)
    rows, columns = np.nonzero(mask)
    pixel = 8000 / WORKING_SIDE
    assert mask.shape == size
    assert (columns.max() - columns.min() + 1) == pytest.approx(201 * pixel, abs=2 * pixel)
    assert rows.mean() == pytest.approx(768 * pixel, abs=2 * pixel) and columns.mean() == pytest.approx(
        1024.5 * pixel, abs=2 * pixel
    )
