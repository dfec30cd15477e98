"""A new photo branch for a checkpoint that answers from words: MobileNetV1 from ImageNet's weights and a head of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor
from transformers import MobileNetV1Config

from magic_demo.case_answerer import CaseAnswerer, CaseAnswererConfig
from training.pretrained import read_imagenet
from training.run import SettingsError

CHANNELS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024)
"""Channels after MobileNetV1's blocks 1 to 12 (Howard et al., 2017, table 1), which ImageNet's file holds."""


@dataclass(frozen=True)
class PhotoBranch:
    """weights: ImageNet's, below the data folder. blocks: how many are kept, 1 to 12. frozen_blocks: how many of them stay as they are,
    the first convolution with them. size: side of the photos in pixels. head_size: hidden layer of the photos' head.
    """

    weights: Path
    blocks: int = 11
    frozen_blocks: int = 3
    size: int = 128
    head_size: int = 128


def add_photo_branch(model: CaseAnswerer, branch: PhotoBranch, folder: Path) -> CaseAnswerer:
    """Return a model with the words' branch of ``model`` and a new photo branch, or ``model`` as it is when it has one of this kind.

    The blocks' frozen part no longer learns. Raises SettingsError when the weights are missing or others than expected.
    """
    if not 1 <= branch.blocks <= len(CHANNELS):
        raise SettingsError(f"model.photo_branch.blocks: 1 to {len(CHANNELS)} are expected, not {branch.blocks}")
    if not model.config.photo_head_size:
        config = CaseAnswererConfig(**model.config.to_dict())
        config.vision_config = MobileNetV1Config(image_size=branch.size)
        config.vision_config.hidden_size = CHANNELS[branch.blocks - 1]  # which Swin's config says and this one does not
        config.photo_head_size, config.photo_layers = branch.head_size, 2 * branch.blocks
        renewed = CaseAnswerer(config)
        words = {name: value for name, value in model.state_dict().items() if not name.startswith(("vision_model.", "photo_projection."))}
        renewed.load_state_dict(words, strict=False)
        renewed.vision_model.load_state_dict(name_layers(read_imagenet(folder / branch.weights, branch.blocks)), strict=False)
        model = renewed
    encoder = model.vision_model
    for part in (encoder.conv_stem, *encoder.layer[: 2 * branch.frozen_blocks]):
        part.requires_grad_(False)
    return model


def freeze_words(model: CaseAnswerer) -> None:
    """Keep everything as it is but the photo encoder and the photos' head."""
    for name, weight in model.named_parameters():
        if not name.startswith(("vision_model.", "photo_head.")):
            weight.requires_grad_(False)


def name_layers(states: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Put the states of the first convolution and the blocks under the names that transformers has for them."""
    places = ["conv_stem", *(f"layer.{number}" for number in range(len(states) - 1))]
    return {f"{place}.{name}": value for place, state in zip(places, states, strict=True) for name, value in state.items()}
