"""How a photo is shown in a real browser: settings beside it, turned, mirrored, adjusted, alone; what is
stored of it never changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from magic_demo.page.panels.viewer.mask_form import WORKING_SIDE
from tests.e2e.conftest import Watched
from tests.e2e.drawing import (
    HEIGHT,
    WIDTH,
    dice,
    open_photo,
    point,
    set_brush,
    stroke,
    told,
)
from tests.e2e.driving import canvas_pixels, open_example, set_slider, upload, view

WINDOWS = ((1366, 768), (1280, 720), (820, 1180), (390, 844))


def boxes(watched: Watched) -> dict[str, dict[str, float]]:
    """Return where the settings of the tool, and the stage, are on the page."""
    found: dict[str, dict[str, float]] = watched.page.evaluate(
        """() => Object.fromEntries(["options", "stage"].map((name) =>
        [name, document.querySelector(`#viewer-${name}`).getBoundingClientRect().toJSON()]))"""
    )
    return found


def test_no_setting_of_a_tool_lies_over_the_photo_and_none_moves_it(opened: Watched) -> None:
    page = opened.page
    for width, height in WINDOWS:
        page.set_viewport_size({"width": width, "height": height})
        page.keyboard.press("v")
        page.evaluate("scrollTo(0, 0)")
        before = boxes(opened)["stage"]
        for key in "wbep#v":
            page.keyboard.press(key)
            now = boxes(opened)
            assert now["options"]["bottom"] <= now["stage"]["top"], f"{key} at {width}"
            assert now["stage"] == before, f"{key} moves the photo at {width}"
            left = page.evaluate(
                """() => [...document.querySelectorAll("#viewer-stage .viewer-slider, #viewer-stage .segmented,"""
                """ #viewer-stage .viewer-button")].map((one) => one.id)"""
            )
            assert left == []


def draw_all(watched: Watched, tool: str) -> np.ndarray:
    """Draw the same strokes with a tool, and return what comes of it at the photo's size."""
    page = watched.page
    page.keyboard.press(tool)
    if tool == "b":
        set_brush(watched, 14)
        stroke(watched, (120, 90), (260, 90), (260, 200))
    else:
        for place in ((330, 260), (560, 300), (420, 420)):
            page.mouse.click(*point(watched, *place))
        page.keyboard.press("Enter")
    mask = told(watched)[1]
    page.keyboard.press("z")
    return mask


def cover(watched: Watched) -> np.ndarray:
    """Draw around a face, and return the corners of what is to be covered, in photo pixels."""
    watched.page.keyboard.press("#")
    stroke(watched, (200, 300), (300, 300), (300, 400), (200, 400), (200, 300))
    loop = watched.page.evaluate(
        """() => document.querySelector("#viewer-stage").viewer.state.photos[0].covers[0].loop"""
        """.map(({ x, y }) => [x, y])"""
    )
    watched.page.keyboard.press("Escape")
    return np.array([np.min(loop, axis=0), np.max(loop, axis=0)])


def first_mark(watched: Watched) -> list[object]:
    """Set a point, and return how the server is told of it."""
    page = watched.page
    page.keyboard.press("w")
    asked = page.evaluate("document.querySelector('#viewer-stage').viewer.sent.length")
    page.mouse.click(*point(watched, 300, 230))
    page.wait_for_function(
        "(asked) => document.querySelector('#viewer-stage').viewer.sent.length > asked", arg=asked
    )
    mark = page.evaluate("document.querySelector('#viewer-stage').viewer.sent.at(-1).clicks[0]")
    page.wait_for_function(
        "document.querySelector('#viewer-tool-point').getAttribute('aria-busy') === 'false'"
    )
    page.keyboard.press("Escape")
    page.keyboard.press("z")
    return list(mark)


@pytest.mark.long  # its first stroke drew nothing in one run after many other tests; not understood yet
def test_every_tool_draws_the_same_in_a_turned_and_mirrored_view(opened: Watched) -> None:
    page = opened.page
    drawn, covered, marks = [], [], []
    for step in ("plain", "turned", "zoomed"):
        if step == "turned":
            page.keyboard.press("|")
            page.keyboard.press(">")
        if step == "zoomed":
            set_slider(opened, "angle", -37)
            page.keyboard.press("v")
            page.mouse.move(*point(opened, 300, 250))
            page.mouse.wheel(0, -100)
        drawn.append([draw_all(opened, tool) for tool in "bp"])
        covered.append(cover(opened))
        if step in ("plain", "zoomed"):
            marks.append(first_mark(opened))
    assert view(opened)["angle"] == -37 and view(opened)["flip"] is True
    pixel = 2 / view(opened)["scale"]
    for masks, corners in zip(drawn, covered, strict=True):
        for mask, plain in zip(masks, drawn[0], strict=True):
            assert plain.sum() > 5000 and dice(mask, plain) > 0.97
        assert corners == pytest.approx(covered[0], abs=pixel)
    for mark in marks:
        assert mark[0] == "lesion" and mark[1:] == pytest.approx([300 / WIDTH, 230 / HEIGHT], abs=0.005)


def test_adjustments_are_shown_say_so_and_go_with_one_reset(opened: Watched) -> None:
    page = opened.page
    plain, fitted = canvas_pixels(opened), view(opened)
    at = tuple(
        reversed(
            [
                round(value)
                for value in page.evaluate(
                    "(() => { const { x, y } = document.querySelector('#viewer-stage').viewer.toWindow({ x: 300, y: 230 });"
                    " return [x, y]; })()"
                )
            ]
        )
    )
    page.select_option("#viewer-channel", "green")
    green = canvas_pixels(opened)[at]
    assert green[0] == green[1] == green[2] == pytest.approx(plain[at][1], abs=2)
    assert "Adjusted" in page.locator("#viewer-tinted").inner_text()
    page.keyboard.press("v")
    page.keyboard.press(";")
    assert page.input_value("#viewer-channel") == "red-free" and canvas_pixels(opened)[at][0] == 0
    page.keyboard.down("h")
    assert (canvas_pixels(opened) == plain).all(), "the bare photo is the stored one"
    page.keyboard.up("h")
    for name in ("brightness", "contrast", "gamma"):
        before = canvas_pixels(opened)
        page.focus(f"#viewer-{name}")
        page.keyboard.press("ArrowRight")
        assert (canvas_pixels(opened) != before).any(), name
    page.keyboard.press(">")
    page.keyboard.press("|")
    assert not page.evaluate("document.querySelector('#viewer-stage').viewer.sent.length"), "nothing is sent"
    page.click("#viewer-display-reset")
    assert (canvas_pixels(opened) == plain).all() and view(opened) == fitted
    assert page.locator("#viewer-tinted").is_hidden()


def test_f_shows_the_photo_alone_with_its_tools_and_no_key_answers_unseen(opened: Watched) -> None:
    page = opened.page
    page.keyboard.press("f")
    stage = boxes(opened)["stage"]
    assert stage["width"] == 1366 and stage["height"] > 700
    for part in ("#topbar", "#case-panel", "#cards-panel", "#viewer-rail"):
        hit = page.evaluate(
            "(part) => { const box = document.querySelector(part).getBoundingClientRect();"
            " return document.elementFromPoint(box.x + box.width / 2, box.y + 20)?.closest(part) !== null; }",
            part,
        )
        assert not hit, part
    page.keyboard.press("1")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.id") == "viewer-stage"
    page.keyboard.press("b")
    set_brush(opened, 20)
    stroke(opened, (200, 200), (300, 200))
    assert told(opened)[1][195:205, 200:300].all()
    page.keyboard.press("z")
    page.keyboard.press("Escape")
    assert boxes(opened)["stage"]["width"] < 1366
    page.keyboard.press("f")
    page.keyboard.press("f")
    assert boxes(opened)["stage"]["width"] < 1366 and page.locator("#run").is_enabled()
    page.click("#viewer-alone")
    page.click("#viewer-alone-leave")
    assert boxes(opened)["stage"]["width"] < 1366


def test_a_large_photo_is_sharp_from_close_by_and_the_label_counts_the_files_pixels(
    emptied: Watched, tmp_path: Path
) -> None:
    page, side = emptied.page, 2 * WORKING_SIDE
    pixels = np.full((side // 2, side, 3), 200, np.uint8)
    pixels[:, ::2] = 60  # lines of one pixel, which the working size blurs
    file = tmp_path / "lines.png"
    Image.fromarray(pixels).save(file)
    open_photo(emptied, file)
    state = "document.querySelector('#viewer-stage').viewer.state"
    assert float(page.locator("#viewer-zoom-value").inner_text()[:-1]) == pytest.approx(
        view(emptied)["scale"] * 50, abs=0.6
    )
    assert not page.evaluate(f"{state}.photos[0].detail ?? null")
    page.mouse.move(*point(emptied, WORKING_SIDE / 2, WORKING_SIDE / 4))
    for _ in range(12):
        page.mouse.wheel(0, -200)
    page.wait_for_function(f"{state}.photos[0].detail")
    assert page.locator("#viewer-zoom-value").inner_text().endswith("%") and view(emptied)["scale"] >= 16
    page.wait_for_function(
        f"""() => {{ const {{ view, photos: [one] }} = {state}, at = 1024 * view.scale + view.x;
        return one.detail.left < 1024 && one.detail.left + one.detail.width > 1024 && at > 0; }}"""
    )
    shown = canvas_pixels(emptied)
    assert shown[len(shown) // 2, :, 0].max() - shown[len(shown) // 2, :, 0].min() > 120, "line by line"
    page.keyboard.press(";")
    page.wait_for_function(f"{state}.photos[0].detail.shown")
    assert canvas_pixels(emptied)[len(shown) // 2].max(axis=0)[0] > 190
    page.keyboard.press("0")


THUMBS = """() => [...document.querySelectorAll("#photo-strip-list .thumb canvas")].map((one) => one.toDataURL())"""


def test_thumbnails_show_each_photos_outline_and_sixteen_photos_work(
    emptied: Watched, photo_file: Path, tmp_path: Path
) -> None:
    page = emptied.page
    pixels = np.asarray(Image.open(photo_file)).copy()
    files = [tmp_path / f"view-{number:02}.png" for number in range(16)]
    for number, file in enumerate(files):
        pixels[:40, 200 : 200 + 10 * number] = (30, 60, 90)
        Image.fromarray(pixels).save(file)
    upload(emptied, *files)
    page.wait_for_function("document.querySelectorAll('#photo-strip-list .thumb').length === 16")
    before = page.evaluate(THUMBS)
    assert len(set(before)) == 16
    page.locator("#photo-strip-list .thumb").nth(11).click()
    page.keyboard.press("b")
    set_brush(emptied, 40)
    stroke(emptied, (250, 200), (350, 260))
    page.wait_for_function(f"(before) => ({THUMBS})()[11] !== before", arg=before[11])
    after = page.evaluate(THUMBS)
    assert [number for number in range(16) if after[number] != before[number]] == [11]
    page.keyboard.press("z")
    page.wait_for_function(f"(before) => ({THUMBS})()[11] === before", arg=before[11])


def test_two_photos_of_a_case_lie_side_by_side_at_the_same_part_and_enlargement(emptied: Watched) -> None:
    page = emptied.page
    open_example(emptied, 1)
    alone = boxes(emptied)["stage"]["width"]
    page.keyboard.press("\\")
    page.wait_for_function("document.querySelector('#viewer-second').view")
    assert boxes(emptied)["stage"]["width"] == pytest.approx(alone / 2, abs=2)
    drawn = "document.querySelector('#viewer-second-canvas').toDataURL()"
    whole = page.evaluate(f"[{drawn}, document.querySelector('#viewer-second').view.scale]")
    page.mouse.move(*point(emptied, 300, 300))
    before = view(emptied)["scale"]
    page.mouse.wheel(0, -240)
    page.wait_for_function(f"(before) => {drawn} !== before", arg=whole[0])
    enlarged = view(emptied)["scale"] / before
    assert enlarged > 1.5
    beside = page.evaluate("document.querySelector('#viewer-second').view.scale")
    assert beside / whole[1] == pytest.approx(enlarged, rel=1e-6)
    box = page.locator("#viewer-second").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, 240)
    page.wait_for_function(
        "(scale) => document.querySelector('#viewer-stage').viewer.state.view.scale < scale",
        arg=before * enlarged,
    )
    page.keyboard.press("]")
    assert page.input_value("#viewer-second-photo") != page.locator("#viewer-name").inner_text()
    page.keyboard.press("\\")
    assert page.locator("#viewer-second").is_hidden()


def test_all_nine_cards_stand_above_the_bar_before_the_analysis_too(opened: Watched) -> None:
    page = opened.page
    page.wait_for_selector('.cards[data-state="waiting"]')
    page.wait_for_selector("#keep:not([hidden])")
    bar = page.locator("#keep").evaluate("(bar) => bar.getBoundingClientRect().top")
    ends = page.locator(".card").evaluate_all(
        "(all) => all.map((card) => card.getBoundingClientRect().bottom)"
    )
    assert len(ends) == 9 and max(ends) <= bar
    assert page.locator("#cards .cards-legend.when-waiting").is_visible()
