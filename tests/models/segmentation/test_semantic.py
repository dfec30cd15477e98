"""Semantic segmentation models of transformers find the lesion, by their folder alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    ConvNextConfig,
    SegformerConfig,
    SegformerForSemanticSegmentation,
    UperNetConfig,
    UperNetForSemanticSegmentation,
)

from magic_demo.__main__ import main
from magic_demo.core.errors import CheckpointError
from magic_demo.files.bundles import read_prediction
from magic_demo.models.registry import load_segmenter
from tests.support.batch_runs import IDS, write_data
from tests.support.stand_ins import draw_photo

SIZE = 32


def _segformer(**config: Any) -> SegformerForSemanticSegmentation:
    sizes: dict[str, Any] = {
        "num_encoder_blocks": 2,
        "depths": [1, 1],
        "sr_ratios": [2, 1],
        "hidden_sizes": [8, 16],
        "patch_sizes": [7, 3],
        "strides": [4, 2],
        "num_attention_heads": [1, 2],
        "mlp_ratios": [2, 2],
        "decoder_hidden_size": 16,
        "num_labels": 2,
    }
    return SegformerForSemanticSegmentation(SegformerConfig(**{**sizes, **config}))


def _save(model: Any, folder: Path, **config: Any) -> Path:
    model.save_pretrained(folder)
    content = {"size": {"height": SIZE, "width": SIZE}, "image_mean": [0.5] * 3, "image_std": [0.25] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(content), encoding="utf-8")
    known = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**known, **config}), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tiny random SegFormer's folder, which also names code of its own."""
    torch.manual_seed(3)
    place = _save(
        _segformer(),
        tmp_path_factory.mktemp("segformer"),
        auto_map={"AutoModelForSemanticSegmentation": "own.Model", "AutoConfig": "own.Config"},
        threshold=0.4,
    )
    (place / "own.py").write_text("raise SystemExit('code of the checkpoint was run')", encoding="utf-8")
    return place


def test_the_map_is_the_models_own_softmax_of_the_lesion(folder: Path) -> None:
    segmenter = load_segmenter(folder)
    photo = draw_photo(48, 64)
    found = segmenter.predict(photo)
    model: Any = SegformerForSemanticSegmentation.from_pretrained(folder)
    model.eval()
    pixels = torch.from_numpy(segmenter.preprocessing.apply(photo))[None]  # type: ignore[attr-defined]
    with torch.inference_mode():
        expected = model(pixel_values=pixels).logits[0].softmax(0)[1].numpy()
    assert found == pytest.approx(expected, abs=1e-5) and found.dtype == np.float32
    assert not segmenter.reads_prompt and not segmenter.reads_guidance
    assert segmenter.threshold == 0.4


def test_a_run_finds_it_by_its_folder_and_runs_no_code_of_it(folder: Path, tmp_path: Path) -> None:
    data, out = write_data(tmp_path / "data"), tmp_path / "out"
    command = ["predict", str(data), "--split", "valid", "--out", str(out), "--task", "segmentation"]
    assert main([*command, "--segmentation", str(folder), "--bundle", "--quiet"]) == 0
    assert read_prediction(out / "bundle", IDS[0]).photos[0].probability.ndim == 2


def test_upernet_with_a_backbone_of_its_own_loads(tmp_path: Path) -> None:
    stages: dict[str, Any] = {"num_stages": 2, "out_features": ["stage1", "stage2"]}
    backbone = ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 1], **stages)
    sizes: dict[str, Any] = {"hidden_size": 8, "pool_scales": [1], "num_labels": 2}
    config = UperNetConfig(backbone_config=backbone, use_auxiliary_head=False, **sizes)
    place = _save(UperNetForSemanticSegmentation(config), tmp_path / "upernet")
    found = load_segmenter(place).predict(draw_photo())
    assert found.min() >= 0 and found.max() <= 1


def test_the_lesions_label_is_found_or_asked_for(tmp_path: Path) -> None:
    names = {0: "skin", 1: "lesion", 2: "hair"}
    named = _save(_segformer(num_labels=3, id2label=names), tmp_path / "named")
    assert load_segmenter(named).lesion == 1  # type: ignore[attr-defined]
    said = _save(_segformer(num_labels=3), tmp_path / "said", lesion_label=2)
    assert load_segmenter(said).lesion == 2  # type: ignore[attr-defined]
    with pytest.raises(CheckpointError, match="add 'lesion_label'"):
        load_segmenter(_save(_segformer(num_labels=3), tmp_path / "none"))


def test_a_backbone_from_elsewhere_is_refused(tmp_path: Path) -> None:
    place = _save(_segformer(), tmp_path / "model", backbone="microsoft/resnet-50")
    with pytest.raises(CheckpointError, match="would be fetched from elsewhere"):
        load_segmenter(place)
