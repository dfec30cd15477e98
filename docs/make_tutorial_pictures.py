"""Make the pictures of docs/tutorials again: ``python -m docs.make_tutorial_pictures``, with drawn cases and the
shipped checkpoints."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from docs.make_screenshot import REPOSITORY, wait_for_page
from tests.e2e.browser import get_browser

FOLDER = REPOSITORY / "docs" / "tutorials"
WINDOW = {"width": 1280, "height": 720}
WIDTH, COLOURS = 960, 96
MAX_BYTES = 150_000
PATIENCE = 120_000
"""Milliseconds until a page, or what a model says, is there."""


def show_presenter(page: Page) -> None:
    """An example in presenter mode."""
    page.click("#example-1")
    page.wait_for_selector('.status[data-state="done"]', timeout=PATIENCE)
    page.click("#workshop-open")
    page.click("#presenter")
    page.wait_for_selector("html[data-presenter]")


def show_case(page: Page) -> None:
    """The first case of the queue, its list beside it."""
    open_first(page)
    page.wait_for_selector('.cards[data-state="answered"]', timeout=PATIENCE)


def show_blind(page: Page) -> None:
    """A case that is read blind: cards without the model."""
    open_first(page)
    page.wait_for_selector('#review[data-kind="blind"]', timeout=PATIENCE)
    page.click('#card-cqid012 [data-option="1"]')
    page.click('#card-cqid015 [data-option="1"]')


def open_first(page: Page) -> None:
    """Open the first case of the queue."""
    page.wait_for_selector("#queue-list li button", timeout=PATIENCE)
    page.click("#queue-list li button >> nth=0")


PICTURES: dict[str, tuple[tuple[str, ...], Callable[[Page], None]]] = {
    "presenter": ((), show_presenter),
    "participant": (("--queue", "CASES"), show_case),
    "research-group": (("--queue", "CASES", "--mode", "blind"), show_blind),
}
"""Name -> the page's arguments, and what is done before the picture is taken."""


def main() -> int:
    """Take those that are named, or all of them."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        cases, browser = Path(name) / "cases", playwright.chromium.launch(executable_path=get_browser())
        words = [sys.executable, "-m", "magic_demo", "cases", str(cases), "--count", "6", "--seed", "4"]
        subprocess.run(words, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
        large = []
        for tutorial in sys.argv[1:] or PICTURES:
            arguments, show = PICTURES[tutorial]
            own = [str(cases) if word == "CASES" else word for word in arguments]
            with _serve([*own, "--store", str(Path(name) / tutorial)]) as address:
                page = browser.new_page(viewport=WINDOW, locale="en-US", color_scheme="dark")  # type: ignore[arg-type]
                page.goto(address)
                page.wait_for_selector(".status[data-state]", timeout=PATIENCE)
                page.click("#language-en")
                show(page)
                page.mouse.move(WINDOW["width"] / 2, 5)
                page.wait_for_timeout(1500)  # the canvas has settled
                page.screenshot(path=str(Path(name) / "shot.png"))
                page.close()
            size = save_small(Path(name) / "shot.png", FOLDER / f"{tutorial}.png")
            print(f"{tutorial}.png: {size / 1000:.0f} kB", flush=True)
            large += [tutorial] if size > MAX_BYTES else []
        browser.close()
    return int(bool(large))


def save_small(shot: Path, path: Path) -> int:
    """Save a picture at WIDTH in few colours; returns its bytes."""
    picture = Image.open(shot).convert("RGB")
    size = (WIDTH, round(picture.height * WIDTH / picture.width))
    picture.resize(size, Image.Resampling.LANCZOS).quantize(COLOURS, dither=Image.Dither.NONE).save(
        path, optimize=True
    )
    return path.stat().st_size


@contextmanager
def _serve(arguments: list[str]) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, "app.py", "--port", str(port), *arguments], cwd=REPOSITORY)
    try:
        wait_for_page(f"http://127.0.0.1:{port}", PATIENCE / 1000)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


if __name__ == "__main__":
    sys.exit(main())
