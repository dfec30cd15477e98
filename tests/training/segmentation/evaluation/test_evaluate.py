"""The evaluation command: what it measures, and what the outlines that need no training do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from magic_demo.core.types import Mask, Pixels
from magic_demo.questions.scoring import count_pixels, dice
from training.__main__ import main
from training.segmentation.data import merge_masks
from training.segmentation.evaluation.baselines import BASELINES, draw_ellipse
from training.segmentation.evaluation.measuring import name_size, name_tone, vote_by
from training.segmentation.evaluation.report import draw_histogram
from training.segmentation.sources import SourceSettings, read_examples

pytestmark = pytest.mark.numeric


def draw_spot() -> tuple[Pixels, Mask]:
    """Draw light skin with one brown ellipse in its middle."""
    down, across = np.mgrid[:90, :120]
    mask = ((across - 60) / 30) ** 2 + ((down - 45) / 20) ** 2 <= 1
    pixels = np.random.default_rng(0).normal([224, 190, 170], 3, (90, 120, 3))
    pixels[mask] = [120, 80, 60]
    return np.clip(pixels, 0, 255).astype(np.uint8), mask


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("centred ellipse", 0.7),
        ("Otsu on Lab distance from the skin", 0.95),
        ("GrabCut from the centre", 0.95),
    ],
)
def test_the_outlines_without_training_find_a_plain_spot(name: str, least: float) -> None:
    pixels, mask = draw_spot()
    assert dice(count_pixels(mask, BASELINES[name](pixels))) >= least


def test_always_empty_scores_nothing_on_a_lesion() -> None:
    pixels, mask = draw_spot()
    assert dice(count_pixels(mask, BASELINES["always empty"](pixels))) == 0


def test_the_ellipse_has_the_share_it_is_asked_for() -> None:
    ellipse = draw_ellipse(np.zeros((200, 300, 3), np.uint8), share=0.5)
    assert ellipse.mean() == pytest.approx(np.pi / 4 * 0.25, rel=0.02)


@pytest.mark.parametrize(
    ("rgb", "tone"), [((245, 222, 210), "very light"), ((180, 132, 102), "tan"), ((75, 50, 40), "dark")]
)
def test_tones_follow_the_skin_and_not_the_lesion(rgb: tuple[int, int, int], tone: str) -> None:
    pixels = np.full((40, 40, 3), rgb, np.uint8)
    lesion = np.zeros((40, 40), np.bool_)
    lesion[5:20, 5:20] = True
    pixels[lesion] = (128, 0, 128)
    assert name_tone(pixels, lesion) == tone


def test_sizes_are_shares_of_the_photo() -> None:
    mask = np.zeros((100, 100), np.bool_)
    assert name_size(mask) == "less than 2%"
    mask[:50] = True
    assert name_size(mask) == "more than 30%"


def test_the_histogram_counts_every_photo() -> None:
    assert draw_histogram([0.01, 0.02, 0.99], bins=10).count(">2<") == 1


def test_the_command_writes_scores_report_and_sheet(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("images", "masks", "splits"):
        (tmp_path / part).mkdir()
    (drawn,) = read_examples(tmp_path, SourceSettings(name="drawn", kind="cases", count=1, seed=3))
    pixels, (mask, *_) = drawn.read()
    cv2.imwrite(str(tmp_path / "images" / "drawn.jpg"), pixels[:, :, ::-1])
    cv2.imwrite(str(tmp_path / "masks" / "drawn.png"), mask.astype(np.uint8) * 255)
    (tmp_path / "splits" / "dev.txt").write_text("drawn\n")
    checkpoint = tmp_path / "asked"
    shutil.copytree(repository / "checkpoints" / "segmentation-compact", checkpoint)
    config = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps({**config, "reads_prompt": True}))
    words = [
        "evaluate-segmentation",
        str(checkpoint),
        "--data",
        str(tmp_path),
        "--split",
        "dev",
        "--cases",
        "2",
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(words) == 0
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert scores["table"]["this checkpoint"]["dev"] >= 0.6
    assert scores["official"]["dev"]["number_segmentation_instances"] == 1
    assert set(scores["prompts"]) == {"right prompt", "no prompt", "another's prompt"}
    assert "<svg" in (tmp_path / "out" / "report.html").read_text()
    assert (tmp_path / "out" / "worst.jpg").is_file()
    assert "| centred ellipse |" in capsys.readouterr().out


def test_a_list_of_names_and_drawn_feet_are_judged_in_place_of_the_splits(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("images", "masks", "splits"):
        (tmp_path / part).mkdir()
    pixels, mask = draw_spot()
    for name in ("one", "other"):
        cv2.imwrite(str(tmp_path / "images" / f"{name}.jpg"), pixels[:, :, ::-1])
        cv2.imwrite(str(tmp_path / "masks" / f"{name}.png"), mask.astype(np.uint8) * 255)
    (tmp_path / "chosen.txt").write_text("other\n")
    words = ["evaluate-segmentation", str(repository / "checkpoints" / "segmentation-compact")]
    words += ["--data", str(tmp_path), "--names", str(tmp_path / "chosen.txt"), "--feet", "2"]
    assert main([*words, "--no-baselines", "--out", str(tmp_path / "out")]) == 0
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert {name: one["number_segmentation_instances"] for name, one in scores["official"].items()} == {
        "chosen": 1,
        "drawn feet": 2,
    }
    assert "| chosen | drawn feet |" in capsys.readouterr().out


def test_a_tie_is_lesion_for_the_organisers_and_skin_for_the_consensus() -> None:
    one, other = np.array([[True, True]]), np.array([[True, False]])
    assert vote_by([one, other], "lesion").tolist() == [[True, True]]
    assert vote_by([one, other], "skin").tolist() == [[True, False]]
    assert merge_masks([one, other], "majority").tolist() == [[1, 1]]
    assert merge_masks([one, other], "strict majority").tolist() == [[1, 0]]
