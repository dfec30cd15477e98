"""What a reader waits for in the viewer: a brush stroke on a 12-megapixel photo, switching photos, threshold, opacity, hiding, zoom.

``python -m benchmarks.interaction``: the page as ``make demo`` starts it, in headless Chromium, with two drawn photos of 12 megapixels
that the shipped models have analysed. Printed are medians and 95th percentiles in milliseconds from the event to the frame that shows it,
drawn and read back (one pixel, so that nothing is left queued), and how many requests the server got meanwhile, which must be none.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Page, sync_playwright

from tests.e2e.browser import get_browser

SIZE = (3000, 4000)
WATCH = """() => {
  const stage = document.querySelector("#viewer-stage");
  const context = document.querySelector("#viewer-canvas").getContext("2d");
  window.waits = [];
  window.drawn = (from) => requestAnimationFrame(() => { context.getImageData(0, 0, 1, 1); window.waits.push(performance.now() - from); });
  stage.addEventListener("pointermove", (event) => { if (event.buttons) window.drawn(event.timeStamp); });
}"""


def draw_photo(path: Path, seed: int) -> None:
    """Write a 12-megapixel photo of skin with a lesion, synthetic."""
    height, width = SIZE
    pixels = np.full((height, width, 3), (156, 180, 222), np.uint8)
    cv2.ellipse(pixels, (width // 2, height // 2), (700 + 50 * seed, 500), 20 * seed, 0, 360, (76, 80, 170), -1)
    noise = cv2.resize(np.random.default_rng(seed).normal(0, 12, (height // 4, width // 4, 3)).astype(np.float32), (width, height))
    cv2.imwrite(str(path), np.clip(cv2.GaussianBlur(pixels, (0, 0), 9) + noise, 0, 255).astype(np.uint8))


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Start the page and yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(folder / "uploads")}
    command = [sys.executable, "app.py", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(address, timeout=5).close()
                break
            except OSError:
                if server.poll() is not None:
                    raise SystemExit("the page did not start: run python app.py to see why") from None
                time.sleep(0.3)
        yield address
    finally:
        server.terminate()
        server.wait(20)


def measure(page: Page, act: Callable[[], None]) -> list[float]:
    """Return the waits, in milliseconds, that were seen while ``act`` ran."""
    page.evaluate("() => { window.waits = []; }")
    act()
    page.wait_for_timeout(300)
    return [float(wait) for wait in page.evaluate("() => window.waits")]


def brush(page: Page) -> None:
    """Draw eight long strokes."""
    box = page.locator("#viewer-stage").bounding_box()
    assert box is not None
    for number in range(8):
        y = box["y"] + box["height"] * (0.2 + 0.07 * number)
        page.mouse.move(box["x"] + box["width"] * 0.25, y)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.75, y + 20, steps=40)
        page.mouse.up()


def repeat(page: Page, script: str, count: int = 20) -> None:
    """Do something in the page again and again, a frame or more apart, and note how long each takes to be seen."""
    page.evaluate(
        f"async (count) => {{ for (let i = 0; i < count; i++) {{ const from = performance.now(); ({script})(i); window.drawn(from);"
        " await new Promise((done) => setTimeout(done, 120)); } }",
        count,
    )


KEY = "document.dispatchEvent(new KeyboardEvent('{kind}', {{ key: '{key}', bubbles: true }}))"
SLIDER = (
    "(i) => {{ const slider = document.querySelector('#viewer-{name}'); slider.value = String(0.3 + 0.02 * i);"
    " slider.dispatchEvent(new Event('input', {{ bubbles: true }})); }}"
)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        files = [folder / "one.jpg", folder / "two.jpg"]
        for seed, file in enumerate(files):
            draw_photo(file, seed)
        with serve(folder) as address:
            browser = playwright.chromium.launch(executable_path=get_browser())
            page = browser.new_page(viewport={"width": 1366, "height": 768})
            requests: list[str] = []
            page.goto(address)
            page.wait_for_selector('.status[data-state="ready"]', timeout=240_000)
            page.set_input_files("#photos input[type=file]", [str(file) for file in files])
            page.wait_for_selector('#photo-strip-list [data-photo="1"]', timeout=120_000)
            page.click("#run")
            page.wait_for_selector('.status[data-state="done"]', timeout=240_000)
            page.evaluate(WATCH)
            page.evaluate("() => document.activeElement?.blur()")
            page.on("request", lambda request: requests.append(request.url))
            results = {
                "threshold": measure(page, lambda: repeat(page, SLIDER.format(name="threshold"))),
                "opacity": measure(page, lambda: repeat(page, SLIDER.format(name="opacity"))),
                "hide": measure(
                    page,
                    lambda: repeat(page, f"(i) => i % 2 ? {KEY.format(kind='keyup', key='h')} : {KEY.format(kind='keydown', key='h')}"),
                ),
                "zoom": measure(
                    page,
                    lambda: repeat(page, f"(i) => i % 2 ? {KEY.format(kind='keydown', key='-')} : {KEY.format(kind='keydown', key='+')}"),
                ),
                "photo switch, first": measure(page, lambda: repeat(page, f"() => {KEY.format(kind='keydown', key=']')}", 1)),
                "photo switch": measure(page, lambda: repeat(page, f"() => {KEY.format(kind='keydown', key=']')}")),
            }
            asked = len(requests)
            page.keyboard.press("b")
            results["brush stroke to painted pixel"] = measure(page, lambda: brush(page))
            browser.close()
    for what, waits in results.items():
        worst = sorted(waits)[int(0.95 * (len(waits) - 1))]
        print(f"{what:32s} median {statistics.median(waits):6.1f} ms   95% {worst:6.1f} ms   n {len(waits)}")
    print(f"requests during threshold, opacity, hide, zoom and switching: {asked}")


if __name__ == "__main__":
    main()
