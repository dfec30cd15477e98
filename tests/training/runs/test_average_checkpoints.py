"""Checkpoints of one architecture are averaged; what does not fit is one line, and nothing is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from training.__main__ import main


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Return two checkpoints of one architecture, in float16, with a counter; the first has a card and a run's record."""
    made = []
    for name, value in (("one", 1.0), ("two", 3.0)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.json").write_text(
            json.dumps({"model_type": "compact_segmenter", "threshold": value})
        )
        weights = {"a": torch.full((2, 3), value, dtype=torch.float16), "seen": torch.tensor(int(value))}
        save_file(weights, folder / "model.safetensors")
        made.append(folder)
    (made[0] / "README.md").write_text("Dice 0.9")
    (made[0] / "training.json").write_text("{}")
    (made[0] / "tokenizer.json").write_text("{}")
    return made


def test_weights_are_the_mean_by_shares_and_all_else_is_the_first_ones(folders: list[Path]) -> None:
    out = folders[0].parent / "mean"
    assert main(["average-checkpoints", str(out), *map(str, folders), "--shares", "0.25", "0.75"]) == 0
    mean = load_file(out / "model.safetensors")
    assert torch.equal(mean["a"], torch.full((2, 3), 2.5, dtype=torch.float16))
    assert int(mean["seen"]) == 1
    assert json.loads((out / "config.json").read_text())["threshold"] == 1.0
    assert sorted(file.name for file in out.iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]


def test_without_shares_all_count_alike(folders: list[Path]) -> None:
    out = folders[0].parent / "mean"
    assert main(["average-checkpoints", str(out), *map(str, folders)]) == 0
    assert float(load_file(out / "model.safetensors")["a"][0, 0]) == 2.0


@pytest.mark.parametrize("shares", [["0.5"], ["0.5", "0.6"], ["-0.5", "1.5"], ["nan", "0.5"]])
def test_shares_that_do_not_fit_are_refused(
    folders: list[Path], shares: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = folders[0].parent / "mean"
    assert main(["average-checkpoints", str(out), *map(str, folders), "--shares", *shares]) != 0
    assert "2 numbers are expected" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("weights", "kind", "said"),
    [
        ({"a": torch.zeros(3, 3)}, "compact_segmenter", "the shape of a is 3x3; 2x3 is expected"),
        ({"a": torch.zeros(2, 3), "seen": torch.tensor(1)}, "clipseg", "a model of type clipseg"),
        ({"a": torch.zeros(2, 3)}, "compact_segmenter", "the shape of seen is missing"),
    ],
)
def test_checkpoints_of_two_architectures_are_refused(
    folders: list[Path],
    weights: dict[str, torch.Tensor],
    kind: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, other = folders[0].parent / "mean", folders[1]
    (other / "config.json").write_text(json.dumps({"model_type": kind}))
    save_file(weights, other / "model.safetensors")
    assert main(["average-checkpoints", str(out), *map(str, folders)]) != 0
    errors = capsys.readouterr().err
    assert said in errors and errors.count("\n") == 1 and not out.exists()


def test_a_folder_that_is_there_is_never_written_over(
    folders: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    before = (folders[1] / "model.safetensors").read_bytes()
    assert main(["average-checkpoints", str(folders[1]), *map(str, folders)]) != 0
    assert "is there already" in capsys.readouterr().err
    assert (folders[1] / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "said"), [("model.safetensors", "cannot be read"), ("other.safetensors", "in 2 files")]
)
def test_weights_that_are_broken_or_in_parts_are_one_line(
    folders: list[Path], name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folders[0].parent / "mean"
    (folders[1] / name).write_bytes(b"\0" * 40)
    assert main(["average-checkpoints", str(out), *map(str, folders)]) != 0
    errors = capsys.readouterr().err
    assert said in errors and errors.count("\n") == 1
    assert not out.exists()
