"""The page: how soon it answers, when a photo and its mask are seen, what a map weighs on its way, how much
memory the page takes.

``python -m benchmarks.page`` prints it; ``make bench`` puts it into the table. The page is started as ``make
demo`` starts it, a fresh process each time, and looked at in headless Chromium. All times are by the clock.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.timing import Reading, Row, describe_waits, take_time, take_times
from tests.e2e.browser import get_browser

ROOT = Path(__file__).resolve().parents[1]
SIZE = (3000, 4000)
"""Height and width of a 12-megapixel photo."""
START_SECONDS = 300
PLAINLY = """
import importlib, pkgutil, sys
import magic_demo
for module in pkgutil.walk_packages(magic_demo.__path__, "magic_demo."):
    if not module.name.endswith("__main__") and ".migrations" not in module.name:
        importlib.import_module(module.name)
from magic_demo.models.loading import predictors as loading
predictor = loading.load_predictor()
loading.load_predictor = lambda **_: predictor
from magic_demo.__main__ import run_program
run_program(["serve", *sys.argv[1:]])
"""
"""The page started the plain way: every module is imported and the models are loaded, then it opens."""
SEEN = """(selector) => new Promise((tell) => {
  const viewer = document.querySelector("#viewer-stage").viewer;
  const canvas = document.querySelector("#viewer-canvas").getContext("2d");
  const before = viewer.state.openId, began = performance.now(), seen = {};
  const look = () => {
    const opened = viewer.state.openId !== before && viewer.state.photos.length > 0;
    const note = (what, there) => { if (there && !(what in seen)) { canvas.getImageData(0, 0, 1, 1); seen[what] = performance.now() - began; } };
    note("photo", opened && viewer.state.view);
    note("mask", opened && viewer.state.photos[0].model);
    note("answers", "mask" in seen && document.querySelector('.cards[data-state="answered"]'));
    if ("answers" in seen) tell(seen); else requestAnimationFrame(look);
  };
  document.querySelector(selector).click();
  requestAnimationFrame(() => requestAnimationFrame(look));
})"""
"""Click; return when the first photo, its mask and the answers were drawn, in milliseconds after it."""


@dataclass(frozen=True)
class Served:
    """A page that runs. seconds: from the start of its process to its first answer."""

    address: str
    process: int
    seconds: float

    def resident(self) -> float | None:
        """Return what the page has resident now, in MB; None where the system does not tell."""
        place = Path(f"/proc/{self.process}/status")
        lines = place.read_text(encoding="ascii").splitlines() if place.is_file() else []
        return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmRSS:")), None)


@contextmanager
def serve(folder: Path, words: Sequence[str] = (), *, plainly: bool = False) -> Iterator[Served]:
    """Start the page with ``words`` after its command and give it once it answers; ``folder`` takes what it
    writes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "GRADIO_TEMP_DIR": str(folder / "uploads"),
        "MAGIC_DEMO_STORE": str(folder / "no-store"),
    }
    command = [sys.executable, *(["-c", PLAINLY] if plainly else ["app.py"]), "--port", str(port), *words]
    begun = time.perf_counter()
    server = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    )
    address = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                urllib.request.urlopen(address, timeout=30).close()
                break
            except OSError:
                if server.poll() is not None or time.perf_counter() > begun + START_SECONDS:
                    raise RuntimeError("the page did not start; run python app.py to see why") from None
                time.sleep(0.02)
        yield Served(address, server.pid, time.perf_counter() - begun)
    finally:
        server.terminate()
        server.wait(30)


