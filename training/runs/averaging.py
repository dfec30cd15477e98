"""A Trainer that keeps a running average of the weights: evaluated, compared and kept in place of the last
step's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import Trainer, TrainerCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR
from transformers.utils import SAFE_WEIGHTS_NAME

AVERAGE_FILE = "average.safetensors"


class AveragingTrainer(Trainer):
    """HF's Trainer with an exponential moving average of weights and batch-norm statistics; a decay of 0
    switches it off."""

    def __init__(self, *args: Any, decay: float = 0.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.decay = decay
        self.average: dict[str, torch.Tensor] | None = None
        self.steps_averaged = 0
        if decay > 0:
            self.average = {name: value.detach().clone() for name, value in self._learnt().items()}
            self.add_callback(_AverageAfterStep(self))

    @property
    def live(self) -> nn.Module:
        """Return the model that is trained."""
        return cast(nn.Module, self.model)

    def _learnt(self) -> dict[str, torch.Tensor]:
        """Return what changes while training: weights that learn, and statistics.

        A frozen tower need not be copied at each step.
        """
        frozen = {name for name, parameter in self.live.named_parameters() if not parameter.requires_grad}
        return {name: value for name, value in self.live.state_dict().items() if name not in frozen}

    def update_average(self, step: int) -> None:
        """Move the average towards the weights after optimizer step ``step``; early steps count more, so the
        start is forgotten."""
        if self.average is None:
            return
        decay = min(self.decay, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, value in self._learnt().items():
                if value.is_floating_point():
                    self.average[name].lerp_(value.to(self.average[name].device), 1 - decay)
                else:
                    self.average[name].copy_(value)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Put the average into the model for the time of the block."""
        if self.average is None:
            yield
            return
        live = {name: value.detach().clone() for name, value in self._learnt().items()}
        self.live.load_state_dict(self.average, strict=False)
        try:
            yield
        finally:
            self.live.load_state_dict(live, strict=False)

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Evaluate the averaged weights."""
        with self.averaged():
            return super().evaluate(*args, **kwargs)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        # before the Trainer's own files: the last of those says that the checkpoint is whole
        if self.average is not None and self.args.should_save:
            folder = (
                Path(self._get_output_dir(trial=trial)) / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
            )
            folder.mkdir(parents=True, exist_ok=True)
            save_file(
                {name: value.contiguous() for name, value in self.average.items()}, folder / AVERAGE_FILE
            )
        super()._save_checkpoint(model, trial)

    def _save(self, output_dir: str | None = None, state_dict: dict[str, torch.Tensor] | None = None) -> None:
        super()._save(output_dir, state_dict)
        # The library writes some models' weights (SegFormer's, BEiT's) under the names that they have on the Hub,
        # but its Trainer looks for those that they have in memory, and leaves out what it does not find.
        file = Path(output_dir or str(self.args.output_dir)) / SAFE_WEIGHTS_NAME
        if not self.args.should_save or not file.is_file():
            return
        named = self.live.state_dict()
        with safe_open(file, "pt") as kept:
            renamed = not named.keys() >= set(kept.keys())
        if renamed:
            own = {name: value.to("cpu", copy=True).contiguous() for name, value in named.items()}
            save_file(own, file, metadata={"format": "pt"})

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        if self.average is not None:
            # which knows no "cpu:0", as the device of a process is called
            kept = load_file(Path(resume_from_checkpoint) / AVERAGE_FILE)
            self.average = {name: value.to(self.args.device) for name, value in kept.items()}

    def _load_best_model(self) -> None:
        self.accelerator.wait_for_everyone()  # the first process may still be writing the last average
        super()._load_best_model()
        best = self.state.best_model_checkpoint
        if self.average is not None and best is not None:
            self.live.load_state_dict(load_file(Path(best) / AVERAGE_FILE), strict=False)
            self.average = None  # from here on the model is the average


class MeanLossTrainer(AveragingTrainer):
    """Trains by a loss of its own, a mean over the batch, whatever the forward's signature looks like."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.model_accepts_loss_kwargs = False

    def measure_batch(self, model: nn.Module, inputs: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the mean loss of a batch, and the logits."""
        raise NotImplementedError

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,  # noqa: ARG002
    ) -> Any:
        """Return the mean loss of a batch, and the outputs when asked for."""
        loss, logits = self.measure_batch(model, inputs)
        return (loss, {"loss": loss, "logits": logits}) if return_outputs else loss


class _AverageAfterStep(TrainerCallback):
    def __init__(self, trainer: AveragingTrainer) -> None:
        self.trainer = trainer

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        self.trainer.update_average(state.global_step)
