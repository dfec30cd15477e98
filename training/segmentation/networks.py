"""The networks that a checkpoint may hold for training: CLIPSeg and the compact model, which read a prompt, and semantic models of
transformers, which read none. What differs between them stands here alone."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from magic_demo.core.errors import one_line
from magic_demo.models.interfaces import Segmenter
from magic_demo.models.loading.checkpoints import Checkpoint, load_tokenizer
from magic_demo.models.loading.preprocessing import Preprocessing
from magic_demo.models.registry import SEGMENTERS
from magic_demo.models.segmentation.prompted import PromptedSegmenter, load_network
from magic_demo.models.segmentation.semantic import (
    SemanticSegmenter,
    load_semantic,
    name_lesion,
    read_lesion,
)
from training.runs.run import SettingsError
from training.runs.trainer import is_first_process
from training.segmentation.data import DataSettings

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""What CLIP's photos were normalised with (Radford et al., 2021); the Hub's CLIPSeg checkpoints come with
ImageNet's."""
LABELS = {0: "skin", 1: "lesion"}
"""What a semantic model tells apart after training, if none of its own labels was the lesion's."""

Loaded = tuple[PreTrainedModel, PreTrainedTokenizerBase | None]
ReadLogits = Callable[[Tensor, tuple[int, int]], Tensor]
"""Turns what a network gives for photos of a size (height, width) into the lesion's logits (B, height, width)."""


@dataclass(frozen=True)
class NetworkKind:
    """How the networks that one of our segmenters loads are trained.

    load: returns network and tokenizer, None where it reads no prompt. without: settings of ``model`` that say
    nothing to it, and are refused.
    """

    load: Callable[[Checkpoint, tuple[int, int]], Loaded]
    without: tuple[str, ...] = ()


def load_start(
    start: str, data: DataSettings, model_settings: object
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase | None, Preprocessing]:
    """Return the network of a checkpoint (a folder or a Hub id), its tokenizer, None where it reads no prompt,
    and its preprocessing with the data's size and normalisation.

    Raises CheckpointError where it is none of KINDS, SettingsError where a setting says nothing to it.
    """
    types = frozenset[str]().union(*(SEGMENTERS.types_of(owner) for owner in KINDS))
    checkpoint = Checkpoint.open(start, types=types)
    name = str(checkpoint.read_config()["model_type"])
    kind = KINDS[SEGMENTERS.find(name)]
    for setting in kind.without:
        if getattr(model_settings, setting):
            raise SettingsError(
                "model.{setting}: {start} is a model of type {type}, which has no such thing; leave it out",
                setting=setting,
                start=start,
                type=name,
            )
    preprocessing = checkpoint.read_preprocessing()
    if data.size:
        preprocessing = replace(preprocessing, size=(data.size, data.size))
    if data.normalization == "clip":
        preprocessing = replace(preprocessing, mean=CLIP_MEAN, std=CLIP_STD)
    return *kind.load(checkpoint, preprocessing.size), preprocessing


def choose_reading(model: PreTrainedModel) -> ReadLogits:
    """Return what reads a network's logits: (B, h, w) as they are; of labels (B, L, h', w') the lesion's
    log-odds, enlarged to the photo's size."""
    lesion = int(getattr(model.config, "lesion_label", 0))

    def read(logits: Tensor, size: tuple[int, int]) -> Tensor:
        if logits.ndim == 3:
            return logits
        odds = read_lesion(logits.float(), lesion)[:, None]
        return functional.interpolate(odds, size=size, mode="bilinear", align_corners=False)[:, 0]

    return read


def count_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase | None) -> int:
    """Return how many tokens of a prompt a network reads, 0 without a tokenizer."""
    if tokenizer is None:
        return 0
    longest = getattr(model.config, "prompt_length", None) or model.config.text_config.max_position_embeddings
    return min(int(longest), tokenizer.model_max_length)


def renew_labels(model: PreTrainedModel) -> PreTrainedModel:
    """Return a semantic model that tells LABELS apart in place of its own labels: weights whose shape changes
    with their number start anew, all others stay."""
    config = copy.deepcopy(model.config)
    config.id2label, config.label2id = dict(LABELS), {name: label for label, name in LABELS.items()}
    renewed = type(model)(config)
    shapes = {name: value.shape for name, value in renewed.state_dict().items()}
    kept = {name: value for name, value in model.state_dict().items() if value.shape == shapes[name]}
    renewed.load_state_dict(kept, strict=False)
    if is_first_process():
        anew = ", ".join(name for name in shapes if name not in kept)
        print(
            f"note: none of the {model.config.num_labels} labels is the lesion's; skin and lesion take their "
            f"place, and these weights start anew: {anew}",
            file=sys.stderr,
        )
    return renewed


def _load_prompted(checkpoint: Checkpoint, _size: tuple[int, int]) -> Loaded:
    return load_network(checkpoint), load_tokenizer(checkpoint.folder)


def _load_semantic(checkpoint: Checkpoint, size: tuple[int, int]) -> Loaded:
    model: Any = load_semantic(checkpoint)
    lesion = name_lesion(checkpoint.read_config(), int(model.config.num_labels))
    if lesion is None:
        model, lesion = renew_labels(model), 1
    model.config.lesion_label = lesion
    _check_size(model, size, checkpoint)
    return model, None


def _check_size(model: Any, size: tuple[int, int], checkpoint: Checkpoint) -> None:
    """Raise SettingsError where a model cannot read photos of a size (height, width)."""
    try:
        with torch.no_grad():  # BEiT keeps what it computes, for the backward pass too
            model.eval()(pixel_values=torch.zeros(1, 3, *size))
    except (RuntimeError, ValueError) as error:
        raise SettingsError(
            "data.size: {folder} reads no photos of {height} x {width} pixels ({reason}); 0 keeps the "
            "checkpoint's own size",
            folder=checkpoint.folder,
            height=size[0],
            width=size[1],
            reason=one_line(error, 120),
        ) from error


KINDS: Mapping[type[Segmenter], NetworkKind] = {
    PromptedSegmenter: NetworkKind(_load_prompted),
    SemanticSegmenter: NetworkKind(_load_semantic, without=("mirrored", "frozen_blocks")),
}
"""The segmenter that will load the trained checkpoint -> how its networks are trained."""
