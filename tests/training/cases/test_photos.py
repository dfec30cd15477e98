"""The real photos that photo evidence learns from, and draws that show only photos."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from magic_demo.questions.families import load_families
from training.answers.text_photo.data import CaseDataSettings, CaseDraws
from training.cases.pad import answer_from_record, read_pad
from training.cases.sources import CaseSource, LearningCase
from training.runs.run import SettingsError

RECORD = {"diameter_1": "8.0", "diameter_2": "25", "elevation": "True", "region": "NOSE", "itch": "UNK"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"CQID012": "size of palm", "CQID020": "raised or bumpy", "CQID011": "head"}),
        (
            {"diameter_2": "20"},
            {"CQID012": "size of thumb nail", "CQID020": "raised or bumpy", "CQID011": "head"},
        ),
        (
            {"diameter_1": "", "diameter_2": "0.0", "elevation": "", "region": "", "itch": "False"},
            {"CQID025": "no"},
        ),
    ],
)
def test_records_answer_what_they_know(changes: Mapping[str, str], expected: Mapping[str, str]) -> None:
    assert answer_from_record({**RECORD, **changes}) == expected


def test_real_photos_come_with_answers_and_no_patient_is_on_both_sides(shared_data: Path) -> None:
    train, dev = (read_pad(shared_data / "skin", split) for split in ("pad_train", "pad_dev"))
    assert not {photo.patient for photo in train} & {photo.patient for photo in dev}
    known = {
        family.family_id
        for family in load_families()
        for photo in dev
        if family.questions[0].qid in photo.answers
    }
    assert known == {"CQID011", "CQID012", "CQID020", "CQID025", "CQID035"}
    assert all(photo.path.is_file() for photo in dev)
    with pytest.raises(SettingsError, match="PAD-UFES-20"):
        read_pad(shared_data / "skin", "nothing")


def test_a_draw_without_its_words_teaches_only_what_photos_tell() -> None:
    source = CaseSource("made", "cases")
    answers = {"CQID025-001": 0, "CQID034-001": 2}
    case = LearningCase("ENC00001", source, ("itchy", ""), (Path("a.jpg"),), answers, "made")
    settings = CaseDataSettings(
        Path(), (source,), (), text_dropout=1.0, photo_dropout=0.0, photo_families=("CQID034",), augment=None
    )

    class Shelf:
        size = (32, 32)

        def read(self, path: Path) -> np.ndarray:
            assert path.name == "a.jpg"
            return np.zeros((32, 32, 3), np.uint8)

    draw = CaseDraws([case], settings, Shelf(), units=load_families(), epochs=1, sets=True, seed=0)[0]  # type: ignore[arg-type]
    assert draw["text"] == "" and len(draw["photos"]) == 1
    assert np.nansum(draw["labels"]) == 1.0
