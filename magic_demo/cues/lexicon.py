"""Phrases that mean something: read from a lexicon, and found in a text without the shorter ones inside
them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

_CJK = re.compile(r"[\u3400-\u9fff]")
_BLANK = re.compile(r"<[^<>]{0,300}>|https?://[!-~]{1,300}|&[a-z]{2,8};")


@dataclass(frozen=True)
class Phrase:
    """A phrase of a lexicon.

    value: empty where the phrase only keeps shorter ones from matching inside it ("手术" is no hand).
    open_end: whether a word may go on after it.
    """

    text: str
    kind: str
    value: str
    open_end: bool
    chinese: bool


@dataclass(frozen=True)
class FoundPhrase:
    """A phrase where it stands in a text, (start, end) in characters."""

    start: int
    end: int
    value: str
    chinese: bool


def prepare_text(text: str) -> str:
    """Lower case, markup and addresses blanked, traditional characters simplified; every character stays
    where it was."""
    plain = text.lower()
    if len(plain) != len(text):  # "İ" becomes two characters
        plain = "".join(character.lower() if len(character.lower()) == 1 else character for character in text)
    return _BLANK.sub(lambda match: " " * len(match[0]), plain).translate(_simplified())


@lru_cache(maxsize=1)
def read_cue_lexicon() -> tuple[Phrase, ...]:
    """Return the phrases of the cues, their kinds and values."""
    kinds = _read_file("cue_lexicon.json")["kinds"]
    return _list_phrases({kind: {"": group["ignore"], **group["cues"]} for kind, group in kinds.items()})


@lru_cache(maxsize=1)
def read_stated_lexicon() -> tuple[Phrase, ...]:
    """Return the phrases that state an answer outright: the kind is a family's id, the value an English
    option."""
    return _list_phrases(_read_file("stated_lexicon.json"))


def find_phrases(text: str, phrases: Sequence[Phrase]) -> dict[str, list[FoundPhrase]]:
    """Return kind -> the phrases found in a prepared text, those inside a longer one of their kind left
    out."""
    has_chinese = _CJK.search(text) is not None
    matches: dict[str, list[FoundPhrase]] = {}
    for phrase in phrases:
        if phrase.chinese and not has_chinese:
            continue
        for start, end in _occurrences(text, phrase):
            matches.setdefault(phrase.kind, []).append(FoundPhrase(start, end, phrase.value, phrase.chinese))
    return {kind: list(_keep_longest(found)) for kind, found in matches.items()}


def _read_file(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(
        resources.files("magic_demo.cues").joinpath(name).read_text(encoding="utf-8")
    )
    return content


def _list_phrases(kinds: dict[str, dict[str, dict[str, list[str]]]]) -> tuple[Phrase, ...]:
    return tuple(
        Phrase(word.rstrip("*"), kind, value, word.endswith("*"), language == "zh")
        for kind, values in kinds.items()
        for value, languages in values.items()
        for language, words in languages.items()
        for word in words
    )


@lru_cache(maxsize=1)
def _simplified() -> dict[int, str]:
    pairs = str(_read_file("cue_lexicon.json")["traditional"])
    return {ord(pairs[i]): pairs[i + 1] for i in range(0, len(pairs), 2)}


def _occurrences(text: str, phrase: Phrase) -> Iterator[tuple[int, int]]:
    length = len(phrase.text)
    start = text.find(phrase.text)
    while start >= 0:
        end = start + length
        if phrase.chinese:
            yield start, end
        elif start == 0 or not _is_latin(text[start - 1]):
            if phrase.open_end:
                while end < len(text) and _is_latin(text[end]):
                    end += 1
                yield start, end
            elif end == len(text) or not _is_latin(text[end]):
                yield start, end
        start = text.find(phrase.text, start + length)


def _is_latin(character: str) -> bool:
    return character.isalnum() and character < "\u3000"


def _keep_longest(found: Sequence[FoundPhrase]) -> Iterator[FoundPhrase]:
    """Leave out what lies inside a longer phrase, so that "back of the hand" is no back."""
    spans = sorted({(entry.start, entry.end) for entry in found}, key=lambda span: (span[0], -span[1]))
    kept: set[tuple[int, int]] = set()
    reach = -1
    for start, end in spans:
        if end > reach:
            kept.add((start, end))
            reach = end
    return (entry for entry in found if entry.value and (entry.start, entry.end) in kept)
