"""Photos as vectors: what the segmentation model's encoder sees in and around the lesion, compared photo by photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from magic_demo.models.answers.neighbours.search import Floats
from magic_demo.models.answers.photo_evidence import pool_places
from magic_demo.models.interfaces import SegmentedPhoto, Segmenter

SAME_PHOTO = 0.999
"""Similarity from which two photos are one: a case that holds it is the case itself."""


@dataclass(frozen=True)
class SeenBy:
    """The segmentation model that photos were seen by. encoder_name: as of ``Segmenter``."""

    model_id: str
    encoder_name: tuple[str, str]

    @classmethod
    def of(cls, segmenter: Segmenter) -> SeenBy:
        """Return what names a segmentation model."""
        return cls(segmenter.model_id, segmenter.encoder_name)


@dataclass(frozen=True, eq=False)
class PhotoVectors:
    """Features of the P photos of N cases.

    vectors: (P, D) float32 of length 1, as ``normalise`` gives them. rows: (P,) whose they are. count: N. mean,
    scale: (D,) of the photos' features.
    """

    vectors: Floats
    rows: NDArray[np.int32]
    count: int
    mean: Floats
    scale: Floats
    seen_by: SeenBy

    @classmethod
    def of(cls, features: Sequence[Sequence[Floats]], seen_by: SeenBy) -> PhotoVectors:
        """Return the vectors of cases' photos, each (D,) of ``pool_photo``; some cases may have none."""
        counts = [len(of_case) for of_case in features]
        table = np.stack([photo for of_case in features for photo in of_case]).astype(np.float32)
        mean, scale = table.mean(axis=0), table.std(axis=0) + 1e-3
        rows = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        return cls(normalise(table, mean, scale), rows, len(counts), mean, scale, seen_by)

    def compare(self, photos: Sequence[Floats]) -> NDArray[np.float64]:
        """Return (N,) how similar each case is to a case of these photos, (D,) each: the mean over these of the
        cosine of its most similar photo; NaN for a case without photos."""
        cosines = np.asarray(normalise(np.stack(photos), self.mean, self.scale) @ self.vectors.T, np.float64)
        nearest = np.full((len(photos), self.count), -np.inf)
        for photo, values in enumerate(cosines):
            np.maximum.at(nearest[photo], self.rows, values)
        return np.where(np.isfinite(nearest).all(axis=0), nearest.mean(axis=0), np.nan)

    def holds(self, photos: Sequence[Floats]) -> NDArray[np.bool_]:
        """Return (N,) which cases hold one of these photos themselves."""
        cosines = normalise(np.stack(photos), self.mean, self.scale) @ self.vectors.T
        found = np.zeros(self.count, np.bool_)
        found[self.rows[(cosines >= SAME_PHOTO).any(axis=0)]] = True
        return found


def normalise(features: Floats, mean: Floats, scale: Floats) -> Floats:
    """Return features (P, D) in standard deviations from the mean, of length 1."""
    standard = (features - mean) / scale
    return np.asarray(
        standard / np.maximum(np.linalg.norm(standard, axis=1, keepdims=True), 1e-6), np.float32
    )


def pool_photo(photo: SegmentedPhoto) -> Floats | None:
    """Return what was seen inside and around the lesion, (D,) float32; None where the segmentation model has no
    features or found nothing."""
    if photo.feature_map is None or photo.probability is None:
        return None
    return np.asarray(pool_places(photo.feature_map.float(), photo.probability).numpy(), np.float32)
