"""Make docs/screenshot.png again: ``python -m docs.make_screenshot [--example N]``, with a bundled synthetic
case and the shipped checkpoints."""

from __future__ import annotations

import argparse
import io
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.e2e.browser import get_browser

REPOSITORY = Path(__file__).resolve().parents[1]
PICTURE = REPOSITORY / "docs" / "screenshot.png"
WINDOW = {"width": 1366, "height": 768}
MAX_BYTES = 700_000


def main() -> int:
    """Start the page, open an example, and keep what a reader then sees."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--example", type=int, default=1, help="which of the bundled examples, from 0 (default: %(default)s)"
    )
    parser.add_argument("--language", choices=("en", "zh"), default="en")
    parser.add_argument("--out", type=Path, default=PICTURE)
    arguments = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, "app.py", "--port", str(port)], cwd=REPOSITORY)
    try:
        picture = take_picture(f"http://127.0.0.1:{port}", arguments.example, arguments.language)
    finally:
        server.terminate()
        server.wait(20)
    picture.save(arguments.out, optimize=True)
    size = arguments.out.stat().st_size
    print(f"{arguments.out.name}: {picture.width}x{picture.height}, {size / 1000:.0f} kB")
    return 0 if size < MAX_BYTES else 1


def take_picture(address: str, example: int, language: str) -> Image.Image:
    """Return the page with the example's result as an RGB picture."""
    wait_for_page(address)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=get_browser())
        page = browser.new_page(
            viewport={"width": WINDOW["width"], "height": WINDOW["height"]},
            locale="en-US",
            color_scheme="dark",
        )
        page.goto(address)
        page.wait_for_selector('.status[data-state="ready"]', timeout=240_000)
        page.click(f"#language-{language}")
        page.wait_for_timeout(500)
        page.click(f"#example-{example}")
        page.wait_for_selector('.status[data-state="done"]', timeout=120_000)
        page.keyboard.press("a")  # a review halfway: the reader agrees with the model,
        page.click('#card-cqid012 [data-option="0"]')  # takes another size,
        page.click('#card-cqid012 [data-option="1"]')
        page.click("#card-cqid015 .card-why")  # and asks why
        page.wait_for_selector(".why", timeout=120_000)
        page.mouse.move(WINDOW["width"] / 2, 5)
        page.wait_for_timeout(800)  # bars have grown, the canvas has settled
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        browser.close()
    return picture


def wait_for_page(address: str, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.3)
    raise SystemExit(f"{address} did not answer within {seconds:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
