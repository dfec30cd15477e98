"""What learning leaves: two checkpoints with their cards, what they were learnt from, and held-out cases side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from transformers import PreTrainedModel

from magic_demo.core.disk.whole_files import write_json, write_whole
from magic_demo.core.review_types import MaskRuns
from magic_demo.models.loading.checkpoints import load_tokenizer
from magic_demo.questions.combining import Weights
from magic_demo.reviews.learning.learnt import ANSWERS, COMPARISON, SEGMENTATION, LearntFrom
from training.answers.photo_answerer import save_answers
from training.learning.card import Story, write_card
from training.learning.measuring import JudgedCase, Row
from training.learning.settings import LearnSettings
from training.learning.start import Models
from training.segmentation.train import save_checkpoint

OUTLINE = "Finds skin lesions in a photo: a segmentation model whose decoder went on learning from readers' outlines."
SAID = (
    "Answers the closed questions from photos: a photo answerer that went on learning from readers' answers."
)


def write_models(folder: Path, models: Models, settings: LearnSettings, story: Story, *, heads: bool) -> None:
    """Write the checkpoints and their cards below ``folder``. heads: whether the answers were learnt."""
    segmenter = models.segmenter
    place = folder / SEGMENTATION
    save_checkpoint(
        cast(PreTrainedModel, segmenter.model),
        load_tokenizer(settings.segmentation),
        segmenter.preprocessing,
        place,
        half=True,
    )
    write_whole(place / "README.md", write_card(story, SEGMENTATION, OUTLINE))
    if not heads or models.answerer is None:
        return
    place = folder / ANSWERS
    save_answers(models.answerer.model, models.answerer.set_priors or {}, list_weights(models.weights), place)
    write_whole(place / "README.md", write_card(story, ANSWERS, SAID))


def list_weights(weights: Weights) -> dict[str, Any]:
    """Return the weights as ``combination.json`` has them."""
    return {
        name: {key: dict(value) if name == "kinds" else value for key, value in table.items()}
        for name, table in asdict(weights).items()
    }


def write_comparison(
    folder: Path, learnt: LearntFrom, before: Sequence[JudgedCase], after: Sequence[JudgedCase]
) -> None:
    """Write what both models said of each held-out case: outlines, answers, numbers; cases by their salted names, and
    no pixel of a photo."""
    cases = {}
    for old, new in zip(before, after, strict=True):
        found = {photo.place: photo for photo in new.photos}
        cases[learnt.name(old.case_id)] = {
            "photos": [
                {
                    "place": photo.place,
                    "reference": _runs(photo.reference),
                    "before": _runs(photo.found),
                    "after": _runs(found[photo.place].found),
                    "dice": [photo.dice, found[photo.place].dice],
                }
                for photo in old.photos
                if photo.place in found
            ],
            "answers": {"before": dict(old.answers), "after": dict(new.answers)},
            "accuracy": [old.accuracy, new.accuracy],
        }
    write_json(folder / COMPARISON, cases, indent=None, private=True)


def describe_row(row: Row) -> dict[str, Any]:
    """Return a row of the table as JSON has it."""
    return {
        "name": row.name,
        "cases": row.cases,
        "before": row.before,
        "after": row.after,
        "low": row.difference.low,
        "high": row.difference.high,
    }


def _runs(runs: MaskRuns) -> list[Any]:
    return [*runs.size, runs.counts]
