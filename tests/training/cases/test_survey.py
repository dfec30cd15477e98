"""A run's cases are looked at before its first step: answers and encounters that do not meet, photos that
cannot be read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from magic_demo.synthetic.cases import write_cases
from training.cases.sources import CaseSource, LearningCase
from training.cases.survey import CaseData, read_cases_as_kept, read_checked_cases
from training.runs.record import DATA
from training.runs.reports.data_table import SourceTable, write_tables
from training.runs.run import SettingsError

SOURCES = {"train": CaseSource("train", "challenge")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "data"
    return write_cases(folder, count=8, seed=3, splits={"train": 1.0}, longest=96)


@pytest.fixture
def data(whole: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may spoil."""
    return Path(shutil.copytree(whole, tmp_path / "data"))


def look(data: Path, **more: object) -> tuple[list[LearningCase], SourceTable]:
    tables: list[SourceTable] = []
    cases = read_checked_cases(CaseData(data, data / "drawn", **more), SOURCES, keep=tables.extend)  # type: ignore[arg-type]
    return cases["train"], tables[0]


def test_the_table_counts_encounters_answers_and_photos(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases, table = look(data)
    assert table.counts["encounters"] == table.counts["with answers"] == table.counts["cases used"] == 8
    assert table.counts["photos named"] == table.counts["photos found"] == sum(len(c.photos) for c in cases)
    assert capsys.readouterr().err.startswith("data ")


def test_answers_whose_ids_no_encounter_has_are_refused(data: Path) -> None:
    """The paper's own account of its result: ids that do not meet."""
    path = data / "train" / "train_cvqa.json"
    answers = json.loads(path.read_text())
    for number, entry in enumerate(answers):
        if number % 2:
            entry["encounter_id"] = f"ENC9{number:04d}"
    path.write_text(json.dumps(answers))
    with pytest.raises(SettingsError) as refused:
        look(data)
    said = str(refused.value)
    assert "answers whose encounter is there: 4 of 8; without: ENC90001, ENC90003" in said
    assert len(look(data, least_found=0.5)[0]) == 4


def test_encounters_without_answers_are_counted_and_the_first_named(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = data / "train" / "train_cvqa.json"
    path.rename(data / "train" / "Train_CVQA.JSON")  # named in another case
    path = data / "train" / "Train_CVQA.JSON"
    path.write_text(json.dumps(json.loads(path.read_text())[3:]))
    cases, _ = look(data)
    assert len(cases) == 5
    said = capsys.readouterr().err
    assert "encounters with answers: 5 of 8; without: ENC00001, ENC00002, ENC00003\n" in said


def test_half_of_the_encounters_unusable_is_refused(data: Path) -> None:
    path = data / "train" / "train.json"
    encounters = json.loads(path.read_text())
    for encounter in encounters[::2]:
        encounter["encounter_id"] += "/2"
    path.write_text(json.dumps(encounters))
    with pytest.raises(SettingsError, match=r"encounters listed that can be used: 4 of 8;"):
        look(data)


def test_photos_that_are_missing_or_cannot_be_read_are_refused_or_left_out(
    data: Path, tmp_path: Path
) -> None:
    photos = sorted(data.rglob("*.jpg"))
    photos[0].write_text("no photo")
    with pytest.raises(SettingsError, match=r"1 of \d+ photos cannot be used"):
        look(data)
    cases, table = look(data, bad_files="leave_out", least_found=0.5)
    assert photos[0] not in [path for case in cases for path in case.photos] and len(cases) == 8
    write_tables(tmp_path / DATA, [table])
    again = read_cases_as_kept(CaseData(data, data / "drawn"), SOURCES, tmp_path)["train"]
    assert [case.photos for case in again] == [case.photos for case in cases]
    for photo in photos[1:]:
        photo.unlink()
    with pytest.raises(SettingsError, match="photos named that have a file: 1 of"):
        look(data)


def test_what_is_drawn_or_read_from_words_alone_has_a_table_too(tmp_path: Path) -> None:
    sources = {
        "drawn": CaseSource("drawn", "cases", count=3, seed=1),
        "words": CaseSource("words", "narratives", count=2, seed=1),
    }
    tables: list[SourceTable] = []
    read_checked_cases(CaseData(tmp_path, tmp_path / "drawn"), sources, keep=tables.extend)
    assert [table.counts["cases used"] for table in tables] == [3, 2]
