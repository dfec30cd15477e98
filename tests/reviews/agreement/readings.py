"""Readings of a few cases, to be agreed upon, and what is asked of the result."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from magic_demo.core.review_types import CaseKey, Review, SavedReview
from magic_demo.core.types import (
    Answers,
    Mask,
)
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.questions.families import load_families
from magic_demo.reviews.agreement import (
    ModelReading,
    gather_panel,
    measure_agreement,
)
from magic_demo.reviews.agreement.results import Agreed, Agreement, FamilyNumbers

FAMILIES = {family.family_id: family for family in load_families()}
ITCH, SITE = FAMILIES["CQID025"], FAMILIES["CQID011"]
NONE = SITE.padding


def itch(option: int) -> dict[str, int]:
    return {ITCH.questions[0].qid: option}


def site(*labels: int) -> dict[str, int]:
    filled = [*labels, *[NONE] * (len(SITE.questions) - len(labels))]
    return {question.qid: label for question, label in zip(SITE.questions, filled, strict=True)}


def read(case: int, reader: str, answers: Answers, **more: object) -> Review:
    return Review(f"C{case}", reader, **{"state": "done", "answers": answers, **more})  # type: ignore[arg-type]


def save(*reviews: Review) -> list[SavedReview]:
    start = datetime(2026, 11, 21, tzinfo=UTC)
    return [
        SavedReview(number, start + timedelta(minutes=number), review)
        for number, review in enumerate(reviews, start=1)
    ]


def model(*answers: Answers) -> dict[CaseKey, ModelReading]:
    return {key(number): ModelReading(given) for number, given in enumerate(answers)}


def key(number: int) -> CaseKey:
    return CaseKey("cases", f"C{number}")


def measure(
    reviews: Sequence[Review], models: dict[CaseKey, ModelReading] | None = None, **choice: object
) -> Agreement:
    panel = gather_panel(save(*reviews), models or {}, **choice)  # type: ignore[arg-type]
    return measure_agreement(panel, load_families(), resamples=50)


def family(agreement: Agreement, family_id: str) -> FamilyNumbers:
    return next(numbers for numbers in agreement.families if numbers.family_id == family_id)


def values(agreed: Agreed) -> tuple[float | None, ...]:
    return tuple(
        None if number is None else round(number.value, 6)
        for number in (agreed.same, agreed.credit, agreed.kappa)
    )


def square(height: int, width: int, top: int, left: int, side: int) -> Mask:
    mask = np.zeros((height, width), np.bool_)
    mask[top : top + side, left : left + side] = True
    return mask


def outlined(case: int, reader: str, mask: Mask, **more: object) -> Review:
    return read(case, reader, {}, masks={"P": encode_mask(mask)}, **more)


def models_mask(mask: Mask) -> dict[CaseKey, ModelReading]:
    return {key(0): ModelReading({}, {"P": encode_mask(mask)})}
