"""What tests of numbers are held against: rounding passes, a fault does not; and the instructions are those
that were asked for."""

from __future__ import annotations

import os
import platform

import pytest
import torch
from torch import Tensor

from tests.robustness.faults.run_ends import assert_same_end
from tests.support.source.rounding import assert_same_but_for_rounding, measure_rounding

pytestmark = pytest.mark.numeric

VALUES = torch.randn(64, 32, generator=torch.Generator().manual_seed(2))


def make_layer() -> torch.nn.Linear:
    torch.manual_seed(1)
    return torch.nn.Linear(32, 8)


def test_another_order_of_sums_is_rounding_and_a_thousandth_is_a_fault() -> None:
    layer = make_layer()

    def say() -> Tensor:
        said: Tensor = layer(VALUES).detach()
        return said

    rounding = measure_rounding(layer, say)
    order = torch.randperm(32, generator=torch.Generator().manual_seed(3))
    turned = VALUES[:, order] @ layer.weight.detach()[:, order].T + layer.bias.detach()
    assert_same_but_for_rounding(turned, say(), rounding)
    with pytest.raises(AssertionError, match="apart, rounding makes"):
        assert_same_but_for_rounding(say() * 1.001, say(), rounding)


def test_measuring_leaves_the_weights_as_they_were() -> None:
    layer = make_layer()
    measure_rounding(layer, lambda: layer(VALUES))
    assert torch.equal(layer.weight, make_layer().weight)


def test_an_end_is_the_same_within_what_rounding_does_and_no_farther() -> None:
    start, end = {"a": torch.zeros(4)}, {"a": torch.ones(4)}
    rounded, near, far = ({"a": torch.ones(4) + step} for step in (0.01, 0.02, 0.2))
    assert_same_end(start, end, near, rounded)
    with pytest.raises(AssertionError, match="apart, rounding alone makes"):
        assert_same_end(start, end, far, rounded)
    with pytest.raises(AssertionError, match="on a way of"):  # chance so large that anything would pass
        assert_same_end(start, end, near, {"a": torch.ones(4) + 0.5})


def test_torch_has_the_instructions_that_it_is_held_to() -> None:
    asked = os.environ.get("ATEN_CPU_CAPABILITY")
    if asked and platform.machine() in ("x86_64", "AMD64"):
        assert torch.backends.cpu.get_cpu_capability().lower() == asked
