"""The shipped models' cards say, in the fields that the Hub reads, what their text says."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import ModelCard

REPOSITORY = Path(__file__).resolve().parents[2]
CARDS = sorted((REPOSITORY / "checkpoints").glob("*/README.md"))


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.parent.name)
def test_a_card_names_licence_task_data_and_results_that_its_tables_hold(path: Path) -> None:
    card = ModelCard.load(path)
    assert card.data.license == "apache-2.0" and card.data.pipeline_tag and card.data.datasets
    assert "research-only" in card.data.tags
    assert card.data.model_name == path.parent.name and card.data.eval_results
    for result in card.data.eval_results:
        assert result.metric_type in card.data.metrics
        assert f"{result.metric_value:.3f}" in card.text, result.dataset_name
        words = result.dataset_name.replace(":", " ").split()
        assert words[0] in card.text, result.dataset_name


def test_the_photo_answerer_names_the_model_that_it_reads_features_of() -> None:
    card = ModelCard.load(REPOSITORY / "checkpoints" / "photo-answerer" / "README.md")
    assert card.data.base_model == "segmentation-compact"
    assert (REPOSITORY / "checkpoints" / card.data.base_model).is_dir()
