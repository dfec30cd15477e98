"""What the patient's words say by themselves: sites, itch, duration, counts, sizes, colours, surface; English
and Chinese, with negation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from magic_demo.cues.durations import BUCKETS, choose_onset, find_durations
from magic_demo.cues.lexicon import find_phrases, prepare_text, read_cue_lexicon
from magic_demo.cues.negation import is_denied

OPPOSITES = {"itch:yes": "itch:no", "pain:yes": "pain:no"}
"""What a negated cue is called, where it says something of its own; others become ``kind:not value``."""

REGIONS = frozenset(
    f"site:{value}"
    for value in ("head", "neck", "upper", "lower", "limbs", "front", "back", "trunk", "waist", "groin")
)
_REGION_COUNTS = ("some", "several", "many")


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


def find_cues(text: str) -> tuple[Cue, ...]:
    """Return the cues of a text in English, Chinese or both, ordered by where they start; empty for a text
    that says nothing."""
    plain = prepare_text(text)
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


def _find_phrases(text: str) -> Iterator[Cue]:
    for kind, found in find_phrases(text, read_cue_lexicon()).items():
        for phrase in found:
            negated = is_denied(text, phrase.start, phrase.end, chinese=phrase.chinese)
            name = f"{kind}:{phrase.value}"
            if negated:
                name = OPPOSITES.get(name, f"{kind}:not {phrase.value}")
            yield Cue(name, phrase.start, phrase.end, negated)
