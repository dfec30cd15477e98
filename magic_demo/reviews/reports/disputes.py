"""Which cases readers and model differ on most, and their pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import cv2
import numpy as np

from magic_demo.core.errors import PhotoError
from magic_demo.core.review_types import Review
from magic_demo.core.types import (
    LANGUAGES,
    Answers,
    Family,
    Mask,
    Pixels,
    Prediction,
)
from magic_demo.files.photos.processes.workers import read_photo_apart
from magic_demo.imaging.overlay import draw_outline, lesion_mask
from magic_demo.imaging.resize import resize_pixels
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.questions.families import QuestionSet
from magic_demo.questions.scoring import count_pixels, dice
from magic_demo.reviews.exports.readings import CONSENSUS, CaseReadings, Selection
from magic_demo.reviews.reports.contents import (
    CaseDispute,
    CommonDifference,
    FamilyDispute,
    Legend,
    TaggedAnswer,
    Words,
)
from magic_demo.reviews.reports.wording import say
from magic_demo.reviews.store.rules import is_answered

MOST_CASES = 6
MOST_DIFFERENCES = 6
PICTURE_SIDE = 560
TAG_GAP = 16
"""How far outside its outline a tag's middle is, pixels of the picture."""
MODEL_TAG = "M"
MODEL_RGB = (255, 214, 10)
READER_RGB = ((86, 180, 233), (230, 97, 0), (0, 200, 140), (204, 121, 200), (255, 255, 255), (150, 110, 60))
"""Colours that people with colour blindness tell apart; every outline bears its tag as well, and of more
readers the colours come again."""


def list_legend(selection: Selection, *, model: bool) -> tuple[Legend, ...]:
    """Return how the model's and each annotator's outline is drawn: tags M, 1, 2, ..."""
    legend = [Legend(MODEL_TAG, words_of(MODEL_TAG), MODEL_RGB)] if model else []
    for number, name in enumerate(selection.annotators):
        legend.append(Legend(str(number + 1), words_of(name), READER_RGB[number % len(READER_RGB)]))
    return tuple(legend)


def words_of(name: str) -> Words:
    """Return a name in both languages: the model's and the consensus's are words, a reader's stays."""
    if name in (MODEL_TAG, CONSENSUS):
        return {
            language: say("model" if name == MODEL_TAG else "consensus", language) for language in LANGUAGES
        }
    return dict.fromkeys(LANGUAGES, name)


def find_disputes(
    selection: Selection,
    predictions: Mapping[str, Prediction],
    legend: Sequence[Legend],
    *,
    most: int = MOST_CASES,
) -> tuple[CaseDispute, ...]:
    """Return the ``most`` cases that differ most, most first; cases on which everybody agrees are none.

    What counts: the families a reader answers unlike the model and unlike another reader, and what their
    masks lack in Dice with the model's, each as a mean over readers or pairs. Only the photos of these cases
    are read.
    """
    scored = [
        (measure_dispute(case, predictions.get(case.case_id), selection.questions), case)
        for case in selection.cases
    ]
    disputed = sorted((pair for pair in scored if pair[0] > 0), key=lambda pair: (-pair[0], pair[1].case_id))[
        :most
    ]
    return tuple(_describe(case, predictions.get(case.case_id), selection, legend) for _, case in disputed)


def count_differences(
    selection: Selection, predictions: Mapping[str, Prediction], *, most: int = MOST_DIFFERENCES
) -> tuple[CommonDifference, ...]:
    """Return which answer of the model's stands most often against which other one of a reader's, most often
    first."""
    counts: Counter[tuple[int, frozenset[int], frozenset[int]]] = Counter()
    families = selection.questions.families
    for case in selection.cases:
        prediction = predictions.get(case.case_id)
        for review in _reviews(case) if prediction else ():
            for number, family in enumerate(families):
                if (
                    prediction
                    and is_answered(prediction.answers, family)
                    and is_answered(review.answers, family)
                ):
                    sets = [
                        frozenset(answers[question.qid] for question in family.questions)
                        for answers in (prediction.answers, review.answers)
                    ]
                    if sets[0] != sets[1]:
                        counts[number, sets[0], sets[1]] += 1
    return tuple(
        CommonDifference(
            families[number].title,
            _tell(sorted(model), families[number]),
            _tell(sorted(reader), families[number]),
            times,
        )
        for (number, model, reader), times in sorted(counts.items(), key=lambda item: (-item[1], item[0][0]))[
            :most
        ]
    )


