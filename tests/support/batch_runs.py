"""A small folder of encounters for tests of batch mode, and stand-ins that predict it or stop on the way."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from PIL import Image

from magic_demo.challenge import batch
from magic_demo.challenge.running.batch_report import BatchReport
from magic_demo.core.types import Encounter, Prediction
from magic_demo.files.remote.addresses import Place
from magic_demo.models.predictor import Predictor
from tests.support.stand_ins import RedFinder, WordScorer, draw_photo, stand_in_predictor

IDS = ("ENC00001", "ENC00002", "ENC00003")


def write_data(folder: Path) -> Path:
    """Write three encounters of one photo each in the challenge's layout; returns the folder."""
    photos = folder / "valid" / "images_valid"
    photos.mkdir(parents=True)
    entries = []
    for number, encounter_id in enumerate(IDS):
        name = f"IMG_{encounter_id}_00001.png"
        Image.fromarray(draw_photo(48 + 8 * number, 64)).save(photos / name)
        entries.append(
            {
                "encounter_id": encounter_id,
                "image_ids": [name],
                "query_title_en": "Red" + "!" * number,
                "query_content_en": "for weeks",
                "query_title_zh": "红",
                "query_content_zh": "数周",
            }
        )
    (folder / "valid" / "valid.json").write_text(json.dumps(entries, ensure_ascii=False), encoding="utf-8")
    return folder


def predict(data: Place, out: Path, **options: Any) -> BatchReport:
    """Run batch mode over the split ``valid``, quietly, with the stand-ins unless another predictor is
    given."""
    predictor = options.pop("predictor", None) or stand_in_predictor()
    return batch.predict_folder(data, out, predictor, split="valid", quiet=True, **options)


class StopsAt(Predictor):
    """The stand-ins, interrupted when they come to one encounter; counts what they were asked."""

    def __init__(self, encounter_id: str | None) -> None:
        super().__init__(RedFinder(), WordScorer())
        self.stop_at = encounter_id
        self.asked: list[str] = []

    def predict(self, encounter: Encounter, **options: Any) -> Prediction:
        if encounter.encounter_id == self.stop_at:
            raise KeyboardInterrupt
        self.asked.append(encounter.encounter_id)
        return super().predict(encounter, **options)


def journal_lines(out: Path) -> list[bytes]:
    """Return the journal's lines as they are on the disk."""
    return (out / "journal.jsonl").read_bytes().splitlines(keepends=True)


class EndsItsProcess(Predictor):
    """The stand-ins, of which one encounter ends the process in which it is predicted."""

    def __init__(self, encounter_id: str) -> None:
        super().__init__(RedFinder(), WordScorer())
        self._poison = encounter_id

    def predict(self, encounter: Encounter, **options: Any) -> Prediction:
        if encounter.encounter_id == self._poison:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().predict(encounter, **options)


class TakesItsTime(Predictor):
    """The stand-ins, slowed down so that a process can be ended while they are at work."""

    def __init__(self) -> None:
        super().__init__(RedFinder(), WordScorer())

    def predict(self, encounter: Encounter, **options: Any) -> Prediction:
        time.sleep(0.05)
        return super().predict(encounter, **options)


def write_photos(folder: Path, count: int) -> Path:
    """Write a plain folder of so many photos; returns it."""
    folder.mkdir()
    for number in range(count):
        Image.fromarray(draw_photo(40 + number % 7, 64)).save(folder / f"P{number:03}.png")
    return folder


def read_files(out: Path) -> dict[str, bytes]:
    """Return the files of a run but for the manifest, which holds times, and the journal, whose lines come in the
    order of the work: path below the run's folder -> bytes."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name not in ("manifest.json", "journal.jsonl")
    }
