"""Questions of one's own in a short form, YAML or JSON: an id, a text and options are enough."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from magic_demo.core.disk.user_files import read_user_text
from magic_demo.core.disk.whole_text import mend_json, mend_text
from magic_demo.core.errors import FormatError, one_line
from magic_demo.core.limits import LIMITS

YAML_SUFFIXES = (".yaml", ".yml")
LARGEST = 2**20
"""Bytes of a file in YAML: its parser is slow."""
MOST_SLOTS = 12
NONE = ("Not mentioned", "未提及")
OTHER = ("other (please specify)", "其他（请说明）")
_TEXTS = frozenset(
    f"{name}{language}"
    for name in ("id", "qid", "title", "text", "zh", "name", "unit", "question", "question_type", "options")
    for language in ("", "_en", "_zh")
)
"""Keys whose values are texts, as they are written: ``on``, ``010``, ``1.10`` and ``12:30`` are none of YAML's values."""
_VALUES = frozenset(
    f"tag:yaml.org,2002:{kind}" for kind in ("bool", "int", "float", "timestamp", "merge", "value")
)
_KEYS = (
    "id",
    "title",
    "title_zh",
    "text",
    "zh",
    "options",
    "options_zh",
    "several",
    "specify",
    "scale",
    "number",
    "keys",
)


def read_entries(path: Path) -> Any:
    """Return what a question file holds, its short entries in the organisers' layout. Raises FormatError."""
    try:
        if path.suffix.lower() in YAML_SUFFIXES:
            content = _read_yaml(mend_text(read_user_text(path, LARGEST)))
        else:
            content = json.loads(mend_json(read_user_text(path, LIMITS.json_bytes)))
    except (OSError, ValueError, RecursionError) as error:
        raise FormatError(
            "{path}: questions cannot be read ({reason}); a JSON list of question objects is expected",
            path=path,
            reason=one_line(error, 200),
        ) from error
    if isinstance(content, dict) and isinstance(content.get("questions"), list):
        return {**content, "questions": _lengthen_all(path, content["questions"])}
    return _lengthen_all(path, content) if isinstance(content, list) else content


def _lengthen_all(path: Path, entries: list[Any]) -> list[Any]:
    return [
        long
        for entry in entries
        for long in (_lengthen(path, entry) if isinstance(entry, dict) and "id" in entry else (entry,))
    ]


def _read_yaml(text: str) -> Any:
    """Return YAML of plain values. Aliases are refused: a few lines of them unfold to gigabytes.

    Raises ValueError.
    """
    import yaml  # a part of the program that few use

    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise ValueError("it has an alias, *name; write the text out")
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _keep_texts(node)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ValueError(one_line(error, 200)) from error


def _keep_texts(root: Any) -> None:
    """Make texts of what YAML takes for values where texts are expected, in a tree of its nodes."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.id == "sequence":
            waiting.extend(node.value)
        elif node.id == "mapping":
            for key, value in node.value:
                waiting.append(value)
                parts = value.value if value.id == "sequence" else [value]
                for part in parts if key.id == "scalar" and key.value in _TEXTS else ():
                    if part.tag in _VALUES:
                        part.tag = "tag:yaml.org,2002:str"


def _lengthen(path: Path, entry: Mapping[Any, Any]) -> Iterator[dict[str, Any]]:
    """Yield a short entry's questions, one a slot, in the organisers' layout."""
    name = str(entry["id"])
    unknown = [str(key) for key in entry if key not in _KEYS]
    if unknown:
        raise FormatError(
            "{path}: {question} has {unknown}; expected are {known}",
            path=path,
            question=name[:40],
            unknown=unknown[:5],
            known=list(_KEYS),
        )
    for key, value in entry.items():
        if key in _TEXTS and any(part is None or part == "" for part in (_list(value) or [value])):
            raise FormatError(
                "{path}: {question} has an empty text in {key}; write one, or leave {key} out",
                path=path,
                question=name[:40],
                key=str(key),
            )
    english = [_say(option) for option in _list(entry.get("options"))]
    chinese = [_say(option) for option in _list(entry.get("options_zh"))] or list(english)
    if entry.get("specify"):
        english, chinese = [*english, OTHER[0]], [*chinese, OTHER[1]]
    several = entry.get("several") or 1
    slots = len(english) if several is True else several
    if type(slots) is not int or not 1 <= slots <= MOST_SLOTS:
        slots = MOST_SLOTS if several is True else 0
    if not slots:
        raise FormatError(
            "{path}: {question} says several: {came}; true, or how many, up to {limit}",
            path=path,
            question=name[:40],
            came=str(several)[:20],
            limit=MOST_SLOTS,
        )
    if slots > 1 and NONE[0].lower() not in (option.lower() for option in english):
        english, chinese = [*english, NONE[0]], [*chinese, NONE[1]]
    text = _say(entry.get("text", name))
    title = _say(entry.get("title", text))
    for slot in range(1, slots + 1):
        yield {
            "qid": f"{name}-{slot:03d}",
            "question_en": text,
            "question_zh": _say(entry.get("zh", text)),
            "question_type_en": title,
            "question_type_zh": _say(entry.get("title_zh", entry.get("zh", title))),
            **{name: entry[name] for name in ("scale", "keys") if name in entry},
            **(
                {"number": entry["number"]}
                if "number" in entry
                else {"options_en": english, "options_zh": chinese}
            ),
        }


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _say(value: Any) -> str:
    """Return a text as it was written; true and false of JSON are yes and no."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
