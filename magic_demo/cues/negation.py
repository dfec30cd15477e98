"""Whether the words around a phrase deny it, in English and Chinese."""

from __future__ import annotations

import re

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


def is_denied(text: str, start: int, end: int, *, chinese: bool) -> bool:
    """Tell whether a prepared text denies the phrase at start..end."""
    return _is_negated_zh(text, start, end) if chinese else _is_negated_en(text, start, end)


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
