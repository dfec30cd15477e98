"""Whole runs of ``python -m training text-photo-answerer`` as processes: two of them together, and one that is killed and
goes on."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
import yaml
from torch import Tensor

from tests.robustness.faults.run_ends import assert_same_end, read_end, round_encoders
from tests.support.tiny_answerer import CONFIGS, read_tiny, write_data
from tests.support.tiny_clipseg import read_seed
from tests.support.training_process import start_together, start_training
from tests.training.runs.test_distributed import free_port, read_last_state
from training.answers.text_photo.checkpoint import start_model
from training.answers.text_photo_answerer import run_training

CHANGES: dict[str, object] = {
    "model__dropout": 0.0,
    "model__encoder_rate": 0.0,
    "run__epochs": 3,
    "run__evaluation_batch_size": 2,
}
"""Without chance in the model: each process has numbers of its own for dropout, which frozen encoders have
none of."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, training_seed: int) -> Path:
    return write_data(tmp_path_factory.mktemp("cases"), seed=training_seed)


def write_config(folder: Path, output: Path) -> Path:
    """Write the file of the settings that ``read_tiny`` gives with CHANGES."""
    content = yaml.safe_load((CONFIGS / "text-photo-answerer.yaml").read_text(encoding="utf-8"))
    content["model"] |= {
        "text": str(folder / "text"),
        "photo": str(folder / "photo"),
        "dropout": 0.0,
        "encoder_rate": 0.0,
    }
    challenge = {"name": "dermavqa", "kind": "challenge"}
    content["data"] |= {
        "folder": str(folder / "data"),
        "training": [{**challenge, "split": "train", "priors": True}],
    }
    content["data"]["evaluation"] = [{**challenge, "split": "valid"}]
    content["run"] |= {
        "epochs": 3,
        "batch_size": 2,
        "evaluation_batch_size": 2,
        "patience": 0,
        "mixed_precision": "no",
        "threads": 1,
    }
    content["run"]["seed"] = read_seed(folder)
    content["run"]["output"] = str(output / "run")
    config = output / "settings.yaml"
    output.mkdir()
    config.write_text(yaml.safe_dump(content), encoding="utf-8")
    return config


@dataclass(frozen=True)
class Alone:
    """Two runs of one process each, with the weights that both start from: as the settings say, and with
    encoders rounded another way."""

    start: dict[str, Tensor]
    output: Path
    end: dict[str, Tensor]
    rounded: dict[str, Tensor]


@pytest.fixture(scope="module")
def alone(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Alone:
    plain, rounded = (
        read_tiny("text-photo-answerer", folder, tmp_path_factory.mktemp(name), **CHANGES)
        for name in ("plain", "rounded")
    )
    run_training(plain)
    with pytest.MonkeyPatch.context() as patch:
        round_encoders(patch)
        run_training(rounded)
    torch.manual_seed(plain.run.seed)
    start = start_model(plain, [])[0].state_dict()
    return Alone(start, plain.run.output, read_end(plain.run.output), read_end(rounded.run.output))


@pytest.mark.long
@pytest.mark.numeric
def test_two_processes_end_as_one_with_the_same_batch_and_show_their_progress(
    folder: Path, tmp_path: Path, alone: Alone
) -> None:
    config = write_config(folder, tmp_path / "two")
    told = tmp_path / "told"
    processes = start_together(["text-photo-answerer", "--config", str(config)], 2, free_port(), told)
    for process in processes:
        process.join(400)
    assert [process.exitcode for process in processes] == [0, 0], told.read_text(encoding="utf-8")[-3000:]
    first = told.read_text(encoding="utf-8")
    second = told.with_name(f"{told.name} 1").read_text(encoding="utf-8")
    assert "100%|" in first and first.count("photos named") == 1
    assert "photos named" not in second and "frozen encoders" not in second and "opening" not in second
    states = [read_last_state(output) for output in (alone.output, tmp_path / "two" / "run")]
    assert states[0]["global_step"] == states[1]["global_step"] == 9
    assert_same_end(alone.start, alone.end, read_end(tmp_path / "two" / "run"), alone.rounded)


@pytest.mark.long
@pytest.mark.numeric
def test_a_killed_run_goes_on_to_the_end_it_would_have_had(
    folder: Path, tmp_path: Path, alone: Alone
) -> None:
    words = ["text-photo-answerer", "--config", str(write_config(folder, tmp_path / "killed"))]
    process = start_training(words, tmp_path / "told")
    checkpoint = tmp_path / "killed" / "run" / "checkpoints" / "checkpoint-3" / "trainer_state.json"
    while not checkpoint.is_file() and process.is_alive():
        process.join(0.02)
    process.kill()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert not (tmp_path / "killed" / "run" / "best").exists()
    resumed = start_training([*words, "--resume"], tmp_path / "told")
    resumed.join(400)
    assert resumed.exitcode == 0, (tmp_path / "told").read_text(encoding="utf-8")[-3000:]
    assert_same_end(alone.start, alone.end, read_end(tmp_path / "killed" / "run"), alone.rounded)
