"""What a reader waits for while reading: a stroke on a 12-megapixel photo, another photo, a save, threshold,
opacity, hiding, zoom, a click with Point.

``python -m benchmarks.interaction`` prints it; ``make bench`` puts it into the table. The page as ``make
demo`` starts it, in headless Chromium, with a queue of one case: two drawn photos of 12 megapixels that the
shipped models have analysed. Waits are from the event to the frame that shows it, drawn and read back (one
pixel, so that nothing is left queued). Meanwhile the requests that the server got are counted: threshold,
opacity, zoom, hiding and another photo must make none.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.page import START_SECONDS, draw_photo, open_page, serve
from benchmarks.timing import Reading, describe_waits
from tests.e2e.browser import get_browser

WATCH = """() => {
  const stage = document.querySelector("#viewer-stage");
  const context = document.querySelector("#viewer-canvas").getContext("2d");
  window.waits = [];
  window.drawn = (from) => requestAnimationFrame(() => { context.getImageData(0, 0, 1, 1); window.waits.push(performance.now() - from); });
  window.painted = (from) => requestAnimationFrame(() => setTimeout(() => window.waits.push(performance.now() - from)));
  let pointed = null;
  const viewer = stage.closest(".viewer");
  stage.addEventListener("pointerdown", (event) => { pointed = viewer.dataset.tool === "point" ? event.timeStamp : null; }, { capture: true });
  new MutationObserver(() => {
    if (pointed === null || viewer.hasAttribute("data-cutting")) return;
    window.drawn(pointed);
    pointed = null;
  }).observe(viewer, { attributes: true, attributeFilter: ["data-cutting"] });
  stage.addEventListener("pointermove", (event) => { if (event.buttons) window.drawn(event.timeStamp); });
  const line = () => document.querySelector("#status .status-line").textContent;
  let told = null;
  for (const heard of ["cards-tell", "viewer-tells"]) document.addEventListener(heard, () => { told = { at: performance.now(), line: line() }; });
  new MutationObserver(() => {
    if (told === null || line() === told.line || !line().includes("Saved")) return;
    window.saves.push(performance.now() - told.at);
    told = null;
  }).observe(document.querySelector("#status"), { childList: true, subtree: true, characterData: true });
  window.saves = [];
}"""
SAVE_EVERY = 1300
"""Milliseconds between two saves: the page says a save by its time in seconds."""


def write_queue(folder: Path) -> Path:
    """Write a queue of one case with two photos."""
    queue = folder / "clinic" / "valid"
    queue.mkdir(parents=True)
    names = [f"IMG_ENC00001_0000{number}.jpg" for number in (1, 2)]
    for seed, name in enumerate(names):
        draw_photo(queue / name, seed)
    case = {
        "encounter_id": "ENC00001",
        "image_ids": names,
        "query_title_en": "Spot",
        "query_content_en": "A red itching spot for two weeks.",
    }
    (queue / "valid.json").write_text(json.dumps([case]), encoding="utf-8")
    return queue.parent


def take_waits(page: Page, act: Callable[[], None], kind: str = "waits") -> list[float]:
    """Return the waits, in milliseconds, that were seen while ``act`` ran."""
    page.evaluate(f"() => {{ window.{kind} = []; }}")
    act()
    page.wait_for_timeout(300)
    return [float(wait) for wait in page.evaluate(f"() => window.{kind}")]


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


def repeat(page: Page, script: str, count: int = 20, *, seen: str = "drawn") -> None:
    """Do something in the page again and again, a frame or more apart, and note how long each takes to be
    seen: "drawn" on the canvas, or "painted" anywhere."""
    page.evaluate(
        f"async (count) => {{ for (let i = 0; i < count; i++) {{ const from = performance.now(); "
        f"({script})(i); window.{seen}(from);"
        " await new Promise((done) => setTimeout(done, 120)); } }",
        count,
    )


def answer(page: Page, count: int = 8) -> None:
    """Answer a card again and again, each answer saved."""
    for number in range(count):
        page.locator("#card-cqid025 .row").nth(number % 2).evaluate("(row) => row.click()")
        page.wait_for_timeout(SAVE_EVERY)


def outline(page: Page, count: int = 6) -> None:
    """Draw short strokes, each saved once the mask rests."""
    box = page.locator("#viewer-stage").bounding_box()
    assert box is not None
    for number in range(count):
        y = box["y"] + box["height"] * (0.75 + 0.02 * number)
        page.mouse.move(box["x"] + box["width"] * 0.4, y)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.6, y, steps=4)
        page.mouse.up()
        page.wait_for_timeout(SAVE_EVERY)


def point(page: Page, clicks: int = 12) -> None:
    """Click on the photo with Point, the outline following each click before the next."""
    page.keyboard.press("w")
    box = page.locator("#viewer-stage").bounding_box()
    assert box is not None
    for number in range(clicks):
        x, y = 0.35 + 0.1 * (number % 4), 0.35 + 0.12 * (number // 4)
        page.mouse.click(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
        page.wait_for_function("(count) => window.waits.length === count", arg=number + 1)


KEY = "document.dispatchEvent(new KeyboardEvent('{kind}', {{ key: '{key}', bubbles: true }}))"
SLIDER = (
    "(i) => {{ const slider = document.querySelector('#viewer-{name}'); slider.value = String(0.3 + "
    "0.02 * i);"
    " slider.dispatchEvent(new Event('input', {{ bubbles: true }})); }}"
)
IN_BROWSER = {
    "threshold": SLIDER.format(name="threshold"),
    "opacity": SLIDER.format(name="opacity"),
    "hide": f"(i) => i % 2 ? {KEY.format(kind='keyup', key='h')} : {KEY.format(kind='keydown', key='h')}",
    "zoom": f"(i) => i % 2 ? {KEY.format(kind='keydown', key='-')} : {KEY.format(kind='keydown', key='+')}",
}
"""What the reader changes -> how, number by number: nothing of it may ask the server."""
LOOKS, PARTS = "/alive?", "/photo-part"
"""What the page asks by itself every few seconds, whether the server is there; and what it fetches where one zooms
in further than its copy of the photo has pixels."""
ANSWER = "(i) => {{ {card}; {option}; }}".format(
    card=KEY.format(kind="keydown", key="6"), option=KEY.format(kind="keydown", key="' + 'eo'[i % 2] + '")
)
"""Two keys that answer whether it itches, one way and the other by turns."""
NEXT_PHOTO = f"() => {KEY.format(kind='keydown', key=']')}"


def measure_waits(page: Page) -> Iterator[Reading]:
    """Yield what the reader waits for on an open and analysed case."""
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.evaluate(WATCH)
    page.evaluate("() => document.activeElement?.blur()")
    first = take_waits(page, lambda: repeat(page, NEXT_PHOTO, 1))
    switched = take_waits(page, lambda: repeat(page, NEXT_PHOTO))
    changed = {what: take_waits(page, lambda how=how: repeat(page, how)) for what, how in IN_BROWSER.items()}  # type: ignore[misc]
    asked = [
        url
        for url in requests
        if not url.startswith(("data:", "blob:")) and LOOKS not in url and PARTS not in url
    ]
    answered = take_waits(page, lambda: repeat(page, ANSWER, seen="painted"))
    page.keyboard.press("b")
    yield describe_waits(
        "brush on a 12-megapixel photo, pointer to painted pixel", take_waits(page, lambda: brush(page)), 16
    )
    page.wait_for_timeout(SAVE_EVERY)
    yield describe_waits("another photo of the case", switched, 100, f"the first time {first[0]:.0f}")
    yield describe_waits("two keys on a card, key to painted answer", answered, 50)
    yield describe_waits(
        "an answer is saved, told to said", take_waits(page, lambda: answer(page), "saves"), 200
    )
    yield describe_waits(
        "an outline of 12 megapixels is saved, told to said",
        take_waits(page, lambda: outline(page), "saves"),
        200,
    )
    yield describe_waits(
        "a click with Point, to the outline that follows", take_waits(page, lambda: point(page)), 300
    )
    for what, waits in changed.items():
        yield describe_waits(what, waits)
    said = "but for whether the server is there, every few seconds, and parts of the photo in full resolution"
    yield Reading("requests during threshold, opacity, hide, zoom and other photos", len(asked), "", 0, said)


def measure() -> Iterator[Reading]:
    """Yield the lines for the table."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        queue = write_queue(folder)
        with serve(folder, ["--queue", str(queue), "--store", str(folder / "store")]) as served:
            browser = playwright.chromium.launch(executable_path=get_browser())
            page = open_page(browser, served.address)
            page.locator(".queue-case").first.click()
            page.wait_for_selector('.cards[data-state="answered"]', timeout=START_SECONDS * 1000)
            page.wait_for_selector('.status[data-state="done"]', timeout=START_SECONDS * 1000)
            yield from measure_waits(page)
            browser.close()


def main() -> None:
    """Measure and print."""
    for line in measure():
        print(line.format(), flush=True)


if __name__ == "__main__":
    main()
