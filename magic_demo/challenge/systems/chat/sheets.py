"""What a chat model is asked of a case, all questions at once, and how its reply becomes answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any

from magic_demo.core.types import Family, Language
from magic_demo.models.answers.language.prompts import Templates, list_options
from magic_demo.questions.decoding import fill_slots
from magic_demo.questions.families import QuestionSet, plain_option

MOST_TOKENS = 1500
"""That an answer sheet may take; a caption a fifth of it."""


@lru_cache(maxsize=1)
def load_sheets() -> Mapping[Language, Mapping[str, str]]:
    """Return language -> template -> text."""
    text = resources.files("magic_demo.challenge.systems.chat").joinpath("sheets.json").read_text("utf-8")
    sheets: Mapping[Language, Mapping[str, str]] = json.loads(text)
    return sheets


def write_schema(asked: QuestionSet, language: Language) -> dict[str, Any]:
    """Return the JSON schema of an answer sheet: family id -> option, or list of options."""

    def describe(family: Family) -> dict[str, Any]:
        one = {"type": "string", "enum": list(list_options(family, language))}
        return one if len(family.questions) == 1 else {"type": "array", "items": one}

    return {
        "type": "object",
        "properties": {family.family_id: describe(family) for family in asked.families},
        "required": list(asked.family_ids),
        "additionalProperties": False,
    }


def write_sheet(
    asked: QuestionSet, narrative: str, templates: Templates, language: Language, photos: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Return the messages that ask all questions of a case. photos: as data addresses, sent along."""
    texts = load_sheets()[language]
    lines = [
        texts["one" if len(family.questions) == 1 else "several"].format(
            name=family.family_id,
            question=family.questions[0].text[language].strip(),
            count=len(family.questions),
            options=templates.separator.join(list_options(family, language)),
        )
        for family in asked.families
    ]
    sheet = texts["sheet"].format(
        case=templates.write_case(narrative),
        photos=texts["with_photos"] if photos else "",
        questions="\n".join(lines),
    )
    return [_write_message(sheet, photos)]


def write_caption_call(templates: Templates, photo: str) -> dict[str, Any]:
    """Return the body of a call that asks what a photo shows."""
    messages = [_write_message(templates.caption, [photo])]
    return {"messages": messages, "temperature": 0, "max_tokens": MOST_TOKENS // 5}


def write_body(messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the body of a call that asks for an answer sheet."""
    return {"messages": list(messages), "temperature": 0, "max_tokens": MOST_TOKENS}


def ask_again(
    messages: Sequence[Mapping[str, Any]], reply: str, problem: str, language: Language
) -> list[dict[str, Any]]:
    """Return the messages that tell a model what was wrong with its reply."""
    again = load_sheets()[language]["again"].format(problem=problem)
    said = [{"role": "assistant", "content": reply[:4000]}, {"role": "user", "content": again}]
    return [*map(dict, messages), *said]


def read_sheet(text: str, asked: QuestionSet, language: Language) -> tuple[dict[str, int], str]:
    """Return the answers of a reply, qid -> option index, and what is wrong with it, "" where nothing is.

    What stands around the JSON object is passed over, as are families that cannot be read or name more than fit; of a family of
    several slots "Not mentioned" counts alone.
    """
    begin, end = text.find("{"), text.rfind("}")
    try:
        content = json.loads(text[begin : end + 1]) if 0 <= begin < end else None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        return {}, "no JSON object"
    answers: dict[str, int] = {}
    wrong: list[str] = []
    for family in asked.families:
        labels = _read_labels(content.get(family.family_id), family, language)
        if labels is None:
            wrong.append(family.family_id)
        else:
            answers |= fill_slots(family, labels)
    return answers, f"options of {', '.join(wrong)} are missing, unknown or too many" if wrong else ""


def _read_labels(given: object, family: Family, language: Language) -> frozenset[int] | None:
    several = len(family.questions) > 1
    listed = given if isinstance(given, list) else [given]
    items = [item for item in listed if isinstance(item, str)]
    if len(items) < len(listed) or (not several and len(items) != 1):
        return None
    known = [plain_option(option) for option in list_options(family, language)]
    found = [known.index(plain) if (plain := plain_option(item)) in known else None for item in items]
    if None in found or (not found and not several):
        return None
    labels = frozenset(index for index in found if index is not None)
    if not several:
        return labels
    named = labels - {family.padding}
    return named if len(named) <= len(family.questions) else None


def _write_message(text: str, photos: Sequence[str]) -> dict[str, Any]:
    if not photos:
        return {"role": "user", "content": text}
    pictures = [{"type": "image_url", "image_url": {"url": photo}} for photo in photos]
    return {"role": "user", "content": [*pictures, {"type": "text", "text": text}]}
