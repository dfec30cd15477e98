"""Training writes a card that the Hub's own reader reads, and leaves one that somebody wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from training.runs.reports.card import write_card

SCORES = {
    "eval_loss": 0.3,
    "eval_dice": 0.7512345,
    "eval_pad_dev_dice": 0.81,
    "eval_threshold": 0.4,
    "epoch": 1.0,
}


@pytest.mark.parametrize(
    ("start", "base"), [("CIDAS/clipseg-rd64-refined", "CIDAS/clipseg-rd64-refined"), ("compact", None)]
)
def test_a_card_says_data_base_and_scores(tmp_path: Path, start: str, base: str | None) -> None:
    folder = tmp_path / "my-run" / "best"
    folder.mkdir(parents=True)
    write_card(
        folder,
        "segmentation",
        SCORES,
        start=start,
        training=["pad", "pad"],
        evaluation=["pad_dev", "isic"],
        transformations=["flip", "colour"],
    )
    card = ModelCard.load(folder / "README.md")
    assert "An epoch had each photo as it is and under each of: flip, colour." in card.text
    assert card.data.datasets == ["pad"] and card.data.base_model == base
    assert card.data.model_name == "my-run" and card.data.pipeline_tag == "image-segmentation"
    results = {
        result.dataset_name: (result.metric_type, result.metric_value) for result in card.data.eval_results
    }
    assert results == {"pad_dev": ("dice", 0.81), "pad_dev+isic": ("dice", 0.7512)}
    assert "Research use only" in card.text and "python -m training segmentation" in card.text


def test_a_card_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    write_card(tmp_path, "segmentation", SCORES, start="compact", training=[], evaluation=[])
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "mine"
