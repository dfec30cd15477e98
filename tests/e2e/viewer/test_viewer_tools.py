"""A reader corrects masks in a real browser: by mouse, pen, finger and keyboard; what the server would
receive is what is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from magic_demo.files.photos.reading import read_photo
from magic_demo.page.panels.viewer.mask_form import WORKING_SIDE, read_mask
from tests.e2e.conftest import Watched
from tests.e2e.driving import canvas_pixels, open_example, set_slider, upload

WIDTH, HEIGHT = 640, 480
LESION = ((300, 230), (90, 60))
"""Middle and half axes of the lesion in the drawn photo."""


@pytest.fixture(scope="module")
def photo_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a photo of skin with one red oval."""
    path = tmp_path_factory.mktemp("photos") / "arm.png"
    pixels = np.full((HEIGHT, WIDTH, 3), (222, 180, 156), np.uint8)
    cv2.ellipse(pixels, *LESION, 0, 0, 360, (170, 80, 76), -1)
    noise = np.random.default_rng(1).normal(0, 4, pixels.shape)
    Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def opened(emptied: Watched, photo_file: Path) -> Watched:
    """Open the photo, not analysed, and listen to what the viewer tells the server."""
    open_photo(emptied, photo_file)
    return emptied


def open_photo(watched: Watched, file: Path) -> None:
    upload(watched, file)
    watched.page.wait_for_selector("#photo-strip-list .thumb")
    watched.page.wait_for_selector('.viewer[data-state="photo"][data-editable]')
    watched.page.wait_for_function(  # a window of another size before: the photo is fitted into this one first
        """() => new Promise((done) => { const look = () => JSON.stringify([document.querySelector("#viewer-stage").getBoundingClientRect(),
        document.querySelector("#viewer-stage").viewer.state.view]), before = look(); requestAnimationFrame(() => requestAnimationFrame(() => done(before === look()))); })"""
    )
    watched.page.evaluate(
        """() => { const stage = document.querySelector("#viewer-stage"), heard = stage.viewer.sent;
        stage.viewer.sent = [];
        if (!heard) stage.addEventListener("viewer-tells", (event) => stage.viewer.sent.push(event.detail)); }"""
    )


def point(watched: Watched, x: float, y: float) -> tuple[float, float]:
    """Return where on the page a pixel of the photo is drawn."""
    box = watched.page.locator("#viewer-stage").bounding_box()
    at = watched.page.evaluate(
        f"document.querySelector('#viewer-stage').viewer.toWindow({{ x: {x}, y: {y} }})"
    )
    assert box is not None
    return box["x"] + at["x"], box["y"] + at["y"]


def stroke(watched: Watched, *points: tuple[float, float]) -> None:
    mouse = watched.page.mouse
    mouse.move(*point(watched, *points[0]))
    mouse.down()
    for place in points[1:]:
        mouse.move(*point(watched, *place), steps=6)
    mouse.up()


def told(watched: Watched, size: tuple[int, int] = (HEIGHT, WIDTH)) -> tuple[dict[str, Any], np.ndarray]:
    """Return the last thing the server was told of a mask, and that mask at the photo's size."""
    watched.page.evaluate("document.querySelector('#viewer-stage').viewer.flush()")
    sent = watched.page.evaluate("document.querySelector('#viewer-stage').viewer.sent")
    masks = [entry for entry in sent if "runs" in entry]
    assert masks, "nothing was told"
    return masks[-1], read_mask(masks[-1], size) if masks[-1]["runs"] is not None else np.zeros(size, bool)


def set_brush(watched: Watched, radius: float) -> None:
    watched.page.evaluate(f"document.querySelector('#viewer-stage').viewer.tools.setRadius({radius})")


def disc(x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.asarray(np.hypot(columns + 0.5 - x, rows + 0.5 - y) < radius)


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2 * float((one & other).sum()) / float(one.sum() + other.sum())


def lesion() -> np.ndarray:
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(drawn, *LESION, 0, 0, 360, 1, -1)
    return drawn > 0


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


def test_a_finger_draws_and_two_fingers_zoom_while_a_tool_is_in_use(opened: Watched) -> None:
    page = opened.page
    page.click("#viewer-tool-brush")
    set_brush(opened, 15)
    fingers = page.context.new_cdp_session(page)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", point(opened, 200, 300))
    for x in range(210, 310, 10):
        touch("touchMove", point(opened, x, 300))
    touch("touchEnd")
    _, painted = told(opened)
    assert painted[290:310, 200:300].all()

    before = page.evaluate("document.querySelector('#viewer-stage').viewer.state.view.scale")
    one, other = point(opened, 280, 200), point(opened, 320, 200)
    touch("touchStart", one)
    touch("touchMove", (one[0] + 2, one[1]))
    touch("touchStart", (one[0] + 2, one[1]), other)
    for step in range(1, 6):
        touch("touchMove", (one[0] - 10 * step, one[1]), (other[0] + 10 * step, other[1]))
    touch("touchEnd")
    assert page.evaluate("document.querySelector('#viewer-stage').viewer.state.view.scale") > 1.5 * before
    assert np.array_equal(told(opened)[1], painted), "the beginning of a pinch paints nothing"


def pen(
    watched: Watched,
    kind: str,
    x: float,
    y: float,
    *,
    button: int = 0,
    pointer: str = "pen",
    number: int = 90,
) -> None:
    """Send what a pen's driver, or a hand laid down beside it, would: the browser's own tools know no other
    end of a pen."""
    at = point(watched, x, y)
    watched.page.evaluate(
        """([kind, x, y, button, pointer, number]) => { const stage = document.querySelector("#viewer-stage");
        stage.setPointerCapture = () => {}; // there is no such pointer
        stage.dispatchEvent(new PointerEvent(kind, { clientX: x, clientY: y, button: kind === "pointermove" ? -1 : button,
          pointerType: pointer, pointerId: number, bubbles: true, cancelable: true })); }""",
        [kind, *at, button, pointer, number],
    )


def test_a_pen_draws_its_other_end_erases_and_the_hand_beside_it_does_nothing(opened: Watched) -> None:
    page = opened.page
    page.click("#viewer-tool-brush")
    set_brush(opened, 15)
    pen(opened, "pointerdown", 200, 300)
    pen(opened, "pointermove", 250, 300)
    pen(opened, "pointerdown", 500, 400, pointer="touch", number=91)  # the hand comes to rest
    pen(opened, "pointermove", 500, 405, pointer="touch", number=91)
    pen(opened, "pointermove", 300, 300)
    pen(opened, "pointerup", 300, 300)
    pen(opened, "pointerup", 500, 405, pointer="touch", number=91)
    painted = told(opened)[1]
    assert painted[290:310, 200:300].all() and not painted[350:].any()
    page.click("#viewer-tool-view")
    pen(opened, "pointerdown", 250, 260, button=5)
    pen(opened, "pointermove", 250, 340)
    pen(opened, "pointerup", 250, 340, button=5)
    erased = told(opened)[1]
    assert not erased[:, 240:260].any() and erased.sum() > 0.6 * painted.sum(), "with any tool in hand"


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