def measure_dispute(case: CaseReadings, prediction: Prediction | None, questions: QuestionSet) -> float:
    """Return how much a case is disagreed on, 0 where nobody differs; see ``find_disputes``."""
    answers = [saved.review.answers for saved in case.readings]
    pairs = [_count_differing(first, second, questions) for first, second in combinations(answers, 2)]
    with_model = (
        [_count_differing(given, prediction.answers, questions) for given in answers] if prediction else []
    )
    lacking = [1 - value for review in _reviews(case) for _, value in _dice_with_model(review, prediction)]
    return sum(float(np.mean(values)) for values in (pairs, with_model, lacking) if values)


def draw_everybody(
    pixels: Pixels, masks: Iterable[tuple[Legend, Mask]], *, side: int = PICTURE_SIDE
) -> Pixels:
    """Draw outlines, each with its tag, on the photo made small: longest side at most ``side`` pixels."""
    scale = min(1.0, side / max(pixels.shape[:2]))
    size = max(1, round(pixels.shape[0] * scale)), max(1, round(pixels.shape[1] * scale))
    drawn = resize_pixels(pixels, size)
    taken: list[tuple[int, int]] = []
    tags = []
    for entry, mask in masks:
        small = np.asarray(resize_pixels(mask.astype(np.uint8) * 255, size) >= 128)
        drawn = draw_outline(drawn, small, entry.rgb, thickness=3)
        middle = _place_tag(small, taken)
        if middle is not None:
            taken.append(middle)
            tags.append((entry, middle))
    for entry, middle in tags:
        _draw_tag(drawn, entry, middle)
    return drawn


