"""A training run of a second, by the program's own settings and ``training.runs.trainer.train``: a line is fitted
to points, a checkpoint each epoch."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import EvalPrediction, PretrainedConfig, PreTrainedModel, Trainer
from transformers.modeling_outputs import SequenceClassifierOutput

from training.runs.run import RunSettings
from training.runs.trainer import find_whole_checkpoint, prepare, train, training_arguments


class TinyConfig(PretrainedConfig):  # type: ignore[no-untyped-call]
    """Nothing to configure."""

    model_type = "magic-demo-tiny-training"


class TinyModel(PreTrainedModel):  # type: ignore[no-untyped-call]
    """One layer, with chance in it, so that a run that goes on must bring the chance back as well."""

    config_class = TinyConfig

    def __init__(self, config: TinyConfig) -> None:
        super().__init__(config)
        self.layer = torch.nn.Linear(8, 8)
        self.dropout = torch.nn.Dropout(0.2)
        self.post_init()  # type: ignore[no-untyped-call]

    def forward(self, points: torch.Tensor, labels: torch.Tensor) -> SequenceClassifierOutput:
        """Return the loss."""
        found = self.layer(self.dropout(points))
        return SequenceClassifierOutput(loss=torch.nn.functional.mse_loss(found, labels), logits=found)


def _measure(told: EvalPrediction) -> dict[str, float]:
    return {"closeness": -float(np.square(np.asarray(told.predictions) - np.asarray(told.label_ids)).mean())}


def train_tiny(folder: Path, *, epochs: int = 12) -> dict[str, Any]:
    """Train in a folder, from its last whole checkpoint on where there is one; returns the final weights' sum
    and the steps."""
    logging.disable(logging.CRITICAL)
    run = RunSettings(
        folder,
        "eval_closeness",
        epochs=epochs,
        batch_size=8,
        evaluation_batch_size=8,
        patience=0,
        threads=1,
        workers=0,
    )
    prepare(run)
    generator = torch.Generator().manual_seed(3)
    points = [{"points": one, "labels": one.roll(1)} for one in torch.randn(24, 8, generator=generator)]
    arguments = training_arguments(run, disable_tqdm=True, report_to=[])
    model = TinyModel(TinyConfig())
    trainer = Trainer(
        model, arguments, train_dataset=points, eval_dataset=points[:8], compute_metrics=_measure
    )
    scores = train(trainer, run, resume=find_whole_checkpoint(folder / "checkpoints") is not None)
    weights = sum(part.detach().double().sum().item() for part in model.parameters())
    return {"weights": weights, "steps": trainer.state.global_step, "closeness": scores["eval_closeness"]}
