"""One lesion map from several systems' maps of a photo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import PhotoPrediction, Probability
from magic_demo.imaging.consensus import estimate_staple, take_majority
from magic_demo.imaging.overlay import lesion_mask

MaskFusion = Literal["mean", "majority", "staple"]
MASK_FUSIONS: tuple[MaskFusion, ...] = get_args(MaskFusion)
THRESHOLD = 0.5
"""From which a fused map is lesion."""


def fuse_maps(photos: Sequence[PhotoPrediction], thresholds: Sequence[float], how: MaskFusion) -> Probability:
    """Return the fused map (h, w) float32 in 0..1 of one photo, lesion from ``THRESHOLD`` on.

    photos: one a system, of one photo's size. thresholds: from which each system's map is lesion. "mean":
    maps brought to one threshold and size, then averaged. "majority": pixels that more than half of the masks
    hold. "staple": by how reliable each system is estimated to be on this photo; one mask stays as it is.
    Raises ValueError without photos, or for several sizes.
    """
    size = _one_size(photos)
    if how == "mean":
        height = max(photo.probability.shape[0] for photo in photos)
        width = max(photo.probability.shape[1] for photo in photos)
        maps = [
            cv2.resize(
                centre_map(photo.probability, threshold), (width, height), interpolation=cv2.INTER_LINEAR
            )
            for photo, threshold in zip(photos, thresholds, strict=True)
        ]
        return np.asarray(np.mean(maps, axis=0), np.float32)
    masks = [
        lesion_mask(photo.probability, size, threshold)
        for photo, threshold in zip(photos, thresholds, strict=True)
    ]
    if how == "majority" or len(masks) == 1:
        return take_majority(masks).astype(np.float32)
    return estimate_staple(masks).probability.astype(np.float32)


def centre_map(probability: Probability, threshold: float) -> NDArray[np.float32]:
    """Return a map (h, w) bent so that its threshold lies at 0.5; 0 and 1 stay."""
    edge = min(max(threshold, 1e-6), 1 - 1e-6)
    below, above = probability * (0.5 / edge), 0.5 + (probability - edge) * (0.5 / (1 - edge))
    return np.asarray(np.where(probability < edge, below, above), np.float32)


def _one_size(photos: Sequence[PhotoPrediction]) -> tuple[int, int]:
    sizes = {photo.size for photo in photos}
    if len(sizes) != 1:
        raise ValueError(f"maps of photos of the sizes {sorted(sizes)} came; one size is expected")
    return sizes.pop()
