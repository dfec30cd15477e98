"""An encoder as its model describes it, and as it is called once a backend has made it ready."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

Encode = Callable[..., tuple[Tensor, ...]]
"""An encoder that is ready: float32 (or token) tensors of the processor in, float32 tensors of the processor
out."""


@dataclass(frozen=True, eq=False)
class Encoder:
    """An encoder as its model has it.

    run: what is to be called. weights: the module that holds what it reads. example: inputs of the kind it
    will get. free: how many leading dimensions of the inputs differ from call to call. key: names weights and
    inputs' size among all others, empty where that is unknown.
    """

    run: Callable[..., Tensor | tuple[Tensor, ...]]
    weights: nn.Module
    example: tuple[Tensor, ...]
    free: int = 1
    key: str = ""
