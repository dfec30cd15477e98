"""The paper's run for the closed questions, settings as they ship, on a BERT and a Swin of a few thousand
weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tests.support.source.concrete_models import load_text_photo_answerer
from tests.support.tiny_answerer import CONFIGS, read_tiny, write_data
from training.answers.text_photo.checkpoint import start_model
from training.answers.text_photo.fitting import make_optimizer
from training.answers.text_photo.settings import TextPhotoAnswererSettings
from training.answers.text_photo_answerer import run_training
from training.runs.run import read_settings
from training.runs.trainer import training_arguments


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, training_seed: int) -> Path:
    return write_data(tmp_path_factory.mktemp("cases"), seed=training_seed)


def test_the_settings_are_the_papers(folder: Path, tmp_path: Path) -> None:
    shipped = read_settings(
        CONFIGS / "text-photo-answerer-paper.yaml", TextPhotoAnswererSettings, {"run.output": str(tmp_path)}
    )
    model, data = shipped.model, shipped.data
    assert (model.text, model.text_pooling, model.max_text_tokens) == (
        "emilyalsentzer/Bio_ClinicalBERT",
        "cls",
        128,
    )
    assert model.photo.startswith("microsoft/swin-") and model.photo.endswith("-224")
    assert (model.fusion, model.narrative_input, model.photo_head_size, model.learn_sets) == (
        "concatenation",
        False,
        0,
        False,
    )
    assert (model.dropout, data.draw, data.augment, data.photo_dropout) == (0.1, "question", None, 0.0)
    arguments = training_arguments(shipped.run)
    assert (
        arguments.per_device_train_batch_size,
        arguments.num_train_epochs,
        arguments.max_grad_norm,
        arguments.bf16,
    ) == (
        2,
        10,
        1.0,
        True,
    )
    assert arguments.metric_for_best_model == "f1" and shipped.run.patience > 0

    tiny = read_tiny("text-photo-answerer-paper", folder, tmp_path, data__cache=str(tmp_path / "cache"))
    optimizer = make_optimizer(start_model(tiny, [])[0], tiny)
    assert type(optimizer) is torch.optim.AdamW
    assert {(group["lr"], group["betas"]) for group in optimizer.param_groups} == {(5e-4, (0.9, 0.999))}
    assert {group["weight_decay"] for group in optimizer.param_groups} == {0.01, 0.0}  # none for biases


def test_the_run_goes_from_end_to_end_in_mixed_precision_and_stops_early_on_validation_f1(
    folder: Path, tmp_path: Path
) -> None:
    settings = read_tiny(
        "text-photo-answerer-paper",
        folder,
        tmp_path,
        data__cache=str(tmp_path / "cache"),
        run__batch_size=54,
        run__epochs=10,
        run__mixed_precision="auto",
        run__patience=1,
        run__learning_rate=0.0,
    )
    best, scores = run_training(settings)
    states = [
        json.loads(path.read_text())
        for path in (settings.run.output / "checkpoints").glob("*/trainer_state.json")
    ]
    last = max(states, key=lambda state: state["global_step"])
    assert last["global_step"] == 2 * 3  # 162 questions an epoch; the second evaluation is no better
    assert last["best_metric"] == pytest.approx(scores["eval_f1"])
    scorer = load_text_photo_answerer(best)
    one, other = scorer.score("itchy for weeks", []), scorer.score("no complaint", [])
    assert all((one[qid] == other[qid]).all() for qid in one)  # what the patient says is no input
