"""The report's plain numbers from readings and predictions: shares of same answers, mean Dice between masks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from magic_demo.exports.readings import CONSENSUS, Selection, annotator_of, is_answered
from magic_demo.mask_runs import decode_mask
from magic_demo.overlay import lesion_mask
from magic_demo.questions import load_families
from magic_demo.reports.contents import FamilyAgreement, Measured
from magic_demo.scoring import count_pixels, dice
from magic_demo.types import Answers, Family, Prediction, SavedReview

MODEL = ""
"""The model's name among the readers', which none of them can have."""


def compare_families(selection: Selection, predictions: Mapping[str, Prediction]) -> tuple[FamilyAgreement, ...]:
    """Return how each family was agreed on, those first on which readers differ most from the model; families that nobody can be compared on are absent."""
    found = []
    for family in load_families():
        with_model, among = compare_answers(selection, predictions, [family])
        if with_model or among:
            found.append(FamilyAgreement(family.family_id, family.title, with_model=with_model, among_readers=among))
    return tuple(sorted(found, key=lambda entry: (entry.with_model is None, _value(entry.with_model), _value(entry.among_readers))))


def compare_answers(
    selection: Selection, predictions: Mapping[str, Prediction], families: Sequence[Family]
) -> tuple[Measured | None, Measured | None]:
    """Return the share of families answered with the same set: readers beside the model, and readers beside each other. Consensuses are no readers."""
    with_model: list[bool] = []
    among: list[bool] = []
    for case in selection.cases:
        given = [saved.review.answers for saved in case.readings if saved.review.kind != CONSENSUS]
        prediction = predictions.get(case.case_id)
        for family in families:
            with_model += [
                _same(answers, prediction.answers, family) for answers in given if prediction and _both(answers, prediction.answers, family)
            ]
            among += [_same(one, other, family) for one, other in combinations(given, 2) if _both(one, other, family)]
    return _mean(with_model), _mean(among)


def compare_masks(
    selection: Selection, predictions: Mapping[str, Prediction]
) -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.int64]]:
    """Return names (the model's is empty and first), the (N, N) mean Dice between masks of the same photo, and of how many photos."""
    names = (MODEL, *selection.annotators) if any(prediction.photos for prediction in predictions.values()) else selection.annotators
    place = {name: number for number, name in enumerate(names)}
    total = np.zeros((len(names), len(names)))
    count = np.zeros((len(names), len(names)), np.int64)
    for case in selection.cases:
        for photo_id in sorted({photo_id for saved in case.readings for photo_id in saved.review.masks}):
            masks = _masks_of(case.readings, predictions.get(case.case_id), photo_id)
            for (one, mask), (other, its) in combinations(masks.items(), 2):
                if mask.shape == its.shape:
                    value = dice(count_pixels(mask, its))
                    for row, column in ((place[one], place[other]), (place[other], place[one])):
                        total[row, column] += value
                        count[row, column] += 1
            for name in masks:
                total[place[name], place[name]] += 1
                count[place[name], place[name]] += 1
    return names, np.where(count > 0, total / np.maximum(1, count), np.nan), count


def summarize_dice(names: Sequence[str], values: NDArray[np.float64], count: NDArray[np.int64]) -> tuple[Measured | None, Measured | None]:
    """Return the mean Dice of readers with the model and of readers with each other, each pair of masks counted once."""
    readers = [number for number, name in enumerate(names) if name not in (MODEL, CONSENSUS)]
    model = [number for number, name in enumerate(names) if name == MODEL]

    def mean(pairs: Iterable[tuple[int, int]]) -> Measured | None:
        chosen = [(values[pair], count[pair]) for pair in pairs if count[pair]]
        weight = sum(int(number) for _, number in chosen)
        return Measured(sum(float(value) * int(number) for value, number in chosen) / weight, count=weight) if weight else None

    return mean((number, reader) for number in model for reader in readers), mean(combinations(readers, 2))


def compare_blind(reviews: Iterable[SavedReview]) -> Measured | None:
    """Return the share of families that readers changed after the model was revealed, by the newest finished readings of both kinds."""
    newest: dict[tuple[str, str], dict[str, Answers]] = {}
    for saved in sorted(reviews, key=lambda saved: saved.number):
        review = saved.review
        if review.state == "done" and review.kind in ("blind", "revealed"):
            newest.setdefault((review.case_id, review.reader), {})[review.kind] = review.answers
    pairs = [(kinds["blind"], kinds["revealed"]) for kinds in newest.values() if len(kinds) == 2]
    return _mean([not _same(one, other, family) for one, other in pairs for family in load_families() if _both(one, other, family)])


def _masks_of(readings: Sequence[SavedReview], prediction: Prediction | None, photo_id: str) -> dict[str, NDArray[np.bool_]]:
    masks: dict[str, NDArray[np.bool_]] = {}
    for photo in prediction.photos if prediction else ():
        if prediction is not None and photo.photo_id == photo_id:
            masks[MODEL] = lesion_mask(photo.probability, photo.size, prediction.threshold)
    for saved in readings:
        if photo_id in saved.review.masks and photo_id not in saved.review.unusable:
            masks[annotator_of(saved.review)] = decode_mask(saved.review.masks[photo_id])
    return masks


def _both(one: Answers, other: Answers, family: Family) -> bool:
    return is_answered(one, family) and is_answered(other, family)


def _same(one: Answers, other: Answers, family: Family) -> bool:
    return {one[question.qid] for question in family.questions} == {other[question.qid] for question in family.questions}


def _value(measured: Measured | None) -> float:
    return measured.value if measured is not None else 1.0


def _mean(values: Sequence[bool]) -> Measured | None:
    return Measured(sum(values) / len(values), count=len(values)) if values else None
