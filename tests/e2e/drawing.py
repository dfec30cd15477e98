"""What a reader does in the viewer of a real browser, and what the server would receive of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from magic_demo.page.panels.viewer.mask_form import read_mask
from tests.e2e.conftest import Watched
from tests.e2e.driving import upload

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
