"""A small U-Net without a prompt, as a segmentation model of Magic Demo."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedConfig, PreTrainedModel

from magic_demo.core.types import Pixels, Probability
from magic_demo.models.interfaces import Guidance, Segmenter
from magic_demo.models.loading.checkpoints import Checkpoint
from magic_demo.models.loading.preprocessing import Preprocessing


class UNetConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]
    """channels: of the finer map. threshold: probability at and above which a pixel is lesion."""

    model_type = "tiny_unet"
    channels: int = 8
    threshold: float = 0.5


class UNet(PreTrainedModel):  # type: ignore[no-untyped-call]
    """One step down, one step up, and a skip between them."""

    config_class = UNetConfig

    def __init__(self, config: UNetConfig) -> None:
        super().__init__(config)
        self.fine = nn.Conv2d(3, config.channels, 3, padding=1)
        self.coarse = nn.Conv2d(config.channels, 2 * config.channels, 3, stride=2, padding=1)
        self.lesion = nn.Conv2d(3 * config.channels, 1, 1)
        self.post_init()  # type: ignore[no-untyped-call]

    def encode(self, pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        """Return the maps (B, C, h, w) and (B, 2C, h / 2, w / 2) of photos (B, 3, h, w)."""
        fine = functional.relu(self.fine(pixel_values))
        return fine, functional.relu(self.coarse(fine))

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """Return the logits (B, h, w)."""
        raised = functional.interpolate(coarse, fine.shape[-2:], mode="bilinear", align_corners=False)
        return self.lesion(torch.cat([fine, raised], dim=1)).squeeze(1)  # type: ignore[no-any-return]


class UNetSegmenter(Segmenter):
    """The U-Net with its preprocessing; it reads neither prompt nor guidance."""

    def __init__(self, model: UNet, preprocessing: Preprocessing, model_id: str) -> None:
        self.model, self.preprocessing, self.model_id = model, preprocessing, model_id
        self.threshold = float(model.config.threshold)

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> Self:
        """Build the model from its folder."""
        return cls(checkpoint.load_model(UNet), checkpoint.read_preprocessing(), checkpoint.model_id)

    @torch.inference_mode()
    def look(self, pixels: Pixels) -> tuple[Tensor, Tensor]:
        """Return the two maps of a photo (H, W, 3) uint8 RGB."""
        return self.model.encode(torch.from_numpy(self.preprocessing.apply(pixels))[None])

    @torch.inference_mode()
    def segment(
        self,
        features: tuple[Tensor, Tensor],
        prompt: str = "",  # noqa: ARG002
        guidance: Guidance | None = None,  # noqa: ARG002
    ) -> Probability:
        """Return the lesion probability (h, w) at the model's size."""
        return np.asarray(self.model(*features)[0].sigmoid().numpy(), np.float32)


def write_checkpoint(folder: Path, *, side: int = 64, seed: int = 0) -> Path:
    """Write an untrained checkpoint for photos of ``side`` by ``side``; training would write the same files."""
    torch.manual_seed(seed)
    UNet(UNetConfig()).save_pretrained(folder)
    Preprocessing((side, side), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)).save(folder)
    return folder
