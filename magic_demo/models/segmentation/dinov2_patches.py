"""What a DINOv2 model's patches add to the compact model's decoder.

It lies beside every checkpoint too, for programs without Magic Demo: it may import nothing of ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

PATCH_MEAN, PATCH_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""What DINOv2's photos were normalised with."""


class PatchEncoder(nn.Module):
    """A DINOv2 model over the photo; it knows things by their kind, where MobileNet's maps know borders.

    configuration: the DINOv2 model's. side: side of the photo that it sees, pixels. block: which of its blocks is
    read beside the last.
    """

    def __init__(self, configuration: Mapping[str, Any], *, side: int, block: int) -> None:
        from transformers import Dinov2Config, Dinov2Model  # a model without patches does not wait for it

        super().__init__()
        self.side, self.block = side, block
        self.vision = Dinov2Model(Dinov2Config(**configuration))

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Return the normalised outputs of both blocks, (B, 2 * C, s, s), of (B, 3, h, w) in -1..1."""
        size = (self.side, self.side)
        seen = functional.interpolate(pixel_values, size=size, mode="bicubic", align_corners=False)
        mean, deviation = (seen.new_tensor(values)[:, None, None] for values in (PATCH_MEAN, PATCH_STD))
        seen = ((seen.clamp(-1, 1) + 1) / 2 - mean) / deviation
        found = self.vision(pixel_values=seen, output_hidden_states=True)
        read = [
            functional.layer_norm(tokens[:, 1:].float(), tokens.shape[-1:])
            for tokens in (found.hidden_states[self.block], found.last_hidden_state)
        ]
        batch, count, _ = read[0].shape
        across = round(count**0.5)
        return torch.cat(read, dim=2).transpose(1, 2).reshape(batch, -1, across, across)


class PatchReader(nn.Module):
    """What the patches add to the decoder, at one stride after the other.

    hidden_size: the DINOv2 model's. width: channels that both of its blocks are narrowed to. channels: the decoder's,
    finest first.
    """

    def __init__(self, hidden_size: int, width: int, channels: Sequence[int]) -> None:
        super().__init__()
        inputs = 2 * hidden_size
        self.narrow = nn.Conv2d(inputs, width, 1)
        self.mix = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2))
        self.normalizations = nn.ModuleList(nn.BatchNorm2d(width, momentum=0.03) for _ in range(2))
        self.added = nn.ModuleList(nn.Conv2d(width, outputs, 1) for outputs in channels)

    def forward(self, patches: Tensor, features: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return what is added at each stride, (B, C, h, w): C the decoder's channels there, h and w those of
        MobileNet's map in ``features``."""
        x = self.narrow(patches)
        for mix, normalization in zip(self.mix, self.normalizations, strict=True):
            x = x + functional.relu(normalization(mix(x)))
        return tuple(
            _fit(add(x), (one.shape[-2], one.shape[-1]))
            for add, one in zip(self.added, features, strict=True)
        )


def _fit(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Return (B, C, h, w) at another size: means where it is smaller, bilinear where it is larger."""
    if size[0] < x.shape[-2]:
        return functional.adaptive_avg_pool2d(x, size)
    return functional.interpolate(x, size=size, mode="bilinear", align_corners=False)
