"""How far two training runs end apart, and how far rounding alone carries one and the same run: what the
first is held against.

A run amplifies the last bits of its numbers, by how much depends on the processor: AdamW takes a step of full
size along a gradient that is nothing but rounding. So no test can say beforehand how near two ways to the
same end come. It measures that: the run once more, what its frozen encoders give, or the weights that it
starts from, rounded another way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from magic_demo.models.answers.text_photo_model import TextPhotoAnswererModel
from magic_demo.models.segmentation.clipseg import PromptedCLIPSeg
from tests.support.source.rounding import ROOM, round_off

LEAST_WAY = 2.0
"""How many times longer than ROOM times that distance a run's way is at the least, so that a path that learns
from something else is found out."""


def round_encoders(patch: pytest.MonkeyPatch, kind: torch.dtype = torch.float32) -> None:
    """Move each number that a frozen encoder gives by chance, by up to one rounding step of ``kind``."""
    for owner, name in (
        (PromptedCLIPSeg, "encode_photo"),
        (PromptedCLIPSeg, "encode_prompt"),
        (TextPhotoAnswererModel, "read_photos"),
        (TextPhotoAnswererModel, "read_tokens"),
    ):
        patch.setattr(owner, name, _round_after(getattr(owner, name), kind))


def round_start(patch: pytest.MonkeyPatch, module: ModuleType) -> None:
    """Let runs of a training module start from weights moved by chance, by up to one rounding step: for runs
    whose encoders' outputs are kept in float16."""
    start: Callable[..., tuple[nn.Module, *tuple[Any, ...]]] = module.start_model

    def start_rounded(*given: Any, **more: Any) -> tuple[nn.Module, *tuple[Any, ...]]:
        model, *others = start(*given, **more)
        for values in model.parameters():
            values.data.copy_(round_off(values.data))
        return model, *others

    patch.setattr(module, "start_model", start_rounded)


def _round_after(
    encode: Callable[..., Tensor | tuple[Tensor, ...]], kind: torch.dtype
) -> Callable[..., Tensor | tuple[Tensor, ...]]:
    def encode_rounded(*given: Any, **more: Any) -> Tensor | tuple[Tensor, ...]:
        found = encode(*given, **more)
        return (
            round_off(found, kind)
            if isinstance(found, Tensor)
            else tuple(round_off(part, kind) for part in found)
        )

    return encode_rounded


def read_end(output: Path) -> dict[str, Tensor]:
    """Return the weights after a run's last step; which checkpoint is its best may hang on a last bit."""
    last = max(
        (output / "checkpoints").glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2])
    )
    return load_file(last / "model.safetensors")


def find_learnt(start: Mapping[str, Tensor], end: Mapping[str, Tensor]) -> list[str]:
    """Return the names of the weights that a run changed."""
    return [name for name in end if not torch.equal(start[name], end[name])]


def find_distance(one: Mapping[str, Tensor], other: Mapping[str, Tensor], names: Iterable[str]) -> float:
    """Return how far two sets of weights lie apart in those of these names."""
    return math.sqrt(sum(float((one[name].double() - other[name].double()).square().sum()) for name in names))


def assert_same_end(
    start: Mapping[str, Tensor],
    end: Mapping[str, Tensor],
    other: Mapping[str, Tensor],
    rounded: Mapping[str, Tensor],
) -> None:
    """Assert that ``other`` lies no farther from ``end`` than ROOM times as far as ``rounded`` does, and that
    this says something."""
    names = find_learnt(start, end)
    apart, rounding, way = (find_distance(one, end, names) for one in (other, rounded, start))
    assert apart <= ROOM * rounding, f"{apart:.2g} apart, rounding alone makes {rounding:.2g}"
    assert LEAST_WAY * ROOM * rounding <= way, (
        f"rounding alone carries the run {rounding:.2g} away, on a way of {way:.2g}"
    )
