"""Start a compact model from MobileNetV1's ImageNet weights, as they were exported to TensorFlow.js."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from magic_demo.compact_segmentation import BLOCKS, CompactSegmenter, Convolution
from magic_demo.errors import one_line
from training.run import SettingsError


def load_imagenet(model: CompactSegmenter, path: Path) -> None:
    """Fill the encoder, width 1.0, from a safetensors file with TensorFlow's names; kernels there are height, width, in, out.

    Raises SettingsError when the file is missing or holds other weights.
    """
    try:
        weights = load_file(path)
        _fill(model.encoder.stem, weights, "conv1/kernel", "conv1_bn", (3, 2, 0, 1))
        for number in range(1, len(BLOCKS) + 1):
            depthwise, pointwise = model.encoder.depthwise[number - 1], model.encoder.pointwise[number - 1]
            _fill(depthwise, weights, f"conv_dw_{number}/depthwise_kernel", f"conv_dw_{number}_bn", (2, 3, 0, 1))
            _fill(pointwise, weights, f"conv_pw_{number}/kernel", f"conv_pw_{number}_bn", (3, 2, 0, 1))
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        raise SettingsError(f"{path}: MobileNetV1's ImageNet weights are expected ({one_line(error)})") from error


def _fill(block: torch.nn.Module, weights: dict[str, torch.Tensor], kernel: str, norm: str, order: tuple[int, ...]) -> None:
    assert isinstance(block, Convolution)
    with torch.no_grad():
        block.convolution.weight.copy_(weights[kernel].permute(order))
        block.normalization.weight.copy_(weights[f"{norm}/gamma"])
        block.normalization.bias.copy_(weights[f"{norm}/beta"])
        assert block.normalization.running_mean is not None
        assert block.normalization.running_var is not None
        block.normalization.running_mean.copy_(weights[f"{norm}/moving_mean"])
        block.normalization.running_var.copy_(weights[f"{norm}/moving_variance"])
