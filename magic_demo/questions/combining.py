"""How the scores of the cue model and of the answerer become one: a weighted mean of log-probabilities,
a family at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from magic_demo.core.disk.user_files import LARGEST_CONFIG, read_user_text
from magic_demo.core.errors import CheckpointError
from magic_demo.core.types import Family, OptionScores
from magic_demo.questions.shares import log_softmax

WEIGHTS_NAME = "combination.json"
EQUAL = 0.5
WITHOUT_WORDS = ", no words"
"""Added to a kind of photos for cases that have no words."""
ASKED = "asked for"
"""The kind of photos that are like none the answerer was tested on, and that a reader wants to have a say."""


@dataclass(frozen=True)
class Weights:
    """How far the answerer counts beside the cue model: family id -> weight in 0..1; the cues have the
    rest.

    A family that is not named weighs both alike. ``text_only`` holds for cases without photos,
    ``with_measures`` for those of whose photos only what is measured counts, because the segmentation model
    is not the one that the answerer was made for. ``kinds`` holds for photos of the kinds that the answerer
    was tested on, with WITHOUT_WORDS added for cases without words.
    """

    text_only: Mapping[str, float] = field(default_factory=dict)
    with_photos: Mapping[str, float] = field(default_factory=dict)
    with_measures: Mapping[str, float] = field(default_factory=dict)
    kinds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def of(self, family_id: str, *, photos: bool, kind: str = "") -> float:
        """Return the answerer's weight for a family. kind: of the photos."""
        with_photos = self.kinds.get(kind, self.with_photos)
        return (with_photos if photos else self.text_only).get(family_id, EQUAL)

    def measured(self) -> Weights:
        """Return the weights for an answerer that reads only what is measured in the photos."""
        return Weights(self.text_only, self.with_measures, self.with_measures)


def combine_scores(
    cues: OptionScores,
    answerer: OptionScores,
    families: Sequence[Family],
    weigh: Callable[[str], float],
) -> OptionScores:
    """Combine two models' scores: qid -> (O,) float32, log-probabilities for families of one slot, log-odds
    for the others. weigh: family id -> the answerer's weight.

    A logarithmic opinion pool: the weights of a family sum to one, so that two models that agree leave the
    scores as they are.
    """
    combined = {}
    for family in families:
        weight = weigh(family.family_id)
        for question in family.questions:
            from_words, from_answerer = (
                np.asarray(scores[question.qid], np.float64) for scores in (cues, answerer)
            )
            if len(family.questions) == 1:
                from_words, from_answerer = log_softmax(from_words), log_softmax(from_answerer)
            pooled = (1 - weight) * from_words + weight * from_answerer
            combined[question.qid] = (log_softmax(pooled) if len(family.questions) == 1 else pooled).astype(
                np.float32
            )
    return combined


def read_weights(folder: Path) -> Weights:
    """Read a checkpoint's ``combination.json``; without one both models weigh alike.

    Raises CheckpointError when it is broken.
    """
    path = folder / WEIGHTS_NAME
    if not path.is_file():
        return Weights()
    try:
        content = json.loads(read_user_text(path, LARGEST_CONFIG))
        names = ("text_only", "with_photos", *(["with_measures"] if "with_measures" in content else []))
        tables = [{str(family): float(weight) for family, weight in content[name].items()} for name in names]
        kinds = {
            str(kind): {str(family): float(weight) for family, weight in table.items()}
            for kind, table in content.get("kinds", {}).items()
        }
        if not all(0.0 <= weight <= 1.0 for table in (*tables, *kinds.values()) for weight in table.values()):
            raise ValueError("weights lie in 0..1")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            "{path}: 'text_only' and 'with_photos' with a weight a family are expected "
            "({reason}); fetch it again",
            path=path,
            reason=error,
        ) from error
    text_only, with_photos, with_measures = (*tables, {})[:3]
    return Weights(text_only, with_photos, with_measures, kinds)
