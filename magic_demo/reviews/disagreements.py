"""Where a reading differs from a model, and what a reader changed once the model was revealed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from magic_demo.core.review_types import MaskRuns
from magic_demo.core.types import Answers, Family, PhotoPrediction, Prediction
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.imaging.run_lengths import area, encode_mask, overlap
from magic_demo.questions.decoding import read_slots
from magic_demo.questions.families import QuestionSet
from magic_demo.questions.scoring import Counts, dice
from magic_demo.reviews.store.rules import is_answered

SAME_OUTLINE = 0.8
"""Dice at and above which two outlines of one photo count as the same: about what two careful readers reach
with each other."""
MOST_KNOWN = 8
"""Outlines of one photo that are remembered with the model's map of it, the newest; they go with it."""
_KNOWN: WeakKeyDictionary[PhotoPrediction, dict[tuple[MaskRuns, float], bool]] = WeakKeyDictionary()
_MODEL_OUTLINES: WeakKeyDictionary[PhotoPrediction, tuple[float, MaskRuns]] = WeakKeyDictionary()
_KNOWN_LOCK = threading.Lock()


@dataclass(frozen=True)
class Changes:
    """What a reader changed between the blind reading and the revealed one, in families.

    of: families answered both times. towards: changed ones that are now the model's answer; away: that were
    it before.
    right_to_wrong, wrong_to_right: against the reference; None where there is none. outlines: photos whose
    outline changed.
    """

    changed: int
    of: int
    towards: int
    away: int
    outlines: int
    right_to_wrong: int | None = None
    wrong_to_right: int | None = None


def find_disagreements(
    answers: Answers, masks: Mapping[str, MaskRuns], prediction: Prediction, questions: QuestionSet
) -> frozenset[str]:
    """Return the ids of families and photos that a reader answered or outlined otherwise than the model."""
    families = {
        family.family_id
        for family in questions.families
        if (mine := _labels(answers, family))
        and (model := _labels(prediction.answers, family))
        and mine != model
    }
    photos = set()
    for found in prediction.photos:
        runs = masks.get(found.photo_id)
        if runs is not None and runs.size == found.size and not _is_same(found, runs, prediction.threshold):
            photos.add(found.photo_id)
    return frozenset(families | photos)


def prepare_outlines(prediction: Prediction) -> None:
    """Find the model's outlines before the first save asks for them; of a large photo that takes a twentieth
    of a second."""
    for found in prediction.photos:
        _model_outline(found, prediction.threshold)


def _is_same(found: PhotoPrediction, runs: MaskRuns, threshold: float) -> bool:
    """Return whether an outline counts as the model's; of a large photo that takes a tenth of a second, and
    each save asks for every photo."""
    with _KNOWN_LOCK:
        known = _KNOWN.setdefault(found, {})
        if (runs, threshold) in known:
            return known[runs, threshold]
    model = _model_outline(found, threshold)
    both = overlap(model, runs)
    same = dice(Counts(tp=both, fp=area(runs) - both, fn=area(model) - both)) >= SAME_OUTLINE
    with _KNOWN_LOCK:
        if len(known) >= MOST_KNOWN:
            known.pop(next(iter(known)), None)
        known[runs, threshold] = same
    return same


def _model_outline(found: PhotoPrediction, threshold: float) -> MaskRuns:
    """Return the model's outline, found once a threshold: its pixels are many, its runs few."""
    with _KNOWN_LOCK:
        known = _MODEL_OUTLINES.get(found)
    if known is not None and known[0] == threshold:
        return known[1]
    runs = encode_mask(lesion_mask(found.probability, found.size, threshold))
    with _KNOWN_LOCK:
        _MODEL_OUTLINES[found] = threshold, runs
    return runs


def count_changes(
    before: Answers,
    after: Answers,
    model: Answers,
    reference: Answers | None = None,
    *,
    questions: QuestionSet,
    masks_before: Mapping[str, MaskRuns] | None = None,
    masks_after: Mapping[str, MaskRuns] | None = None,
) -> Changes:
    """Count what changed from one reading to the next; a family that either left open does not count."""
    changed = of = towards = away = spoiled = mended = 0
    for family in questions.families:
        first, then = _labels(before, family), _labels(after, family)
        if not first or not then:
            continue
        of += 1
        if first == then:
            continue
        changed += 1
        spoken = _labels(model, family)
        towards += then == spoken
        away += first == spoken
        right = _labels(reference or {}, family)
        spoiled += bool(right) and first == right
        mended += bool(right) and then == right
    old, new = masks_before or {}, masks_after or {}
    outlines = sum(old.get(name) != new.get(name) for name in old.keys() | new.keys())
    with_reference = reference is not None
    return Changes(
        changed,
        of,
        towards,
        away,
        outlines,
        spoiled if with_reference else None,
        mended if with_reference else None,
    )


def _labels(answers: Answers, family: Family) -> frozenset[int]:
    """Return the labels that a family's slots hold, none where a slot is open."""
    if not is_answered(answers, family):
        return frozenset()
    return read_slots(answers, family)
