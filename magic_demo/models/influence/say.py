"""What has a say in a case's answers: its photos only where they are like those that the answerer was tested
on, and never against what the words state outright."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.messages import Message
from magic_demo.core.types import Encounter, Family, Narrative, OptionScores
from magic_demo.cues.stated import stated_options
from magic_demo.models.interfaces import Answerer
from magic_demo.questions.combining import ASKED, WITHOUT_WORDS, Weights

STATED = 2.0
"""Log-odds, at least, of what the words state outright."""


@dataclass(frozen=True)
class Say:
    """What counts in a case's answers.

    heard: indices of the photos that do, among those that were looked at. kind: of the photos that the answerer was tested on, the one that these are
    like, as ``Weights.kinds`` names it; "" where the answerer was not tested by kinds, ASKED where a reader
    asked for photos that are like none. unlike: how many photos are like none. distance: as in ``Prediction``. settled: family id -> options
    that the words state outright, of the families in which photos would have a say. shown: the same, of what
    the photos show outright where the words state nothing. reasons: family id -> the answerer's own words for its
    answer.
    """

    heard: tuple[int, ...] = ()
    kind: str = ""
    unlike: int = 0
    distance: float | None = None
    settled: Mapping[str, frozenset[int]] = field(default_factory=dict)
    shown: Mapping[str, frozenset[int]] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def photos(self) -> bool:
        """Return whether any photo counts."""
        return bool(self.heard)

    def weigh(self, weights: Weights, family_id: str) -> float:
        """Return the answerer's weight for a family."""
        return weights.of(family_id, photos=self.photos and family_id not in self.settled, kind=self.kind)

    def moves(self, family_id: str) -> bool:
        """Return whether ``settle`` moves a family's scores, after which no percent holds."""
        return family_id in self.settled or family_id in self.shown

    def against(self, scores: OptionScores, families: Sequence[Family]) -> Say:
        """Return what counts without what the photos show and the scores say already."""
        best = {
            family.family_id: int(np.argmax(scores[family.questions[0].qid]))
            for family in families
            if family.family_id in self.shown
        }
        shown = {family: options for family, options in self.shown.items() if best[family] not in options}
        return replace(self, shown=shown)

    def settle(self, scores: OptionScores, families: Sequence[Family]) -> dict[str, NDArray[np.float32]]:
        """Return the scores of the families that ``moves`` names, with no option above those that words state
        or photos show: qid -> (O,) float32."""
        settled = {}
        for family in families:
            options = sorted({**self.shown, **self.settled}.get(family.family_id, ()))
            for question in family.questions if options else ():
                values = np.array(scores[question.qid], np.float32)
                if len(family.questions) > 1:
                    values[options] = np.maximum(values[options], STATED)
                else:
                    others = np.setdiff1d(np.arange(len(values)), options)
                    values[others] -= max(0.0, values[others].max() + STATED - values[options].max())
                settled[question.qid] = values
        return settled


def find_say(
    answerer: Answerer, looks: Sequence[Any], narrative: Narrative, weights: Weights, *, all_photos: bool
) -> Say:
    """Return what counts in a case's answers. looks: of its photos. all_photos: those like none have a say
    too."""
    kinds = [answerer.recognise(look) for look in looks]
    known = [kind for kind in kinds if kind is not None]
    unlike = len(kinds) - len(known)
    heard = tuple(index for index, kind in enumerate(kinds) if all_photos or kind is not None)
    kind = ASKED if unlike and all_photos else max(known, key=known.count, default="")
    if not (narrative.en.strip() or narrative.zh.strip()) and kind + WITHOUT_WORDS in weights.kinds:
        kind += WITHOUT_WORDS
    settled = {
        family_id: options
        for family_id, options in (stated_options(narrative) if heard else {}).items()
        if weights.of(family_id, photos=True, kind=kind) > 0
    }
    shown = {
        family_id: options
        for family_id, options in answerer.shown_options([looks[index] for index in heard]).items()
        if family_id not in settled and weights.of(family_id, photos=True, kind=kind) > 0
    }
    apart = [distance for look in looks if (distance := answerer.measure_distance(look)) is not None]
    return Say(heard, kind, unlike, max(apart, default=None), settled, shown)


def describe_missing(encounter: Encounter, say: Say, *, reads_photos: bool) -> list[Message]:
    """Return the line that says what the answers do without: words, photos or both. reads_photos: whether
    the models answer with the encounter's photos."""
    has_text = bool(encounter.narrative.en or encounter.narrative.zh)
    if not encounter.photos:
        if has_text:
            return [Message("No photos: the questions are answered from the text alone")]
        return [Message("Neither photos nor text: the answers are only what is most frequent")]
    if has_text or not reads_photos:
        return []
    if say.unlike and not say.photos:
        return [Message("No text, and no photo has a say: the answers are only what is most frequent")]
    return [Message("No text: the questions are answered from the photos alone")]


def describe_photos(say: Say, count: int, weights: Weights) -> list[Message]:
    """Return the line that says why photos have no say, or why they have. count: all photos."""
    if (
        say.photos
        and not say.unlike
        and say.kind in weights.kinds
        and not any(weights.kinds[say.kind].values())
    ):
        return [Message("Photos like these were tested without words only: here the words alone answer")]
    if not say.unlike:
        return []
    if say.kind == ASKED:
        return [
            Message(
                "Unlike the photos this was tested on: the answers use {unlike} of {count} "
                "{count:photo|photos} only because you asked, and give no percent",
                unlike=say.unlike,
                count=count,
            )
        ]
    return [
        Message(
            "Unlike the photos this was tested on: {unlike} of {count} {count:photo|photos} "
            "{unlike:has|have} no say in the answers",
            unlike=say.unlike,
            count=count,
        )
    ]
