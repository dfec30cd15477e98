"""How many lesions and how large they are, where the words give a number: "five small bumps", "3 x 2 cm",
一共6个."""

from __future__ import annotations

import re
from collections.abc import Iterator

_NOUN = r"(?:spots?|bumps?|lumps?|lesions?|blisters?|papules?|nodules?|pimples?|moles?|warts?|patch(?:es)?|dots?|rashes|ulcers?|nails?|fingernails?|toenails?)"
_NUMBER = r"(\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|a dozen)"
_MORE = rf"(?:(?:-|–|~| to | or ){_NUMBER})?"
_BEFORE = r"(?<![\w.,/-])"
_COUNTS = (
    re.compile(rf"{_BEFORE}{_NUMBER}{_MORE} (?:in all|in total|altogether|of them)\b"),
    re.compile(rf"{_BEFORE}{_NUMBER}{_MORE}(?: [a-z-]+){{0,2}} {_NOUN}\b"),
    re.compile(
        r"(?:一共|总共|共)(?:有)?(\d{1,3}|[一二两三四五六七八九十]{1,3})()(?:个|颗|处|块|粒|片)(?![月星礼疗小多医人])"
    ),
    re.compile(
        r"(?<![\d一二两三四五六七八九十几])(\d{1,3}|[二两三四五六七八九十]{1,3})()(?:个|颗|处|块|粒|片)"
        r"[小红黑白褐硬大圆]{0,3}(?=疙瘩|包|点|斑|痘|疹|水泡|水疱|结节|痣|皮损|疣|肿块|肿物|丘疹|溃疡|指甲|趾甲)"
    ),
)
_ONE = {"1", "one", "一"}

_LENGTH = re.compile(
    r"(?<![\d.a-z])(?P<first>\d{1,3}(?:\.\d+)?)(?:\s*(?:mm|cm|毫米|厘米|公分)?\s*(?:[x×*✕-]|~|to|by|至|到)\s*(?P<second>\d{1,3}(?:\.\d+)?))?"
    r"\s*-?(?P<unit>mm|cm|millimet(?:er|re)s?|centimet(?:er|re)s?|毫米|厘米|公分)(?![a-z])"
)
TINY_BELOW, NAIL_TO, PALM_TO = 0.5, 2.0, 10.0
"""Longest side in cm: below the first a grain, up to the second a thumbnail, up to the third a palm."""


def find_counts(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield "single" or "multiple" for each number of lesions in a prepared text, with (start, end) in
    characters."""
    for pattern in _COUNTS:
        for match in pattern.finditer(text):
            one = match[1] in _ONE and not match[2]
            yield "single" if one else "multiple", match.start(), match.end()


def find_lengths(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield "tiny", "nail", "palm" or "large" for each length in a prepared text, by its longer side."""
    for match in _LENGTH.finditer(text):
        length = max(float(match["first"]), float(match["second"] or 0))
        if match["unit"].startswith(("mm", "milli", "毫")):
            length /= 10
        size = (
            "tiny"
            if length < TINY_BELOW
            else "nail"
            if length <= NAIL_TO
            else "palm"
            if length <= PALM_TO
            else "large"
        )
        yield size, match.start(), match.end()
