"""What an annotation or a prediction of Label Studio consists of: brushes, choices and texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from magic_demo.core.types import Answers, Family, Mask, Prediction
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.exports.label_studio.brush_code import encode_brush
from magic_demo.reviews.store.rules import is_answered

OUTLINE = "lesion"
"""The control of the brushes, whatever a study's labels are."""
PHOTO = "photo"
NOWHERE = "no {label}"
"""What is chosen of a photo where a label is not. An id has no space, so that no label is called that."""


def make_prediction(
    prediction: Prediction | None, photo_id: str, label: str, questions: QuestionSet | None
) -> list[dict[str, Any]]:
    """Return what the models said of a photo as Label Studio's predictions: one, or none where they said nothing.

    label: the id of what they outline. questions: of the answers, None where they stand at another photo.
    """
    if prediction is None:
        return []
    results: list[dict[str, Any]] = []
    found = next((photo for photo in prediction.photos if photo.photo_id == photo_id), None)
    if found is not None:
        mask = lesion_mask(found.probability, found.size, prediction.threshold)
        results.append(
            make_brush(mask, label)
            if mask.any()
            else make_value("photo_is", "choices", {"choices": [NOWHERE.format(label=label)]})
        )
    for family in questions.families if questions is not None else ():
        if is_answered(prediction.answers, family):
            labels = list_labels(prediction.answers, family)
            results.append(make_value(family.family_id, "choices", {"choices": labels}))
    if not results:
        return []
    add_size(results, found.size if found is not None else None)
    for index, result in enumerate(results):
        result["id"] = f"p-{photo_id}-{index}"
    name = ", ".join(dict.fromkeys(prediction.models.values())) or "model"
    return [{"model_version": name, "result": results}]


def make_brush(mask: Mask, label: str) -> dict[str, Any]:
    """Return a mask (H, W) bool as a brush region of a label, by its id."""
    value = {"format": "rle", "rle": encode_brush(mask), "brushlabels": [label]}
    brush = {"type": "brushlabels", "from_name": OUTLINE, "to_name": PHOTO, "value": value}
    add_size([brush], (mask.shape[0], mask.shape[1]))
    return brush


def make_value(name: str, kind: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result that is no region. kind: choices or textarea."""
    return {"type": kind, "from_name": name, "to_name": PHOTO, "value": dict(value)}


def add_size(results: Iterable[dict[str, Any]], size: tuple[int, int] | None) -> None:
    """Write into results that do not say it the (height, width) of the photo that they are of, where it is known."""
    for result in results:
        if size is not None and "original_height" not in result:
            result.update(original_height=size[0], original_width=size[1], image_rotation=0)


def list_labels(answers: Answers, family: Family) -> list[str]:
    """Return the options that the slots hold, in their order; "Not mentioned" only where it is the one
    label."""
    indices = dict.fromkeys(answers[question.qid] for question in family.questions)
    labels = [index for index in indices if index != family.not_mentioned] or [family.padding]
    return [family.options["en"][index] for index in labels]
