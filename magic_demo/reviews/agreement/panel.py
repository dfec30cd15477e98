"""Who speaks for whom: a set of saved readings becomes one voice a reader, beside the model's and a
reference."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.review_types import CaseKey, MaskRuns, Review, SavedReview
from magic_demo.core.types import Answers, Family, Prediction, Scale
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.questions.decoding import credit_matrix
from magic_demo.reviews.agreement.results import ReadingChoice
from magic_demo.reviews.store.rules import OWN_READINGS, WITHOUT_MODEL

MODEL = ""
"""The model's name among the voices, which no reader can have."""
CONSENSUS = "\n"
"""The name of what adjudicators agreed on in the matrix of masks, which no reader can have: a reference, no
voice."""


@dataclass(frozen=True)
class ModelReading:
    """What the model said of a case, as a reading: answers, and masks at the photos' size as run lengths."""

    answers: Answers = field(default_factory=dict)
    masks: Mapping[str, MaskRuns] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class LabelMasks:
    """What readers outlined of a label that no model finds: voice -> (case, photo id) -> mask, and the consensus's."""

    masks: Mapping[str, Mapping[tuple[CaseKey, str], MaskRuns]]
    consensus: Mapping[tuple[CaseKey, str], MaskRuns]


@dataclass(frozen=True, eq=False)
class Panel:
    """The voices and what each said of each case.

    voices: the model's first where it spoke, then the readers by name. answers, masks: voice -> case ->
    answers, voice -> (case, photo id) -> mask.
    switched: the (blind, revealed) readings of every reader and case with both. reference: case -> answers.
    readings: how many speak.
    consensus_masks: (case, photo id) -> mask of the newest finished consensus. labels: label id -> the same of a
    further label; masks and consensus_masks are the first one's. blind, after_model,
    after_others: how many of the readings were made knowing neither model nor others, the model, others (some
    both). incomplete: finished ones that left something open and do not speak.
    """

    cases: tuple[CaseKey, ...]
    voices: tuple[str, ...]
    answers: Mapping[str, Mapping[CaseKey, Answers]]
    masks: Mapping[str, Mapping[tuple[CaseKey, str], MaskRuns]]
    switched: tuple[tuple[Review, Review], ...]
    reference: Mapping[CaseKey, Answers]
    readings: int
    consensus_masks: Mapping[tuple[CaseKey, str], MaskRuns]
    labels: Mapping[str, LabelMasks] = field(default_factory=dict)
    blind: int = 0
    after_model: int = 0
    after_others: int = 0
    incomplete: int = 0

    @property
    def readers(self) -> tuple[str, ...]:
        """Return the voices that are readers'."""
        return tuple(voice for voice in self.voices if voice != MODEL)

    def of_label(self, label: str) -> Panel:
        """Return the readers alone with their masks of a further label."""
        found = self.labels[label]
        return replace(self, voices=self.readers, masks=found.masks, consensus_masks=found.consensus)


def read_model(prediction: Prediction, photo_ids: Collection[str]) -> ModelReading:
    """Return what a model said of a case, with its masks of these photos alone: each costs a decoding at the
    photo's size."""
    masks = {
        photo.photo_id: encode_mask(lesion_mask(photo.probability, photo.size, prediction.threshold))
        for photo in prediction.photos
        if photo.photo_id in photo_ids
    }
    return ModelReading(prediction.answers, masks)


