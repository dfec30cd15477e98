"""A run's Trainer: its arguments, the checkpoint that it goes on from, and the best evaluation at the end."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import EarlyStoppingCallback, Trainer, TrainingArguments

from magic_demo.core.disk.user_files import read_user_file
from magic_demo.core.limits import LIMITS
from training.runs.full_disk import is_disk_full
from training.runs.run import Precision, RunSettings, SettingsError

CHECKPOINT_FILES = ("optimizer.pt", "scheduler.pt")
"""What a run goes on from, beside weights and state."""


def training_arguments(run: RunSettings, **more: Any) -> TrainingArguments:
    """Return the Trainer's arguments of a run; ``more`` are further ones of its own."""
    by_epoch = run.evaluate_every == 0
    strategy = "epoch" if by_epoch else "steps"
    on_gpu = torch.cuda.is_available()
    precision = choose_precision(run)
    arguments: dict[str, Any] = {
        "output_dir": str(run.output / "checkpoints"),
        "num_train_epochs": run.epochs,
        "per_device_train_batch_size": _share(run.batch_size, "run.batch_size"),
        "per_device_eval_batch_size": _share(run.evaluation_batch_size, "run.evaluation_batch_size"),
        "ddp_timeout": 6 * 3600,  # the other processes wait while one computes what is kept on disk
        "learning_rate": run.learning_rate,
        "weight_decay": run.weight_decay,
        "warmup_steps": run.warmup,
        "lr_scheduler_type": run.schedule,
        "max_grad_norm": run.clip,
        "eval_strategy": strategy,
        "save_strategy": strategy,
        "eval_steps": None if by_epoch else run.evaluate_every,
        "save_steps": 500 if by_epoch else run.evaluate_every,
        "save_total_limit": run.keep,
        "load_best_model_at_end": True,
        "metric_for_best_model": run.metric,
        "greater_is_better": True,
        "logging_strategy": "steps",
        "logging_steps": 10,
        "report_to": ["tensorboard"],
        "seed": run.seed,
        "data_seed": run.seed,
        "full_determinism": run.deterministic,
        "bf16": precision == "bfloat16",
        "fp16": precision == "float16",
        "use_cpu": not on_gpu,
        "dataloader_num_workers": run.workers,
        "dataloader_pin_memory": on_gpu,
        "remove_unused_columns": False,
        "label_names": ["labels"],
        "disable_tqdm": False,
    }
    return TrainingArguments(**{**arguments, **more})


def one_long_epoch(run: RunSettings, epoch_length: int, **more: Any) -> TrainingArguments:
    """Return the arguments of a run whose draws are listed for the whole of it and taken in order, so that a
    resumed run sees what it would have seen.

    epoch_length: draws of what the settings call an epoch, after which it is evaluated unless they say when.
    """
    every = run.evaluate_every or -(-epoch_length // run.batch_size)
    listed = {
        "num_train_epochs": 1,
        "train_sampling_strategy": "sequential",
        "eval_strategy": "steps",
        "save_strategy": "steps",
        "eval_steps": every,
        "save_steps": every,
    }
    return training_arguments(run, **{**listed, **more})


def check_start(run: RunSettings, *, resume: bool) -> Path | None:
    """Return the checkpoint that a run goes on from, None for a fresh one.

    Raises SettingsError when there is nothing to resume, or a fresh run would mix with an old one.
    """
    folder = run.output / "checkpoints"
    last = find_whole_checkpoint(folder)
    if resume and last is None:
        raise SettingsError("{folder}: no checkpoint to resume from; leave out --resume", folder=folder)
    if not resume and last is not None:
        raise SettingsError(
            "{folder}: holds checkpoints of an earlier run; give --resume or another --output", folder=folder
        )
    return last


def is_first_process() -> bool:
    """Tell whether this process is the one of a run that prints; without a launcher it is."""
    return os.environ.get("RANK", "0") == "0"


def choose_precision(run: RunSettings) -> Precision:
    """Return the type that mixed precision computes in on this machine.

    Raises SettingsError for float16 without CUDA: the processor's kernels and the loss's scaling need it.
    """
    on_gpu = torch.cuda.is_available()
    if run.mixed_precision == "auto":
        return "float16" if on_gpu else "bfloat16"
    if run.mixed_precision == "float16" and not on_gpu:
        raise SettingsError("run.mixed_precision: 'float16' needs CUDA; set it to auto, bfloat16 or no")
    return run.mixed_precision


def prepare(run: RunSettings) -> None:
    """Set threads and log level and make the output folder; call it before the model is built, whose weights
    the seed decides."""
    if run.threads:
        torch.set_num_threads(run.threads)
    torch.manual_seed(run.seed)
    run.output.mkdir(parents=True, exist_ok=True)
    logging.getLogger("training").setLevel(logging.INFO)


def train(trainer: Trainer, run: RunSettings, *, resume: bool) -> Mapping[str, float]:
    """Train to the end or the early stop, from the last whole checkpoint with ``resume``; the best weights
    are loaded afterwards.

    Returns the best evaluation. Raises SettingsError when there is nothing to resume, or a fresh run would
    mix with an old one.
    """
    last = check_start(run, resume=resume)
    if run.patience:
        trainer.add_callback(EarlyStoppingCallback(early_stopping_patience=run.patience))
    # numbers below 1e-38 add nothing and make attention's backward pass twice as slow on the processor
    torch.set_flush_denormal(True)
    try:
        trainer.train(resume_from_checkpoint=str(last) if resume else None)
        return trainer.evaluate()
    except Exception as error:
        if not is_disk_full(error):
            raise
        raise SettingsError(
            "{folder}: the disk is full, a checkpoint could not be written; free some space and give the same "
            "command with --resume, it goes on from the last whole checkpoint",
            folder=run.output / "checkpoints",
        ) from error
    finally:
        torch.set_flush_denormal(False)  # it holds for the whole thread, numpy's numbers included


def find_whole_checkpoint(folder: Path) -> Path | None:
    """Return the newest checkpoint of a run that was written to its end, None without any.

    The Trainer writes a checkpoint's state last and deletes an old one's files one by one: a run that was
    killed meanwhile leaves a folder whose state is missing or cut short, or whose weights are.
    """
    numbered = [
        (int(place.name.rpartition("-")[2]), place)
        for place in folder.glob("checkpoint-*")
        if place.name[11:].isdecimal()
    ]
    for _, place in sorted(numbered, reverse=True):
        try:
            json.loads(read_user_file(place / "trainer_state.json", LIMITS.json_bytes))
        except (OSError, ValueError):
            continue
        if all((place / name).is_file() for name in CHECKPOINT_FILES) and any(place.glob("*.safetensors")):
            return place
    return None


def _share(batch: int, name: str) -> int:
    """Return a device's part of a batch, so that a run takes the same steps on any number of them."""
    devices = int(os.environ.get("WORLD_SIZE", "0")) or max(1, torch.cuda.device_count())
    if batch % devices:
        raise SettingsError(
            "{name}: {batch} cannot be shared equally by {devices} processes or GPUs; choose a multiple",
            name=name,
            batch=batch,
            devices=devices,
        )
    return batch // devices
