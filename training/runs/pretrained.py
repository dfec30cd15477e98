"""MobileNetV1's ImageNet weights, as they were exported to TensorFlow.js: where the compact models' photo
encoders start."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from magic_demo.core.disk.user_files import read_user_file
from magic_demo.core.errors import one_line
from magic_demo.core.limits import LIMITS
from magic_demo.models.segmentation.compact import BLOCKS, CompactSegmenter
from training.runs.run import SettingsError

NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def read_imagenet(path: Path, blocks: int) -> list[dict[str, Tensor]]:
    """Read the first convolution, then depthwise and pointwise convolution of blocks 1 to ``blocks``.

    Each is a state of a module with a ``convolution`` and a ``normalization``: float32, kernels as torch
    orders them (in the file they are height, width, in, out). Raises SettingsError when the file is missing
    or holds other weights.
    """
    named = [("conv1/kernel", "conv1_bn", (3, 2, 0, 1))]
    for block in range(1, blocks + 1):
        named.append((f"conv_dw_{block}/depthwise_kernel", f"conv_dw_{block}_bn", (2, 3, 0, 1)))
        named.append((f"conv_pw_{block}/kernel", f"conv_pw_{block}_bn", (3, 2, 0, 1)))
    try:
        weights = load(read_user_file(path, LIMITS.checkpoint_bytes))
        return [
            {"convolution.weight": weights[kernel].permute(order).contiguous().float()}
            | {f"normalization.{ours}": weights[f"{norm}/{theirs}"] for ours, theirs in NORM.items()}
            for kernel, norm, order in named
        ]
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        raise SettingsError(
            "{path}: MobileNetV1's ImageNet weights are expected ({reason})",
            path=path,
            reason=one_line(error),
        ) from error


def load_imagenet(model: CompactSegmenter, path: Path) -> None:
    """Fill the segmenter's encoder, width 1.0.

    Raises SettingsError when the file is missing or its shapes are others.
    """
    encoder = model.encoder
    places: list[nn.Module] = [encoder.stem]
    for depthwise, pointwise in zip(encoder.depthwise, encoder.pointwise, strict=True):
        places += [depthwise, pointwise]
    for place, state in zip(places, read_imagenet(path, len(BLOCKS)), strict=True):
        try:
            place.load_state_dict(state, strict=False)  # the number of batches seen is not in the file
        except RuntimeError as error:
            raise SettingsError(
                "{path}: weights of width 1.0 are expected ({reason})", path=path, reason=one_line(error)
            ) from error
