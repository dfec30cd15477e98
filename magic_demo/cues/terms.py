"""Words and characters of a narrative as weighted terms: English words and pairs of words, Chinese runs of
one to three characters."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import Language

_WORD = re.compile(r"[^\W\d_]{2,}")
_CHINESE = re.compile(r"[\u3400-\u9fff]+")
LONGEST_RUN = 3

Spans = list[tuple[int, int]]


def find_terms(text: str, language: Language) -> dict[str, Spans]:
    """Return the terms of a text with where they are, (start, end) in characters; numbers, punctuation and
    the other script are left out."""
    found: dict[str, Spans] = {}
    if language == "en":
        words = [
            (match[0].lower(), match.start(), match.end())
            for match in _WORD.finditer(text)
            if not _CHINESE.match(match[0])
        ]
        for word, start, end in words:
            found.setdefault(word, []).append((start, end))
        for (first, start, _), (second, _, end) in pairwise(words):
            found.setdefault(f"{first} {second}", []).append((start, end))
        return found
    for match in _CHINESE.finditer(text):
        run, offset = match[0], match.start()
        for start in range(len(run)):
            for end in range(start + 1, min(start + LONGEST_RUN, len(run)) + 1):
                found.setdefault(run[start:end], []).append((offset + start, offset + end))
    return found


def weigh_terms(
    found: Mapping[str, Spans], vocabulary: Mapping[str, int], rarity: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return (T,) float32 weights of length 1 (or 0 when no term is known): (1 + log count) x rarity, as
    TF-IDF has it."""
    weights = np.zeros(len(vocabulary), np.float32)
    for term, spans in found.items():
        place = vocabulary.get(term)
        if place is not None:
            weights[place] = (1.0 + math.log(len(spans))) * rarity[place]
    length = float(np.linalg.norm(weights))
    return weights / np.float32(length) if length else weights
