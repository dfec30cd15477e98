"""The report's numbers from readings and predictions: agreement as ``agreement`` measures it, mean Dice
between everybody's masks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.review_types import CaseKey, SavedReview
from magic_demo.core.types import Prediction
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.questions.families import QuestionSet
from magic_demo.questions.scoring import count_pixels, dice
from magic_demo.reviews.agreement import Agreement, Measured, gather_panel, measure_agreement, read_model
from magic_demo.reviews.agreement.resampling import RESAMPLES
from magic_demo.reviews.agreement.switching import measure_switches
from magic_demo.reviews.exports.readings import CONSENSUS, Selection, annotator_of
from magic_demo.reviews.reports.contents import FamilyAgreement

MODEL = ""
"""The model's name among the readers', which none of them can have."""


def measure_selection(selection: Selection, predictions: Mapping[str, Prediction]) -> Agreement:
    """Measure how far the selected readings agree with the model and with each other.

    Consensuses are no readers.
    """
    rows = [saved for case in selection.cases for saved in case.readings]
    outlined = {photo_id for saved in rows for photo_id in saved.review.masks}
    models = {
        CaseKey(selection.queue, name): read_model(prediction, outlined)
        for name, prediction in predictions.items()
    }
    return measure_agreement(gather_panel(rows, models), selection.questions.families)


def list_families(agreement: Agreement, questions: QuestionSet) -> tuple[FamilyAgreement, ...]:
    """Return how each family was agreed on, those first on which readers differ most from the model."""
    titles = {family.family_id: family.title for family in questions.families}
    found = [
        FamilyAgreement(
            numbers.family_id,
            titles[numbers.family_id],
            with_model=numbers.with_model.same,
            kappa=numbers.with_model.kappa,
            among_readers=numbers.among_readers.same,
            alpha=numbers.alpha,
            icc=numbers.icc,
        )
        for numbers in agreement.families
    ]
    return tuple(
        sorted(
            found,
            key=lambda entry: (
                entry.with_model is None,
                _value(entry.with_model),
                _value(entry.among_readers),
            ),
        )
    )


def measure_switched(reviews: Iterable[SavedReview], questions: QuestionSet) -> Measured | None:
    """Return the share of families that readers changed after the model was revealed, by the newest finished
    readings of both kinds."""
    return measure_switches(gather_panel(reviews, {}), questions.families, resamples=RESAMPLES).changed


def compare_masks(
    selection: Selection, predictions: Mapping[str, Prediction]
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Return names (the model's is empty and first, a consensus's last) and the (N, N) mean Dice between
    masks of the same photo."""
    names = (
        (MODEL, *selection.annotators)
        if any(prediction.photos for prediction in predictions.values())
        else selection.annotators
    )
    index = {name: number for number, name in enumerate(names)}
    total = np.zeros((len(names), len(names)))
    count = np.zeros((len(names), len(names)), np.int64)
    for case in selection.cases:
        compared = [saved for saved in case.readings if saved.complete or saved.review.kind == CONSENSUS]
        for photo_id in sorted({photo_id for saved in compared for photo_id in saved.review.masks}):
            masks = _masks_of(compared, predictions.get(case.case_id), photo_id)
            for (first, mask), (second, its) in combinations(masks.items(), 2):
                if mask.shape == its.shape:
                    value = dice(count_pixels(mask, its))
                    for row, column in ((index[first], index[second]), (index[second], index[first])):
                        total[row, column] += value
                        count[row, column] += 1
            for name in masks:
                total[index[name], index[name]] += 1
                count[index[name], index[name]] += 1
    return names, np.where(count > 0, total / np.maximum(1, count), np.nan)


def _masks_of(
    readings: Sequence[SavedReview], prediction: Prediction | None, photo_id: str
) -> dict[str, NDArray[np.bool_]]:
    masks: dict[str, NDArray[np.bool_]] = {}
    for photo in prediction.photos if prediction else ():
        if prediction is not None and photo.photo_id == photo_id:
            masks[MODEL] = lesion_mask(photo.probability, photo.size, prediction.threshold)
    for saved in readings:
        if photo_id in saved.review.masks and photo_id not in saved.review.unusable:
            masks[annotator_of(saved.review)] = decode_mask(saved.review.masks[photo_id])
    return masks


def _value(measured: Measured | None) -> float:
    return measured.value if measured is not None else 1.0
