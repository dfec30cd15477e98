"""Answers to the closed questions in the organisers' JSON, read and written with every check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from magic_demo.core.disk.whole_files import write_json_list
from magic_demo.core.errors import FormatError
from magic_demo.core.messages import Message
from magic_demo.core.types import Question
from magic_demo.files.entries import ENCOUNTER_KEY, as_text, name_kind, show_value
from magic_demo.files.json_files import is_whole, read_json_list
from magic_demo.questions.families import QuestionSet, load_challenge


def read_answers(path: Path, asked: QuestionSet | None = None) -> dict[str, dict[str, int]]:
    """Read answers in the organisers' layout, with every check: encounter id -> qid -> option index, all
    questions of every encounter.

    asked: the challenge's questions when None. Raises FormatError naming encounter and question at the first entry that is no object, id that is missing or comes twice, question
    that is missing or unknown, or index that is not a whole number within its question's options. Other keys
    are let be. ``scoring`` has a lenient reader.
    """
    questions = (asked or load_challenge()).questions
    known = {question.qid for question in questions}
    answers: dict[str, dict[str, int]] = {}
    for number, entry in enumerate(read_json_list(path, Message("a JSON list of answer objects")), start=1):
        if not isinstance(entry, dict):
            raise FormatError(
                "{path}: entry {number} is {came}; an object with 'encounter_id' and the qids is expected",
                path=path,
                number=number,
                came=name_kind(entry),
            )
        encounter_id = as_text(entry.get(ENCOUNTER_KEY))
        if not isinstance(encounter_id, str) or not encounter_id:
            raise FormatError(
                "{path}: entry {number} has no 'encounter_id'; give it one such as ENC00001",
                path=path,
                number=number,
            )
        if encounter_id in answers:
            raise FormatError(
                "{path}: {encounter} comes twice (again in entry {number}); keep one of them",
                path=path,
                encounter=encounter_id,
                number=number,
            )
        unknown = [key for key in entry if key.startswith("CQID") and key not in known]
        if unknown:
            raise FormatError(
                "{path}: {encounter} answers {came}, which is no question; the questions are {known}",
                path=path,
                encounter=encounter_id,
                came=unknown[0],
                known=_span(questions),
            )
        answers[encounter_id] = {
            question.qid: _check_index(str(path), encounter_id, question, entry.get(question.qid, _MISSING))
            for question in questions
        }
    return answers


def write_answers(
    path: Path, answers: Mapping[str, Mapping[str, int]], asked: QuestionSet | None = None
) -> None:
    """Write answers in the organisers' layout, whole or not at all, after the checks that ``read_answers``
    makes.

    answers: encounter id -> qid -> option index. Encounters keep their order, questions get the challenge's.
    """
    asked = asked or load_challenge()
    write_json_list(path, (_check_answers(*one, asked) for one in answers.items()))


def _check_answers(encounter_id: str, chosen: Mapping[str, int], asked: QuestionSet) -> dict[str, Any]:
    """Return one encounter's answers as they are written."""
    questions, counts = asked.questions, asked.option_counts
    if not is_whole(encounter_id):
        raise FormatError(
            "answers: the id {came} holds a character that is cut in half; write whole text",
            came=show_value(encounter_id),
        )
    if unknown := [qid for qid in chosen if qid not in counts]:
        raise FormatError(
            "{encounter} answers {came}, which is no question; the questions are {known}",
            encounter=encounter_id,
            came=unknown[0],
            known=_span(questions),
        )
    checked: dict[str, Any] = {ENCOUNTER_KEY: encounter_id}
    for question in questions:
        value = chosen.get(question.qid, _MISSING)
        if type(value) is not int or not 0 <= value < counts[question.qid]:
            value = _check_index("answers", encounter_id, question, value)
        checked[question.qid] = value
    return checked


_MISSING = object()


def _check_index(source: str, encounter_id: str, question: Question, value: Any) -> int:
    if value is _MISSING:
        raise FormatError(
            "{source}: {encounter} has no answer to {question}; every question needs an option index",
            source=source,
            encounter=encounter_id,
            question=question.qid,
        )
    last = question.option_count - 1
    if isinstance(value, bool) or not isinstance(value, int):
        raise FormatError(
            "{source}: {encounter} {question} is {came}; a whole number from 0 to {last} is expected",
            source=source,
            encounter=encounter_id,
            question=question.qid,
            came=name_kind(value),
            last=last,
        )
    if not 0 <= value <= last:
        raise FormatError(
            "{source}: {encounter} {question} is {value}; its options go from 0 to {last}",
            source=source,
            encounter=encounter_id,
            question=question.qid,
            value=value,
            last=last,
        )
    return value


def _span(questions: Iterable[Question]) -> Message:
    qids = [question.qid for question in questions]
    return Message("{first} to {last}", first=qids[0], last=qids[-1])
