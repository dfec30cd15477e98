"""What the patient's words say by themselves: sites, itch, duration, counts, sizes, colours, surface; English
and Chinese, with negation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from magic_demo.cues.durations import BUCKETS, choose_onset, find_times
from magic_demo.cues.lexicon import find_phrases, prepare_text, read_cue_lexicon
from magic_demo.cues.negation import is_past, read_phrase
from magic_demo.cues.quantities import find_counts, find_lengths

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


@lru_cache(maxsize=4)
def find_cues(text: str) -> tuple[Cue, ...]:
    """Return the cues of a text in English, Chinese or both, ordered by where they start; empty for a text
    that says nothing."""
    plain = prepare_text(text)
    times = find_times(plain)
    cues = {cue for cue in _find_phrases(plain) if not _is_in_age(cue, times.ages)}
    cues = _leave_out_past(plain, cues)
    cues.update(_count_regions(cues))
    cues.update(Cue(f"count:{count}", start, end) for count, start, end in find_counts(plain))
    cues.update(Cue(f"size:{size}", start, end) for size, start, end in find_lengths(plain))
    cues.update(
        Cue(f"duration:{BUCKETS[duration.bucket]}", duration.start, duration.end)
        for duration in times.durations
    )
    onset = choose_onset(times.durations)
    if onset is not None:
        cues.add(Cue(f"onset:{BUCKETS[onset.bucket]}", onset.start, onset.end))
    return tuple(sorted(cues, key=lambda cue: (cue.start, cue.end, cue.name)))


def _is_in_age(cue: Cue, ages: Iterable[tuple[int, int]]) -> bool:
    """Tell whether a cue is read from an age: the years of "26 years old" are no long course."""
    return not cue.name.startswith("patient:") and any(
        start <= cue.start and cue.end <= end for start, end in ages
    )


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
            reading = read_phrase(text, phrase.start, phrase.end, chinese=phrase.chinese)
            name, denied = f"{kind}:{phrase.value}", reading.stance == "denied"
            if denied:
                name = OPPOSITES.get(name, f"{kind}:not {phrase.value}")
            if reading.stance != "asked":
                yield Cue(name, reading.start, reading.end, denied)


def _leave_out_past(text: str, cues: set[Cue]) -> set[Cue]:
    """Leave out what was before where the present is the opposite: "it itched at first, now it does not"."""
    dropped: set[Cue] = set()
    for name, opposite in OPPOSITES.items():
        groups = [{cue for cue in cues if cue.name == side} for side in (name, opposite)]
        past = [{cue for cue in group if is_past(text, cue.start, cue.end)} for group in groups]
        if all(groups):
            for group, before, other, others_before in zip(
                groups, past, reversed(groups), reversed(past), strict=True
            ):
                if before == group and other - others_before:
                    dropped |= group
    return cues - dropped
