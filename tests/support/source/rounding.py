"""How far rounding alone moves what a model says: what the distance between two ways to the same numbers is
held against."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Numbers = NDArray[np.float32] | Tensor

ROOM = 5.0
"""How many times farther apart than rounding once moved the numbers two ways to them may come: both are sums
of the same kind of chance. 1.5 was the most seen."""


def round_off(values: Tensor, kind: torch.dtype = torch.float32) -> Tensor:
    """Return numbers moved by chance, each by up to one rounding step of ``kind``; the same each time."""
    chance = torch.rand(values.shape, generator=torch.Generator().manual_seed(values.numel()))
    return values * (1 + torch.finfo(kind).eps * (2 * chance - 1))


def measure_rounding(model: object, say: Callable[[], Numbers], kind: torch.dtype = torch.float32) -> float:
    """Return how far the farthest of the numbers that ``say`` returns moves when every weight of the model is
    rounded another way."""
    assert isinstance(model, nn.Module), f"{type(model).__name__} has no weights to round"
    before, kept = _read(say()), [values.detach().clone() for values in model.parameters()]
    for values in model.parameters():
        values.data.copy_(round_off(values.data, kind))
    after = _read(say())
    for values, old in zip(model.parameters(), kept, strict=True):
        values.data.copy_(old)
    moved = float(np.abs(after - before).max())
    assert 0 < ROOM * moved < float(np.abs(before).max()) / 2, "a bound must say something"
    return moved


def assert_same_but_for_rounding(one: Numbers, other: Numbers, rounding: float) -> None:
    """Assert that two ways to the same numbers end no farther apart than ROOM times what rounding does to
    them."""
    apart = float(np.abs(_read(one) - _read(other)).max())
    assert apart <= ROOM * rounding, f"{apart:.2g} apart, rounding makes {rounding:.2g}"


def _read(numbers: Numbers) -> NDArray[np.float64]:
    return np.array(numbers.detach().numpy() if isinstance(numbers, Tensor) else numbers, dtype=np.float64)
