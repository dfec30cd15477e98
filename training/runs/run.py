"""What every training run shares: its settings, read from a YAML file and the command line."""

from __future__ import annotations

import argparse
import dataclasses
import json
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml

from magic_demo.core.disk.user_files import LARGEST_CONFIG, read_user_text
from magic_demo.core.errors import MagicDemoError, one_line
from training.runs.ranges import Count, CountOrNone, NotNegative, Positive, Seed

SET_TO_NULL = object()
"""Among overrides, where None is one that was not given: the setting becomes null."""

SettingsType = TypeVar("SettingsType")


Schedule = Literal["constant", "constant_with_warmup", "linear", "cosine", "polynomial", "inverse_sqrt"]
"""The library's learning-rate schedules that need nothing further."""
Precision = Literal["no", "auto", "float16", "bfloat16"]
TRAINER_OPTIONS = {
    "data": ("data.folder", "folder of the data"),
    "output": ("run.output", "folder to write to"),
    "start": ("model.start", "checkpoint to start from"),
}
"""What commands that train a network take in place of their settings file's, see ``read_command``."""
CACHED_OPTIONS = {**TRAINER_OPTIONS, "cache": ("data.cache", "folder for the frozen encoders' outputs")}


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
    warmup: steps before the full learning rate, below 1 as a share of all; a ``constant`` schedule has none.
    mixed_precision: automatic mixed precision, with float32 weights: ``auto`` is float16 on CUDA, with the
    loss scaled, and bfloat16 elsewhere; ``no`` computes in float32. threads: torch's, 0 leaves the default.
    deterministic: the same numbers on the same machine, at the cost of speed.
    """

    output: Path
    metric: str
    epochs: Positive = 20.0
    batch_size: Count = 32
    evaluation_batch_size: Count = 32
    learning_rate: NotNegative = 1e-3
    weight_decay: NotNegative = 0.01
    warmup: NotNegative = 0.03
    schedule: Schedule = "cosine"
    clip: NotNegative = 1.0
    evaluate_every: CountOrNone = 0
    patience: CountOrNone = 5
    keep: Count = 2
    seed: Seed = 0
    mixed_precision: Precision = "no"
    threads: CountOrNone = 0
    workers: CountOrNone = 0
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
            _place(content, name.split("."), None if value is SET_TO_NULL else value, str(path))
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
    return parse_command(make_parser(command, said, options), arguments, kind, options)[0]


def run_command(
    arguments: Sequence[str],
    command: str,
    kind: type[SettingsType],
    said: str | None,
    options: Mapping[str, tuple[str, str]],
    work: Callable[[SettingsType], object],
) -> int:
    """Read the command line as ``read_command`` does, and print what ``work`` makes of the settings as JSON;
    returns the exit code."""
    print(json.dumps(work(read_command(arguments, command, kind, said, options)), indent=2))
    return 0


def make_parser(
    command: str, said: str | None, options: Mapping[str, tuple[str, str]]
) -> argparse.ArgumentParser:
    """Return the parser of ``read_command``, for commands that add arguments of their own."""
    parser = argparse.ArgumentParser(prog=f"python -m training {command}", description=said)
    parser.add_argument("--config", type=Path, required=True, help="a settings file, see training/configs")
    for name, (setting, what) in options.items():
        of = f" {setting}" if "." in setting else ""
        parser.add_argument(f"--{name}", help=f"{what}, instead of the settings'{of}")
    return parser


def add_resume_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--resume``."""
    parser.add_argument(
        "--resume", action="store_true", help="go on from the last checkpoint in the output folder"
    )


def parse_command(
    parser: argparse.ArgumentParser,
    arguments: Sequence[str],
    kind: type[SettingsType],
    options: Mapping[str, tuple[str, str]],
) -> tuple[SettingsType, argparse.Namespace]:
    """Return the settings that a command line asks for, and the whole of it.

    parser: from ``make_parser`` with the same options; ``--set`` is added. Raises SettingsError as
    ``read_settings`` does.
    """
    add_set_argument(parser)
    given = parser.parse_args(arguments)
    overrides = {setting: getattr(given, name) for name, (setting, _) in options.items()}
    return read_settings(given.config, kind, {**overrides, **read_assignments(given.set)}), given


def add_set_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--set KEY=VALUE``, which may come several times."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting in place of the file's, such as run.epochs=3 or data.training.0.repeat=2; may be repeated",
    )


def read_assignments(given: Sequence[str]) -> dict[str, object]:
    """Read what ``--set`` was given as overrides for ``read_settings``; values are YAML.

    Raises SettingsError where one has no key or no valid value.
    """
    found: dict[str, object] = {}
    for assignment in given:
        key, sign, value = assignment.partition("=")
        try:
            read = yaml.safe_load(value)
        except (yaml.YAMLError, ValueError, RecursionError):
            sign = ""
        if not key or not sign:
            raise SettingsError(
                "--set {came}: KEY=VALUE is expected, such as run.epochs=3", came=repr(assignment)
            )
        found[key] = SET_TO_NULL if read is None else read
    return found


def check_metric(run: RunSettings, known: Sequence[str]) -> None:
    """Raise SettingsError where the evaluation does not measure ``run.metric``."""
    if run.metric.removeprefix("eval_") not in known:
        raise SettingsError(
            "run.metric: {came} is not one of {known}", came=repr(run.metric), known=list(map(repr, known))
        )


def _place(content: Any, keys: list[str], value: object, path: str) -> None:
    """Put a value into nested mappings and lists; a key of a list is an index."""
    for number, key in enumerate(keys):
        last = number == len(keys) - 1
        if isinstance(content, list):
            if not key.isdecimal() or int(key) >= len(content):
                raise SettingsError(
                    "{where}: no entry {key!r}; the list has {count}, the first is 0",
                    where=f"{path}: {'.'.join(keys[:number])}",
                    key=key,
                    count=len(content),
                )
            index: Any = int(key)
        else:
            index = key
            if not last and not isinstance(content.get(key), dict | list):
                content[key] = {}
        if last:
            content[index] = value
        content = content[index]


def _build(content: object, kind: Any, path: str, at: str) -> Any:
    """Turn what YAML gave into ``kind``: a dataclass, a list or tuple of one kind, an optional, a path or a
    plain value."""
    where = f"{path}: {at or 'the file'}"
    if dataclasses.is_dataclass(kind):
        if not isinstance(content, dict):
            raise SettingsError("{where}: a mapping is expected, not {came}", where=where, came=repr(content))
        hints = typing.get_type_hints(kind, include_extras=True)
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
    if origin is Annotated:
        value = _build(content, inner[0], path, at)
        if not inner[1].holds(value):
            raise SettingsError(
                "{where}: {came} is outside the range {range}",
                where=where,
                came=repr(content),
                range=inner[1],
            )
        return value
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
