"""A stranger's package beside Magic Demo: installed, found by its entry point, and used like a model of our own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import pytest

from magic_demo.__main__ import main
from magic_demo.core.errors import CheckpointError
from magic_demo.core.types import Encounter, Narrative, Photo
from magic_demo.models.feature_cache import FeatureCache
from magic_demo.models.loading.predictors import load_predictor
from magic_demo.models.registry import SEGMENTERS, load_segmenter
from tests.support.batch_runs import write_data
from tests.support.source.plug_ins import installed
from tests.support.stand_ins import draw_photo
from training.__main__ import main as train

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "unet_segmenter"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Install the example and return a checkpoint that it wrote."""
    folder = tmp_path_factory.mktemp("unet")
    with installed(EXAMPLE, folder / "site"):
        yield import_module("unet_segmenter").write_checkpoint(folder / "tiny")


def test_its_model_type_is_known_and_its_class_comes_from_the_package(checkpoint: Path) -> None:
    assert "tiny_unet" in SEGMENTERS.list_types()
    assert type(load_segmenter(checkpoint)).__module__ == "unet_segmenter"


def test_the_predictor_of_the_page_finds_lesions_with_it_whatever_the_prompt(checkpoint: Path) -> None:
    predictor, cache = load_predictor(segmentation=checkpoint), FeatureCache()
    case = Encounter("ENC1", Narrative("a red spot"), (Photo("a", draw_photo()),))
    first, second = (predictor.predict(case, prompt=prompt, cache=cache) for prompt in ("red", "brown"))
    assert not predictor.reads_prompt and first.failures == ()
    assert first.photos[0].probability.shape == (64, 64) and len(first.answers) == 27
    assert first.photos[0].probability is second.photos[0].probability, "nothing was computed again"
    assert any("not of tiny@" in note for note in first.notes), "the photo answerer was made for another"


def test_batch_mode_writes_its_masks_and_says_once_that_it_reads_no_prompt(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "predict",
        str(write_data(tmp_path / "data")),
        "--split",
        "valid",
        "--out",
        str(tmp_path / "out"),
    ]
    assert main([*words, "--task", "segmentation", "--segmentation", str(checkpoint), "--quiet"]) == 0
    assert len(list((tmp_path / "out" / "masks_preds").iterdir())) == 3
    assert capsys.readouterr().err.count("reads no prompt") == 1


def test_evaluation_and_training_report_score_it_without_a_table_of_prompts(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("images", "masks", "splits"):
        (tmp_path / part).mkdir()
    mask = np.zeros((48, 64), np.uint8)
    mask[12:36, 16:48] = 255
    cv2.imwrite(str(tmp_path / "images" / "spot.jpg"), draw_photo()[:, :, ::-1])
    cv2.imwrite(str(tmp_path / "masks" / "spot.png"), mask)
    (tmp_path / "splits" / "dev.txt").write_text("spot\n")
    words = ["evaluate-segmentation", str(checkpoint), "--data", str(tmp_path), "--split", "dev"]
    assert train([*words, "--cases", "1", "--no-baselines", "--out", str(tmp_path / "out")]) == 0
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert scores["model_id"].startswith("tiny@") and scores["prompts"] == {}
    assert (tmp_path / "out" / "report.html").is_file() and (tmp_path / "out" / "worst.jpg").is_file()
    assert "Model tiny@" in capsys.readouterr().out


def test_without_its_package_a_checkpoint_is_one_line_that_names_the_entry_point(
    checkpoint: Path, tmp_path: Path
) -> None:
    config = json.loads((checkpoint / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "model_type": "another_unet"}))
    with pytest.raises(
        CheckpointError, match=r"'another_unet'; one of [\w, -]*clipseg, compact_segmenter, [\w, -]*tiny_unet"
    ) as caught:
        load_segmenter(tmp_path)
    assert "in the group magic_demo.segmenters" in str(caught.value) and "\n" not in str(caught.value)
