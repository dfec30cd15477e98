"""Semantic segmentation models of transformers find the lesion, by their folder alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import SegformerForSemanticSegmentation

from magic_demo.__main__ import main
from magic_demo.core.errors import CheckpointError
from magic_demo.files.bundles import read_prediction
from magic_demo.models.registry import load_segmenter
from tests.support.batch_runs import IDS, write_data
from tests.support.stand_ins import draw_photo
from tests.support.tiny_semantic import make_segformer, make_upernet, save_semantic


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tiny random SegFormer's folder, which also names code of its own."""
    torch.manual_seed(3)
    place = save_semantic(
        make_segformer(),
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
    place = save_semantic(make_upernet(), tmp_path / "upernet")
    found = load_segmenter(place).predict(draw_photo())
    assert found.min() >= 0 and found.max() <= 1


def test_the_lesions_label_is_found_or_asked_for(tmp_path: Path) -> None:
    names = {0: "skin", 1: "lesion", 2: "hair"}
    named = save_semantic(make_segformer(num_labels=3, id2label=names), tmp_path / "named")
    assert load_segmenter(named).lesion == 1  # type: ignore[attr-defined]
    said = save_semantic(make_segformer(num_labels=3), tmp_path / "said", lesion_label=2)
    assert load_segmenter(said).lesion == 2  # type: ignore[attr-defined]
    with pytest.raises(CheckpointError, match="add 'lesion_label'"):
        load_segmenter(save_semantic(make_segformer(num_labels=3), tmp_path / "none"))


def test_a_backbone_from_elsewhere_is_refused(tmp_path: Path) -> None:
    place = save_semantic(make_segformer(), tmp_path / "model", backbone="microsoft/resnet-50")
    with pytest.raises(CheckpointError, match="would be fetched from elsewhere"):
        load_segmenter(place)
