"""``python -m magic_demo export``: what it writes from a store and what it says."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from magic_demo.__main__ import main
from magic_demo.core.types import PhotoPrediction, Prediction
from magic_demo.files.answers import read_answers
from magic_demo.files.bundles import write_prediction
from magic_demo.reviews.cases.covered_photos import CoveredPhotos
from magic_demo.reviews.exports import FORMATS
from magic_demo.reviews.exports.case_files import find_case_files
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from tests.support.store.reviewed_cases import QUEUE, SIZES, ReadQueue, answer, make_queue

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def queue(tmp_path: Path) -> ReadQueue:
    """Return a queue whose readings are in the store at ``store``."""
    made = make_queue(tmp_path / "data")
    with Store.open(tmp_path / "store") as store:
        store.add_reader("Li")
        store.add_reader("Wang", role="adjudicator")
        store.add_cases(QUEUE, [NewCase(case.encounter_id, folder=str(made.folder)) for case in made.cases])
        for saved in made.reviews:
            store.save(saved.review)
    return made


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*words: str) -> tuple[int, str, str]:
        code = main(["export", "--store", str(tmp_path / "store"), *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.mark.parametrize("format", [format.name for format in FORMATS])
def test_every_format_is_written_from_the_store(
    queue: ReadQueue, command: Command, tmp_path: Path, format: str
) -> None:
    code, said, _ = command("--to", str(tmp_path / "out"), "--format", format)
    assert code == 0 and said.startswith("3 cases, ") and f"({format})" in said
    assert "left out: reading that is not finished (1): ENC00003 [Wang]" in said
    assert (tmp_path / "out" / "export.json").is_file()


def test_readers_are_found_however_their_name_is_written(
    queue: ReadQueue, command: Command, tmp_path: Path
) -> None:
    code, said, _ = command(
        "--to", str(tmp_path / "out"), "--format", "challenge", "--reader", "WANG", "--consensus"
    )
    assert code == 0 and said.startswith("1 case, 1 reading, 2 masks")
    assert read_answers(tmp_path / "out" / "answers.json") == {"ENC00001": answer(0)}


def test_the_report_is_written_with_and_without_predictions(
    queue: ReadQueue, command: Command, tmp_path: Path, without_browser: None
) -> None:
    for case in queue.cases:
        maps = tuple(
            PhotoPrediction(photo.photo_id, np.full((8, 8), 0.6, np.float32), SIZES[photo.photo_id])
            for photo in case.photo_files
        )
        write_prediction(
            tmp_path / "bundle",
            Prediction(case.encounter_id, maps, answers=answer(0), models={"segmentation": "all@1"}),
        )
    code, said, _ = command(
        "--to", str(tmp_path / "out"), "--format", "report", "--predictions", str(tmp_path / "bundle")
    )
    assert code == 0 and "left out: the model" not in said
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "disagreement_en.html",
        "disagreement_zh.html",
        "flow.csv",
        "flow_en.svg",
        "flow_zh.svg",
        "no_pdf.txt",
    }
    assert "all@1" in (tmp_path / "out" / "disagreement_zh.html").read_text(encoding="utf-8")
    code, said, _ = command("--to", str(tmp_path / "zh"), "--format", "report", "--language", "zh")
    assert code == 0 and "left out: the model: no predictions" in said and "left out: the PDF: this" in said
    assert {path.suffix for path in (tmp_path / "zh").iterdir()} == {".html", ".csv", ".svg", ".txt"}


def test_a_queue_must_be_named_where_there_are_several(
    queue: ReadQueue, command: Command, tmp_path: Path
) -> None:
    with Store.open(tmp_path / "store") as store:
        store.add_cases("another", [NewCase("X")])
    code, _, said = command("--to", str(tmp_path / "out"), "--format", "csv")
    assert (code, said) == (1, "error: no queue was named; give --queue one of: another, lesson\n")
    assert command("--to", str(tmp_path / "out"), "--format", "csv", "--queue", "no")[2].startswith(
        "error: there is no queue 'no'"
    )
    assert command("--to", str(tmp_path / "out"), "--format", "csv", "--queue", "another")[2].startswith(
        "error: there is no finished reading"
    )
    assert command("--to", str(tmp_path / "out"), "--format", "csv", "--queue", QUEUE)[0] == 0


def test_a_store_without_cases_and_an_unknown_reader_are_one_line(command: Command, tmp_path: Path) -> None:
    code, _, said = command("--to", str(tmp_path / "out"), "--format", "csv")
    assert code == 1 and "holds no queue of cases" in said and said.count("\n") == 1
    with Store.open(tmp_path / "store") as store:
        store.add_cases("q", [NewCase("X")])
    code, _, said = command("--to", str(tmp_path / "out"), "--format", "csv", "--reader", "Nobody")
    assert code == 1 and "Nobody" in said and said.count("\n") == 1


def test_cases_that_moved_are_found_below_data(queue: ReadQueue, command: Command, tmp_path: Path) -> None:
    shutil.move(tmp_path / "data", tmp_path / "moved")
    _, said, _ = command("--to", str(tmp_path / "lost"), "--format", "training-set")
    assert "left out: case whose photos and words are not at hand (3)" in said
    code, said, _ = command(
        "--to",
        str(tmp_path / "out"),
        "--format",
        "training-set",
        "--data",
        str(tmp_path / "moved"),
        "--split",
        "train",
    )
    assert code == 0 and "not at hand" not in said and said.startswith("3 cases, 4 readings, 5 masks")


def test_a_cases_files_are_found_in_any_split_and_uploads_are_one_case(
    queue: ReadQueue, tmp_path: Path
) -> None:
    (queue.folder / "valid").mkdir()
    (queue.folder / "valid" / "valid.json").write_text("[]", encoding="utf-8")
    uploads = tmp_path / "uploads"
    shutil.copytree(queue.folder / "train" / "images_train", uploads)
    with Store.open(tmp_path / "store") as store:
        store.add_cases(
            "more",
            [
                NewCase("mine", str(uploads), photos_kept=True),
                NewCase("gone", str(tmp_path / "no")),
                NewCase("nowhere"),
            ],
        )
        cases = store.list_cases(QUEUE, LOCAL_READER) + store.list_cases("more", LOCAL_READER)
    found = {
        files.encounter_id: files for files in find_case_files(cases, CoveredPhotos(tmp_path / "covered"))
    }
    assert set(found) == {"ENC00001", "ENC00002", "ENC00003", "mine"}
    assert found["ENC00001"] == replace(queue.cases[0])
    assert [photo.photo_id for photo in found["mine"].photo_files] == sorted(SIZES)
