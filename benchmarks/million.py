"""A run of a million encounters, its models left out: what the driver itself needs of memory and time.

``python -m benchmarks.million``: a list of encounters in the challenge's layout, a photo each (names of a few
small files), gone through by the real ``predict_folder`` with an engine that links a ready mask in place of
asking the models. The run is stopped a thousand encounters before its end; another process goes on with it. Said
are the peak of each process's resident memory, with the shipped checkpoints in it, and the time until the resumed
run does its first encounter.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from magic_demo.challenge.batch import predict_folder
from magic_demo.challenge.pipeline import Busy
from magic_demo.challenge.run_folder import ANSWERS, JOURNAL, MASKS
from magic_demo.challenge.running.cases import Case
from magic_demo.challenge.running.journal import Journal, JournalEntry
from magic_demo.challenge.running.stages import Outcome, Stages
from magic_demo.files.masks.mask_files import mask_file_name, write_mask
from magic_demo.models.loading.predictors import load_predictor
from magic_demo.questions.families import load_challenge

LEFT = 1000
"""Encounters that the stopped run leaves to the next."""
FOLDER = 10_000
"""Photos in a folder; they are names of one file, of which a file system allows some ten thousand."""
TOGETHER = 100
"""Outcomes that come together, as from many workers."""


@dataclass
class LinkedMasks:
    """An engine that links one ready mask for each photo; it stops, as Ctrl+C does, after ``most`` cases."""

    ready: Path
    most: int | None = None
    first: float = 0.0
    first_processor: float = 0.0
    answers: dict[str, int] = field(
        default_factory=lambda: {question.qid: 1 for question in load_challenge().questions}
    )

    def __call__(
        self,
        cases: Iterator[Case],
        stages: Stages,
        journal: Journal,
        _: Busy,
        /,
    ) -> Iterator[Outcome]:
        """Yield the outcomes, written as the driver of many workers writes them."""
        done = 0
        (stages.out / MASKS).mkdir(exist_ok=True)
        for together in _batched(cases, TOGETHER):
            self.first = self.first or time.perf_counter()
            self.first_processor = self.first_processor or time.process_time()
            outcomes = [self._link(case, stages.out / MASKS) for case in together]
            journal.add(*(outcome.entry for outcome in outcomes))
            yield from outcomes
            done += len(outcomes)
            if self.most is not None and done >= self.most:
                raise KeyboardInterrupt

    def _link(self, case: Case, masks: Path) -> Outcome:
        names = [mask_file_name(photo.photo_id) for photo in case.files.photo_files]
        for name in names:
            (masks / name).hardlink_to(self.ready / f"{case.number // FOLDER}.tiff")
        entry = JournalEntry(case.files.encounter_id, case.source, self.answers, names)
        return Outcome(case.number, entry, len(names))


def _batched(cases: Iterator[Case], count: int) -> Iterator[list[Case]]:
    while together := list(islice(cases, count)):
        yield together


def write_index(data: Path, ready: Path, encounters: int) -> None:
    """Write a list of so many encounters in the challenge's layout, a photo each, and a ready mask for each folder
    of photos."""
    ready.mkdir(parents=True)
    photos = data / "test" / "images_test"
    with _open_list(data / "test" / "test.json") as add:
        for number in range(encounters):
            part, at = divmod(number, FOLDER)
            if at == 0:
                (photos / str(part)).mkdir(parents=True)
                Image.fromarray(np.full((48, 64, 3), 150, np.uint8)).save(ready / f"{part}.png")
                write_mask(ready / f"{part}.tiff", np.eye(48, 64, dtype=np.bool_))
            name = f"IMG_ENC{number:07}_00001"
            (photos / str(part) / f"{name}.png").hardlink_to(ready / f"{part}.png")
            add(
                {
                    "encounter_id": f"ENC{number:07}",
                    "image_ids": [f"{name}.png"],
                    "query_title_en": "A red patch",
                    "query_content_en": f"For {number % 30 + 1} days I have had a red patch on my left forearm. It "
                    "itches at night, and the edge is a little scaly. A cream from the chemist did not help.",
                }
            )


@contextmanager
def _open_list(file: Path) -> Iterator[Callable[[object], None]]:
    """Give what adds an item to a JSON list that is written one item at a time."""
    file.parent.mkdir(parents=True)
    with file.open("w", encoding="utf-8") as stream:
        between = "["

        def add(item: object) -> None:
            nonlocal between
            stream.write(between + json.dumps(item))
            between = ",\n"

        yield add
        stream.write("]" if between != "[" else "[]")


def go_through(place: Path, most: int | None) -> None:
    """Do one run of the driver, and print as JSON what it took."""
    begun = time.perf_counter()
    predictor = load_predictor()
    loaded = time.perf_counter()
    engine = LinkedMasks(place / "ready", most)
    said: dict[str, float] = {"models": loaded - begun}
    with suppress(KeyboardInterrupt):
        report = predict_folder(
            place / "data", place / "out", predictor, split="test", quiet=True, engine=engine
        )
        said |= {
            "encounters": report.encounters,
            "done now": report.done_now,
            "problems": len(report.problems),
        }
    ended = time.perf_counter()
    said |= {"until first": engine.first - loaded, "after first": ended - engine.first}
    said["processor until first"] = engine.first_processor
    said |= {"peak MB": find_own_peak(), "processor": time.process_time()}
    print(json.dumps(said))


def find_own_peak() -> float:
    """Return the most that was resident in this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def check_results(place: Path, encounters: int) -> str:
    """Return a line of what lies in the run's folder, each encounter once. Raises AssertionError otherwise."""
    out = place / "out"
    with (out / JOURNAL).open("rb") as lines:
        named = {json.loads(line)["encounter_id"] for line in lines}
    with (out / JOURNAL).open("rb") as lines:
        written = sum(1 for _ in lines)
    masks = sum(1 for _ in os.scandir(out / MASKS))
    with (out / ANSWERS).open("rb") as lines:
        answered = sum(b'"encounter_id"' in line for line in lines)
    assert len(named) == written == masks == answered == encounters, (len(named), written, masks, answered)
    sizes = {path.name: path.stat().st_size / 2**20 for path in out.iterdir() if path.is_file()}
    index = (place / "data" / "test" / "test.json").stat().st_size / 2**20
    said = ", ".join(f"{name} {size:,.0f} MB" for name, size in sorted(sizes.items()))
    return f"each encounter once; test.json {index:,.0f} MB, {said}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encounters", type=int, default=1_000_000)
    parser.add_argument("--place", type=Path, help="folder to work in (default: a temporary one)")
    parser.add_argument("--go", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.go is not None:
        go_through(options.place, options.go or None)
        return
    with tempfile.TemporaryDirectory(dir=options.place) as name:
        place = Path(name)
        write_index(place / "data", place / "ready", options.encounters)
        for what, most in (("stopped", options.encounters - LEFT), ("resumed", 0)):
            words = [sys.executable, "-m", "benchmarks.million", "--place", name, "--go", str(most)]
            said = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
            print(
                f"{options.encounters:,} encounters, {what} run: peak {said['peak MB']:,.0f} MB; "
                f"{said['until first']:.0f} s until its first encounter, {said['after first']:.0f} s from then; "
                f"{said['processor']:.0f} s of a processor, {said['processor until first']:.0f} "
                f"until its first; {said.get('done now', 0):,.0f} done, "
                f"{said.get('problems', 0):.0f} problems",
                flush=True,
            )
        print(check_results(place, options.encounters), flush=True)


if __name__ == "__main__":
    main()