def gather_panel(
    reviews: Iterable[SavedReview],
    models: Mapping[CaseKey, ModelReading],
    *,
    readers: Collection[str] = (),
    choice: ReadingChoice = "latest",
    done_only: bool = True,
    reference: Mapping[CaseKey, Answers] | None = None,
) -> Panel:
    """Choose each reader's reading of each case and put the model's beside them.

    reviews: rows of a store, as many of its history as there are. models: case -> what the model said, where
    it did. readers: these alone, all where empty. choice "blind": readings made before model and others'
    readings were shown, and no other. done_only: leave out readings that are not finished, or finished with
    something left open; unfinished ones made without the model always are, so that nobody sees the model's
    answer beside them. reference: case -> answers that are held to be right; where a case has none of them,
    the newest finished consensus. Cases are those that a reader speaks of, in the order of their first
    review.
    """
    rows = sorted(reviews, key=lambda saved: saved.number)
    newest = [saved.review for saved in rows if not done_only or saved.review.state == "done"]
    own = [review for review in newest if review.kind in OWN_READINGS and not _is_still_blind(review)]
    asked = [review for review in own if not readers or review.reader in readers]
    chosen: dict[tuple[CaseKey, str], Review] = {}
    for review in asked:
        if choice == "latest" or is_blind(review):
            chosen[review.case, review.reader] = review
    incomplete = {key for key, review in chosen.items() if done_only and not review.complete}
    chosen = {key: review for key, review in chosen.items() if key not in incomplete}
    cases = tuple(dict.fromkeys(case for case, _ in chosen))
    names = sorted({reader for _, reader in chosen})
    answers: dict[str, dict[CaseKey, Answers]] = {name: {} for name in names}
    masks: dict[str, dict[tuple[CaseKey, str], MaskRuns]] = {name: {} for name in names}
    for (case, name), review in chosen.items():
        answers[name][case] = review.answers
        masks[name].update(_list_masks(review))
    spoken = {case: models[case] for case in cases if case in models}
    if spoken:
        answers = {MODEL: {case: reading.answers for case, reading in spoken.items()}, **answers}
        masks = {
            MODEL: {
                (case, name): runs for case, reading in spoken.items() for name, runs in reading.masks.items()
            },
            **masks,
        }
    consensus = {
        review.case: review for review in newest if review.kind == "consensus" and review.state == "done"
    }
    right = {**{case: review.answers for case, review in consensus.items()}, **(reference or {})}
    return Panel(
        cases=cases,
        voices=tuple(answers),
        answers=answers,
        masks=masks,
        switched=_pair_switched(asked),
        reference={case: right[case] for case in cases if case in right},
        readings=len(chosen),
        consensus_masks=_join(_list_masks(consensus[case]) for case in cases if case in consensus),
        labels={
            label: LabelMasks(
                {
                    name: _join(
                        _list_masks(review, label) for (_, reader), review in chosen.items() if reader == name
                    )
                    for name in names
                },
                _join(_list_masks(consensus[case], label) for case in cases if case in consensus),
            )
            for label in sorted({label for review in chosen.values() for label in review.label_masks})
        },
        blind=sum(is_blind(review) for review in chosen.values()),
        after_model=sum("model" in review.known for review in chosen.values()),
        after_others=sum("others" in review.known for review in chosen.values()),
        incomplete=len(incomplete),
    )


def _list_masks(review: Review, label: str = "") -> dict[tuple[CaseKey, str], MaskRuns]:
    """Return a reading's masks of a label, "" for the first, but those of photos that it calls unusable."""
    photos = (
        {name: outline.runs for name, outline in review.label_masks.get(label, {}).items()}
        if label
        else review.masks
    )
    return {(review.case, name): runs for name, runs in photos.items() if name not in review.unusable}


def _join(
    masks: Iterable[Mapping[tuple[CaseKey, str], MaskRuns]],
) -> dict[tuple[CaseKey, str], MaskRuns]:
    return {photo: runs for part in masks for photo, runs in part.items()}


def is_blind(review: Review) -> bool:
    """Return whether a reading was made before the model and others' readings were shown to its reader, in
    any tab."""
    return review.kind == "blind" and not review.known