def draw_photo(path: Path, seed: int) -> None:
    """Write a 12-megapixel photo of skin with a lesion, synthetic."""
    height, width = SIZE
    pixels = np.full((height, width, 3), (156, 180, 222), np.uint8)
    cv2.ellipse(
        pixels, (width // 2, height // 2), (700 + 50 * seed, 500), 20 * seed, 0, 360, (76, 80, 170), -1
    )
    noise = cv2.resize(
        np.random.default_rng(seed).normal(0, 12, (height // 4, width // 4, 3)).astype(np.float32),
        (width, height),
    )
    cv2.imwrite(str(path), np.clip(cv2.GaussianBlur(pixels, (0, 0), 9) + noise, 0, 255).astype(np.uint8))


def open_page(browser: Browser, address: str) -> Page:
    """Open the page and wait until its models are loaded."""
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    page.goto(address)
    page.wait_for_selector('.status[data-state="ready"]', timeout=START_SECONDS * 1000)
    return page


def analyse(page: Page, files: Sequence[Path]) -> None:
    """Upload photos and have the models look at them."""
    if page.locator("#consent").is_visible():
        page.check("#consent-given")
    page.check("#consent-given")
    page.set_input_files("#photos input[type=file]", [str(file) for file in files])
    page.wait_for_selector(f'#photo-strip-list [data-photo="{len(files) - 1}"]', timeout=120_000)
    page.click("#run")
    page.wait_for_selector('.cards[data-state="answered"]', timeout=240_000)
    page.wait_for_selector('.status[data-state="done"]', timeout=240_000)


def measure_start(rounds: int) -> Iterator[Row]:
    """Yield the start's line: the page first and the models behind it, against everything first."""
    seconds: dict[bool, list[float]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for plainly in seconds:
                with serve(Path(folder), plainly=plainly) as served:
                    seconds[plainly].append(served.seconds)
    plain, ours = (statistics.median(seconds[plainly]) * 1000 for plainly in (True, False))
    yield Row(
        "start to a page that answers, by the clock",
        plain,
        ours,
        "the models load behind it; the plain way everything is loaded first",
        2,
    )


def measure_batching(rounds: int) -> Iterator[Row]:
    """Yield the line that says whether a case's photos gain by going through the model together."""
    import torch

    from magic_demo.models.loading.checkpoints import Checkpoint
    from magic_demo.models.loading.predictors import DEFAULT_SEGMENTATION
    from magic_demo.models.segmentation.prompted import PromptedSegmenter

    torch.set_num_threads(1)
    segmenter = PromptedSegmenter.load(Checkpoint.open(DEFAULT_SEGMENTATION))
    photos = torch.from_numpy(
        np.random.default_rng(0).normal(0, 1, (4, 3, *segmenter.preprocessing.size)).astype(np.float32)
    )
    with torch.inference_mode():
        times = take_times(
            {
                "together": lambda: segmenter.model.encode_photo(photos),
                "one by one": lambda: [segmenter.model.encode_photo(photo) for photo in photos[:, None]],
            },
            rounds,
        )
    said = "no batching: the first photo's mask comes first"
    yield Row(
        "segmentation-compact: four photos encoded one by one, against together",
        times["together"],
        times["one by one"],
        said,
    )


def measure_maps(count: int) -> Iterator[Reading]:
    """Yield what maps of 12-megapixel photos weigh as they travel: synthetic cases under the shipped
    model."""
    from magic_demo.models.loading.checkpoints import Checkpoint
    from magic_demo.models.loading.predictors import DEFAULT_SEGMENTATION
    from magic_demo.models.segmentation.prompted import PromptedSegmenter
    from magic_demo.page.panels.viewer import MAP_BYTES, encode_levels
    from magic_demo.synthetic.encounters import make_case

    segmenter, weights, times = PromptedSegmenter.load(Checkpoint.open(DEFAULT_SEGMENTATION)), [], []
    for seed in range(count):
        photo = make_case(seed, 1).photos[0].pixels
        probability = segmenter.predict(photo, "a red itching spot")
        size = SIZE if photo.shape[1] >= photo.shape[0] else SIZE[::-1]
        address, took = take_time(partial(encode_levels, probability, size, segmenter.threshold), wall=True)
        times.append(took)
        weights.append(len(base64.b64decode(address.partition(",")[2])) / 1000)
    said = f"{count} synthetic cases, segmentation-compact; written in {statistics.median(times):.0f} ms"
    yield Reading(
        "a map of a 12-megapixel photo on its way, median", statistics.median(weights), "kB", note=said
    )
    yield Reading("the same, the largest", max(weights), "kB", MAP_BYTES / 1000)


def measure_paint(page: Page, rounds: int) -> Iterator[Reading]:
    """Yield how long after a click on an example its photo, its mask and the answers are seen."""
    examples = (0, 3, 5, 6)
    seen = [page.evaluate(SEEN, f"#example-{examples[number % len(examples)]}") for number in range(rounds)]
    for what, most in (("photo", 1000.0), ("mask", None), ("answers", None)):
        yield describe_waits(f"click on an example to its {what}", [float(one[what]) for one in seen], most)


def measure_memory(
    browser: Browser, folder: Path, name: str, words: Sequence[str], most: float
) -> Iterator[Reading]:
    """Yield what a page has resident after it has analysed a case of two 12-megapixel photos."""
    files = [folder / "one.jpg", folder / "two.jpg"]
    for seed, file in enumerate(files):
        draw_photo(file, seed)
    with serve(folder, words) as served:
        page = open_page(browser, served.address)
        before = served.resident()
        analyse(page, files)
        after = served.resident()
        page.close()
    if before is not None and after is not None:
        said = f"two 12-megapixel photos analysed; {before:,.0f} with the models loaded"
        yield Reading(f"memory of the running page, {name}", after, "MB", most, said)


def write_full_size(folder: Path) -> list[str]:
    """Write checkpoints of the published sizes with random weights, CLIPSeg and BERT-base with Swin-base;
    return the page's words for them."""
    from transformers import BertConfig, SwinConfig

    from benchmarks.answerer_cache import SIDE, make_tokenizer
    from benchmarks.training_cache import SIDE as CLIPSEG_SIDE
    from benchmarks.training_cache import make_model
    from magic_demo.models.answers.text_photo_model import TextPhotoAnswererConfig, TextPhotoAnswererModel

    photo = SwinConfig(
        image_size=SIDE, embed_dim=128, depths=[2, 2, 18, 2], num_heads=[4, 8, 16, 32], window_size=7
    )
    models: dict[str, tuple[Any, int]] = {
        "segmentation": (make_model(), CLIPSEG_SIDE),
        "answers": (
            TextPhotoAnswererModel(
                TextPhotoAnswererConfig(text_config=BertConfig(vocab_size=28996), vision_config=photo)
            ),
            SIDE,
        ),
    }
    for name, (model, side) in models.items():
        model.save_pretrained(folder / name)
        make_tokenizer(["red", "itching", "spot"]).save_pretrained(folder / name)
        settings = {"size": side, "image_mean": [0.5] * 3, "image_std": [0.25] * 3}
        (folder / name / "preprocessor_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return [word for name in models for word in (f"--{name}", str(folder / name))]


def measure(*, quick: bool = False) -> Iterator[Row | Reading]:
    """Yield the page's lines for the table."""
    yield from measure_maps(1 if quick else 24)
    yield from measure_batching(1 if quick else 9)
    if quick:  # a start takes ten seconds, and tests of the page start it
        return
    yield from measure_start(3)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        browser = playwright.chromium.launch(executable_path=get_browser())
        with serve(folder) as served:
            page = open_page(browser, served.address)
            yield from measure_paint(page, 12)
            page.close()
        yield from measure_memory(browser, folder, "checkpoints as shipped", (), 1200)
        yield from measure_memory(
            browser, folder, "full-size models, random weights", write_full_size(folder), 3000
        )
        browser.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.page", description="How fast and how large the page is."
    )
    parser.add_argument("--quick", action="store_true", help="one map")
    for line in measure(quick=parser.parse_args().quick):
        print(line.format(), flush=True)


if __name__ == "__main__":
    main()
