"""A reader corrects masks by finger and pen."""

from __future__ import annotations

import numpy as np

from tests.e2e.conftest import Watched
from tests.e2e.drawing import point, set_brush, told


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