@dataclass(frozen=True, eq=False)
class CodedFamily:
    """A family's answers as numbers of categories.

    sets: the K categories. credit: (K, K) float64, their official credit. same: (K, K) float64, the identity.
    codes: voice -> (N,) int64 over the panel's cases, -1 where a slot is not answered. weights: (K, K) float64, how near two
    categories are for kappa and alpha: their credit, or where options have an order, 1 less the square of their distance.
    """

    family: Family
    sets: tuple[frozenset[int], ...]
    credit: NDArray[np.float64]
    same: NDArray[np.float64]
    codes: Mapping[str, NDArray[np.int64]]
    weights: NDArray[np.float64]

    def values(self, voice: str) -> NDArray[np.float64]:
        """Return a voice's answers as the numbers of the family's scale, (N,), NaN where there is none."""
        numbers = np.array([self._value(labels) for labels in self.sets] or [np.nan])
        codes = self.codes[voice]
        return np.where(codes >= 0, numbers[np.maximum(codes, 0)], np.nan)

    def _value(self, labels: frozenset[int]) -> float:
        return float("nan") if self.family.scale is None else self.family.scale.values[min(labels)]


def code_families(panel: Panel, families: Sequence[Family]) -> list[CodedFamily]:
    """Number the sets of options that anybody gave in each family."""
    nothing: Answers = {}
    answers = {
        voice: [panel.answers[voice].get(case, nothing) for case in panel.cases] for voice in panel.voices
    }
    return [_code_family(answers, family) for family in families]


def _code_family(answers_by_voice: Mapping[str, Sequence[Answers]], family: Family) -> CodedFamily:
    """said: voice -> answers to each case.

    What is in the slots is looked at once for each content they have: cases are many, contents few.
    """
    qids = [question.qid for question in family.questions]
    slots = {
        voice: [tuple(map(answers.get, qids)) for answers in row] for voice, row in answers_by_voice.items()
    }
    contents = {
        content: _labels(content) for content in {content for row in slots.values() for content in row}
    }
    sets = sorted({labels for labels in contents.values() if labels is not None}, key=sorted)
    index: dict[frozenset[int] | None, int] = {labels: number for number, labels in enumerate(sets)}
    code = {content: index.get(labels, -1) for content, labels in contents.items()}
    codes = {voice: np.array([code[content] for content in row], np.int64) for voice, row in slots.items()}
    credit = credit_matrix(sets, sets) if sets else np.eye(1)
    weights = credit if family.scale is None or not sets else _weigh(sets, family.scale)
    return CodedFamily(family, tuple(sets), credit, np.eye(max(1, len(sets))), codes, weights)


def _weigh(sets: Sequence[frozenset[int]], scale: Scale) -> NDArray[np.float64]:
    """Return quadratic weights (Fleiss and Cohen, 1973), (K, K) in 0..1, over the whole scale."""
    values = np.array([scale.values[min(labels)] for labels in sets])
    span = scale.values[-1] - scale.values[0]
    return np.asarray(1 - ((values[:, None] - values[None, :]) / span) ** 2)


def labels_of(answers: Answers | None, family: Family) -> frozenset[int] | None:
    """Return the set of a family's options as the organisers count it, "Not mentioned" in free slots
    included; None where a slot is not answered."""
    return None if answers is None else _labels([answers.get(question.qid) for question in family.questions])


def _labels(slots: Sequence[int | None]) -> frozenset[int] | None:
    return None if None in slots else frozenset(label for label in slots if label is not None)


def _is_still_blind(review: Review) -> bool:
    return review.kind in WITHOUT_MODEL and review.state != "done"


def _pair_switched(own: Sequence[Review]) -> tuple[tuple[Review, Review], ...]:
    """Return (blind, revealed) of every reader and case with both, the newest complete ones; one that knew
    others' readings shows no effect of the model."""
    newest: dict[tuple[CaseKey, str, str], Review] = {}
    for review in own:
        if review.complete:
            newest[review.case, review.reader, review.kind] = review
    pairs = [
        (newest[case, reader, "blind"], review)
        for (case, reader, kind), review in newest.items()
        if kind == "revealed" and (case, reader, "blind") in newest
    ]
    return tuple(
        (blind, revealed) for blind, revealed in pairs if is_blind(blind) and "others" not in revealed.known
    )
