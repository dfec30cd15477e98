"""Option scores of any system in one JSON file (docs/systems.md)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.errors import FormatError
from magic_demo.core.types import Family, OptionScores, Question
from magic_demo.files.entries import name_kind, show_value
from magic_demo.files.json_files import read_json
from magic_demo.questions.families import QuestionSet, load_challenge, plain_option
from magic_demo.questions.shares import as_scores, log_softmax

SCALES = ("probabilities", "logits")
LEAST = 1e-6
"""Probability of an option that a file does not name, and the smallest that counts."""


def read_scores(path: Path, asked: QuestionSet | None = None) -> dict[str, OptionScores]:
    """Read encounter id -> qid -> (O,) float32: log-probabilities for families of one slot, log-odds for the
    others.

    The file is an object ``{"scale": ..., "encounters": {encounter id: {qid: {option: number}}}}``. An option
    is its English text or its index. scale: "probabilities", 0 to 1, of which those of a family of one slot are
    scaled to add up to 1; or "logits", of which the same families' get a log-softmax. An option that a question
    leaves out is as unlikely as the least likely of it; a question may be left out, and a family then has the mean of those that it names.
    Raises FormatError that names encounter and question.
    """
    asked = asked or load_challenge()
    content = read_json(path, "an object of encounters with scores")
    encounters = content.get("encounters") if isinstance(content, dict) else None
    if not isinstance(encounters, dict) or content.get("scale") not in SCALES:
        raise FormatError(
            "{path}: {came} came; an object with 'scale' ({scales}) and 'encounters' is expected",
            path=path,
            came=name_kind(content),
            scales=" or ".join(SCALES),
        )
    return {
        str(encounter_id): _read_encounter(path, str(encounter_id), questions, content["scale"], asked)
        for encounter_id, questions in encounters.items()
    }


def is_scores_file(path: Path) -> bool:
    """Tell whether a JSON file holds scores rather than answers: an object, not a list."""
    return isinstance(read_json(path, "a JSON file of answers or scores"), dict)


def _read_encounter(
    path: Path, encounter_id: str, questions: Any, scale: str, asked: QuestionSet
) -> OptionScores:
    known = {question.qid: question for question in asked.questions}
    if not isinstance(questions, dict):
        raise FormatError(
            "{path}: {encounter} holds {came}; an object of qids is expected",
            path=path,
            encounter=encounter_id,
            came=name_kind(questions),
        )
    unknown = [qid for qid in questions if qid not in known]
    if unknown:
        raise FormatError(
            "{path}: {encounter} scores {came}, which is no question",
            path=path,
            encounter=encounter_id,
            came=show_value(unknown[0]),
        )
    scores: dict[str, NDArray[np.float32]] = {}
    for family in asked.families:
        rows = [
            _read_question(path, encounter_id, question, questions[question.qid], scale, family)
            for question in family.questions
            if question.qid in questions
        ]
        if rows:
            mean = np.mean(rows, axis=0).astype(np.float32)
            scores.update({question.qid: mean for question in family.questions})
    return scores


def _read_question(
    path: Path, encounter_id: str, question: Question, options: Any, scale: str, family: Family
) -> NDArray[np.float64]:
    names = {str(index): index for index in range(question.option_count)}
    names |= {plain_option(option): index for index, option in enumerate(question.options["en"])}
    values = np.full(question.option_count, np.nan)
    given: Mapping[Any, Any] = options if isinstance(options, Mapping) else {str(options): None}
    for name, value in given.items():
        index = names.get(plain_option(str(name)))
        number = isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value)
        if index is None or not number or (scale == "probabilities" and not 0 <= value <= 1):
            raise FormatError(
                "{path}: {encounter} {question}: {option}: {value}; an option's English text or index is "
                "expected with a number, of probabilities from 0 to 1",
                path=path,
                encounter=encounter_id,
                question=question.qid,
                option=show_value(name),
                value=show_value(value),
            )
        if not np.isnan(values[index]):
            raise FormatError(
                "{path}: {encounter} {question} scores {option} twice, by its text and its index perhaps; keep one",
                path=path,
                encounter=encounter_id,
                question=question.qid,
                option=show_value(name),
            )
        values[index] = value
    if np.isnan(values).all():
        raise FormatError(
            "{path}: {encounter} {question} scores no option; leave the question out, or score one",
            path=path,
            encounter=encounter_id,
            question=question.qid,
        )
    return _to_logits(values, scale, len(family.questions) == 1)


def _to_logits(values: NDArray[np.float64], scale: str, single: bool) -> NDArray[np.float64]:
    if scale == "logits":
        filled = np.where(np.isnan(values), np.nanmin(values), values)
        return log_softmax(filled) if single else filled
    return as_scores(np.where(np.isnan(values), 0.0, values), single, LEAST)
