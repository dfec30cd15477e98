"""A folder of encounters with the shipped checkpoints: stages side by side against one after another, by the
clock.

``python -m benchmarks.batch_run``: synthetic cases (``magic_demo.synthetic.cases``), 100 of them. Said is how
far the run is over its slowest stage, which it cannot be faster than, and what is resident on the way: it
must not grow with the number of encounters.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tifffile
import torch

from benchmarks.memory import read_resident
from benchmarks.timing import Reading, Row, take_times
from magic_demo.challenge.batch import predict_folder
from magic_demo.challenge.running.batch_report import BatchReport
from magic_demo.challenge.running.cases import read_encounter
from magic_demo.core.disk.whole_files import write_json
from magic_demo.core.types import Encounter, Prediction
from magic_demo.files.encounters import read_encounters
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.models.loading.predictors import load_predictor
from magic_demo.models.predictor import Predictor
from magic_demo.synthetic.cases import write_cases

ENCOUNTERS = 100
LOOKED_AT = (20, 60, 100)
"""After how many encounters the memory is read."""


class WatchedPredictor(Predictor):
    """A predictor that notes what is resident as encounters go by, in MB."""

    def __init__(self, one: Predictor) -> None:
        super().__init__(one.segmenter, one.answerer, one.cues, one.weights, one.calibrations)
        self.asked = 0
        self.resident: dict[int, float | None] = {}

    def predict(self, encounter: Encounter, **options: Any) -> Prediction:
        """Predict, count, and note."""
        prediction = super().predict(encounter, **options)
        self.asked += 1
        if self.asked in LOOKED_AT:
            self.resident[self.asked] = read_resident()
        return prediction


def measure(*, quick: bool = False) -> Iterator[Row | Reading]:
    """Yield the stage's lines for the table."""
    encounters = 2 if quick else ENCOUNTERS
    predictor = WatchedPredictor(load_predictor())
    reports: list[BatchReport] = []
    with tempfile.TemporaryDirectory() as name:
        data, out, plain = (Path(name) / folder for folder in ("data", "out", "plain"))
        write_cases(data, count=encounters, seed=3, splits={"valid": 1.0})
        predictor.predict(read_encounter(read_encounters(data, "valid").encounters[0])[0])  # to warm up
        predictor.asked = 0
        ways = {
            "ours": lambda: reports.append(predict_folder(data, out, predictor, split="valid", quiet=True)),
            "naive": lambda: predict_plainly(data, plain, predictor),
        }
        times = take_times(ways, 1, wall=True, warm=False)
        masks = list((out / "masks_preds").iterdir())
        same = len(masks) > 0 and all(
            (tifffile.imread(path) == tifffile.imread(plain / path.name)).all() for path in masks
        )
    (report,) = reports
    over = times["ours"] / 1000 / max(report.busy.read, report.busy.work, report.busy.write) - 1
    noted = {count: value for count, value in predictor.resident.items() if value is not None}
    (first, held), *later = noted.items() or [(0, 0.0)]
    grown = " and ".join(f"{value - held:+.0f} MB after {count}" for count, value in later)
    memory = f"; resident beside what was after {first} encounters: {grown}" if later else ""
    what = f"batch of {encounters} encounters, shipped checkpoints, by the clock"
    yield Row(
        what,
        times["naive"],
        times["ours"],
        f"masks {'equal' if same else 'DIFFER'}; {report.describe_throughput()}{memory}",
    )
    yield Reading(
        f"batch of {encounters} encounters: time over that of its slowest stage",
        100 * over,
        "%",
        15,
        "no run can be faster than it",
    )


def predict_plainly(data: Path, out: Path, predictor: Predictor) -> None:
    """Predict one encounter after another and write its masks with tifffile's own settings."""
    out.mkdir()
    answers = {}
    for files in read_encounters(data, "valid").encounters:
        prediction = predictor.predict(read_encounter(files)[0])
        for photo in prediction.photos:
            mask = lesion_mask(photo.probability, photo.size, prediction.threshold)
            tifffile.imwrite(
                out / f"{photo.photo_id}_mask_sys.tiff", mask.astype("uint8"), compression="zlib"
            )
        answers[files.encounter_id] = dict(prediction.answers)
    write_json(out / "answers.json", answers)


def main() -> None:
    """Measure and print."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    torch.set_num_threads(1)
    for line in measure():
        print(line.format(), flush=True)


if __name__ == "__main__":
    main()
