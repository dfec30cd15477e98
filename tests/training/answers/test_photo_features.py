"""DINOv2's patches stand in for the segmentation model's map, and two ways are compared by patients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import Dinov2Config, Dinov2Model

from training.answers.photo.encoders import PatchFeatures, compare_groups, format_rows
from training.answers.photo_answerer import load_segmenter


def test_patches_span_the_photo_and_the_lesion_is_found_as_before(repository: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = Dinov2Config(hidden_size=12, num_hidden_layers=1, num_attention_heads=2, image_size=28)
    Dinov2Model(config).save_pretrained(tmp_path)
    inner = load_segmenter(repository / "checkpoints" / "segmentation-compact")
    patched = PatchFeatures(inner, tmp_path)
    pixels = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    features = patched.look(pixels)
    patches = patched.feature_map(features)
    assert patches is not None and patches.shape == (12, 16, 16) and bool(patches.isfinite().all())
    np.testing.assert_array_equal(patched.segment(features), inner.predict(pixels))
    assert patched.encoder_name != inner.encoder_name, "what was kept of one is not read for the other"


def test_the_difference_is_that_of_the_sums_and_its_interval_comes_from_patients() -> None:
    ours = {f"patient {number}": 0.01 for number in range(50)}
    low, middle, high = compare_groups(ours, {name: value + 0.002 for name, value in ours.items()})
    assert middle == pytest.approx(0.1) and low == pytest.approx(0.1) and high == pytest.approx(0.1)
    _, middle, high = compare_groups(ours, {**ours, "patient 7": 0.03})
    assert middle == pytest.approx(0.02) and high > middle


def test_a_row_has_each_known_family_and_all() -> None:
    table = format_rows({"DINOv2": {"CQID011": 0.7, "all": 0.8}})
    assert table.splitlines()[0] == "| | CQID011 | all |" and "| DINOv2 | 0.700 | 0.800 |" in table
