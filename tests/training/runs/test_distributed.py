"""``accelerate launch`` with two processes on the processor: the same run as one process with the same
batch."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from magic_demo.models.segmentation.clipseg import PromptedCLIPSeg
from tests.robustness.faults.run_ends import assert_same_end, read_end, round_start
from tests.support.tiny_clipseg import CONFIG, read_paper, write_data
from training.runs.run import SettingsError
from training.runs.trainer import training_arguments
from training.segmentation import train as segmentation
from training.segmentation.train import run_training

LAUNCH = [
    "-m",
    "accelerate.commands.launch",
    "--multi_gpu",
    "--num_machines",
    "1",
    "--mixed_precision",
    "no",
    "--dynamo_backend",
    "no",
]
"""On a machine without GPU ``--multi_gpu`` starts processes that talk by gloo; ``--cpu`` starts a single one
unless there is MPI."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def read_last_state(output: Path) -> dict[str, Any]:
    last = max(output.glob("checkpoints/checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    state: dict[str, Any] = json.loads((last / "trainer_state.json").read_text())
    return state


@pytest.mark.long
@pytest.mark.numeric
def test_two_processes_end_as_one_with_the_same_batch(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch, training_seed: int
) -> None:
    folder = write_data(tmp_path, seed=training_seed)
    alone = read_paper(
        folder, tmp_path / "one", run__epochs=2, run__batch_size=2, run__evaluation_batch_size=2
    )  # 22 draws: no step with half a batch
    run_training(alone)

    content = yaml.safe_load(CONFIG.read_text())
    content["model"]["start"] = str(folder / "model")
    content["data"] |= {"folder": str(folder / "data"), "size": 32, "cache": str(tmp_path / "two" / "cache")}
    content["run"] |= {
        "seed": training_seed,
        "epochs": 2,
        "batch_size": 2,
        "evaluation_batch_size": 2,
        "patience": 0,
        "mixed_precision": "no",
        "deterministic": False,
    }
    content["run"]["output"] = str(tmp_path / "two" / "run")
    config = tmp_path / "two.yaml"
    config.write_text(yaml.safe_dump(content))
    processes = ["--num_processes", "2", "--main_process_port", str(free_port())]
    done = subprocess.run(
        [
            sys.executable,
            *LAUNCH,
            *processes,
            "--module",
            "training",
            "segmentation",
            "--config",
            str(config),
        ],
        cwd=repository,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    states = [read_last_state(output) for output in (alone.run.output, tmp_path / "two" / "run")]
    assert states[0]["global_step"] == states[1]["global_step"] > 1
    with monkeypatch.context() as patch:
        round_start(patch, segmentation)
        rounded = replace(alone, run=replace(alone.run, output=tmp_path / "rounded"))
        run_training(rounded)
    start = PromptedCLIPSeg.from_pretrained(folder / "model").state_dict()
    assert_same_end(
        start,
        *(read_end(output) for output in (alone.run.output, tmp_path / "two" / "run", rounded.run.output)),
    )


def test_a_batch_is_shared_among_the_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = read_paper(tmp_path, tmp_path).run
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(SettingsError, match=r"run\.batch_size: 4 cannot be shared equally by 3 processes"):
        training_arguments(run)
    with pytest.raises(SettingsError, match=r"run\.evaluation_batch_size: 32 cannot"):
        training_arguments(replace(run, batch_size=6))
