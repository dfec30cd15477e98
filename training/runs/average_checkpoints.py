"""Average the weights of checkpoints of one architecture (a "model soup", Wortsman et al., 2022): ``python -m
training average-checkpoints OUT FOLDER FOLDER ... [--shares 0.5 0.5]``. Configuration, threshold and tokenizer are the first one's; card
and record of its run are left out."""

from __future__ import annotations

import argparse
import math
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from magic_demo.core.errors import CheckpointError, one_line
from magic_demo.files.checkpoint_files import CONFIG, find_weights, read_config
from magic_demo.models.loading.finding import find_checkpoint, name_model
from training.runs.run import SettingsError

WEIGHTS = "model.safetensors"
OF_ONE_RUN = ("README.md", "training.json", "settings.yaml", "data.json", "starts.json", "versions.json")
"""What is said of a checkpoint and its run, which is not true of an average."""


def main(arguments: list[str]) -> int:
    """Write the folder and print the model's name; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training average-checkpoints", description=__doc__)
    parser.add_argument("out", type=Path, help="new folder for the average")
    parser.add_argument("checkpoints", nargs="+", help="two or more folders or Hub ids")
    parser.add_argument(
        "--shares", type=float, nargs="+", help="of each checkpoint, 1 in all (default: all the same)"
    )
    options = parser.parse_args(arguments)
    folders = [find_checkpoint(name) for name in options.checkpoints]
    shares = options.shares or [1 / len(folders)] * len(folders)
    average_checkpoints(folders, shares, options.out)
    print(f"{name_model(options.out)}: the average of {', '.join(map(name_model, options.checkpoints))}")
    return 0


def average_checkpoints(folders: Sequence[Path], shares: Sequence[float], out: Path) -> None:
    """Write ``out``: the first folder's files, with the mean of all folders' weights, each of its first one's type.

    shares: 0..1, one a folder, 1 in all. Raises SettingsError where they are not, where a folder's configuration or
    weights do not fit the first's, or where ``out`` is there already.
    """
    if len(folders) < 2:
        raise SettingsError("average-checkpoints: two checkpoints or more are expected, one came")
    if len(shares) != len(folders) or min(shares) < 0 or not math.isclose(sum(shares), 1, abs_tol=1e-6):
        raise SettingsError(
            "--shares {shares}: {count} numbers are expected, none below 0, which are 1 in all",
            shares=" ".join(f"{share:g}" for share in shares),
            count=len(folders),
        )
    if out.exists():
        raise SettingsError("{out} is there already; name a new folder", out=out)
    first = _read_weights(folders[0])
    mean = {
        name: shares[0] * value.double() if value.is_floating_point() else value
        for name, value in first.items()
    }
    for folder, share in zip(folders[1:], shares[1:], strict=True):
        weights = _read_weights(folder)
        _check_alike(folders[0], first, folder, weights)
        for name, value in weights.items():
            if value.is_floating_point():
                mean[name] += share * value.double()
    shutil.copytree(folders[0], out, ignore=shutil.ignore_patterns(WEIGHTS, *OF_ONE_RUN))
    save_file(
        {name: value.to(first[name].dtype) for name, value in mean.items()},
        out / WEIGHTS,
        metadata={"format": "pt"},
    )


def _read_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return a checkpoint's weights. Raises CheckpointError where they cannot be read or lie in several files."""
    found = find_weights(folder)
    if [path.name for path in found] != [WEIGHTS]:
        raise CheckpointError(
            "{folder}: weights in {count} files, {name} among them; one {expected} is expected",
            folder=folder,
            count=len(found),
            name=found[0].name,
            expected=WEIGHTS,
        )
    try:
        return load_file(found[0])
    except SafetensorError as error:
        raise CheckpointError(
            "{path}: the weights cannot be read ({reason}); fetch or train the checkpoint again",
            path=found[0],
            reason=one_line(error),
        ) from error


def _check_alike(
    one: Path, first: dict[str, torch.Tensor], other: Path, weights: dict[str, torch.Tensor]
) -> None:
    """Raise SettingsError where two checkpoints are not of one architecture."""
    types = [read_config(folder).get("model_type") for folder in (one, other)]
    if types[0] != types[1]:
        raise SettingsError(
            "{other}: a model of type {came}; {expected} is expected, as in {one}",
            other=other / CONFIG,
            came=types[1],
            expected=types[0],
            one=one,
        )
    for name in sorted(first.keys() | weights.keys()):  # the same one is named each time
        shapes = ["x".join(map(str, part[name].shape)) if name in part else None for part in (first, weights)]
        if shapes[0] != shapes[1]:
            raise SettingsError(
                "{other}: the shape of {name} is {came}; {expected} is expected, as in {one}",
                other=other / WEIGHTS,
                name=name,
                came="missing" if shapes[1] is None else shapes[1],
                expected="none" if shapes[0] is None else shapes[0],
                one=one,
            )
