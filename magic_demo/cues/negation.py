"""Whether the words around a phrase affirm it, deny it or only ask for it, in English and Chinese; and whether
they speak of the past."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Stance = Literal["affirmed", "denied", "asked"]

_WORD = re.compile(r"[\w'’]+")

_EN_STOP = re.compile(
    r"[.;!?\n:()\[\]]|\b(?:but|however|although|though|except|only|until|since|because|which|where|while|now|just|and "
    r"(?:it|the|they|he|she|i|there|has|have|is|was))\b"
)
_EN_NEGATION = re.compile(
    r"\b(?:no|not|without|neither|nor|never|hardly|nothing|denies|denied|deny|denying|none|isn['’]t|aren['’]t|don['’]t|doesn['’]t|"
    r"didn['’]t|wasn['’]t|weren['’]t|haven['’]t|hasn['’]t|hadn['’]t|cannot|free (?:of|from)|(?:absence|lack) of|lacks|"
    r"stopped|ceased|quit|non)\b"
    # degrees ("not very") and what is no denial of what follows ("not sure", "no idea why", "could not bear")
    r"(?!\s+(?:only|just|sure|known|know|see|improv|work|effective|very|until|so|that|too|always|stop|help|bear|stand|"
    r"resist|idea|doubt|matter|wonder|taking|using|by|to)\b)"
)
_EN_AUXILIARY = re.compile(r"\b(?:do|does|did|is|are|was|were|has|have|had|can|will|would)\s+$")
_EN_USED_TO = re.compile(r"\bused to (?:be |feel |get |have )?(?:\w+ ){0,2}$")
_EN_STATE = (
    r"(?:\s(?:sensations?|feelings?|symptoms?))?[\s:,]{0,3}(?:(?:is|are|was|were|has|have)\s+)?(?:been\s+)?"
)
_EN_DENIED_AFTER = re.compile(
    r"[- ]?free\b|"
    rf"{_EN_STATE}(?:not (?:obvious|present|felt|significant|seen|found|noted|noticed|evident|there)|absent|negative|"
    r"denied|gone|(?:completely )?(?:stopped|ceased|vanished|resolved|disappeared|went away|gone away)"
    r"(?!\s+(?:after|when|with|for|but|by|on|if|temporar\w*|and)\b))\b"
    r"|\s*[:：]\s*(?:no|none|nil|negative)\b"
    r"|\s*\((?:-|－|negative|absent)\)"
    r"|[\s,]*(?:but|and|now|though)?[\s,]*(?:it )?(?:no longer|not any ?more|not now)\b"
    r"(?=\s*(?:$|[.,;!?\n]|does|is|itch))"
)
_EN_LIST = re.compile(r"\s*(?:or|nor)\b|\s*[\w-]+(?:\s+[\w-]+)?(?:\s*,\s*[\w-]+){0,4}\s*,?\s*\b(?:or|nor)\b")
_EN_LIMIT = 7
_ZH_STOP = re.compile(
    r"[，。；！？,.;!?\n:：()（）\s]|但|而|却|只|仅|伴|就|又|有些|有点|有时|稍|微|(?<!不)(?<!没)(?<!無)(?<!无)(?<!没有)(?<!是)特别"
)
_ZH_NEGATION = re.compile(
    r"(?:不|无|無|没有|沒有|没|沒|未|否认|非)(?!常|征兆|意|几|停|断|时|住|得不|仅|比|论|明(?!显)|清|知|能|法|可|久|同|小心|效|好|适|规|定|慎|诱因|过|是(?!特别)|管|敢|用|治|小于|到[\d一二两三四五六七八九十半])"
)
_ZH_DENIED_AFTER = re.compile(
    r"(?:部|上|处|感|的感觉)?(?:[、及和][^，。；、"
    r"\s]{1,4}){0,3}?(?:都|均|也|皆|还|已|已经)?(?:不明显|不显著|(?:没有|无|沒有)了?(?=[，。；"
    r"！,.;!\s]|$)|(?:没有|无|未见|未发现)(?:明显|类似)?(?:皮疹|皮损|红斑|异常|损害|症状)|未见|正常|消失|\(-\)|（-）|（－）|不会)"
    r"|[:：]\s*(?:无|没有|否|不)(?=[，。；！,.;!\s]|$)"
)
_ZH_LIMIT = 7

_SENTENCE = re.compile(r"[.;!?\n。；！？]")
_ASKED_EN = re.compile(
    r"\s*(?:(?:and|but|so)\s+)?(?:(?:does|do|did|is|are|was|were|has|have|any)\b.*)?$", re.DOTALL
)
_ANSWER = re.compile(
    r"[^.;!\n。；！?？]{0,30}?(?P<asks>[吗嘛么没呢]?)[?？]\s*(?:[-—]\s*)?"
    r"(?:(?P<no>(?:no|nope|never|none|not at all|not really)(?=\s*(?:$|[.,;!\n]|it|not|never))|(?:没有|没|不|无)(?=[^要知用]?[\s，。；！,.;!痒疼痛]|$))"
    r"|(?P<yes>(?:yes|yeah|yep|sometimes|very|a lot|it does)\b|是|有|会|对|很|痒|疼|痛))"
)
_PAST = re.compile(
    r"\b(?:used to|before|previously|formerly|at first|initially|originally|earlier|in the (?:beginning|past)|once)\b"
    r"|以前|之前|曾|原来|原先|起初|最初|当初|早期|开始时|刚开始|一开始|过去"
)
_CLAUSE = re.compile(r"[,.;!?\n，。；！？]|\b(?:but|now|and)\b|但|现在|目前")


class Reading(NamedTuple):
    """What a text says of a phrase, and all the words that say it, (start, end) in characters: "does not
    itch"."""

    stance: Stance
    start: int
    end: int


