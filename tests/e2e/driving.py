"""What a reader's hands and eyes do on the page, for the browser tests."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.e2e.conftest import Watched

ANSWERED = '.cards[data-state="answered"]'


def consent(watched: Watched) -> None:
    """Say that the photos may be used, where the page has not been told yet."""
    if watched.page.locator("#queue-own").is_visible():
        watched.page.click("#queue-own")
    if watched.page.locator("#consent").is_visible():
        watched.page.check("#consent-given")


def upload(watched: Watched, *files: Path) -> None:
    consent(watched)
    watched.page.set_input_files("#photos input[type=file]", [str(file) for file in files])


def analyse(watched: Watched, button: str = "#run") -> None:
    # what it says now is not what is waited for
    watched.page.evaluate("document.querySelector('.status').dataset.before = ''")
    watched.page.click(button)
    watched.page.wait_for_selector('.status[data-state="done"]:not([data-before])')
    watched.page.wait_for_selector(ANSWERED)


def open_example(watched: Watched, number: int) -> None:
    analyse(watched, f"#example-{number}")


def wait_for_numbers(watched: Watched) -> None:
    """Wait until the numbers beside the photo are those of the mask that is shown."""
    watched.page.wait_for_selector(".viewer:not([data-measuring]) #viewer-tone:not([hidden])")


def canvas_pixels(watched: Watched) -> np.ndarray:
    """Return what is drawn on the canvas as (H, W, 4)."""
    address = watched.page.evaluate(
        """() => { const stage = document.querySelector("#viewer-stage"); stage.viewer.drawNow();
        return document.querySelector("#viewer-canvas").toDataURL("image/png"); }"""
    )
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))).convert("RGBA")).astype(
        int
    )


def page_mask(watched: Watched) -> np.ndarray:
    """Return the mask of the photo shown as (H, W) bool."""
    mask = watched.page.evaluate(
        """() => { const { width, height, data } = document.querySelector("#viewer-stage").viewer.mask();
        return { width, height, data: Array.from(data).join("") }; }"""
    )
    return np.array([one == "1" for one in mask["data"]]).reshape(mask["height"], mask["width"])


def view(watched: Watched) -> dict[str, Any]:
    found: dict[str, Any] = watched.page.evaluate(
        """() => ({ ...document.querySelector("#viewer-stage").viewer.state.view })"""
    )
    return found


def set_slider(watched: Watched, name: str, value: float) -> None:
    watched.page.eval_on_selector(
        f"#viewer-{name}",
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', {bubbles: "
        "true})); }",
        str(value),
    )


def mask_on_canvas(
    watched: Watched, mask: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return where on the canvas the mask surely is, and where the photo surely is without it."""
    where = view(watched)
    rows, columns = np.mgrid[: shape[0], : shape[1]]

    def look(border: float) -> np.ndarray:
        """Return (inside somewhere, inside everywhere) about each canvas pixel."""
        seen = []
        for dy in (-border, 0, border):
            for dx in (-border, 0, border):
                y = np.floor((rows + 0.5 + dy - where["y"]) / where["scale"]).astype(int)
                x = np.floor((columns + 0.5 + dx - where["x"]) / where["scale"]).astype(int)
                there = (y >= 0) & (y < mask.shape[0]) & (x >= 0) & (x < mask.shape[1])
                seen.append(there & mask[np.clip(y, 0, mask.shape[0] - 1), np.clip(x, 0, mask.shape[1] - 1)])
        return np.array(seen)

    near = look(4.0)
    return np.asarray(near.all(axis=0)), np.asarray(~near.any(axis=0))
