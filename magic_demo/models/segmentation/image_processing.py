"""Photos to the compact model's input and its logits to masks, as transformers' pipelines ask for it.

It lies beside every checkpoint too, for programs without Magic Demo: it may import nothing of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional
from transformers.image_processing_base import BatchFeature
from transformers.image_processing_utils import BaseImageProcessor

Picture = Image.Image | NDArray[np.uint8]
"""A photo of any size: of Pillow, or (H, W, 3) uint8 RGB."""


class CompactImageProcessor(BaseImageProcessor):
    """Resize by area, bring to the model's mean and standard deviation; back, cut at the threshold.

    size: the model's height and width. threshold: probability at and above which a pixel is lesion.
    """

    def __init__(
        self,
        size: dict[str, int] | None = None,
        image_mean: Sequence[float] = (0.5, 0.5, 0.5),
        image_std: Sequence[float] = (0.5, 0.5, 0.5),
        threshold: float = 0.5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.size = dict(size or {"height": 192, "width": 192})
        self.image_mean, self.image_std = list(image_mean), list(image_std)
        self.threshold = threshold

    def preprocess(
        self, images: Picture | Sequence[Picture], return_tensors: str | None = "pt"
    ) -> BatchFeature:
        """Return ``pixel_values`` (B, 3, h, w) float32 of one photo or several."""
        several = [images] if isinstance(images, Image.Image | np.ndarray) else list(images)
        mean, std = (np.asarray(values, np.float32) for values in (self.image_mean, self.image_std))
        values = [
            ((self._resize(picture) / np.float32(255) - mean) / std).transpose(2, 0, 1) for picture in several
        ]
        return BatchFeature({"pixel_values": np.stack(values).astype(np.float32)}, tensor_type=return_tensors)

    def post_process_semantic_segmentation(
        self, outputs: Any, target_sizes: Sequence[tuple[int, int]] | None = None
    ) -> list[Tensor]:
        """Return a mask (H, W) int64 for each photo, 1 is lesion.

        outputs: with ``logits`` (B, h, w). target_sizes: (height, width) of each photo; left out, the masks
        have the model's size.
        """
        probability = outputs.logits.float().sigmoid()
        masks = []
        for index, one in enumerate(probability):
            if target_sizes is not None:
                height, width = (int(side) for side in target_sizes[index])
                one = functional.interpolate(
                    one[None, None], size=(height, width), mode="bilinear", align_corners=False
                )[0, 0]
            masks.append((one >= self.threshold).to(torch.int64))
        return masks

    def _resize(self, picture: Picture) -> NDArray[np.float32]:
        """Return (h, w, 3) float32 in 0..255 of whole numbers."""
        rgb = np.asarray(picture.convert("RGB") if isinstance(picture, Image.Image) else picture, np.float32)
        rows = weigh(rgb.shape[0], int(self.size["height"]))
        columns = weigh(rgb.shape[1], int(self.size["width"]))
        lines = np.tensordot(rows, rgb, axes=(1, 0))
        return np.rint(np.tensordot(columns, lines, axes=(1, 1)).transpose(1, 0, 2))


def weigh(inputs: int, outputs: int) -> NDArray[np.float32]:
    """Return the weights (outputs, inputs) that resize a side without aliasing: by area down, bilinear up."""
    scale = inputs / outputs
    if scale > 1:
        left = np.arange(outputs)[:, None] * scale
        pixels = np.arange(inputs)[None]
        share = np.minimum(left + scale, pixels + 1) - np.maximum(left, pixels)
        return np.asarray(np.clip(share, 0, None) / scale, np.float32)
    centres = np.clip((np.arange(outputs) + 0.5) * scale - 0.5, 0, inputs - 1)
    return np.asarray(np.clip(1 - np.abs(centres[:, None] - np.arange(inputs)[None]), 0, None), np.float32)
