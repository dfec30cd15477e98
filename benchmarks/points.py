"""Points: how long readers who click at the same time wait for the outline to follow.

``python -m benchmarks.points [--readers 20] [--pause 2] [--clicks 5]`` prints it. Each reader has an example
open that the model has read, clicks, waits for the answer, and clicks again after a pause; all in this
process, as the page's handler does it, without browser and network. All times are by the clock.
"""

from __future__ import annotations

import argparse
import random
import statistics
import threading
import time
from collections.abc import Sequence

from magic_demo import load_predictor
from magic_demo.page.panels.viewer.point_form import answer_points
from magic_demo.page.session.inference.refining import Refiner
from magic_demo.page.session.inference.source import PredictorSource
from magic_demo.page.session.open_cases import OpenCase, OpenCases
from magic_demo.synthetic.bundled import load_examples


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


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.points", description=__doc__)
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--clicks", type=int, default=5, help="of each reader (default: %(default)s)")
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between two (default: %(default)s)")
    asked = parser.parse_args(arguments)
    took, each = measure_readers(asked.readers, asked.clicks, asked.pause)
    print(
        f"{asked.readers} readers, {len(took)} clicks: median {1000 * statistics.median(took):.0f} ms, "
        f"p95 {1000 * took[int(0.95 * len(took))]:.0f} ms, processor {1000 * each:.0f} ms a click"
    )


if __name__ == "__main__":
    main()
