"""What one pass of the segmentation model over a photo leaves for the closed questions, as numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from magic_demo.core.types import Pixels, Probability
from magic_demo.imaging.measure import COLOURS, LONGEST_SIDE, LesionMeasures, measure_photo
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.imaging.resize import resize_pixels
from magic_demo.models.interfaces import SegmentedPhoto, Segmenter, segment_photo

REACH = 5
"""Cells of the map, a square's side, from which the surroundings of a lesion are taken."""


@dataclass(frozen=True, eq=False)
class PhotoEvidence:
    """What one pass over a photo leaves for the closed questions.

    probability: (h, w) of the lesion. measures: of the mask at the segmenter's threshold. features: (C, h /
    16, w / 16) float32, None where the segmenter has no such map.
    """

    probability: Probability
    measures: LesionMeasures
    features: Tensor | None


def look_at_photo(segmenter: Segmenter, pixels: Pixels, prompt: str) -> PhotoEvidence:
    """Encode a photo (H, W, 3) uint8 RGB once and return all that is read from it, the lesion under
    ``prompt`` included."""
    return describe_photo(segment_photo(segmenter, pixels, segmenter.look(pixels), prompt))


def describe_photo(photo: SegmentedPhoto) -> PhotoEvidence:
    """Return what is read from a photo whose lesion was found."""
    assert photo.probability is not None  # an answerer that reads the lesion is asked of nothing else
    height, width = photo.pixels.shape[:2]
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    mask = lesion_mask(photo.probability, size, photo.threshold)
    return PhotoEvidence(
        photo.probability, measure_photo(resize_pixels(photo.pixels, size), mask), photo.feature_map
    )


def pool_places(features: Tensor, probability: Probability) -> Tensor:
    """Pool a map (C, h, w) inside and around the lesion (H, W) into (2C,): means weighted by how much lesion,
    or nearness to it, a place has.

    Without a lesion both are means over the whole photo. Differentiable in ``features``.
    """
    inside, around = weigh_places(probability, (int(features.shape[1]), int(features.shape[2])))
    return torch.cat([torch.einsum("chw,hw->c", features, shares) for shares in (inside, around)])


def weigh_places(probability: Probability, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return the weights (h, w) of the places inside and around a lesion (H, W) on a grid of ``size``, each
    adding up to 1."""
    lesion = functional.adaptive_avg_pool2d(
        torch.from_numpy(np.asarray(probability, np.float32))[None, None], size
    )
    near = functional.max_pool2d(lesion, REACH, stride=1, padding=REACH // 2) - lesion
    flat = torch.full_like(lesion, 1.0 / lesion.numel())
    inside, around = (part / part.sum() if float(part.sum()) > 0.05 else flat for part in (lesion, near))
    return inside[0, 0], around[0, 0]


def describe_measures(measures: LesionMeasures) -> NDArray[np.float32]:
    """Return a photo's measures as numbers of about one size, (M,) float32; M is MEASURE_COUNT."""
    shares = dict.fromkeys(COLOURS, 0.0)
    difference = np.zeros(3)
    for colour in measures.colours:
        shares[colour.name] += colour.share
        difference += colour.share * np.asarray(colour.difference)
    count, area = measures.count, measures.area_share
    values = [
        float(measures.found),
        float(count == 1),
        *(float(count >= least) for least in (2, 4, 8, 16)),
        float(np.log1p(count)),
        float(np.sqrt(area)),
        float(np.log(area + 1e-3)),
        float(np.log(area / max(count, 1) + 1e-3)),
        measures.largest_share,
        measures.irregularity,
        measures.sharpness,
        float(np.log(measures.roughness)),
        float(measures.touches_rim),
        measures.contrast / 20,
        *(difference / 20),
        float(len(measures.colours)),
        *shares.values(),
        measures.tone.angle / 60 if measures.tone is not None else 0.0,
    ]
    return np.asarray(values, np.float32)


MEASURE_COUNT = len(describe_measures(LesionMeasures(0, 0.0)))
