"""Why an option has its score, as a reader can check it: the words of the narrative that moved it, the places
in the photos that raised it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import LANGUAGES, Language, Narrative, Probability, WordSpan
from magic_demo.cues.cue_model import CueModel, Reason, route_texts

LEAST_SHARE = 0.2
"""Words are shown that move the score by at least this share of what the strongest words do ..."""
LEAST_WEIGHT = 0.05
"""... where a word or phrase, wherever it stands, moves it by at least this much (in log-odds); less is the
noise of common words."""

_UNIT = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+(?:['’][^\W\u3400-\u9fff]+)*")


def explain_words(
    cues: CueModel,
    narrative: Narrative,
    family_id: str,
    option: int,
    language: Language,
    *,
    share: float = 1.0,
) -> tuple[WordSpan, ...]:
    """Return the words of ``narrative.text(language)`` that move an option's score, in the text's order.

    share: how far the cues count in the score that is explained, 0..1. What a cue or term adds is spread
    evenly over the words that it was read from, and words that were read together stand together. Raises
    KeyError for a family that the cues do not know, IndexError for an option that it does not have.
    """
    shown: Language = (
        language if getattr(narrative, language).strip() else ("zh" if language == "en" else "en")
    )
    reasons = cues.explain(narrative, f"{family_id}-001", option).reasons
    found = [reason for reason in reasons if reason.field == shown]
    return join_words(getattr(narrative, shown), found, share=share)


def explain_other_words(
    cues: CueModel,
    narrative: Narrative,
    family_id: str,
    option: int,
    language: Language,
    *,
    share: float = 1.0,
) -> tuple[WordSpan, ...] | None:
    """Return ``explain_words`` of the text that is not in ``language``; None where the model read one text."""
    if len(route_texts(narrative)) < len(LANGUAGES):
        return None
    other: Language = "zh" if language == "en" else "en"
    return explain_words(cues, narrative, family_id, option, other, share=share)


def scale_regions(added: Mapping[str, NDArray[np.float32]]) -> dict[str, Probability]:
    """Turn what each place of each photo adds to a score, of any sign, into heat maps in 0..1: 1 is what adds
    most in any photo.

    Photos where no place adds at least LEAST_SHARE of that are left out, all of them where the photos add
    less than LEAST_WEIGHT.
    """
    gains = {photo_id: np.maximum(places, 0) for photo_id, places in added.items()}
    if sum(float(places.sum()) for places in gains.values()) < LEAST_WEIGHT:
        return {}
    most = max(float(places.max()) for places in gains.values())
    return {
        photo_id: np.asarray(places / most, np.float32)
        for photo_id, places in gains.items()
        if places.max() >= LEAST_SHARE * most
    }


def join_words(text: str, reasons: Iterable[Reason], *, share: float = 1.0) -> tuple[WordSpan, ...]:
    """Turn reasons, whose spans overlap, into spans of whole words that do not: each with the sum of what its
    words add."""
    units = _split_units(text)
    owner = np.full(len(text), -1)
    for number, (start, end) in enumerate(units):
        owner[start:end] = number
    weights = np.zeros(len(units))
    together = np.zeros(len(units), np.bool_)
    """Whether a unit was read together with the one after it."""
    strongest = 0.0
    for reason in reasons:
        strongest = max(strongest, abs(share * reason.contribution))
        for start, end in reason.spans:
            held = np.unique(owner[start:end][owner[start:end] >= 0])
            if held.size:
                weights[held] += share * reason.contribution / (len(reason.spans) * held.size)
                together[held[:-1]] |= np.diff(held) == 1
    return _keep_strong(units, weights, together) if strongest >= LEAST_WEIGHT else ()


def _split_units(text: str) -> list[tuple[int, int]]:
    """Return the places of words and of single Chinese characters; a mark that combines with a character
    stays with it."""
    units = []
    for match in _UNIT.finditer(text):
        end = match.end()
        while end < len(text) and (unicodedata.combining(text[end]) or 0xFE00 <= ord(text[end]) <= 0xFE0F):
            end += 1
        units.append((match.start(), end))
    return units


def _keep_strong(
    units: Sequence[tuple[int, int]],
    weights: NDArray[np.float64],
    together: NDArray[np.bool_],
) -> tuple[WordSpan, ...]:
    spans: list[WordSpan] = []
    joined = False
    for number, (start, end) in enumerate(units):
        weight = float(weights[number])
        if joined and spans and weight * spans[-1].weight > 0:
            spans[-1] = WordSpan(spans[-1].start, end, spans[-1].weight + weight)
        elif weight:
            spans.append(WordSpan(start, end, weight))
        joined = bool(together[number]) and weight != 0
    least = LEAST_SHARE * max((abs(span.weight) for span in spans), default=0.0)
    return tuple(span for span in spans if abs(span.weight) >= least)
