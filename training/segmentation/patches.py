"""A compact model that reads DINOv2's patches too, and masks of several styles: what a run adds to a checkpoint's
decoder. Encoders, text encoder and the decoder that follows clicks stay as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers import Dinov2Model, PreTrainedModel

from magic_demo.core.disk.user_files import LARGEST_CONFIG, read_user_text
from magic_demo.core.errors import one_line
from magic_demo.models.segmentation.compact import CompactSegmenter, CompactSegmenterConfig, SkipDecoder
from magic_demo.models.segmentation.dinov2_patches import PatchEncoder
from training.runs.run import SettingsError

PATCH_FIELDS = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "mlp_ratio",
    "patch_size",
    "image_size",
    "layerscale_value",
    "qkv_bias",
    "hidden_act",
    "layer_norm_eps",
)
"""Of a DINOv2 model's configuration, what its weights' shapes and its numbers depend on."""
Learnt = Literal["all", "photo", "decoder"]
"""What of a model learns: all; what sees the photo; or, of that, what comes after the encoder."""
LEARNING: Mapping[Learnt, tuple[str, ...]] = {
    "decoder": ("decoder.", "patch_reader.", "mask_styles."),
    "photo": ("encoder.", "decoder.", "patch_reader.", "mask_styles."),
}
"""What learns -> how the names of its weights begin."""
STYLES = "mask_styles"


class MaskStyles(nn.Module):
    """How masks of a source are drawn, a scale and a shift of each of the decoder's channels; masks as they are wanted
    have none. It learns with the decoder and is left out of the checkpoint.

    names: of the styles. A photo's style is its name's index plus 1, 0 for none.
    """

    def __init__(self, names: Sequence[str], decoder: SkipDecoder) -> None:
        super().__init__()
        self.names = tuple(names)
        self.shown: Tensor | None = None
        mixes = [module for module in decoder.mix if isinstance(module, nn.Module)]
        self.changes = nn.ParameterList(
            nn.Parameter(torch.zeros(len(self.names), 2, _count_channels(mix))) for mix in mixes
        )
        for step, mix in enumerate(mixes):
            mix.register_forward_hook(lambda _module, _inputs, x, step=step: self.apply_to(step, x))

    def apply_to(self, step: int, x: Tensor) -> Tensor:
        """Return the decoder's map (B, C, h, w) of a step in the style of each photo that ``shown`` (B,) says."""
        if self.shown is None:
            return x
        change = self.changes[step][(self.shown - 1).clamp(min=0)] * (self.shown > 0)[:, None, None]
        changed: Tensor = x * (1 + change[:, 0, :, None, None]) + change[:, 1, :, None, None]
        return changed

    def number(self, name: str) -> int:
        """Return the number of a style, 0 for none."""
        return self.names.index(name) + 1 if name else 0


def add_patches(model: PreTrainedModel, folder: Path) -> CompactSegmenter:
    """Return a compact model with a DINOv2 model of a folder beside its encoder; the decoder reads nothing of it yet.

    Raises SettingsError where the folder holds none, or the model is another.
    """
    if not isinstance(model.config, CompactSegmenterConfig):
        raise SettingsError(
            "model.patches: {type} reads no patches, a compact model does", type=model.config.model_type
        )
    try:
        content: dict[str, Any] = json.loads(read_user_text(folder / "config.json", LARGEST_CONFIG))
        patches = {name: content[name] for name in PATCH_FIELDS}
        vision = Dinov2Model.from_pretrained(folder, dtype=torch.float32)
    except (OSError, ValueError, KeyError) as error:
        raise SettingsError(
            "{folder}: a DINOv2 model is expected ({reason})", folder=folder, reason=one_line(error)
        ) from error
    config = model.config
    config.patches, config.patch_block = patches, 3 * int(patches["num_hidden_layers"]) // 4
    grown = CompactSegmenter(config)
    grown.load_state_dict(model.state_dict(), strict=False)
    assert grown.patches is not None and grown.patch_reader is not None
    grown.patches.vision.load_state_dict(vision.state_dict())
    for add in grown.patch_reader.added:
        assert isinstance(add, nn.Conv2d) and add.bias is not None
        nn.init.zeros_(add.weight)
        nn.init.zeros_(add.bias)
    return grown


def learn_part(model: PreTrainedModel, part: Learnt, styles: Sequence[str]) -> None:
    """Freeze all but ``part`` of a model and the styles of masks, which are added.

    Raises SettingsError where the model is no compact one.
    """
    decoder = getattr(model, "decoder", None)
    if not isinstance(decoder, SkipDecoder):
        raise SettingsError("model.learns: '{part}' needs a compact model", part=part)
    if styles:
        model.add_module(STYLES, MaskStyles(styles, decoder))
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(LEARNING[part]))


def learn_patches(model: PreTrainedModel, blocks: int) -> None:
    """Let the last ``blocks`` of the DINOv2 model beside a frozen encoder learn, and the norm after them.

    Raises SettingsError where it has fewer, or the model reads no patches.
    """
    if not blocks:
        return
    patches = getattr(model, "patches", None)
    layers = patches.vision.encoder.layer if isinstance(patches, PatchEncoder) else ()
    if blocks > len(layers):
        raise SettingsError(
            "model.patch_blocks: {wanted} blocks are to learn, but the DINOv2 model beside the encoder has {count}",
            wanted=blocks,
            count=len(layers),
        )
    assert isinstance(patches, PatchEncoder)
    for part in (*layers[-blocks:], patches.vision.layernorm):
        part.requires_grad_(True)


def find_styles(model: nn.Module) -> MaskStyles | None:
    """Return the styles of masks that a model learns, None without any."""
    found = getattr(model, STYLES, None)
    return found if isinstance(found, MaskStyles) else None


def _count_channels(mix: nn.Module) -> int:
    convolution = mix.convolution
    assert isinstance(convolution, nn.Conv2d)
    return convolution.out_channels
