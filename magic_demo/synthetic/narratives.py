"""What a synthetic case's patient writes and clinicians answer, in English and Chinese, consistent with the
case's truth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np

from magic_demo.core.types import LANGUAGES, Language, Narrative


@dataclass(frozen=True)
class Facts:
    """What the words may tell.

    Options are in English as in the questions; None or empty: the text says nothing of it.

    arrangement: ``single``, ``several``, ``grouped`` or ``widespread``. number: how many there are when
    several.
    """

    site: str | None = None
    duration: str | None = None
    itch: str | None = None
    arrangement: str | None = None
    number: int = 3
    colour: str | None = None
    texture: str | None = None
    silent: bool = False


@dataclass(frozen=True)
class Words:
    """A patient's title and content by language."""

    title: dict[Language, str]
    content: dict[Language, str]

    @property
    def narrative(self) -> Narrative:
        """Return title and content joined in each language."""
        return Narrative(
            **{
                language: _join(self.title[language], self.content[language], language)
                for language in LANGUAGES
            }
        )


@lru_cache(maxsize=1)
def load_phrases() -> dict[str, Any]:
    """Return the phrases that texts are made of: pairs of English and Chinese with slots in braces."""
    phrases: dict[str, Any] = json.loads(
        resources.files("magic_demo.synthetic").joinpath("narratives.json").read_text(encoding="utf-8")
    )
    return phrases


def write_narrative(facts: Facts, rng: np.random.Generator) -> Words:
    """Write a patient's text that tells the facts that are not None, and of those questions nothing else."""
    if facts.silent:
        return Words({"en": "", "zh": ""}, {"en": "", "zh": ""})
    phrases = load_phrases()
    grown = facts.duration == "multiple years"  # no child has had something for twenty years
    people = [person for person in phrases["people"] if not grown or person["ages"][1] > 20]
    person = people[int(rng.integers(len(people)))]
    age = max(int(rng.integers(person["ages"][0], person["ages"][1] + 1)), 24 if grown else 0)
    introduced = person["en"] != "I"
    middle = [pair for pair in _tell(facts, phrases, rng) if pair is not None]
    middle.extend(
        _pick(phrases["history"], rng) for _ in range(int(rng.choice([0, 1, 2], p=[0.4, 0.4, 0.2])))
    )
    order = rng.permutation(len(middle))
    sentences = [_pick(phrases["openers"], rng)] if rng.random() < 0.5 else []
    if introduced:
        sentences.append((_introduce(person["en"], age), f"{person['zh']}。".replace("{age}", str(age))))
    sentences.extend(dict.fromkeys(middle[index] for index in order))
    sentences.extend(_pick(phrases["closers"], rng) for _ in range(int(rng.integers(1, 3))))
    slots = {"en": {"my": person["my"], "My": _capital(person["my"])}, "zh": {"my": person["zh_my"]}}
    pairs = [pair for pair in dict.fromkeys(sentences) if pair[0]]
    title = _pick(phrases["titles"], rng)
    content: dict[Language, str] = {
        "en": " ".join(_fill(english, slots["en"]) for english, _ in pairs),
        "zh": "".join(_fill(chinese, slots["zh"]) for _, chinese in pairs),
    }
    return Words({"en": title[0], "zh": title[1]}, content)


def write_responses(name: tuple[str, str], rng: np.random.Generator) -> tuple[tuple[str, str], ...]:
    """Return one to three clinicians' answers, each in English and Chinese, that name the condition."""
    answers = load_phrases()["answers"]
    order = rng.permutation(len(answers))[: int(rng.integers(1, 4))]
    english, chinese = name
    return tuple(
        (
            _fill(answers[index][0], {"name": english, "Name": _capital(english)}),
            _fill(answers[index][1], {"name": chinese}),
        )
        for index in order
    )


def _tell(facts: Facts, phrases: dict[str, Any], rng: np.random.Generator) -> list[tuple[str, str] | None]:
    """Return the sentences that tell the facts, in both languages; place, colour and length are filled in."""
    stated: list[tuple[str, str] | None] = []
    if facts.site is not None:
        site = _pick(phrases["places"][facts.site], rng)
        stated.append(_put(_pick(phrases["site"], rng), "p", site))
    if facts.duration is not None:
        length = phrases["lengths"][facts.duration][
            int(rng.integers(len(phrases["lengths"][facts.duration])))
        ]
        number = str(int(rng.integers(length[2], length[3] + 1))) if length[3] else ""
        length_words = (length[0].replace("{n}", number), length[1].replace("{n}", number))
        stated.append(_put(_pick(phrases["duration"], rng), "d", length_words))
    if facts.itch is not None:
        stated.append(_pick(phrases[f"itch_{facts.itch}"], rng))
    if facts.arrangement is not None:
        count = str(facts.number)
        stated.append(_put(_pick(phrases["count"][facts.arrangement], rng), "n", (count, count)))
    if facts.colour in phrases["colours"]:
        stated.append(_put(_pick(phrases["look"], rng), "c", tuple(phrases["colours"][facts.colour])))
    if facts.texture is not None:
        stated.append(_pick(phrases["texture"][facts.texture], rng))
    return stated


def _introduce(sentence: str, age: int) -> str:
    article = "an {age}" if age in (8, 11, 18) or 80 <= age < 90 else "a {age}"
    return f"{sentence}.".replace("a {age}", article).replace("{age}", str(age))


def _pick(pairs: Sequence[Sequence[str]], rng: np.random.Generator) -> tuple[str, str]:
    english, chinese = pairs[int(rng.integers(len(pairs)))]
    return english, chinese


def _put(pair: tuple[str, str], slot: str, value: tuple[str, str]) -> tuple[str, str]:
    """Fill one slot in both languages; its capital stands for the same value at a sentence's start."""
    english = pair[0].replace(f"{{{slot}}}", value[0]).replace(f"{{{slot.upper()}}}", _capital(value[0]))
    return english, pair[1].replace(f"{{{slot}}}", value[1])


def _fill(text: str, slots: dict[str, str]) -> str:
    for slot, value in slots.items():
        text = text.replace(f"{{{slot}}}", value)
    return text


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _join(title: str, content: str, language: Language) -> str:
    """Join title and content as the reader of challenge files does, so that a written case reads back the
    same."""
    if not title or not content:
        return title or content
    stop, space = ("。", "") if language == "zh" else (".", " ")
    return f"{title}{'' if title[-1] in '.?!。？！' else stop}{space}{content}"
