"""Several systems' maps of a photo become one."""

from __future__ import annotations

import numpy as np
import pytest

from magic_demo.challenge.systems.mask_fusion import centre_map, fuse_maps
from magic_demo.core.types import PhotoPrediction
from magic_demo.imaging.consensus import estimate_staple


def _photo(rows: list[list[float]], size: tuple[int, int] | None = None) -> PhotoPrediction:
    values = np.array(rows, np.float32)
    return PhotoPrediction("IMG_1", values, size or (values.shape[0], values.shape[1]))


def test_a_threshold_moves_to_the_middle_and_the_ends_stay() -> None:
    assert centre_map(np.array([[0, 0.15, 0.3, 0.65, 1]], np.float32), 0.3).tolist() == [
        pytest.approx([0, 0.25, 0.5, 0.75, 1])
    ]


def test_maps_are_averaged_each_at_its_own_threshold() -> None:
    """Of 0.3 at a threshold of 0.3 and 0.8 at 0.5 the mean is (0.5 + 0.8) / 2; of 0.15 and 0.5, 0.375."""
    fused = fuse_maps([_photo([[0.3, 0.15]]), _photo([[0.8, 0.5]])], [0.3, 0.5], "mean")
    assert fused.tolist() == [pytest.approx([0.65, 0.375])]


def test_more_than_half_of_the_masks_are_the_majority() -> None:
    photos = [_photo([[1, 1, 0]]), _photo([[1, 0, 0]]), _photo([[0, 1, 1]])]
    assert fuse_maps(photos, [0.5] * 3, "majority").tolist() == [[1, 1, 0]]
    assert fuse_maps(photos[:2], [0.5] * 2, "majority").tolist() == [[1, 0, 0]]


def test_staple_is_the_readers_and_one_mask_stays_as_it_is() -> None:
    masks = [np.random.default_rng(seed).random((12, 12)) < 0.5 for seed in range(3)]
    photos = [_photo(mask.astype(float).tolist()) for mask in masks]
    fused = fuse_maps(photos, [0.5] * 3, "staple")
    assert fused == pytest.approx(estimate_staple(masks).probability)
    assert fuse_maps(photos[:1], [0.5], "staple").astype(bool).tolist() == masks[0].tolist()


def test_maps_of_photos_of_several_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="one size is expected"):
        fuse_maps([_photo([[1.0]], (4, 4)), _photo([[1.0]], (5, 4))], [0.5, 0.5], "mean")
