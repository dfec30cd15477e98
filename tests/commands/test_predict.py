"""``python -m magic_demo predict``: what it says on the terminal, and its exit codes."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from magic_demo.__main__ import main
from magic_demo.models.predictor import Predictor
from tests.support.batch_runs import StopsAt, journal_lines, write_data


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder in the challenge's layout."""
    return write_data(tmp_path / "data")


def test_a_wrong_path_is_said_before_models_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "magic_demo.commands.predict.load_predictor", lambda **_options: pytest.fail("models were loaded")
    )
    assert main(["predict", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]) == 1
    assert "nowhere: no such file or folder" in capsys.readouterr().err
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("valid.json", "[]")
    assert main(["predict", str(tmp_path / "data.zip"), "--out", str(tmp_path / "out")]) == 1
    assert "data.zip: is a zip; unpack it" in capsys.readouterr().err


def test_stopping_before_a_command_is_under_way_is_one_line_and_code_130(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(**_options: Any) -> Predictor:
        raise KeyboardInterrupt

    monkeypatch.setattr("magic_demo.commands.predict.load_predictor", interrupt)
    assert main(["predict", str(data), "--out", str(tmp_path / "out")]) == 130
    assert capsys.readouterr().err == "stopped\n"


def test_a_run_that_is_stopped_says_how_to_go_on_and_returns_130(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("magic_demo.commands.predict.load_predictor", lambda **_options: StopsAt("ENC00002"))
    assert main(["predict", str(data), "--split", "valid", "--out", str(tmp_path / "out"), "--quiet"]) == 130
    assert (
        capsys.readouterr().err == "stopped: what is finished is kept; the same command goes on from there\n"
    )
    assert len(journal_lines(tmp_path / "out")) == 1


def test_help_says_what_the_exit_codes_mean(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["predict", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert all(
        f"{code} {meaning}" in said
        for code, meaning in ((0, "all done"), (3, "done, with problems"), (130, "stopped"))
    )


@pytest.mark.parametrize("more", [["--merge"], ["--submission", "s.zip"], ["--rank"]], ids=" ".join)
def test_a_part_of_a_run_is_neither_merged_nor_handed_in_nor_ranked(
    more: list[str], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["predict", str(data), "--split", "valid", "--out", str(tmp_path / "out"), "--shard", "1/2"]
    assert main([*given, *more]) == 1
    assert "once all parts are done" in capsys.readouterr().err and not (tmp_path / "out").exists()
