"""Colours are left alone: what a reader sees inside an outline is the photo, until the shade is asked for,
and the page says that it tints."""

from __future__ import annotations

import base64
import io

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.e2e.conftest import Watched
from tests.e2e.driving import canvas_pixels, open_example, set_slider, view

LINE = 4
"""Window pixels from a mask's border beyond which nothing is drawn of its line."""


def drawn_away_from_the_line(watched: Watched, layer: str) -> tuple[int, int]:
    """Return the greatest difference inside a mask between what is shown and the bare photo, away from its
    line, and of how many pixels."""
    shown = canvas_pixels(watched)
    watched.page.keyboard.down("h")
    bare = canvas_pixels(watched)
    watched.page.keyboard.up("h")
    mask = watched.page.evaluate(
        """(layer) => { const { width, height, data } = document.querySelector("#viewer-stage").viewer[layer]();
        return { width, height, data: Array.from(data).join("") }; }""",
        layer,
    )
    pixels = np.array([one == "1" for one in mask["data"]]).reshape(mask["height"], mask["width"])
    where = view(watched)
    rows, columns = np.mgrid[: shown.shape[0], : shown.shape[1]]
    y = np.floor((rows + 0.5 - where["y"]) / where["scale"]).astype(int)
    x = np.floor((columns + 0.5 - where["x"]) / where["scale"]).astype(int)
    there = (y >= 0) & (y < pixels.shape[0]) & (x >= 0) & (x < pixels.shape[1])
    inside = there & pixels[np.clip(y, 0, pixels.shape[0] - 1), np.clip(x, 0, pixels.shape[1] - 1)]
    away = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5) > LINE + 0.5
    edge = LINE + 1  # a line just outside the window reaches into it
    seen = np.zeros_like(away)
    seen[edge:-edge, edge:-edge] = away[edge:-edge, edge:-edge]
    return int(np.abs(shown - bare).max(axis=2)[seen].max(initial=0)), int(seen.sum())


def zoom_to(watched: Watched, scale: float | None) -> None:
    """Show the photo at a scale around its middle, or the whole of it."""
    watched.page.click("#viewer-fit")
    if scale is not None:
        watched.page.evaluate(
            """(scale) => { const { viewer, clientWidth, clientHeight } = document.querySelector("#viewer-stage");
            const { width, height } = viewer.state.photos[viewer.state.current];
            viewer.state.view = { scale, x: (clientWidth - width * scale) / 2, y: (clientHeight - height * scale) / 2 }; viewer.drawNow(); }""",
            scale,
        )


@pytest.mark.parametrize("layer", ["mask", "own"])
def test_inside_the_outline_the_photo_is_shown_as_it_is(emptied: Watched, layer: str) -> None:
    page = emptied.page
    open_example(emptied, 3)
    assert page.get_attribute(".viewer", "data-mode") == "outline"
    set_slider(emptied, "threshold", 0.3)
    page.wait_for_function("document.querySelector('#viewer-stage').viewer.mask()?.data.includes(1)")
    if layer == "own":
        page.click("#viewer-take")
    for scale in (None, 1.0):
        zoom_to(emptied, scale)
        difference, pixels = drawn_away_from_the_line(emptied, layer)
        assert difference == 0 and pixels > 200
    assert page.locator("#viewer-tinted").is_hidden() and page.locator("#viewer-opacity").is_hidden()


def test_the_shade_is_one_key_away_says_that_it_tints_and_goes_without_a_trace(emptied: Watched) -> None:
    page = emptied.page
    open_example(emptied, 3)
    set_slider(emptied, "threshold", 0.3)
    outlined = canvas_pixels(emptied)
    page.keyboard.press("m")
    assert (canvas_pixels(emptied) != outlined).any() and drawn_away_from_the_line(emptied, "mask")[0] > 8
    assert page.locator("#viewer-tinted").is_visible() and page.locator("#viewer-opacity").is_visible()
    assert page.locator("#viewer-tinted").inner_text() == "Tinted: not the photo's own colours"
    assert "tints" in (page.get_attribute("#viewer-mode-both", "title") or "") and "tints" in (
        page.get_attribute("#viewer-mode-fill", "title") or ""
    )
    page.click("#viewer-mode-heat")
    assert page.locator("#viewer-tinted").is_visible()
    page.click("#viewer-mode-outline")
    assert (canvas_pixels(emptied) == outlined).all() and page.locator("#viewer-tinted").is_hidden()


def test_heat_that_was_put_away_leaves_the_photo_as_it_was(emptied: Watched) -> None:
    page = emptied.page
    open_example(emptied, 1)
    page.wait_for_function("document.querySelector('#viewer-stage').viewer.mask()?.data.includes(1)")
    outlined = canvas_pixels(emptied)
    page.click("#card-cqid036 .card-why")
    page.wait_for_function("document.querySelector('#viewer-stage').viewer.heat()")
    canvas_pixels(emptied)
    assert page.locator("#viewer-tinted").is_visible(), "heat tints as well"
    page.click("#why-close")
    page.wait_for_function("!document.querySelector('#viewer-stage').viewer.heat()")
    assert (canvas_pixels(emptied) == outlined).all() and page.locator("#viewer-tinted").is_hidden()


def test_paper_never_has_the_shade(emptied: Watched) -> None:
    page = emptied.page
    open_example(emptied, 3)
    set_slider(emptied, "threshold", 0.3)
    outlined = canvas_pixels(emptied)
    page.click("#viewer-mode-fill")
    page.evaluate(
        """addEventListener("beforeprint", () => { window.printed = document.querySelector("#viewer-canvas").toDataURL("image/png"); }, { once: true })"""
    )
    shaded = canvas_pixels(emptied)
    page.pdf()
    printed = np.asarray(
        Image.open(io.BytesIO(base64.b64decode(page.evaluate("window.printed").split(",")[1]))).convert(
            "RGBA"
        )
    ).astype(int)
    assert (printed == outlined).all() and (shaded != outlined).any()
    assert (canvas_pixels(emptied) == shaded).all(), "the screen has it again afterwards"


def test_thumbnails_are_shown_as_they_are(emptied: Watched) -> None:
    open_example(emptied, 1)
    looks = emptied.page.eval_on_selector_all(
        ".example, .example img, .thumb, .thumb canvas",
        "(all) => all.map((one) => { const { opacity, filter, mixBlendMode } = getComputedStyle(one); "
        "return [opacity, filter, mixBlendMode].join(); })",
    )
    assert len(looks) > 8 and set(looks) == {"1,none,normal"}
