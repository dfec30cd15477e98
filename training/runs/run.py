"""What every training run shares: settings from a YAML file, the Trainer's arguments, start or resume, and
the files at the end."""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import os
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
import yaml
from transformers import EarlyStoppingCallback, Trainer, TrainingArguments

from magic_demo.core.errors import MagicDemoError, one_line
from magic_demo.core.limits import LIMITS
from magic_demo.core.user_files import LARGEST_CONFIG, read_user_file, read_user_text
from training.runs.full_disk import is_disk_full

CHECKPOINT_FILES = ("optimizer.pt", "scheduler.pt")
"""What a run goes on from, beside weights and state."""

SettingsType = TypeVar("SettingsType")


class SettingsError(MagicDemoError):
    """A settings file or the data it names cannot be used: unknown key, wrong type, missing file."""


@dataclass(frozen=True)
class RunSettings:
    """How a run goes: length, batch, learning rates, when it is evaluated and when it stops early.

    output: folder for checkpoints, scalars and the best model. epochs: passes over the training list.
    batch_size, evaluation_batch_size: photos or cases of one step, of all processes and devices together.
    metric: the evaluation's number that the best checkpoint is chosen by; larger is better.
    patience: evaluations without a better one before the run stops; 0 never stops early.
    evaluate_every: optimizer steps between evaluations and checkpoints; 0 is once an epoch.
    bfloat16: automatic mixed precision, on the processor as well. threads: torch's, 0 leaves the default.
    deterministic: the same numbers on the same machine, at the cost of speed.
    """

    output: Path
    metric: str
    epochs: float = 20.0
    batch_size: int = 32
    evaluation_batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.03
    schedule: str = "cosine"
    clip: float = 1.0
    evaluate_every: int = 0
    patience: int = 5
    keep: int = 2
    seed: int = 0
    bfloat16: bool = False
    threads: int = 0
    workers: int = 0
    deterministic: bool = False


def read_settings(
    path: Path, kind: type[SettingsType], overrides: Mapping[str, object] | None = None
) -> SettingsType:
    """Read a YAML file into the dataclass ``kind``; ``overrides`` ("run.output" -> value) win, None among
    them is passed over.

    Nested dataclasses are nested mappings. Raises SettingsError, naming the key, when one is unknown, missing
    or of a wrong type.
    """
    try:
        content = yaml.safe_load(read_user_text(path, LARGEST_CONFIG))
    except OSError as error:
        raise SettingsError(
            "{path}: cannot be read ({reason}); give a file of training/configs",
            path=path,
            reason=error.strerror or error,
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # ValueError: not UTF-8, a date that is none
        raise SettingsError(
            "{path}: not valid YAML ({reason}); correct it, or begin from a file of training/configs",
            path=path,
            reason=one_line(error),
        ) from error
    if not isinstance(content, dict):
        raise SettingsError("{path}: a mapping of settings is expected", path=path)
    for name, value in (overrides or {}).items():
        if value is not None:
            _place(content, name.split("."), value)
    built: SettingsType = _build(content, kind, str(path), "")
    return built


def read_command(
    arguments: Sequence[str],
    command: str,
    kind: type[SettingsType],
    said: str | None,
    options: Mapping[str, tuple[str, str]],
) -> SettingsType:
    """Read the command line of a command that a settings file describes: ``--config FILE``, and ``options``
    that win over the file.

    said: the command's help. options: name -> the setting that it replaces, and what that is. Raises
    SettingsError as ``read_settings`` does.
    """
    parser = argparse.ArgumentParser(prog=f"python -m training {command}", description=said)
    parser.add_argument("--config", type=Path, required=True, help="a settings file, see training/configs")
    for name, (_, what) in options.items():
        parser.add_argument(f"--{name}", help=f"{what}, instead of the settings'")
    given = vars(parser.parse_args(arguments))
    return read_settings(
        given["config"], kind, {setting: given[name] for name, (setting, _) in options.items()}
    )


def training_arguments(run: RunSettings, **more: Any) -> TrainingArguments:
    """Return the Trainer's arguments of a run; ``more`` are further ones of its own."""
    by_epoch = run.evaluate_every == 0
    strategy = "epoch" if by_epoch else "steps"
    on_gpu = torch.cuda.is_available()
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
        "bf16": run.bfloat16,
        "use_cpu": not on_gpu,
        "dataloader_num_workers": run.workers,
        "dataloader_pin_memory": on_gpu,
        "remove_unused_columns": False,
        "label_names": ["labels"],
        "disable_tqdm": False,
    }
    return TrainingArguments(**{**arguments, **more})


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
    folder = run.output / "checkpoints"
    last = find_whole_checkpoint(folder)
    if resume and last is None:
        raise SettingsError("{folder}: no checkpoint to resume from; leave out --resume", folder=folder)
    if not resume and last is not None:
        raise SettingsError(
            "{folder}: holds checkpoints of an earlier run; give --resume or another --output", folder=folder
        )
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
            folder=folder,
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


def _place(content: dict[str, Any], keys: list[str], value: object) -> None:
    *above, last = keys
    for key in above:
        inner = content.setdefault(key, {})
        if not isinstance(inner, dict):
            inner = content[key] = {}
        content = inner
    content[last] = value


def _build(content: object, kind: Any, path: str, at: str) -> Any:
    """Turn what YAML gave into ``kind``: a dataclass, a list or tuple of one kind, an optional, a path or a
    plain value."""
    where = f"{path}: {at or 'the file'}"
    if dataclasses.is_dataclass(kind):
        if not isinstance(content, dict):
            raise SettingsError("{where}: a mapping is expected, not {came}", where=where, came=repr(content))
        hints = typing.get_type_hints(kind)
        fields = {field.name: field for field in dataclasses.fields(kind)}
        for key in content:
            if key not in fields:
                raise SettingsError(
                    "{where}: no setting {key!r}; known are {known}", where=where, key=key, known=list(fields)
                )
        values = {
            key: _build(value, hints[key], path, f"{at}.{key}".lstrip(".")) for key, value in content.items()
        }
        for name, field in fields.items():
            if (
                name not in values
                and field.default is dataclasses.MISSING
                and field.default_factory is dataclasses.MISSING
            ):
                raise SettingsError("{where}: the setting {name!r} is missing", where=where, name=name)
        return kind(**values)  # type: ignore[operator]
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if content is None and type(None) in inner:
            return None
        return _build(content, next(part for part in inner if part is not type(None)), path, at)
    if origin is typing.Literal:
        if content not in inner:
            raise SettingsError(
                "{where}: {came} is not one of {known}",
                where=where,
                came=repr(content),
                known=list(map(repr, inner)),
            )
        return content
    if origin in (tuple, list):
        if not isinstance(content, list | tuple):
            raise SettingsError("{where}: a list is expected, not {came}", where=where, came=repr(content))
        return origin(_build(item, inner[0], path, f"{at}[{number}]") for number, item in enumerate(content))
    return _build_plain(content, kind, where)


def _build_plain(content: object, kind: Any, where: str) -> object:
    if kind is Path and isinstance(content, str | Path):
        return Path(content)
    if kind is float and isinstance(content, int | float | str) and not isinstance(content, bool):
        try:
            return float(content)  # YAML reads 1e-3 as a word
        except (ValueError, OverflowError):  # a whole number of hundreds of digits
            pass
    elif kind in (bool, int, str) and type(content) is kind:
        return content
    raise SettingsError(
        "{where}: {kind} is expected, not {came}",
        where=where,
        kind=getattr(kind, "__name__", kind),
        came=repr(content),
    )
