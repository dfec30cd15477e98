"""The segmentation model that ships: a MobileNetV1 encoder, a light decoder with skips, and a prompt that
modulates it.

It lies beside every checkpoint too, for programs without Magic Demo: of ours it may import only what lies there as
well, and that relatively, which transformers follows.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, cast

import torch
from huggingface_hub.dataclasses import strict
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedConfig, PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import SemanticSegmenterOutput

from .dinov2_patches import PatchEncoder, PatchReader
from .prompt_encoder import PromptEncoder

PhotoFeatures = tuple[Tensor, ...]
"""One feature map a stride, finest first: (B, C, h / stride, w / stride)."""

BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
)
"""(channels at width 1.0, stride) of MobileNetV1's blocks 1 to 12 (Howard et al., 2017, table 1); the
thirteenth is left out."""
TAPS = (0, 2, 4, 10, 11)
"""Blocks, counted from 0, whose outputs the decoder reads: strides 2, 4, 8, 16 and 32."""
LABELS = {0: "skin", 1: "lesion"}
"""What the pixels of a mask are called in a pipeline of transformers."""
SMALLEST_STEP = 32
GUIDANCE_MAPS = 4
"""Maps that say what a reader has shown: clicks on lesion, clicks on skin, the outside of the box, the map of
the step before."""
GUIDE_CHANNELS = (16, 32, 48, 64)
"""Channels of the guidance at strides 2, 4, 8 and 16."""


@strict
class CompactSegmenterConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]
    """Sizes of the compact model.

    stem_channels: channels after the first convolution; the blocks have multiples of it, 32 is MobileNetV1
    1.0.
    decoder_channels: channels of the decoder at strides 2, 4, 8, 16 and 32.
    prompt_size, prompt_layers, prompt_heads, prompt_length: the text encoder's width, depth, heads and most
    tokens read.
    threshold: probability at and above which a pixel is lesion, chosen on dev photos. mirrored: whether the
    mirror image is asked too. guided: whether there is a second decoder, which reads guidance.
    reads_prompt: False where training has shown that words change nothing, so that nobody is asked for any.
    patches: configuration of a DINOv2 model whose patches the decoder reads too, None for none. patch_side: side
    of the photo that it sees, pixels. patch_block: which of its blocks is read beside the last. patch_width:
    channels that both are narrowed to.
    """

    model_type = "compact_segmenter"

    stem_channels: int = 32
    decoder_channels: list[int] | tuple[int, ...] = (16, 48, 96, 128, 192)
    vocab_size: int = 4000
    prompt_size: int = 96
    prompt_layers: int = 1
    prompt_heads: int = 4
    prompt_length: int = 96
    pad_token_id: int = 0
    threshold: float = 0.5
    mirrored: bool = False
    guided: bool = False
    reads_prompt: bool = True
    patches: dict[str, Any] | None = None
    patch_side: int = 224
    patch_block: int = 9
    patch_width: int = 160

    def __post_init__(self, **kwargs: Any) -> None:
        self.id2label = self.id2label or dict(LABELS)
        super().__post_init__(**kwargs)  # type: ignore[no-untyped-call]


class Convolution(nn.Module):
    """Convolution, batch norm and ReLU6, padded as TensorFlow does: a stride of 2 pads right and bottom
    only."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        padding = 0 if stride == 2 else kernel // 2
        self.convolution = nn.Conv2d(
            inputs, outputs, kernel, stride=stride, padding=padding, groups=groups, bias=False
        )
        self.normalization = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.03)

    def forward(self, x: Tensor) -> Tensor:
        """Return the activations in 0..6: (B, C, h, w) -> (B, C', h / stride, w / stride)."""
        if self.convolution.stride[0] == 2:
            x = functional.pad(x, (0, 1, 0, 1))
        return functional.relu6(self.normalization(self.convolution(x)), inplace=True)

    def train(self, mode: bool = True) -> Convolution:
        """Switch to training; a frozen convolution keeps its statistics as well as its weights."""
        return super().train(mode and self.convolution.weight.requires_grad)


