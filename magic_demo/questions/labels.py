"""The labels of a study: what readers outline, one mask a photo each. The first is the one that the models find."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from magic_demo.core.errors import FormatError
from magic_demo.core.types import Language

LABEL_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,39}")
MOST_LABELS = 8
KEYS = "cdgoqrstu"
"""Letters that choose a label while the hand is on the photo, where others mean something else."""
COLOURS = ("#78f2b4", "#56b4e9", "#e69f00", "#cc79a7", "#f0e442", "#d55e00", "#8fa6ff", "#ececec")
"""Of labels that name none, in their order: told apart by readers who see few colours, and on skin."""
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_FIELDS = ("id", "name", "zh", "colour", "key", "required")


@dataclass(frozen=True)
class Label:
    """What readers outline. colour: ``#rrggbb``. key: the letter that chooses it. required: whether a review without
    its outline, or "none here", is incomplete."""

    label_id: str
    name: Mapping[Language, str]
    colour: str
    key: str = ""
    required: bool = False


LESION = Label("lesion", {"en": "Lesion", "zh": "皮损"}, COLOURS[0], required=True)
"""What is outlined where a study names no labels."""


def read_labels(path: Path, value: Any) -> tuple[Label, ...]:
    """Return the labels of a question file: a list of ids, or of objects with ``id`` and, where wanted, ``name``,
    ``zh``, ``colour``, ``key`` and ``required``.

    Raises FormatError that names the first that is off.
    """
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_LABELS:
        raise FormatError(
            "{path}: 'labels' is a list of one to {most} labels, not {came!r}",
            path=path,
            most=MOST_LABELS,
            came=str(value)[:60],
        )
    labels = tuple(_read_label(path, number, entry) for number, entry in enumerate(value))
    for kind, values in (
        ("id", [label.label_id.casefold() for label in labels]),
        ("colour", [label.colour.lower() for label in labels]),
        ("key", [label.key for label in labels if label.key]),
    ):
        twice = next((one for one in values if values.count(one) > 1), None)
        if twice is not None:
            raise FormatError(
                "{path}: two labels have the {kind} {value!r}; give each its own",
                path=path,
                kind=kind,
                value=twice,
            )
    return _give_keys(labels)


def _read_label(path: Path, number: int, entry: Any) -> Label:
    given = entry if isinstance(entry, Mapping) else {"id": entry}
    label_id = given.get("id")
    if not isinstance(label_id, str) or not LABEL_ID.fullmatch(label_id):
        raise FormatError(
            "{path}: a label needs an id such as ulcer (letters, digits, '_' and '-'), not {came!r}",
            path=path,
            came=str(label_id)[:40],
        )
    name = str(given.get("name") or label_id.replace("_", " ").capitalize())
    key, required = str(given.get("key") or "").lower(), given.get("required", number == 0)
    colour = given.get("colour", COLOURS[number])
    wrong = next(_find_wrong(given, key, colour, required), None)
    if wrong is not None:
        raise FormatError(
            "{path}: the label {label} has {field}: {came!r}; expected is {expected}",
            path=path,
            label=label_id,
            field=wrong[0],
            came=str(given.get(wrong[0]))[:40],
            expected=wrong[1],
        )
    usual = LESION.name["zh"] if label_id == LESION.label_id else name
    names: dict[Language, str] = {"en": name, "zh": str(given.get("zh") or usual)}
    return Label(label_id, names, colour.lower(), key, required)


def _find_wrong(given: Mapping[Any, Any], key: str, colour: Any, required: Any) -> Iterator[tuple[str, str]]:
    for field in given:
        if field not in _FIELDS:
            yield str(field), ", ".join(_FIELDS)
    if key and (len(key) != 1 or key not in KEYS):
        yield "key", f"a letter out of {KEYS}"
    if not isinstance(colour, str) or not _COLOUR.fullmatch(colour):
        yield "colour", "#rrggbb"
    if not isinstance(required, bool):
        yield "required", "true or false"


def _give_keys(labels: tuple[Label, ...]) -> tuple[Label, ...]:
    """Return labels that each have a key: their id's initial, where it is free, else another letter of it, or of all."""
    keys = [label.key for label in labels]
    for initial in (True, False):
        for number, label in enumerate(labels):
            letters = label.label_id.lower()[:1] if initial else label.label_id.lower() + KEYS
            keys[number] = keys[number] or next(
                (letter for letter in letters if letter in KEYS and letter not in keys), ""
            )
    return tuple(replace(label, key=key) for label, key in zip(labels, keys, strict=True))


def write_labels(labels: tuple[Label, ...]) -> list[dict[str, Any]]:
    """Return what ``read_labels`` reads as the same labels."""
    return [
        {
            "id": label.label_id,
            "name": label.name["en"],
            "zh": label.name["zh"],
            "colour": label.colour,
            "key": label.key,
            "required": label.required,
        }
        for label in labels
    ]
