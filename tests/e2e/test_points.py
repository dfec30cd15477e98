"""A reader points and the outline follows: by mouse, finger and keyboard, one point after another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from magic_demo.page.panels.viewer.mask_form import working_size
from tests.e2e.conftest import Watched
from tests.e2e.drawing import (
    HEIGHT,
    WIDTH,
    dice,
    lesion,
    open_photo,
    opened,
    photo_file,
    point,
    set_brush,
    stroke,
    told,
)

__all__ = ["opened", "photo_file"]  # fixtures
NOTE = "#viewer-note"
POINTS = "#viewer-sketch .mark"


def wait_for_answer(watched: Watched) -> None:
    """Wait until no point is under way."""
    watched.page.wait_for_function(
        "document.querySelector('#viewer-tool-point').getAttribute('aria-busy') === 'false'"
    )


def click(watched: Watched, x: float, y: float, **how: Any) -> np.ndarray:
    """Click a point of the photo, and return the outline that comes of it."""
    watched.page.mouse.click(*point(watched, x, y), **how)
    wait_for_answer(watched)
    return told(watched)[1]


def draw_islands(watched: Watched) -> np.ndarray:
    watched.page.keyboard.press("b")
    set_brush(watched, 12)
    stroke(watched, (60, 400), (110, 400))
    stroke(watched, (500, 60), (560, 60))
    return told(watched)[1]


def test_a_click_adds_a_right_click_takes_away_and_undo_goes_point_by_point(opened: Watched) -> None:
    page = opened.page
    page.keyboard.press("w")
    page.mouse.click(*point(opened, 300, 230))
    wait_for_answer(opened)
    assert page.locator(NOTE).inner_text().startswith("The model had to read this photo first")
    found = told(opened)[1]
    assert dice(found, lesion()) > 0.9
    entry = told(opened)[0]
    assert [kind for kind, *_ in entry["clicks"]] == ["lesion"]
    assert np.allclose(entry["clicks"][0][1:], (300 / WIDTH, 230 / HEIGHT), atol=0.002)
    page.keyboard.press("b")
    set_brush(opened, 30)
    stroke(opened, (440, 420), (560, 420))
    leaked = told(opened)[1]
    page.keyboard.press("w")
    assert page.locator(POINTS).count() == 0, "another tool accepts"
    less = click(opened, 500, 420, button="right")
    assert not less[420, 500] and (less & found).sum() == found.sum()
    assert page.locator(".mark.skin").count() == 1
    page.keyboard.press("z")
    assert np.array_equal(told(opened)[1], leaked) and page.locator(POINTS).count() == 0
    page.keyboard.press("z")
    assert np.array_equal(told(opened)[1], found)
    page.keyboard.press("z")
    assert told(opened)[0]["runs"] is None and told(opened)[0]["clicks"] == []
    page.keyboard.press("y")
    assert np.array_equal(told(opened)[1], found) and page.locator(POINTS).count() == 1
    page.keyboard.press("Enter")
    assert page.locator(POINTS).count() == 0 and np.array_equal(told(opened)[1], found)


def test_a_point_is_dragged_and_taken_away_again(opened: Watched) -> None:
    page = opened.page
    page.keyboard.press("w")
    first = click(opened, 280, 230)
    stroke(opened, (280, 230), (330, 240))
    wait_for_answer(opened)
    entry, moved = told(opened)
    assert len(entry["clicks"]) == 1 and abs(entry["clicks"][0][1] - 330 / WIDTH) < 0.002
    assert dice(moved, lesion()) > 0.9
    page.mouse.click(*point(opened, 330, 240))
    assert told(opened)[0]["runs"] is None and page.locator(POINTS).count() == 0
    page.keyboard.press("z")
    page.keyboard.press("z")
    assert np.array_equal(told(opened)[1], first)


def test_a_box_is_answered_with_the_lesion_in_it_and_what_is_drawn_elsewhere_stays(opened: Watched) -> None:
    page = opened.page
    drawn = draw_islands(opened)
    page.keyboard.press("w")
    stroke(opened, (180, 140), (420, 320))
    wait_for_answer(opened)
    entry, cut = told(opened)
    box = np.zeros((HEIGHT, WIDTH), bool)
    box[140:320, 180:420] = True
    assert (cut & drawn).sum() == drawn.sum()
    assert dice(cut & ~drawn, lesion()) > 0.93 > dice(box, lesion()) + 0.1
    assert entry["clicks"][0][0] == "box"
    page.keyboard.down("Alt")
    refined = click(opened, 300, 172)  # the lesion's upper edge
    page.keyboard.up("Alt")
    assert not refined[172, 300] and (refined & drawn).sum() == drawn.sum()
    assert [kind for kind, *_ in told(opened)[0]["clicks"]] == ["box", "skin"]
    page.keyboard.press("z")
    page.keyboard.press("z")
    assert np.array_equal(told(opened)[1], drawn)


def test_points_are_set_by_keyboard_alone(opened: Watched) -> None:
    page = opened.page
    page.focus("#viewer-stage")
    page.keyboard.press("w")
    page.keyboard.press("ArrowRight")  # the crosshair, in the middle of the photo
    assert page.locator("#viewer-cursor").get_attribute("data-kind") == "cross"
    page.keyboard.press("Enter")
    wait_for_answer(opened)
    assert dice(told(opened)[1], lesion()) > 0.9
    for _ in range(4):
        page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("-")
    wait_for_answer(opened)
    assert [kind for kind, *_ in told(opened)[0]["clicks"]] == ["lesion", "skin"]
    page.keyboard.press(" ")
    wait_for_answer(opened)
    assert len(told(opened)[0]["clicks"]) == 1, "on a point that is there it takes it away"
    page.keyboard.press("Backspace")
    assert told(opened)[0]["runs"] is None
    page.keyboard.press("Escape")


def test_a_tap_on_a_narrow_screen_adds_and_the_button_says_that_it_takes_away(
    watched: Watched, photo_file: Path
) -> None:
    page = watched.page  # a fresh one: where a pen has drawn before, a finger moves the photo
    open_photo(watched, photo_file)
    page.set_viewport_size({"width": 390, "height": 844})
    page.click("#viewer-tool-point")
    page.evaluate("document.querySelector('#viewer-stage').scrollIntoView({ block: 'center' })")
    fingers = page.context.new_cdp_session(page)

    def tap(x: float, y: float) -> np.ndarray:
        at = point(watched, x, y)
        touches = [{"x": at[0], "y": at[1]}]
        hit = page.evaluate(
            "([x, y]) => { const hit = document.elementFromPoint(x, y);"
            " return hit?.closest('.viewer-float') ? hit.outerHTML : hit?.closest('#viewer-stage')?.id }",
            at,
        )
        assert hit == "viewer-stage", f"the finger meets {hit} at {at}"
        asked = page.evaluate("document.querySelector('#viewer-stage').viewer.sent.length")
        fingers.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": touches})
        fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_function(
            "(asked) => document.querySelector('#viewer-stage').viewer.sent.length > asked", arg=asked
        )
        wait_for_answer(watched)
        return told(watched)[1]

    assert dice(tap(300, 230), lesion()) > 0.9
    page.click("#viewer-point-subtract")
    assert not tap(230, 230)[230, 230]
    assert [kind for kind, *_ in told(watched)[0]["clicks"]] == ["lesion", "skin"]
    for name in ("add", "subtract", "remove", "keep", "accept"):
        box = page.locator(f"#viewer-point-{name}").bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390, name
    page.click("#viewer-point-add")


def test_one_click_removes_an_island_or_keeps_only_it(opened: Watched) -> None:
    page = opened.page
    drawn = draw_islands(opened)
    page.keyboard.press("w")
    page.click("#viewer-point-remove")
    page.mouse.click(*point(opened, 80, 400))
    one = told(opened)[1]
    assert not one[400, 80] and one[60, 530] and one.sum() < drawn.sum()
    page.keyboard.press("z")
    page.click("#viewer-point-keep")
    page.mouse.click(*point(opened, 80, 400))
    other = told(opened)[1]
    assert other[400, 80] and not other[60, 530]
    page.mouse.click(*point(opened, 300, 300))
    assert page.locator(NOTE).inner_text().startswith("There is no outline here")
    assert np.array_equal(told(opened)[1], other)
    page.click("#viewer-point-add")


def test_a_point_that_moves_no_pixel_is_kept_with_the_others(opened: Watched) -> None:
    page = opened.page
    page.keyboard.press("w")
    outlines = [click(opened, x, 230) for x in (260, 300, 340)]
    again = click(opened, 320, 232)
    entry, _ = told(opened)
    assert len(entry["clicks"]) == len(outlines) + 1, "whether or not the outline is another one"
    page.keyboard.press("z")
    wait_for_answer(opened)
    entry, found = told(opened)
    assert len(entry["clicks"]) == len(outlines) and (found == outlines[-1]).all() and again.any()


def test_points_that_are_set_faster_than_they_are_answered_are_all_followed(opened: Watched) -> None:
    page = opened.page
    page.keyboard.press("w")
    for x in (260, 300, 340):
        page.mouse.click(*point(opened, x, 230))
    assert page.locator(POINTS).count() == 3, "seen before they are answered"
    wait_for_answer(opened)
    entry, found = told(opened)
    assert len(entry["clicks"]) == 3 and dice(found, lesion()) > 0.9
    for left in (2, 1, 0):
        page.keyboard.press("z")
        wait_for_answer(opened)
        assert page.locator(POINTS).count() == left
    assert told(opened)[0]["runs"] is None


def test_of_thirty_points_on_a_rash_each_changes_its_own_spot_alone(emptied: Watched, tmp_path: Path) -> None:
    pixels = np.full((3000, 4000, 3), (222, 180, 156), np.uint8)
    size = working_size((3000, 4000))  # at which the page draws
    spots = [(round((i % 6 + 0.5) / 6 * size[1]), round((i // 6 + 0.5) / 5 * size[0])) for i in range(30)]
    for x, y in spots:
        cv2.circle(pixels, (round(x / size[1] * 4000), round(y / size[0] * 3000)), 30, (170, 80, 76), -1)
    Image.fromarray(pixels).save(tmp_path / "rash.png")
    page = emptied.page
    open_photo(emptied, tmp_path / "rash.png")
    page.keyboard.press("w")
    for spot in spots:
        page.mouse.click(*point(emptied, *spot))
    wait_for_answer(emptied)
    whole = told(emptied, size)[1]
    assert all(whole[y, x] for x, y in spots) and whole.mean() < 0.1

    def changed(before: np.ndarray, number: int) -> np.ndarray:
        """Return the outline, which must be another at one spot, and the same elsewhere."""
        wait_for_answer(emptied)
        after = told(emptied, size)[1]
        differs = before ^ after
        assert differs.any()
        x, y = spots[number]
        differs[max(0, y - 60) : y + 60, max(0, x - 60) : x + 60] = False
        assert not differs.any()
        return after

    x, y = spots[2]
    stroke(emptied, (x, y), (x + 22, y + 8))
    moved = changed(whole, 2)
    page.mouse.click(*point(emptied, *spots[9]))
    removed = changed(moved, 9)
    assert page.locator(POINTS).count() == 29 and not removed[spots[9][1], spots[9][0]]
    for before in (moved, whole):
        page.keyboard.press("z")
        wait_for_answer(emptied)
        assert np.array_equal(told(emptied, size)[1], before)
