"""Reviewed cases as they are learnt from: one mask a photo and one answer a question, some cases held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from magic_demo.core.types import Answers, EncounterFiles, Mask, Narrative, Pixels
from magic_demo.files.answers import read_answers
from magic_demo.files.encounters import read_encounters
from magic_demo.files.masks.mask_files import find_reference_masks, read_mask
from magic_demo.files.photos.reading import read_photo
from magic_demo.imaging.consensus import estimate_staple, take_majority
from magic_demo.questions.families import QuestionSet, load_challenge
from magic_demo.reviews.exports import DataSetVersion
from magic_demo.reviews.learning.learnt import LearntError
from training.cases.sources import CaseSource, LearningCase
from training.learning.gathering import Rule
from training.segmentation.sources import Example

SPLITS = ("train", "valid")
SOURCE = "reviews"


@dataclass(frozen=True, eq=False)
class Lesson:
    """A reviewed case. masks: photo id -> the readers' files, those that outlined it. answers: those agreed on, none
    where readers tie. group: cases of one patient share it."""

    files: EncounterFiles
    masks: dict[str, tuple[Path, ...]]
    answers: Answers
    group: str
    rule: Rule

    @property
    def case_id(self) -> str:
        """Return the encounter's id."""
        return self.files.encounter_id

    @property
    def narrative(self) -> Narrative:
        """Return the patient's words."""
        return self.files.narrative

    def read_mask(self, photo_id: str) -> Mask:
        """Return the outline (H, W) that the rule makes of the readers'."""
        return settle_masks([read_mask(path) for path in self.masks[photo_id]], self.rule)

    def list_examples(self, repeat: float = 1.0) -> list[Example]:
        """Return the outlined photos as the decoder learns from them."""
        texts = tuple(text for text in (self.narrative.en, self.narrative.zh) if text)

        def read(path: Path, photo_id: str) -> tuple[Pixels, tuple[Mask, ...]]:
            return read_photo(path).pixels, (self.read_mask(photo_id),)

        return [
            Example(photo.photo_id, SOURCE, partial(read, photo.path, photo.photo_id), texts, repeat)
            for photo in self.files.photo_files
            if photo.path is not None and photo.photo_id in self.masks
        ]

    def as_case(self) -> LearningCase:
        """Return the case as the photo answerer learns from it."""
        return LearningCase(
            self.case_id,
            CaseSource(SOURCE, "challenge"),
            (self.narrative.en, self.narrative.zh),
            tuple(photo.path for photo in self.files.photo_files if photo.path is not None),
            self.answers,
            self.group,
        )


@dataclass(frozen=True, eq=False)
class Lessons:
    """Cases to learn from, and cases of other patients to judge on."""

    taught: tuple[Lesson, ...]
    held_out: tuple[Lesson, ...]


def settle_masks(masks: Sequence[Mask], rule: Rule) -> Mask:
    """Return one outline (H, W) of the readers': STAPLE's, or what more than half of them mark."""
    if rule == "staple" and len(masks) > 1:
        return estimate_staple(masks).mask
    return take_majority(masks)


def read_lessons(
    version: DataSetVersion,
    rule: Rule,
    *,
    was_taught: Callable[[str], bool] = lambda _case_id: False,
    questions: QuestionSet | None = None,
) -> Lessons:
    """Read the cases of a training set that hold an outline or an answer.

    The set's own split is kept: ``valid`` is held out. was_taught: says of a case whether the model to
    begin with has learnt from it, so that it cannot be held out any more. Raises LearntError where a patient is on both sides.
    """
    asked = questions or load_challenge()
    taught, held = (_read_split(version, split, rule, asked) for split in SPLITS)
    moved = [one for one in held if was_taught(one.case_id)]
    groups = {one.group for one in moved}
    taught += [one for one in held if one.group in groups]
    held = [one for one in held if one.group not in groups]
    both = {one.group for one in taught} & {one.group for one in held}
    if both:
        raise LearntError(
            "{folder}: {count} patients have cases in train and in valid; export the set again",
            folder=version.folder,
            count=len(both),
        )
    return Lessons(tuple(taught), tuple(held))


def check_enough(lessons: Lessons, least: int) -> None:
    """Raise LearntError, one line, where too few cases were reviewed to learn from or to judge on."""
    found = len(lessons.taught) + len(lessons.held_out)
    if found < least:
        raise LearntError(
            "{found} {found:case has|cases have} a finished reading with an outline or an answer to learn from; at "
            "least {least} are expected, review more",
            found=found,
            least=least,
        )
    if not lessons.held_out or not lessons.taught:
        raise LearntError(
            "no case can be held out to judge on: all {found} are of one patient; review cases of others",
            found=found,
        )


def _read_split(version: DataSetVersion, split: str, rule: Rule, asked: QuestionSet) -> list[Lesson]:
    folder = version.folder
    if not (folder / split / f"{split}.json").is_file():
        return []
    challenge = asked.digest == version.questions
    file = folder / split / f"{split}_cvqa.json"
    answers = read_answers(file, asked) if challenge and file.is_file() else {}
    masks = find_reference_masks(folder / "segmentations") if (folder / "segmentations").is_dir() else {}
    lessons = []
    for one in read_encounters(folder, split).encounters:
        own = {
            photo.photo_id: tuple(masks[photo.photo_id])
            for photo in one.photo_files
            if photo.photo_id in masks
        }
        lesson = Lesson(one, own, answers.get(one.encounter_id, {}), one.author_id or one.encounter_id, rule)
        if lesson.masks or lesson.answers:
            lessons.append(lesson)
    return lessons


def count_photos(lessons: Sequence[Lesson]) -> int:
    """Return how many outlined photos there are."""
    return int(np.sum([len(one.masks) for one in lessons], dtype=np.int64))
