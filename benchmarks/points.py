"""Points: how long readers who click at the same time wait for the outline to follow.

``python -m benchmarks.points [--readers 20] [--pause 2] [--clicks 5]`` prints it. Each reader has an example
open that the model has read, clicks, waits for the answer, and clicks again after a pause; all in this
process, as the page's handler does it, without browser and network. All times are by the clock.

``python -m benchmarks.points --rash [--hidden] [--radius 30]`` clicks thirty spots of a drawn photo of 12 megapixels, moves the third
and removes the tenth, with the shipped model or by a graph cut alone; it prints how long each took and how many
pixels changed elsewhere.
"""

from __future__ import annotations

import argparse
import random
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from magic_demo import load_predictor
from magic_demo.core.review_types import Mark
from magic_demo.core.types import Encounter, Narrative, Photo
from magic_demo.page.panels.viewer.close_look import CloseLooks
from magic_demo.page.panels.viewer.mask_form import read_working_mask
from magic_demo.page.panels.viewer.point_form import answer_points
from magic_demo.page.session.inference.refining import Refiner
from magic_demo.page.session.inference.source import PredictorSource
from magic_demo.page.session.open_cases import OpenCase, OpenCases
from magic_demo.synthetic.bundled import load_examples

REACH = 0.03
"""How far from a click its spot may lie, a share of the photo's width."""


def click(source: PredictorSource, case: OpenCase, x: float, y: float) -> float:
    """Let an outline follow one click, and return the seconds it took."""
    photo = case.encounter.photos[0]
    asked = {"photo": photo.photo_id, "clicks": [["lesion", x, y]]}
    began = time.perf_counter()
    answer_points(asked, case.encounter.photos, Refiner(source, case, shown=True).refine)
    return time.perf_counter() - began


def measure_readers(readers: int, clicks: int, pause: float) -> tuple[list[float], float]:
    """Return the seconds of every click, in order of size, and the processor's seconds a click."""
    source = PredictorSource(load_predictor)
    source.start()
    source.wait()
    cases, examples = OpenCases(), load_examples()
    opened = [cases.open(examples[number % len(examples)].encounter) for number in range(readers)]
    for case in opened:
        click(source, case, 0.5, 0.5)  # which reads the photo
    took: list[float] = []

    def read(case: OpenCase, number: int) -> None:
        chance = random.Random(number)
        for _ in range(clicks):
            time.sleep(pause * chance.uniform(0.5, 1.5))
            took.append(click(source, case, chance.uniform(0.2, 0.8), chance.uniform(0.2, 0.8)))

    threads = [threading.Thread(target=read, args=pair) for pair in zip(opened, range(readers), strict=True)]
    began = time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(took), (time.process_time() - began) / len(took)


@dataclass(frozen=True)
class RashTimes:
    """Seconds of the clicks on a rash, in order; of moving one and of removing one; and how many pixels that lie
    farther than REACH from the two changed."""

    clicks: tuple[float, ...]
    moved: float
    removed: float
    elsewhere: int


def draw_rash(radius: int = 30) -> tuple[Photo, list[tuple[float, float]]]:
    """Return a photo of 12 megapixels with thirty red spots, and the middles of these as shares of it."""
    chance = np.random.default_rng(3)
    pixels = np.full((3000, 4000, 3), (224, 180, 155), np.int16)
    pixels += chance.integers(-4, 5, (3000, 4000, 1), dtype=np.int16)
    middles = [((column + 0.5) / 6, (row + 0.5) / 5) for row in range(5) for column in range(6)]
    for x, y in middles:
        cv2.circle(pixels, (round(x * 4000), round(y * 3000)), radius, (170, 60, 60), -1)
    return Photo("rash", pixels.astype(np.uint8)), middles


def measure_rash(shown: bool = True, radius: int = 30) -> RashTimes:
    """Click thirty spots, move the third and remove the tenth.

    shown: with the shipped model, or by a graph cut alone. radius: of a spot, in pixels of a photo 4000 wide.
    """
    source = PredictorSource(load_predictor)
    source.start()
    source.wait()
    photo, middles = draw_rash(radius)
    case = OpenCases().open(Encounter("rash", Narrative(), (photo,)))

    def ask(clicks: Sequence[tuple[float, float]], before: dict[str, Any]) -> tuple[float, dict[str, Any]]:
        asked = {"photo": photo.photo_id, "clicks": [["lesion", *one] for one in clicks], **before}
        began = time.perf_counter()
        refiner = Refiner(source, case, shown=shown)
        looks = CloseLooks(refiner.cache, refiner.by)
        reply = answer_points(asked, case.encounter.photos, refiner.refine, looks)
        if "runs" not in reply:
            raise SystemExit(f"no outline came of {len(clicks)} clicks: {reply}")
        return time.perf_counter() - began, reply

    refine = Refiner(source, case, shown=shown).refine
    refine(photo, (Mark("lesion", (0.5, 0.01)),), None)  # which reads the photo
    took: list[float] = []
    reply: dict[str, Any] = {}
    for count in range(1, len(middles) + 1):
        before = (
            {"width": reply["width"], "height": reply["height"], "before": reply["runs"]} if reply else {}
        )
        seconds, reply = ask(middles[:count], before)
        took.append(seconds)
    x, y = middles[2]
    changed = [*middles[:2], (x + 0.002, y), *middles[3:]]
    moved, _ = ask(changed, {})
    changed.pop(9)
    removed, after = ask(changed, {})
    elsewhere = read_working_mask(reply, photo.size) ^ read_working_mask(after, photo.size)
    height, width = elsewhere.shape
    down, across = np.ogrid[:height, :width]
    for x, y in (middles[2], middles[9]):
        elsewhere &= (across - x * width) ** 2 + (down - y * height) ** 2 > (REACH * width) ** 2
    return RashTimes(tuple(took), moved, removed, int(np.count_nonzero(elsewhere)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.points", description=__doc__)
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--clicks", type=int, default=5, help="of each reader (default: %(default)s)")
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between two (default: %(default)s)")
    parser.add_argument("--rash", action="store_true", help="one reader, thirty clicks on small spots")
    parser.add_argument("--hidden", action="store_true", help="of a rash: by a graph cut alone")
    parser.add_argument("--radius", type=int, default=30, help="of a rash: pixels (default: %(default)s)")
    asked = parser.parse_args(arguments)
    if asked.rash:
        rash = measure_rash(shown=not asked.hidden, radius=asked.radius)
        print(
            f"{len(rash.clicks)} clicks: median {1000 * statistics.median(rash.clicks):.0f} ms, slowest "
            f"{1000 * max(rash.clicks):.0f} ms; third moved {1000 * rash.moved:.0f} ms, tenth removed "
            f"{1000 * rash.removed:.0f} ms; {rash.elsewhere} pixels changed elsewhere"
        )
        return
    took, each = measure_readers(asked.readers, asked.clicks, asked.pause)
    print(
        f"{asked.readers} readers, {len(took)} clicks: median {1000 * statistics.median(took):.0f} ms, "
        f"p95 {1000 * took[int(0.95 * len(took))]:.0f} ms, processor {1000 * each:.0f} ms a click"
    )


if __name__ == "__main__":
    main()
