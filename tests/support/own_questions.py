"""A question file of ten families: the challenge's nine, and one that no model knows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from magic_demo.core.types import LANGUAGES
from magic_demo.questions.families import QuestionSet, load_challenge, read_questions

TENTH = {
    "qid": "PAIN-001",
    "question_en": "When does it hurt?",
    "question_zh": "什么时候疼？",
    "question_type_en": "Pain",
    "question_type_zh": "疼痛",
    "options_en": ["never", "when touched", "at night"],
    "options_zh": ["从不", "触碰时", "夜间"],
}


def list_entries(order: Mapping[str, Sequence[int]] | None = None) -> list[dict[str, Any]]:
    """Return the challenge's questions as a file has them. order: family id -> its options, by index, where
    they are others or in another order."""
    entries = []
    for question in load_challenge().questions:
        indices = (order or {}).get(question.family, range(question.option_count))
        entry: dict[str, Any] = {"qid": question.qid}
        for language in LANGUAGES:
            entry[f"question_{language}"] = question.text[language]
            entry[f"options_{language}"] = [question.options[language][index] for index in indices]
        entries.append(entry)
    return entries


def write_file(path: Path, entries: Sequence[Mapping[str, Any]]) -> Path:
    """Write a question file and return where it is."""
    path.write_text(json.dumps(list(entries), ensure_ascii=False), encoding="utf-8")
    return path


def write_ten(folder: Path) -> Path:
    """Write the file of ten families."""
    return write_file(folder / "ten families.json", [*list_entries(), TENTH])


def ask_ten(folder: Path) -> QuestionSet:
    """Return the ten families as they are read from their file."""
    return read_questions(write_ten(folder))


THREE = """
- id: ITCH
  text: How much does it itch?
  zh: 有多痒？
  options: [none, mild, severe]
  options_zh: [无, 轻度, 重度]
  scale: ordered
- id: SIZE
  text: Largest diameter
  zh: 最大直径
  number: {min: 0, max: 50, step: 0.5, unit: mm}
- id: SIGNS
  text: What covers it?
  zh: 表面有什么？
  options: [scale, crust]
  options_zh: [鳞屑, 痂]
  several: 2
  specify: true
"""
"""A question file in the short form: options with an order, a number, and several labels."""