def _place_tag(mask: Mask, taken: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """Return where an outline's tag has its middle (column, row): just outside it, far from the tags that are
    there; None for an empty mask."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    contour = max(contours, key=len)[:, 0, :].astype(np.float64)
    away = contour - contour.mean(axis=0)
    outside = contour + TAG_GAP * away / np.maximum(1.0, np.hypot(away[:, :1], away[:, 1:]))
    room = np.array([mask.shape[1], mask.shape[0]]) - TAG_GAP
    inside = np.clip(outside, TAG_GAP, np.maximum(TAG_GAP, room))
    free = np.min([np.hypot(*(inside - middle).T) for middle in taken], axis=0) if taken else -inside[:, 1]
    column, row = inside[int(np.argmax(free))]
    return round(float(column)), round(float(row))


def _draw_tag(drawn: Pixels, entry: Legend, middle: tuple[int, int]) -> None:
    (width, height), _ = cv2.getTextSize(entry.tag, cv2.FONT_HERSHEY_SIMPLEX, 0.75, 2)
    left, top = middle[0] - width // 2 - 4, middle[1] - height // 2 - 4
    cv2.rectangle(drawn, (left, top), (left + width + 7, top + height + 7), (20, 20, 20), -1)
    cv2.putText(
        drawn,
        entry.tag,
        (left + 4, top + height + 4),
        cv2.FONT_HERSHEY_SIMPLEX,
        0.75,
        entry.rgb,
        2,
        cv2.LINE_AA,
    )


def _describe(
    case: CaseReadings, prediction: Prediction | None, selection: Selection, legend: Sequence[Legend]
) -> CaseDispute:
    families = []
    agreed = 0
    for family in selection.questions.families:
        answered = _everybody(case, prediction, family, selection, legend)
        if len({frozenset(answers) for _, answers in answered}) > 1:
            everybody = [
                TaggedAnswer(entry.tag, entry.name, _tell(answers, family)) for entry, answers in answered
            ]
            families.append(FamilyDispute(family.title, tuple(everybody)))
        elif len(answered) > 1:
            agreed += 1
    photo_id = _choose_photo(case, prediction)
    with_model = [
        (str(selection.number(review) + 1), value)
        for review in _reviews(case)
        for name, value in _dice_with_model(review, prediction)
        if name == photo_id
    ]
    picture = _draw_case(case, prediction, photo_id, selection, legend) if photo_id else None
    return CaseDispute(case.case_id, photo_id, picture, tuple(families), agreed, tuple(with_model))


def _everybody(
    case: CaseReadings,
    prediction: Prediction | None,
    family: Family,
    selection: Selection,
    legend: Sequence[Legend],
) -> list[tuple[Legend, list[int]]]:
    by_tag = {entry.tag: entry for entry in legend}
    given: list[tuple[str, Answers]] = (
        [(MODEL_TAG, prediction.answers)] if prediction and MODEL_TAG in by_tag else []
    )
    given += [(str(selection.number(review) + 1), review.answers) for review in _reviews(case)]
    return [
        (by_tag[tag], [answers[question.qid] for question in family.questions])
        for tag, answers in given
        if is_answered(answers, family)
    ]


def _tell(options: Sequence[int], family: Family) -> Words:
    labels = [index for index in dict.fromkeys(options) if index != family.not_mentioned] or [family.padding]
    return {
        language: " + ".join(family.options[language][index] for index in sorted(labels))
        for language in LANGUAGES
    }


def _draw_case(
    case: CaseReadings,
    prediction: Prediction | None,
    photo_id: str,
    selection: Selection,
    legend: Sequence[Legend],
) -> Pixels | None:
    path = (
        next((photo.path for photo in case.files.photo_files if photo.photo_id == photo_id), None)
        if case.files
        else None
    )
    if path is None:
        return None
    try:
        pixels = read_photo_apart(path, photo_id=photo_id).pixels
    except PhotoError:  # the export of the reviews names it; the case is told without its picture
        return None
    size = (pixels.shape[0], pixels.shape[1])
    masks: dict[str, Mask] = {}
    for photo in prediction.photos if prediction else ():
        if photo.photo_id == photo_id:
            masks[MODEL_TAG] = lesion_mask(
                photo.probability, size, prediction.threshold if prediction else 0.5
            )
    for review in _reviews(case):
        runs = review.masks.get(photo_id)
        if runs is not None and runs.size == size:
            masks[str(selection.number(review) + 1)] = decode_mask(runs)
    return draw_everybody(pixels, [(entry, masks[entry.tag]) for entry in legend if entry.tag in masks])


def _choose_photo(case: CaseReadings, prediction: Prediction | None) -> str | None:
    """Return the photo with the lowest mean Dice with the model, or else one that was outlined, or else the
    first."""
    by_photo: dict[str, list[float]] = {}
    for review in _reviews(case):
        for photo_id, value in _dice_with_model(review, prediction):
            by_photo.setdefault(photo_id, []).append(value)
    if by_photo:
        return min(by_photo, key=lambda photo_id: float(np.mean(by_photo[photo_id])))
    outlined = [photo_id for review in _reviews(case) for photo_id in review.masks]
    known = [photo.photo_id for photo in case.files.photo_files] if case.files else []
    return next(iter([*outlined, *known]), None)


def _dice_with_model(review: Review, prediction: Prediction | None) -> list[tuple[str, float]]:
    found = []
    for photo in prediction.photos if prediction else ():
        runs = review.masks.get(photo.photo_id)
        if (
            prediction is not None
            and runs is not None
            and runs.size == photo.size
            and photo.photo_id not in review.unusable
        ):
            model = lesion_mask(photo.probability, photo.size, prediction.threshold)
            found.append((photo.photo_id, dice(count_pixels(decode_mask(runs), model))))
    return found


def _count_differing(first: Answers, second: Answers, questions: QuestionSet) -> int:
    return sum(
        {first[question.qid] for question in family.questions}
        != {second[question.qid] for question in family.questions}
        for family in questions.families
        if is_answered(first, family) and is_answered(second, family)
    )


def _reviews(case: CaseReadings) -> list[Review]:
    return sorted(
        (saved.review for saved in case.readings),
        key=lambda review: (review.kind == CONSENSUS, review.reader),
    )