class MobileNetEncoder(nn.Module):
    """MobileNetV1's blocks 1 to 12."""

    def __init__(self, config: CompactSegmenterConfig) -> None:
        super().__init__()
        channels = config.stem_channels
        self.stem = Convolution(3, channels, 3, stride=2)
        self.depthwise = nn.ModuleList()
        self.pointwise = nn.ModuleList()
        for width, stride in BLOCKS:
            outputs = width * config.stem_channels // 32
            self.depthwise.append(Convolution(channels, channels, 3, stride=stride, groups=channels))
            self.pointwise.append(Convolution(channels, outputs, 1))
            channels = outputs

    def forward(self, pixel_values: Tensor) -> PhotoFeatures:
        """Return the maps at strides 2, 4, 8, 16 and 32 of (B, 3, h, w) in -1..1; h and w are multiples of
        32."""
        x = self.stem(pixel_values)
        taps = []
        for index, (depthwise, pointwise) in enumerate(zip(self.depthwise, self.pointwise, strict=True)):
            x = pointwise(depthwise(x))
            if index in TAPS:
                taps.append(x)
        return tuple(taps)


class Modulation(nn.Module):
    """Feature-wise linear modulation (Perez et al., 2018): a vector scales and shifts every channel."""

    def __init__(self, vector: int, channels: int) -> None:
        super().__init__()
        self.scale = nn.Linear(vector, channels)
        self.shift = nn.Linear(vector, channels)

    def forward(self, x: Tensor, vector: Tensor) -> Tensor:
        """Return (B, C, h, w), scaled and shifted by what (B, V) says."""
        scale: Tensor = self.scale(vector)
        shift: Tensor = self.shift(vector)
        return x * (1 + scale[:, :, None, None]) + shift[:, :, None, None]


class SkipDecoder(nn.Module):
    """From stride 32 back to stride 2, adding the encoder's maps on the way; the prompt modulates the two
    coarsest steps."""

    def __init__(self, config: CompactSegmenterConfig) -> None:
        super().__init__()
        maps = [BLOCKS[tap][0] * config.stem_channels // 32 for tap in TAPS]
        channels = config.decoder_channels
        self.laterals = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 1) for inputs, outputs in zip(maps, channels, strict=True)
        )
        self.context = nn.Linear(maps[-1], channels[-1])
        self.narrow = nn.ModuleList(
            nn.Conv2d(channels[i + 1], channels[i], 1, bias=False) for i in range(len(channels) - 1)
        )
        self.mix = nn.ModuleList(Convolution(outputs, outputs, 3) for outputs in channels)
        self.prompts = nn.ModuleList(Modulation(config.prompt_size, outputs) for outputs in channels[-2:])
        self.lesion = nn.Conv2d(channels[0], 1, 1)

    def forward(
        self,
        features: PhotoFeatures,
        prompt: Tensor,
        shown: Sequence[Tensor] = (),
        patches: Sequence[Tensor] = (),
    ) -> Tensor:
        """Return logits (B, h / 2, w / 2) of the encoder's five maps and the prompt's vector (B, P).

        shown: maps (B, C, h, w) that are added at the strides from 2 on, as many as there are. patches: the same at
        the strides from 4 on, all or none.
        """
        features = features[: len(TAPS)]
        coarsest = features[-1]
        x = self.laterals[-1](coarsest) + self.context(coarsest.mean(dim=(2, 3)))[:, :, None, None]
        if patches:
            x = x + patches[-1]
        x = self.mix[-1](self.prompts[1](x, prompt))
        for step in range(len(features) - 2, -1, -1):
            wide = functional.interpolate(
                self.narrow[step](x), scale_factor=2.0, mode="bilinear", align_corners=False
            )
            x = self.laterals[step](features[step]) + wide
            if step < len(shown):
                x = x + shown[step]
            if patches and step:
                x = x + patches[step - 1]
            if step == len(features) - 2:
                x = self.prompts[0](x, prompt)
            x = self.mix[step](x)
        return self.lesion(x).squeeze(1)  # type: ignore[no-any-return]


