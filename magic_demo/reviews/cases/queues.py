"""A folder of cases as a queue to review: its cases, the reference answers where it holds any, and how unsure
a model is of a case."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from magic_demo.core.errors import FormatError
from magic_demo.core.messages import Message
from magic_demo.core.types import Answers, Prediction
from magic_demo.files.answers import read_answers
from magic_demo.files.encounters import EncounterList, read_encounters
from magic_demo.files.layouts import list_splits
from magic_demo.questions.families import QuestionSet

REFERENCE_FILES = "*_cvqa.json"


def read_queue(folder: Path) -> EncounterList:
    """Read the cases of a folder in the challenge's layout, of all its splits one after another, or of a
    plain folder of photos.

    Raises FormatError when nothing can be read there.
    """
    lists, unread = _read_splits(folder)
    if not lists:
        return read_encounters(folder)
    seen: set[str] = set()
    cases = []
    problems: list[str] = [*unread, *(line for split in lists for line in split.problems)]
    for encounter in (encounter for split in lists for encounter in split.encounters):
        if encounter.encounter_id in seen:
            problems.append(
                Message(
                    "{encounter}: is in several splits; the first one is used",
                    encounter=encounter.encounter_id,
                )
            )
            continue
        seen.add(encounter.encounter_id)
        cases.append(encounter)
    return EncounterList(tuple(cases), tuple(problems))


def _read_splits(folder: Path) -> tuple[list[EncounterList], list[Message]]:
    """Read every split that is there; one that cannot be read is a line, and raises where there is no other."""
    lists, problems = [], []
    failures: list[FormatError] = []
    for split in list_splits(folder) if folder.is_dir() else ():
        try:
            found = read_encounters(folder, split)
        except FormatError as error:
            failures.append(error)
            problems.append(error.message)
            continue
        if not found.plain:
            lists.append(found)
    if failures and not lists:
        raise failures[0]
    return lists, problems


def read_references(folder: Path, questions: QuestionSet) -> Mapping[str, Answers]:
    """Return the reference answers that lie in the folder (``<split>_cvqa.json``), encounter id -> answers;
    empty where there are none.

    A file that is no answer file is passed over: the review needs no reference.
    """
    answers: dict[str, Answers] = {}
    for path in sorted(folder.rglob(REFERENCE_FILES)) if folder.is_dir() else ():
        try:
            answers.update(read_answers(path, questions))
        except FormatError:
            continue
    return answers


def measure_uncertainty(prediction: Prediction, questions: QuestionSet) -> float | None:
    """Return how unsure the models are of a case, 0 (sure) to 1, by their calibrated chances; None where
    nothing is calibrated.

    The mean over families: in those of one slot, what the likeliest option leaves; in those of several, how
    near the least decided option is to one in two.
    """
    doubts = []
    for family in questions.families:
        chances = prediction.chances.get(family.family_id)
        if chances is None:
            continue
        several = len(family.questions) > 1
        doubts.append(
            float(np.minimum(chances, 1 - chances).max() * 2) if several else float(1 - chances.max())
        )
    return float(np.mean(doubts)) if doubts else None
