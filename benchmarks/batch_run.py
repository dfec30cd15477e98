"""A folder of encounters with the shipped checkpoints: stages side by side against one after another, by the clock."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import tifffile

from benchmarks.timing import Row
from magic_demo.batch import predict_folder, read_encounter
from magic_demo.cases import write_cases
from magic_demo.formats import read_encounters
from magic_demo.overlay import lesion_mask
from magic_demo.predictor import Predictor
from magic_demo.whole_files import write_json


def measure(encounters: int, rounds: int) -> list[Row]:
    """Return the stage's line for the table: the two ways by turns, each time with other encounters."""
    predictor = Predictor.load()
    times: dict[str, list[float]] = {"naive": [], "ours": [], "over": []}
    same = True
    with tempfile.TemporaryDirectory() as name:
        for number in range(rounds):
            data, out, plain = (Path(name) / f"{folder}{number}" for folder in ("data", "out", "plain"))
            write_cases(data, count=encounters, seed=3 + number, splits={"valid": 1.0})
            if not number:
                predictor.predict(read_encounter(read_encounters(data, "valid").encounters[0])[0])  # to warm up
            begun = time.perf_counter()
            predict_plainly(data, plain, predictor)
            times["naive"].append((time.perf_counter() - begun) * 1000)
            report = predict_folder(data, out, predictor, split="valid", quiet=True)
            times["ours"].append(report.busy.total * 1000)
            times["over"].append(report.busy.total / max(report.busy.read, report.busy.work, report.busy.write) - 1)
            same &= all((tifffile.imread(path) == tifffile.imread(plain / path.name)).all() for path in (out / "masks_preds").iterdir())
    over = f"{statistics.median(times['over']):.0%} over the slowest stage"
    difference = f"masks {'equal' if same else 'DIFFER'}; {over}; {report.describe_throughput()}"
    stage = f"batch, {rounds} times {encounters} encounters, shipped checkpoints, by the clock"
    return [Row(stage, statistics.median(times["naive"]), statistics.median(times["ours"]), difference)]


def predict_plainly(data: Path, out: Path, predictor: Predictor) -> None:
    """Predict one encounter after another and write its masks with tifffile's own settings."""
    out.mkdir()
    answers = {}
    for files in read_encounters(data, "valid").encounters:
        prediction = predictor.predict(read_encounter(files)[0])
        for photo in prediction.photos:
            mask = lesion_mask(photo.probability, photo.size, prediction.threshold)
            tifffile.imwrite(out / f"{photo.photo_id}_mask_sys.tiff", mask.astype("uint8"), compression="zlib")
        answers[files.encounter_id] = dict(prediction.answers)
    write_json(out / "answers.json", answers)
