"""How good models are on cases that they did not learn from, before and after, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from magic_demo.core.review_types import MaskRuns
from magic_demo.core.types import Answers, Encounter, Mask
from magic_demo.files.photos.reading import read_photo
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.models.interfaces import Segmenter
from magic_demo.models.predictor import Predictor
from magic_demo.questions.scoring import Counts, dice
from magic_demo.reviews.agreement.resampling import as_measured, draw_cases
from magic_demo.reviews.agreement.results import Measured
from training.cases.metrics import official_scores
from training.learning.fine_tuning.lessons import Lesson
from training.segmentation.sources import Example


@dataclass(frozen=True)
class JudgedPhoto:
    """What was found in a photo. place: its number in the case. size: (height, width)."""

    place: int
    size: tuple[int, int]
    reference: MaskRuns
    found: MaskRuns
    dice: float


@dataclass(frozen=True)
class JudgedCase:
    """What models said of a held-out case. accuracy: official, of the questions that readers agreed on; None
    without any."""

    case_id: str
    photos: tuple[JudgedPhoto, ...]
    answers: Answers
    accuracy: float | None

    @property
    def dice(self) -> float | None:
        """Return the mean over the outlined photos, None without any."""
        return float(np.mean([photo.dice for photo in self.photos])) if self.photos else None


@dataclass(frozen=True)
class Row:
    """A list's number before and after, and their difference with its interval over cases."""

    name: str
    cases: int
    before: float
    after: float
    difference: Measured


def judge_lessons(predictor: Predictor, lessons: Sequence[Lesson]) -> list[JudgedCase]:
    """Return what the models say of each case, against what its readers agreed on."""
    return [_judge(predictor, lesson) for lesson in lessons]


def judge_photos(segmenter: Segmenter, examples: Sequence[Example]) -> list[float]:
    """Return the Dice of each photo, asked without words."""
    values = []
    for example in examples:
        pixels, masks = example.read()
        wanted = np.mean([mask.astype(np.float32) for mask in masks], axis=0) >= 0.5
        found = lesion_mask(segmenter.predict(pixels), wanted.shape, segmenter.threshold)
        values.append(measure_dice(found, wanted))
    return values


def compare(name: str, before: Sequence[float | None], after: Sequence[float | None]) -> Row | None:
    """Return the means and their difference over the cases that both measured, None where there is none."""
    pairs = [
        (old, new) for old, new in zip(before, after, strict=True) if old is not None and new is not None
    ]
    if not pairs:
        return None
    old, new = np.array(pairs, np.float64).T
    table = draw_cases(len(pairs))
    measured = as_measured(table @ (new - old) / len(pairs), len(pairs), len(pairs))
    assert measured is not None
    return Row(name, len(pairs), float(old.mean()), float(new.mean()), measured)


def measure_dice(found: Mask, wanted: Mask) -> float:
    """Return the Dice of two masks (H, W); both empty is 1."""
    both = int((found & wanted).sum())
    return float(dice(Counts(both, int(found.sum()) - both, int(wanted.sum()) - both)))


def _judge(predictor: Predictor, lesson: Lesson) -> JudgedCase:
    files = lesson.files.photo_files
    photos = tuple(read_photo(photo.path) for photo in files if photo.path is not None)
    encounter = Encounter(lesson.case_id, lesson.narrative, photos, lesson.files.responses)
    prediction = predictor.predict(encounter)
    found = {photo.photo_id: photo for photo in prediction.photos}
    judged = []
    for place, photo in enumerate(files):
        if photo.photo_id not in lesson.masks or photo.photo_id not in found:
            continue
        wanted = lesson.read_mask(photo.photo_id)
        one = found[photo.photo_id]
        mask = lesion_mask(one.probability, one.size, prediction.threshold)
        if mask.shape == wanted.shape:
            judged.append(
                JudgedPhoto(
                    place, one.size, encode_mask(wanted), encode_mask(mask), measure_dice(mask, wanted)
                )
            )
    known = {qid: option for qid, option in prediction.answers.items() if qid in lesson.answers}
    scores = official_scores({"": lesson.answers}, {"": known}) if known else {}
    return JudgedCase(lesson.case_id, tuple(judged), known, scores.get("accuracy_all"))
