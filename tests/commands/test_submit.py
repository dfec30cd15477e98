"""``python -m magic_demo submit`` and ``predict --submission``: what they print, and their exit codes."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from magic_demo.__main__ import main
from tests.support.batch_runs import predict, write_data
from tests.support.stand_ins import stand_in_predictor

COUNTS = "3 of 3 masks, 3 of 3 answers, 27 of 27 questions each"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder in the challenge's layout."""
    return write_data(tmp_path / "data")


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "magic_demo.commands.predict.load_predictor",
        lambda segmentation, answers, **_: stand_in_predictor(
            segmentation=segmentation is not None, cvqa=answers is not None
        ),
    )


def _predict(data: Path, out: Path, *words: str) -> int:
    return main(["predict", str(data), "--split", "valid", "--out", str(out), "--quiet", *words])


def test_predict_writes_the_zip_and_counts_what_it_holds(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "in" / "ours.zip"
    assert _predict(data, tmp_path / "out", "--submission", str(file)) == 0
    assert f"{file}: {COUNTS}" in capsys.readouterr().out
    assert main(["submit", "--check", str(file), "--data", str(data), "--split", "valid"]) == 0
    assert capsys.readouterr().out == f"{file}: {COUNTS}\nready to hand in\n"


def test_a_task_that_is_left_out_is_handed_in_empty(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "ours.zip"
    assert _predict(data, tmp_path / "out", "--task", "segmentation", "--submission", str(file)) == 0
    assert "3 of 3 masks, no answers (data_cvqa_sys.json is an empty list" in capsys.readouterr().out
    with zipfile.ZipFile(file) as archive:
        assert json.loads(archive.read("data_cvqa_sys.json")) == []


def test_a_mask_that_is_missing_is_a_problem_of_the_submission(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "valid" / "images_valid" / "IMG_ENC00002_00001.png").unlink()
    file = tmp_path / "ours.zip"
    assert _predict(data, tmp_path / "out", "--submission", str(file)) == 3
    said = capsys.readouterr()
    assert "2 of 3 masks" in said.out
    assert "no mask of IMG_ENC00002_00001: the organisers' script will stop" in said.err


def test_a_finished_run_is_handed_in_later(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predict(data, tmp_path / "out")
    assert main(["submit", str(tmp_path / "out")]) == 0
    assert f"submission.zip: {COUNTS}" in capsys.readouterr().out
    assert _predict(data, tmp_path / "out") == 0, "the zip in its folder does not stop the run from going on"
    assert main(["submit", str(tmp_path / "out"), "--submission", str(tmp_path / "b.zip")]) == 0
    assert (tmp_path / "b.zip").read_bytes() == (tmp_path / "out" / "submission.zip").read_bytes()


def test_a_check_names_what_is_wrong_and_returns_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(tmp_path / "theirs.zip", "w") as archive:
        archive.writestr("answers.json", "[]")
    assert main(["submit", "--check", str(tmp_path / "theirs.zip")]) == 3
    said = capsys.readouterr().out
    assert "no data_cvqa_sys.json at the top of the zip: the organisers' script will stop" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give either the folder OUT of a run, or --check FILE.zip"),
        (["OUT", "--check", "a.zip"], "give either the folder OUT of a run, or --check FILE.zip"),
        (["--check", "a.zip", "--submission", "b.zip"], "--check writes none"),
        (["OUT", "--data", "DATA"], "a run knows its own"),
        (["OUT"], "holds no run of predict"),
    ],
)
def test_wrong_words_are_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["submit", *words]) == 1
    assert said in capsys.readouterr().err


def test_a_submission_cannot_answer_other_questions(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--submission", str(tmp_path / "a.zip"), "--questions", str(tmp_path / "q.json")]
    assert _predict(data, tmp_path / "out", *words) == 1
    assert "leave out --questions or --submission" in capsys.readouterr().err
    assert _predict(data, tmp_path / "out", "--submission", str(tmp_path / "a.tar")) == 1
    assert "ends in .zip is expected" in capsys.readouterr().err
