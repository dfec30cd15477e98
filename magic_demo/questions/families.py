"""The closed questions: ids, families, options and their order, in English and Chinese."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from magic_demo.core.errors import FormatError
from magic_demo.core.limits import LIMITS
from magic_demo.core.types import LANGUAGES, Family, Question
from magic_demo.core.user_files import read_user_text
from magic_demo.core.whole_text import mend_json

NOT_MENTIONED = "not mentioned"


@lru_cache(maxsize=1)
def load_families() -> tuple[Family, ...]:
    """Return the nine families of the challenge, in its order, from the file that comes with the program."""
    text = resources.files("magic_demo.questions").joinpath("questions.json").read_text(encoding="utf-8")
    families = []
    for entry in json.loads(text):
        questions = tuple(
            Question(
                qid=f"{entry['family_id']}-{slot:03d}",
                text=dict(entry["question"]),
                options={language: tuple(entry["options"][language]) for language in LANGUAGES},
            )
            for slot in range(1, entry["slots"] + 1)
        )
        families.append(_family(entry["family_id"], entry["title"], questions))
    return tuple(families)


def load_questions() -> tuple[Question, ...]:
    """Return the 27 questions of the challenge, in its order."""
    return list_questions(load_families())


def list_questions(families: Iterable[Family]) -> tuple[Question, ...]:
    """Return the families' questions one after another."""
    return tuple(question for family in families for question in family.questions)


def read_families(path: Path) -> tuple[Family, ...]:
    """Read families from a file in the organisers' layout, with its own options and order.

    The file is a JSON list of objects with ``qid``, ``question_en``, ``question_zh``, ``options_en``,
    ``options_zh`` and the optional ``question_type_en``, ``question_type_zh``. Raises FormatError that names
    the first question that is off.
    """
    try:
        entries = json.loads(mend_json(read_user_text(path, LIMITS.json_bytes)))
    except (OSError, ValueError, RecursionError) as error:
        raise FormatError(
            f"{path}: questions cannot be read ({error}); a JSON list of question objects is expected"
        ) from error
    if not isinstance(entries, list) or not entries:
        raise FormatError(
            f"{path}: a JSON list of question objects is expected, not {type(entries).__name__}"
        )
    by_family: dict[str, list[Question]] = {}
    titles: dict[str, dict[str, str]] = {}
    for entry in entries:
        question = _parse_question(path, entry)
        if any(other.qid == question.qid for other in by_family.get(question.family, ())):
            raise FormatError(f"{path}: {question.qid} comes twice; keep one of them")
        by_family.setdefault(question.family, []).append(question)
        titles.setdefault(
            question.family,
            {
                language: str(entry.get(f"question_type_{language}", question.family)).strip()
                for language in LANGUAGES
            },
        )
    return tuple(
        _family(family_id, titles[family_id], tuple(questions)) for family_id, questions in by_family.items()
    )


def _parse_question(path: Path, entry: Any) -> Question:
    qid = entry.get("qid") if isinstance(entry, Mapping) else None
    if not isinstance(qid, str) or not qid:
        raise FormatError(f"{path}: every question needs a 'qid' such as CQID010-001")
    options: dict[Any, tuple[str, ...]] = {}
    for language in LANGUAGES:
        values = entry.get(f"options_{language}")
        if (
            not isinstance(values, list)
            or len(values) < 2
            or not all(isinstance(value, str) for value in values)
        ):
            raise FormatError(f"{path}: {qid} needs 'options_{language}', a list of at least two texts")
        options[language] = tuple(values)
    if len(options["en"]) != len(options["zh"]):
        raise FormatError(
            f"{path}: {qid} has {len(options['en'])} options in English and {len(options['zh'])} in Chinese"
        )
    return Question(
        qid=qid,
        text={language: str(entry.get(f"question_{language}", qid)) for language in LANGUAGES},
        options=options,
    )


def _family(family_id: str, title: Mapping[Any, str], questions: Sequence[Question]) -> Family:
    first = questions[0]
    for question in questions[1:]:
        if question.options["en"] != first.options["en"]:
            raise FormatError(
                f"{question.qid} and {first.qid} are siblings and need the same options in the same order"
            )
    labels = [option.strip().lower() for option in first.options["en"]]
    if NOT_MENTIONED not in labels:
        raise FormatError(
            f"{first.qid}: no option reads 'Not mentioned', which fills the slots that hold no label"
        )
    return Family(family_id, title, tuple(questions), labels.index(NOT_MENTIONED))
