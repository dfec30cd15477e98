"""A text as a vector without any model: its cues, and hashed words, pairs of words and Chinese runs."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from magic_demo.cues.cue_model import ReadText
from magic_demo.cues.cues import find_cues
from magic_demo.cues.terms import find_terms

BUCKETS = 4096
"""Terms are hashed into so many places; cues into as many behind them."""
Floats = NDArray[np.float32]


def count_features(text: ReadText) -> Mapping[int, float]:
    """Return place -> weight of a text's terms and cues, before rarity: 1 + log of how often a term occurs.

    Places 0 to ``BUCKETS`` - 1 are terms', those behind are cues'.
    """
    terms: Counter[int] = Counter()
    for term, spans in find_terms(text.text, text.language).items():
        terms[_place(term)] += len(spans)
    cues = {BUCKETS + _place(cue.name): 1.0 for cue in find_cues(text.text)}
    return {place: 1 + math.log(count) for place, count in terms.items()} | cues


def count_rarity(documents: Sequence[Mapping[int, float]]) -> Floats:
    """Return (2 * BUCKETS,) smoothed inverse document frequencies."""
    found = np.zeros(2 * BUCKETS)
    for document in documents:
        found[list(document)] += 1
    return (np.log((1 + len(documents)) / (1 + found)) + 1).astype(np.float32)


def embed(features: Mapping[int, float], rarity: Floats, cue_share: float) -> Floats:
    """Return a vector (2 * BUCKETS,) float32 of length 1, or 0 where nothing was read.

    cue_share: what cues add to the similarity of two cases that share all, 0..1; terms have the rest.
    """
    row = np.zeros(2 * BUCKETS, np.float32)
    row[list(features)] = list(features.values())
    row *= rarity
    for part, share in ((row[:BUCKETS], 1 - cue_share), (row[BUCKETS:], cue_share)):
        length = float(np.linalg.norm(part))
        part *= math.sqrt(share) / length if length else 0.0
    return row


def digest_words(texts: Iterable[str]) -> str:
    """Return what the words of a case are known by, whatever their spaces and case; "" without words."""
    words = " ".join(" ".join(texts).split()).casefold()
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:16] if words else ""


def _place(name: str) -> int:
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return int.from_bytes(digest, "big") % BUCKETS