def read_phrase(text: str, start: int, end: int, *, chinese: bool) -> Reading:
    """Tell what a prepared text says of the phrase at start..end; a question that is answered says what its
    answer does."""
    if chinese and "不" in (text[start - 1 : start], text[end : end + 1]) and _is_either_or(text, start, end):
        return Reading("asked", start, end)
    return (
        _find_answer(text, start, end)
        or (_find_denial_zh(text, start, end) if chinese else _find_denial_en(text, start, end))
        or Reading("affirmed", start, end)
    )


def _is_either_or(text: str, start: int, end: int) -> bool:
    """Tell whether the phrase is asked for as in "痒不痒"."""
    phrase = text[start:end]
    return text[:start].endswith(f"{phrase}不") or text.startswith(f"不{phrase}", end)


def is_past(text: str, start: int, end: int) -> bool:
    """Tell whether the clause around start..end speaks of what was before."""
    before, after = text[max(0, start - 60) : start], text[end : end + 40]
    clause = before[_last_end(_CLAUSE, before) :]
    stop = _CLAUSE.search(after)
    return _PAST.search(clause + " " + (after[: stop.start()] if stop else after)) is not None


def _find_answer(text: str, start: int, end: int) -> Reading | None:
    """Return what the answer says to a question that can be answered by yes or no: "does it itch? no"."""
    answer = _ANSWER.match(text, end)
    if answer is None:
        return None
    before = text[max(0, start - 60) : start]
    question = before[_last_end(_SENTENCE, before) :]
    if not (_ASKED_EN.match(question) or answer["asks"]):
        return None
    return Reading("denied" if answer["no"] else "affirmed", start, answer.end())


def _find_denial_en(text: str, start: int, end: int) -> Reading | None:
    after = _EN_DENIED_AFTER.match(text, end)
    if after:
        return Reading("denied", start, after.end())
    begin = max(0, start - 70)
    used_to = _EN_USED_TO.search(text, begin, start)
    if used_to:
        return Reading("denied", used_to.start(), end)
    begin += _last_end(_EN_STOP, text[begin:start])
    negation = _last_match(_EN_NEGATION, text, begin, start)
    if negation is None:
        return None
    between = text[negation.end() : start]
    # A list goes on over commas ("no fever, pain or itching"); a new statement does not ("no fever, itching
    # for two days").
    comma = between.rfind(",")
    goes_on = comma < 0 or _EN_LIST.match(between[comma + 1 :] + text[start : end + 25])
    if not goes_on or len(_WORD.findall(between)) > _EN_LIMIT:
        return None
    auxiliary = _EN_AUXILIARY.search(text, begin, negation.start())
    return Reading("denied", (auxiliary or negation).start(), end)


def _find_denial_zh(text: str, start: int, end: int) -> Reading | None:
    after = _ZH_DENIED_AFTER.match(text, end)
    if after:
        return Reading("denied", start, after.end())
    begin = max(0, start - 12)
    begin += _last_end(_ZH_STOP, text[begin:start])
    negation = _last_match(_ZH_NEGATION, text, begin, start)
    if negation is None or start - negation.end() > _ZH_LIMIT:
        return None
    return Reading("denied", negation.start(), end)


def _last_match(pattern: re.Pattern[str], text: str, start: int, end: int) -> re.Match[str] | None:
    """Return the last match within start..end; what follows ``end`` is seen by no look-ahead."""
    last = None
    for last in pattern.finditer(text, start, end):  # noqa: B007
        pass
    return last


def _last_end(pattern: re.Pattern[str], text: str) -> int:
    last = 0
    for match in pattern.finditer(text):
        last = match.end()
    return last
