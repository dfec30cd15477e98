"""What the patient's words say by themselves: sites, itch, duration, counts, sizes, colours, surface; English
and Chinese, with negation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from magic_demo.cues.durations import BUCKETS, choose_onset, find_durations

OPPOSITES = {"itch:yes": "itch:no", "pain:yes": "pain:no"}
"""What a negated cue is called, where it says something of its own; others become ``kind:not value``."""

REGIONS = frozenset(
    f"site:{value}"
    for value in ("head", "neck", "upper", "lower", "limbs", "front", "back", "trunk", "waist", "groin")
)
_REGION_COUNTS = ("some", "several", "many")

_BLANK = re.compile(r"<[^<>]{0,300}>|https?://[!-~]{1,300}|&[a-z]{2,8};")
_CJK = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"[\w'’]+")

_EN_STOP = re.compile(
    r"[.;!?\n:()\[\]]|\b(?:but|however|although|though|except|only|until|since|because|which|where|while|now|and "
    r"(?:it|the|they|he|she|i|there|has|have|is|was))\b"
)
_EN_NEGATION = re.compile(
    r"\b(?:no|not|without|neither|nor|never|denies|denied|deny|none|isn['’]t|aren['’]t|don['’]t|doesn['’]t|didn['’]t|wasn['’]t|haven['’]t|hasn['’]t|"
    r"cannot|free of|absence of|lack "
    r"of|non)\b(?!\s+(?:only|sure|known|know|see|improv|work|effective|very "
    r"effective|until|very|so|that|too|particularly|really|always|stop|help|bear|stand|resist))"
)
_EN_DENIED_AFTER = re.compile(
    r"(?:\s(?:sensations?|feelings?|symptoms?))?[\s:,]{0,3}(?:(?:is|are|was|were|has|have)\s+)?(?:not "
    r"(?:obvious|present|felt|significant|seen|found)|absent|negative|denied|gone)\b"
)
_EN_LIST = re.compile(r"\s*(?:or|nor)\b|\s*[\w-]+(?:\s+[\w-]+)?(?:\s*,\s*[\w-]+){0,4}\s*,?\s*\b(?:or|nor)\b")
_EN_LIMIT = 7
_ZH_STOP = re.compile(r"[，。；！？,.;!?\n:：()（）\s]|但|而|却|只|仅|伴|就|又|有些|有点|有时|稍|微|特别")
_ZH_NEGATION = re.compile(
    r"(?:不|无|無|没有|沒有|没|沒|未|否认|非)(?!常|征兆|意|几|停|断|时|住|得不|仅|比|论|明|清|知|能|法|可|久|同|小心|效|好|适|规|定|慎|诱因|过|是|管|敢|用|治|小于|到[\d一二两三四五六七八九十半])"
)
_ZH_DENIED_AFTER = re.compile(
    r"(?:部|上|处|感|的感觉)?(?:[、及和][^，。；、"
    r"\s]{1,4}){0,3}?(?:都|均|也|皆|还)?(?:不明显|(?:没有|无|沒有)(?=[，。；"
    r"！,.;!\s]|$)|(?:没有|无|未见|未发现)(?:明显|类似)?(?:皮疹|皮损|红斑|异常|损害|症状)|未见|正常|\(-\)|（-）|（－）|不会)"
)
_ZH_LIMIT = 7


@dataclass(frozen=True)
class Cue:
    """Something that the words say.

    name: kind and value, such as ``itch:no``, ``site:head``, ``onset:within months``; ``kind:not value``
    where it is negated.
    start, end: span of the words in the text, in characters.
    negated: whether the words deny it.
    """

    name: str
    start: int
    end: int
    negated: bool = False


@dataclass(frozen=True)
class _Phrase:
    text: str
    kind: str
    value: str
    """Empty where the phrase only keeps shorter ones from matching inside it ("手术" is no hand)."""
    open_end: bool
    chinese: bool


def find_cues(text: str) -> tuple[Cue, ...]:
    """Return the cues of a text in English, Chinese or both, ordered by where they start; empty for a text
    that says nothing."""
    plain = _prepare(text)
    cues = set(_find_phrases(plain))
    cues.update(_count_regions(cues))
    durations = find_durations(plain)
    cues.update(
        Cue(f"duration:{BUCKETS[duration.bucket]}", duration.start, duration.end) for duration in durations
    )
    onset = choose_onset(durations)
    if onset is not None:
        cues.add(Cue(f"onset:{BUCKETS[onset.bucket]}", onset.start, onset.end))
    return tuple(sorted(cues, key=lambda cue: (cue.start, cue.end, cue.name)))


def _count_regions(cues: Iterable[Cue]) -> Iterator[Cue]:
    """How many regions of the body are named, as a cue at the first mention of the first, the second and the
    third of them.

    Heads over single sites cannot tell "named, so nowhere else" from "named none".
    """
    firsts: dict[str, Cue] = {}
    for cue in sorted(cues, key=lambda cue: (cue.start, cue.end, cue.name)):
        if cue.name in REGIONS:
            firsts.setdefault(cue.name, cue)
    for count, cue in zip(_REGION_COUNTS, firsts.values(), strict=False):
        yield Cue(f"regions:{count}", cue.start, cue.end)


def _prepare(text: str) -> str:
    """Lower case, markup and addresses blanked, traditional characters simplified; every character stays
    where it was."""
    plain = text.lower()
    if len(plain) != len(text):  # "İ" becomes two characters
        plain = "".join(character.lower() if len(character.lower()) == 1 else character for character in text)
    return _BLANK.sub(lambda match: " " * len(match[0]), plain).translate(_lexicon()[1])


@lru_cache(maxsize=1)
def _lexicon() -> tuple[tuple[_Phrase, ...], dict[int, str]]:
    content = json.loads(
        resources.files("magic_demo.cues").joinpath("cue_lexicon.json").read_text(encoding="utf-8")
    )
    pairs = content["traditional"]
    phrases: list[_Phrase] = []
    for kind, group in content["kinds"].items():
        for value, languages in (("", group["ignore"]), *group["cues"].items()):
            for language, words in languages.items():
                chinese = language == "zh"
                phrases.extend(
                    _Phrase(word.rstrip("*"), kind, value, word.endswith("*"), chinese) for word in words
                )
    return tuple(phrases), {ord(pairs[i]): pairs[i + 1] for i in range(0, len(pairs), 2)}


def _find_phrases(text: str) -> Iterator[Cue]:
    has_chinese = _CJK.search(text) is not None
    matches: dict[str, list[tuple[int, int, str, bool]]] = {}
    for phrase in _lexicon()[0]:
        if phrase.chinese and not has_chinese:
            continue
        for start, end in _occurrences(text, phrase):
            matches.setdefault(phrase.kind, []).append((start, end, phrase.value, phrase.chinese))
    for kind, found in matches.items():
        for start, end, value, chinese in _keep_longest(found):
            negated = _is_negated_zh(text, start, end) if chinese else _is_negated_en(text, start, end)
            name = f"{kind}:{value}"
            yield Cue(OPPOSITES.get(name, f"{kind}:not {value}") if negated else name, start, end, negated)


def _occurrences(text: str, phrase: _Phrase) -> Iterator[tuple[int, int]]:
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


def _keep_longest(found: list[tuple[int, int, str, bool]]) -> Iterator[tuple[int, int, str, bool]]:
    """Leave out what lies inside a longer phrase of the same kind, so that "back of the hand" is no back."""
    spans = sorted({(start, end) for start, end, _, _ in found}, key=lambda span: (span[0], -span[1]))
    kept: set[tuple[int, int]] = set()
    reach = -1
    for start, end in spans:
        if end > reach:
            kept.add((start, end))
            reach = end
    for start, end, value, chinese in found:
        if value and (start, end) in kept:
            yield start, end, value, chinese


def _is_negated_en(text: str, start: int, end: int) -> bool:
    if _EN_DENIED_AFTER.match(text, end):
        return True
    before = text[max(0, start - 70) : start]
    before = before[_last_end(_EN_STOP, before) :]
    after_negation = before[_last_end(_EN_NEGATION, before) :] if _EN_NEGATION.search(before) else None
    if after_negation is None or len(_WORD.findall(after_negation)) > _EN_LIMIT:
        return False
    # A list goes on over commas ("no fever, pain or itching"); a new statement does not ("no fever, itching
    # for two days").
    comma = after_negation.rfind(",")
    return comma < 0 or _EN_LIST.match(after_negation[comma + 1 :] + text[start : end + 25]) is not None


def _is_negated_zh(text: str, start: int, end: int) -> bool:
    if _ZH_DENIED_AFTER.match(text, end):
        return True
    before = text[max(0, start - 12) : start]
    before = before[_last_end(_ZH_STOP, before) :]
    found = _last_end(_ZH_NEGATION, before)
    return found > 0 and len(before) - found <= _ZH_LIMIT


def _last_end(pattern: re.Pattern[str], text: str) -> int:
    last = 0
    for match in pattern.finditer(text):
        last = match.end()
    return last
