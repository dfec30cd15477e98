"""A folder becomes a queue: every split in its order, references where they lie, and a number for how unsure
a model is."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from magic_demo.core.errors import FormatError
from magic_demo.core.types import Prediction
from magic_demo.questions.families import load_challenge, load_families
from magic_demo.reviews.cases.queues import measure_uncertainty, read_queue, read_references
from magic_demo.synthetic.cases import write_cases


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("queue") / "clinic"
    write_cases(folder, count=4, seed=2, longest=96)
    return folder


def test_a_queue_holds_the_cases_of_every_split_once(folder: Path) -> None:
    read = read_queue(folder)
    assert sorted(files.encounter_id for files in read.encounters) == [
        f"ENC0000{number}" for number in range(1, 5)
    ]
    assert all(photo.path is not None for files in read.encounters for photo in files.photo_files)
    assert read.problems == ()


def test_a_folder_of_photos_is_a_queue_of_single_photos(folder: Path, tmp_path: Path) -> None:
    for number, path in enumerate(sorted(folder.rglob("*.jpg"))[:2]):
        (tmp_path / f"arm {number}.jpg").write_bytes(path.read_bytes())
    assert [files.encounter_id for files in read_queue(tmp_path).encounters] == ["arm 0", "arm 1"]


def test_a_split_that_cannot_be_read_is_a_line_and_its_cases_are_not_missed_in_silence(
    folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "clinic")
    lists = (
        sorted((tmp_path / "clinic").rglob("train.json")),
        sorted((tmp_path / "clinic").rglob("valid.json")),
    )
    lists[1][0].write_text("[{")
    read = read_queue(tmp_path / "clinic")
    assert read.encounters and any("valid.json" in str(line) for line in read.problems)
    lists[0][0].write_text("[{")
    for path in (tmp_path / "clinic").rglob("test.json"):
        path.unlink()
    with pytest.raises(FormatError, match=r"train\.json"):
        read_queue(tmp_path / "clinic")


def test_an_empty_folder_is_no_queue(tmp_path: Path) -> None:
    with pytest.raises(FormatError):
        read_queue(tmp_path)


def test_reference_answers_are_found_and_a_broken_file_is_passed_over(folder: Path, tmp_path: Path) -> None:
    assert set(read_references(folder, load_challenge())) == {
        files.encounter_id for files in read_queue(folder).encounters
    }
    (tmp_path / "train_cvqa.json").write_text("[{")
    assert read_references(tmp_path, load_challenge()) == {}
    assert read_references(tmp_path / "gone", load_challenge()) == {}


def certain(share: float) -> Prediction:
    chances = {}
    for family in load_families():
        count = family.questions[0].option_count
        chances[family.family_id] = np.full(count, (1 - share) / (count - 1))
        chances[family.family_id][0] = share
    return Prediction("ENC00001", chances=chances)


def test_a_less_decided_model_is_less_sure() -> None:
    doubts = [measure_uncertainty(certain(share), load_challenge()) for share in (1.0, 0.9, 0.6)]
    assert (
        doubts[0] == 0.0
        and doubts == sorted(doubts, key=lambda doubt: doubt or 0.0)
        and len(set(doubts)) == 3
    )
    assert all(doubt is not None and 0 <= doubt <= 1 for doubt in doubts)


def test_without_calibrated_chances_nobody_says_how_sure_the_model_is() -> None:
    assert measure_uncertainty(Prediction("ENC00001"), load_challenge()) is None