class GuidedDecoder(SkipDecoder):
    """The decoder that also reads what a reader has shown; it learns on its own, so that the map without
    guidance stays what it was."""

    def __init__(self, config: CompactSegmenterConfig) -> None:
        super().__init__(config)
        widths = (GUIDANCE_MAPS, *GUIDE_CHANNELS)
        self.guides = nn.ModuleList(
            Convolution(inputs, outputs, 3, stride=2) for inputs, outputs in itertools.pairwise(widths)
        )
        self.mixes = nn.ModuleList(Convolution(outputs, outputs, 3) for outputs in GUIDE_CHANNELS)
        self.added = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 1)
            for inputs, outputs in zip(GUIDE_CHANNELS, config.decoder_channels, strict=False)
        )

    def guide(self, features: PhotoFeatures, prompt: Tensor, guidance: Tensor) -> Tensor:
        """Return logits (B, h / 2, w / 2) under the maps (B, GUIDANCE_MAPS, h, w) of ``draw_guidance``."""
        shown, x = [], guidance
        for guide, mix, add in zip(self.guides, self.mixes, self.added, strict=True):
            x = mix(guide(x))
            shown.append(add(x))
        return self(features, prompt, shown)  # type: ignore[no-any-return]

    def start_from(self, decoder: SkipDecoder) -> None:
        """Take a trained decoder's weights; guidance adds nothing yet."""
        self.load_state_dict(decoder.state_dict(), strict=False)
        for add in self.added:
            nn.init.zeros_(cast(nn.Conv2d, add).weight)
            nn.init.zeros_(cast(Tensor, cast(nn.Conv2d, add).bias))


