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
from magic_demo.cues.negation import read_phrase
from magic_demo.cues.quantities import find_counts, find_lengths
from magic_demo.questions.families import load_families

EXTENT_FAMILY, SITE_FAMILY, SIZE_FAMILY, ONSET_FAMILY, ITCH_FAMILY, COUNT_FAMILY = (
    f"CQID{number:03d}" for number in (10, 11, 12, 15, 25, 35)
)
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
ONLY_ONE = {(COUNT_FAMILY, "single"), (EXTENT_FAMILY, "single spot")}
COUNTS = {"single": "single", "multiple": "multiple (please specify)"}
SIZES = {
    "tiny": "size of thumb nail",
    "nail": "size of thumb nail",
    "palm": "size of palm",
    "large": "larger area",
}

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
    cues = find_cues(text)
    several = any(cue.name == "count:multiple" for cue in cues)
    for cue in cues:
        name = cue.name.replace(":not ", ":") if cue.negated else cue.name
        if name in OF_CUES:
            denied = cue.negated and name != cue.name
            yield (*OF_CUES[name], cue.start, cue.end, denied)
    plain = prepare_text(text)
    for count, start, end in find_counts(plain):
        yield COUNT_FAMILY, COUNTS[count], start, end, False
    for length, start, end in find_lengths(plain):
        yield SIZE_FAMILY, SIZES[length], start, end, False
    for family_id, found in find_phrases(plain, read_stated_lexicon()).items():
        for phrase in found:
            if several and (family_id, phrase.value) in ONLY_ONE:
                continue  # one spot on the arm, beside others
            if not _is_guessed(plain, phrase.start, phrase.end):
                reading = read_phrase(plain, phrase.start, phrase.end, chinese=phrase.chinese)
                if reading.stance != "asked":
                    denied = reading.stance == "denied"
                    yield family_id, phrase.value, reading.start, reading.end, denied


def _is_guessed(text: str, start: int, end: int) -> bool:
    """Tell whether the phrase is suspected or asked, in a question that is no "what is this red bump?"."""
    before = text[max(0, start - 80) : start]
    before = before[max((match.end() for match in _SENTENCE_END.finditer(before)), default=0) :]
    after = text[end : end + 80]
    stop = _SENTENCE_END.search(after)
    sentence = before + after[: stop.start()] if stop else before + after
    asked = stop is not None and stop[0] in "?？"
    return bool(_SUSPECTED.search(before)) or (asked and not _WHICH.search(sentence))


@lru_cache(maxsize=1)
def _families_of_several() -> frozenset[str]:
    return frozenset(family.family_id for family in load_families() if len(family.questions) > 1)


@lru_cache(maxsize=256)
def _indices(family_id: str, value: str) -> frozenset[int]:
    """Return the indices of English options that "|" separates."""
    options = next(family.options["en"] for family in load_families() if family.family_id == family_id)
    return frozenset(options.index(option) for option in value.split("|"))
