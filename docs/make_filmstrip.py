"""Make docs/pointing.png again: ``python -m docs.make_filmstrip``, four steps of pointing at the lesion of a bundled
synthetic case with the shipped checkpoints."""

from __future__ import annotations

import io
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from docs.make_screenshot import MAX_BYTES, REPOSITORY, wait_for_page
from tests.e2e.browser import get_browser

PICTURE = REPOSITORY / "docs" / "pointing.png"
EXAMPLE = 2
SHOWN = ((0.36, 0.16), (1.0, 0.76))
"""The part of the photo in the frames: left top, right bottom."""
HEIGHT = 380  # of a frame, in pixels
CLICKS = ((0.867, 0.563), (0.756, 0.465))
"""Where the reader clicks, as shares of the photo's sides: what the outline left out."""
BOX = ((0.745, 0.664), (0.81, 0.72))
STILL = "document.querySelector('#viewer-tool-point').getAttribute('aria-busy') === 'false'"


def main() -> int:
    """Start the page, point, and put what a reader sees side by side."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, "app.py", "--port", str(port)], cwd=REPOSITORY)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for_page(address)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=get_browser())
            page = browser.new_page(
                viewport={"width": 1366, "height": 768}, locale="en-US", color_scheme="dark"
            )
            page.goto(address)
            frames = [*point(page)]
            browser.close()
    finally:
        server.terminate()
        server.wait(20)
    save(frames, PICTURE)
    size = PICTURE.stat().st_size
    print(f"{PICTURE.name}: {size / 1000:.0f} kB")
    return 0 if size < MAX_BYTES else 1


def point(page: Page) -> Iterator[Image.Image]:
    """Yield the photo as the model outlined it, and after each thing that the reader shows."""
    page.wait_for_selector('.status[data-state="ready"]', timeout=240_000)
    page.click(f"#example-{EXAMPLE}")
    page.wait_for_selector('.cards[data-state="answered"]', timeout=120_000)
    page.wait_for_timeout(500)
    yield photograph(page)
    page.keyboard.press("w")
    for x, y in CLICKS:
        page.mouse.click(*place(page, x, y))
        page.wait_for_function(STILL, timeout=60_000)
        page.wait_for_timeout(500)
        yield photograph(page)
    page.mouse.move(*place(page, *BOX[0]))
    page.mouse.down()
    page.mouse.move(*place(page, *BOX[1]), steps=8)
    page.mouse.up()
    page.wait_for_function(STILL, timeout=60_000)
    page.wait_for_timeout(500)
    yield photograph(page)


def place(page: Page, x: float, y: float) -> tuple[float, float]:
    """Return where a point of the photo, in shares of its sides, lies in the window."""
    at = page.evaluate(
        "([x, y]) => { const { viewer } = document.querySelector('#viewer-stage'), photo = viewer.state.photos[0];"
        " const { left, top } = document.querySelector('#viewer-stage').getBoundingClientRect();"
        " const to = viewer.toWindow({ x: x * photo.width, y: y * photo.height });"
        " return [left + to.x, top + to.y]; }",
        [x, y],
    )
    return at[0], at[1]


def photograph(page: Page) -> Image.Image:
    """Return the photo with what lies on it."""
    (left, top), (right, bottom) = (place(page, *corner) for corner in SHOWN)
    clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    frame = Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")  # type: ignore[arg-type]
    return frame.resize((round(frame.width * HEIGHT / frame.height), HEIGHT), Image.Resampling.LANCZOS)


def save(frames: list[Image.Image], path: Path) -> None:
    """Write frames side by side with a little room between."""
    gap = 8
    strip = Image.new("RGB", (sum(frame.width + gap for frame in frames) - gap, HEIGHT), "white")
    left = 0
    for frame in frames:
        strip.paste(frame, (left, 0))
        left += frame.width + gap
    strip.save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
