"""WHICH CASE TEACHES MOST: the one definition of expected gain, for the queue's order, batch mode's ranking and the
simulation alike."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from magic_demo.core.messages import Message
from magic_demo.core.types import Prediction
from magic_demo.questions.families import QuestionSet

LARGEST_VARIANCE = 0.3
"""Variance of the map, and difference of two readers' outlines, that counts in full; two careful readers differ by
about 0.2."""
LARGEST_DISTANCE = 2.0
"""Distance from the training photos that counts in full; up to 1 a photo is like them."""
REASONS: Mapping[str, Message] = {
    "disagreement": Message("readers differ"),
    "outlines": Message("readers' outlines differ"),
    "abstained": Message("the model abstains"),
    "variance": Message("the outline changes with the view"),
    "distance": Message("unlike the training photos"),
}
"""What makes a case worth reviewing, in words, in the order that ties are settled by."""


@dataclass(frozen=True)
class Doubts:
    """What is not settled about a case; None where nothing was measured.

    disagreement: share of the questions on which readers differ, 0..1. outlines: how far their outlines do, 1 less
    Dice, 0..1. abstained: share of the
    calibrated families on which the model abstains, 0..1. variance: of the photo whose maps differ most between
    views, 0..1. distance: of the photo farthest from the training photos, up to 1 being like them.
    """

    disagreement: float | None = None
    outlines: float | None = None
    abstained: float | None = None
    variance: float | None = None
    distance: float | None = None

    def pack(self) -> str:
        """Return what the models leave open as the store keeps it."""
        return json.dumps([self.abstained, self.variance, self.distance])


def unpack_doubts(text: str | None) -> Doubts:
    """Return what ``Doubts.pack`` gave; nothing where nothing is kept. Raises ValueError for anything else."""
    values = json.loads(text) if text is not None else [None] * 3
    if not isinstance(values, list) or len(values) != 3 or not all(map(_is_doubt, values)):
        raise ValueError(f"three numbers of 0 or more are expected, not {text!r}")
    abstained, variance, distance = values
    return Doubts(abstained=abstained, variance=variance, distance=distance)


def _is_doubt(value: object) -> bool:
    if value is None:
        return True
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


@dataclass(frozen=True)
class Gain:
    """How much a case is expected to teach, 0 to 1, and the key of REASONS that says most of why."""

    value: float = 0.0
    reason: str = ""


def measure_doubts(prediction: Prediction, questions: QuestionSet) -> Doubts:
    """Return what the models leave open of a case; what readers do is not known here."""
    calibrated = [family.family_id for family in questions.families if family.family_id in prediction.chances]
    unsure = sum(family_id in prediction.unsure for family_id in calibrated)
    variances = [photo.variance for photo in prediction.photos if photo.variance is not None]
    return Doubts(
        abstained=unsure / len(calibrated) if calibrated else None,
        variance=max(variances, default=None),
        distance=prediction.distance,
    )


def expect_gain(doubts: Doubts) -> Gain:
    """Return the mean of what was measured, each part scaled to 0..1: a case that nobody has read yet is not
    behind one on which readers agree."""
    parts = {
        "disagreement": doubts.disagreement,
        "outlines": _scale(doubts.outlines, LARGEST_VARIANCE),
        "abstained": doubts.abstained,
        "variance": _scale(doubts.variance, LARGEST_VARIANCE),
        "distance": _scale(doubts.distance, LARGEST_DISTANCE),
    }
    known = {name: part for name, part in parts.items() if part is not None}
    if not any(known.values()):
        return Gain()
    reason = max(known, key=lambda name: known[name])
    return Gain(sum(known.values()) / len(known), reason)


def rank_cases(gains: Sequence[Gain]) -> list[int]:
    """Return the indices of cases, the one that teaches most first; those of equal gain stay in order."""
    return sorted(range(len(gains)), key=lambda index: -gains[index].value)


def _scale(value: float | None, largest: float) -> float | None:
    return None if value is None else min(1.0, max(0.0, value / largest))
