"""Which answers the patient's words state outright ("an ulcer", "the colour is brown", "one spot"), so that no
photo need be asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from magic_demo.core.types import LANGUAGES, Language, Narrative
from magic_demo.cues.cues import find_cues
from magic_demo.cues.durations import BUCKETS
from magic_demo.cues.lexicon import find_phrases, prepare_text, read_stated_lexicon
from magic_demo.cues.negation import is_denied
from magic_demo.questions.families import load_families

SITE_FAMILY, ONSET_FAMILY, ITCH_FAMILY, COUNT_FAMILY = "CQID011", "CQID015", "CQID025", "CQID035"
OF_CUES: Mapping[str, tuple[str, str]] = {
    "site:head": (SITE_FAMILY, "head"),
    "site:neck": (SITE_FAMILY, "neck"),
    "site:upper": (SITE_FAMILY, "upper extremities"),
    "site:lower": (SITE_FAMILY, "lower extremities"),
    "site:front": (SITE_FAMILY, "chest/abdomen"),
    "site:back": (SITE_FAMILY, "back"),
    "site:groin": (SITE_FAMILY, "other (please specify)"),
    "itch:yes": (ITCH_FAMILY, "yes"),
    "itch:no": (ITCH_FAMILY, "no"),
    **{f"onset:{bucket}": (ONSET_FAMILY, bucket) for bucket in BUCKETS},
}
"""Cue -> the family and the option that it states."""

_NOUN = r"(?:spots?|bumps?|lumps?|lesions?|blisters?|papules?|nodules?|pimples?|moles?|warts?|patches|patch)"
_NUMBER = r"(\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|a dozen)"
_COUNTS = (
    re.compile(rf"(?<![\w.,/])\b{_NUMBER} (?:in all|in total|altogether)\b"),
    re.compile(
        rf"(?<![\w.,/])\b{_NUMBER} (?:(?:small|red|tiny|large|big|itchy|round|separate) ){{0,2}}{_NOUN}\b"
    ),
    re.compile(
        r"(?:一共|总共|共)(?:有)?(\d{1,3}|[一二两三四五六七八九十]{1,3})(?:个|颗|处|块|粒|片)(?![月星礼疗小多医人])"
    ),
)
_ONE = {"1", "one", "一"}


_SENTENCE_END = re.compile(r"[.!?\n。！？]")
_SUSPECTED = re.compile(r"\b(?:suspect\w*|wonder\w*|might|maybe|perhaps)\b|怀疑|疑似|是不是|会不会|难道")
_WHICH = re.compile(r"\b(?:what|which|why|how|where|when)\b|什么|怎么|哪|如何|怎样|咋|啥")


@dataclass(frozen=True)
class StatedAnswer:
    """What the words state, or deny, of a family: the options that agree, and the words, (start, end) in the
    text of the field."""

    family_id: str
    options: frozenset[int]
    field: Language
    start: int
    end: int
    denied: bool = False


def stated_options(narrative: Narrative) -> dict[str, frozenset[int]]:
    """Return family id -> the options that agree with what the words state outright, of the challenge's
    families.

    A family of one slot has one answer, so its statements must agree: those options are given that every
    statement allows ("white" allows white and hypopigmentation). Families of several slots get every option
    stated. Families that nothing is stated of, or that statements contradict each other about, are left out.
    """
    options: dict[str, frozenset[int]] = {}
    for stated in find_stated(narrative):
        before = options.get(stated.family_id, stated.options)
        several = stated.family_id in _families_of_several()
        options[stated.family_id] = before | stated.options if several else before & stated.options
    return {family_id: chosen for family_id, chosen in options.items() if chosen}


def find_stated(narrative: Narrative) -> tuple[StatedAnswer, ...]:
    """Return every statement of both texts, with the words that state it.

    What either text denies anywhere is not stated, and neither is a guess ("is it a wart?").
    """
    found = [
        StatedAnswer(family_id, _indices(family_id, value), field, start, end, denied)
        for field in LANGUAGES
        for family_id, value, start, end, denied in _find_in_text(
            narrative.en if field == "en" else narrative.zh
        )
    ]
    denied = {(stated.family_id, stated.options) for stated in found if stated.denied}
    return tuple(stated for stated in found if (stated.family_id, stated.options) not in denied)


def _find_in_text(text: str) -> Iterator[tuple[str, str, int, int, bool]]:
    for cue in find_cues(text):
        name = cue.name.replace(":not ", ":") if cue.negated else cue.name
        if name in OF_CUES:
            denied = cue.negated and name != cue.name
            yield (*OF_CUES[name], cue.start, cue.end, denied)
    plain = prepare_text(text)
    for family_id, found in find_phrases(plain, read_stated_lexicon()).items():
        for phrase in found:
            if not _is_guessed(plain, phrase.start, phrase.end):
                denied = is_denied(plain, phrase.start, phrase.end, chinese=phrase.chinese)
                yield family_id, phrase.value, phrase.start, phrase.end, denied
    for option, start, end in _find_counts(plain):
        yield COUNT_FAMILY, option, start, end, False


def _is_guessed(text: str, start: int, end: int) -> bool:
    """Tell whether the phrase is suspected or asked, in a question that is no "what is this red bump?"."""
    before = text[max(0, start - 80) : start]
    before = before[max((match.end() for match in _SENTENCE_END.finditer(before)), default=0) :]
    after = text[end : end + 80]
    stop = _SENTENCE_END.search(after)
    sentence = before + after[: stop.start()] if stop else before + after
    asked = stop is not None and stop[0] in "?？"
    return bool(_SUSPECTED.search(before)) or (asked and not _WHICH.search(sentence))


def _find_counts(text: str) -> Iterator[tuple[str, int, int]]:
    for pattern in _COUNTS:
        for match in pattern.finditer(text):
            option = "single" if match[1] in _ONE else "multiple (please specify)"
            yield option, match.start(), match.end()


@lru_cache(maxsize=1)
def _families_of_several() -> frozenset[str]:
    return frozenset(family.family_id for family in load_families() if len(family.questions) > 1)


@lru_cache(maxsize=256)
def _indices(family_id: str, value: str) -> frozenset[int]:
    """Return the indices of English options that "|" separates."""
    options = next(family.options["en"] for family in load_families() if family.family_id == family_id)
    return frozenset(options.index(option) for option in value.split("|"))
