"""``accelerate launch`` with two processes on the processor: the same run as one process with the same batch."""

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

from magic_demo.segmentation import PromptedCLIPSeg
from tests.tiny_clipseg import CONFIG, read_paper, write_data
from training.run import SettingsError, training_arguments
from training.segmentation import run_training

LAUNCH = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
"""On a machine without GPU ``--multi_gpu`` starts processes that talk by gloo; ``--cpu`` starts a single one unless there is MPI."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def read_last_state(output: Path) -> dict[str, Any]:
    last = max(output.glob("checkpoints/checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    state: dict[str, Any] = json.loads((last / "trainer_state.json").read_text())
    return state


def test_two_processes_end_as_one_with_the_same_batch(tmp_path: Path, repository: Path) -> None:
    folder = write_data(tmp_path)
    alone = read_paper(
        folder, tmp_path / "one", run__epochs=2, run__batch_size=2, run__evaluation_batch_size=2
    )  # 22 draws: no step with half a batch
    best, scores = run_training(alone)

    content = yaml.safe_load(CONFIG.read_text())
    content["model"]["start"] = str(folder / "model")
    content["data"] |= {"folder": str(folder / "data"), "size": 32, "cache": str(tmp_path / "two" / "cache")}
    content["run"] |= {"epochs": 2, "batch_size": 2, "evaluation_batch_size": 2, "patience": 0, "bfloat16": False, "deterministic": False}
    content["run"]["output"] = str(tmp_path / "two" / "run")
    config = tmp_path / "two.yaml"
    config.write_text(yaml.safe_dump(content))
    processes = ["--num_processes", "2", "--main_process_port", str(free_port())]
    done = subprocess.run(
        [sys.executable, *LAUNCH, *processes, "--module", "training", "segmentation", "--config", str(config)],
        cwd=repository,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    states = [read_last_state(output) for output in (alone.run.output, tmp_path / "two" / "run")]
    assert states[0]["global_step"] == states[1]["global_step"] > 1
    losses = [next(entry["loss"] for entry in state["log_history"] if "loss" in entry) for state in states]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    together = json.loads((tmp_path / "two" / "run" / "best" / "training.json").read_text())
    assert together["eval_loss"] == pytest.approx(scores["eval_loss"], rel=1e-5)
    start, one, two = (
        PromptedCLIPSeg.from_pretrained(path).state_dict() for path in (folder / "model", best, tmp_path / "two" / "run" / "best")
    )
    way, apart = (sum(float((a[name] - b[name]).square().sum()) for name in start) ** 0.5 for a, b in ((start, one), (one, two)))
    assert way > 0.05
    assert apart < 0.005 * way


def test_a_batch_is_shared_among_the_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = read_paper(tmp_path, tmp_path).run
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(SettingsError, match=r"run\.batch_size: 4 cannot be shared equally by 3 processes"):
        training_arguments(run)
    with pytest.raises(SettingsError, match=r"run\.evaluation_batch_size: 32 cannot"):
        training_arguments(replace(run, batch_size=6))