class CompactSegmenter(PreTrainedModel):  # type: ignore[no-untyped-call]
    """Photo and prompt to lesion logits; the photo and the prompt are each encoded on their own and meet in
    ``decode``."""

    config_class = CompactSegmenterConfig
    main_input_name = "pixel_values"
    base_model_prefix = "compact_segmenter"

    def __init__(self, config: CompactSegmenterConfig) -> None:
        super().__init__(config)
        self.encoder = MobileNetEncoder(config)
        self.prompt = PromptEncoder(
            config.vocab_size,
            padding=config.pad_token_id,
            size=config.prompt_size,
            layers=config.prompt_layers,
            heads=config.prompt_heads,
            length=config.prompt_length,
        )
        self.decoder = SkipDecoder(config)
        self.guided = GuidedDecoder(config) if config.guided else None
        self.patches: PatchEncoder | None = None
        self.patch_reader: PatchReader | None = None
        if config.patches:
            self.patches = PatchEncoder(config.patches, side=config.patch_side, block=config.patch_block)
            self.patch_reader = PatchReader(
                int(config.patches["hidden_size"]), config.patch_width, config.decoder_channels[1:]
            )
        self.post_init()  # type: ignore[no-untyped-call]

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Conv2d):
            init.kaiming_normal_(
                module.weight, mode="fan_out" if module.groups > 1 else "fan_in", nonlinearity="relu"
            )
            if module.bias is not None:
                init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding | nn.Linear):
            init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                init.zeros_(module.bias)
        elif isinstance(module, PromptEncoder):
            init.zeros_(module.no_prompt)
        else:
            super()._init_weights(module)  # type: ignore[no-untyped-call]

    def freeze_blocks(self, count: int) -> None:
        """Freeze the first convolution and ``count`` blocks; the finest take half of a step's time and have
        the least to learn."""
        for part in (self.encoder.stem, *self.encoder.depthwise[:count], *self.encoder.pointwise[:count]):
            part.requires_grad_(False)

    @property
    def photo_encoder(self) -> nn.Module:
        """Return the encoder, or both."""
        return self.encoder if self.patches is None else nn.ModuleList([self.encoder, self.patches])

    @property
    def blank_ids(self) -> tuple[()]:
        """Return no token ids: a learnt vector stands for no prompt."""
        return ()

    def encode_photo(self, pixel_values: Tensor, *, mirrored: bool = False) -> PhotoFeatures:
        """Return the maps at strides 2, 4, 8, 16 and 32 of (B, 3, h, w) in -1..1, ``[3]`` is stride 16, for
        pooling; then the patches, where they are read.

        mirrored: the second half of the photos are the first half's mirror images, whose patches are taken to be
        mirrored too: they cost four fifths of the time.
        """
        if pixel_values.shape[-2] % SMALLEST_STEP or pixel_values.shape[-1] % SMALLEST_STEP:
            raise ValueError(
                f"height and width must be multiples of {SMALLEST_STEP}, not {tuple(pixel_values.shape[-2:])}"
            )
        maps: PhotoFeatures = self.encoder(pixel_values)
        if self.patches is None:
            return maps
        if not mirrored:
            return (*maps, self.patches(pixel_values))
        patches = self.patches(pixel_values[: len(pixel_values) // 2])
        return (*maps, torch.cat([patches, patches.flip(-1)]))

    def encode_prompt(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the prompt's vector (B, P) of token ids and mask (B, L); no token means no prompt."""
        return self.prompt(input_ids, attention_mask)  # type: ignore[no-any-return]

    def decode(self, features: PhotoFeatures, prompt: Tensor) -> Tensor:
        """Return logits (B, h, w) at the photo input's size."""
        if self.patch_reader is None:
            return _enlarge(self.decoder(features, prompt))
        maps = features[: len(TAPS)]
        return _enlarge(self.decoder(maps, prompt, patches=self.patch_reader(features[-1], maps[1:])))

    def decode_guided(self, features: PhotoFeatures, prompt: Tensor, guidance: Tensor) -> Tensor:
        """Return logits (B, h, w) under the maps (B, GUIDANCE_MAPS, h, w) of ``draw_guidance``; only where
        ``config.guided``."""
        assert self.guided is not None
        return _enlarge(self.guided.guide(features, prompt, guidance))

    def forward(
        self,
        pixel_values: Tensor,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        **_: Any,
    ) -> SemanticSegmenterOutput:
        """Return logits (B, h, w), and with labels (B, h, w) in 0..1 the loss: cross-entropy plus soft
        Dice."""
        if input_ids is None:
            input_ids = torch.zeros((pixel_values.shape[0], 0), dtype=torch.long, device=pixel_values.device)
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        logits = self.decode(self.encode_photo(pixel_values), self.encode_prompt(input_ids, attention_mask))
        loss = None if labels is None else score_masks(logits, labels)
        return SemanticSegmenterOutput(loss=loss, logits=logits)


def _enlarge(coarse: Tensor) -> Tensor:
    full = functional.interpolate(coarse[:, None], scale_factor=2.0, mode="bilinear", align_corners=False)
    return full.squeeze(1)


def score_masks(logits: Tensor, labels: Tensor, *, dice_weight: float = 1.0) -> Tensor:
    """Return the loss of logits (B, h, w) against labels (B, h, w) in 0..1: mean cross-entropy plus 1 - soft
    Dice a photo."""
    logits = logits.float()
    labels = labels.to(logits.dtype)
    cross_entropy = functional.binary_cross_entropy_with_logits(logits, labels)
    probability = logits.sigmoid()
    both = (probability * labels).sum(dim=(1, 2))
    either = probability.sum(dim=(1, 2)) + labels.sum(dim=(1, 2))
    dice = (2 * both + 1) / (either + 1)
    return cross_entropy + dice_weight * (1 - dice).mean()
