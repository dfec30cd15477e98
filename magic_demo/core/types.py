"""What the parts of the program hand to each other: frozen values with no behaviour beyond reading them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.messages import Message

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")

Pixels = NDArray[np.uint8]
"""A photo: (H, W, 3) uint8 RGB, upright."""
Probability = NDArray[np.float32]
"""A lesion probability map: (h, w) float32 in 0..1 at the model's own size, not the photo's."""
Mask = NDArray[np.bool_]
"""A lesion mask: (H, W) bool at the photo's size."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo rebuilt from its pixels; nothing else of the file is kept.

    photo_id: the challenge's image id without ending, e.g. ``IMG_ENC00001_00001``.
    pixels: (H, W, 3) uint8 RGB.
    notes: one line for everything that was changed at intake (rotation, colour space, depth, metadata
    dropped).
    """

    photo_id: str
    pixels: Pixels
    notes: tuple[Message, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Return (height, width) in pixels."""
        return int(self.pixels.shape[0]), int(self.pixels.shape[1])


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that lies elsewhere, as its folder was listed.

    url: where it is read. name: from the folder that was listed, with slashes. size: bytes, None where the folder does
    not say. version: an etag or a time, which changes with the file; "" where the folder says none.
    """

    url: str
    name: str
    size: int | None
    version: str


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """Where a photo of an encounter lies; None when it was named but not found.

    place: on this machine a text, as a million paths take four times as much memory.
    """

    photo_id: str
    place: str | RemoteFile | None

    @property
    def path(self) -> Path | None:
        """Return the place as a path, None of a photo that is not on this machine."""
        return Path(self.place) if isinstance(self.place, str) else None

    @property
    def file(self) -> Path | RemoteFile | None:
        """Return what the photo is read from."""
        return self.place if isinstance(self.place, RemoteFile) else self.path


@dataclass(frozen=True, slots=True)
class Narrative:
    """The patient's own words, title and content joined, in the languages that there are; empty where
    absent."""

    en: str = ""
    zh: str = ""

    def text(self, language: Language) -> str:
        """Return the text in ``language``, or the other language's where it is missing."""
        return (self.en or self.zh) if language == "en" else (self.zh or self.en)


PromptKind = Literal["narrative", "narrative and responses"]
"""What a segmentation model is asked with: the patient's words, or, as in the paper, these in English and the
clinicians' responses."""


def join_prompt(narrative: Narrative, responses: Sequence[str], language: Language, kind: PromptKind) -> str:
    """Return the prompt of a kind; without responses both kinds are the narrative."""
    if kind == "narrative" or not responses:
        return narrative.text(language)
    return " ".join((narrative.text("en"), *responses)).strip()


@dataclass(frozen=True, eq=False)
class Encounter:
    """One case as a model sees it.

    ``responses`` are clinicians' words: never an input of the closed questions.
    """

    encounter_id: str
    narrative: Narrative = Narrative()
    photos: tuple[Photo, ...] = ()
    responses: tuple[str, ...] = ()

    def prompt(self, language: Language, kind: PromptKind) -> str:
        """Return what a segmentation model is asked for: the narrative in ``language``, or the English one
        followed by the responses."""
        return join_prompt(self.narrative, self.responses, language, kind)


@dataclass(frozen=True, slots=True)
class EncounterFiles:
    """One case as it lies on disk: photos are not read yet."""

    encounter_id: str
    narrative: Narrative = Narrative()
    photo_files: tuple[PhotoFile, ...] = ()
    responses: tuple[str, ...] = ()
    author_id: str = ""


@dataclass(frozen=True)
class Question:
    """One of the closed questions.

    Answers are indices into the options, which have the same order in both languages.
    """

    qid: str
    text: Mapping[Language, str]
    options: Mapping[Language, tuple[str, ...]]

    @property
    def family(self) -> str:
        """Return the family's id, ``CQID011`` for ``CQID011-003``."""
        return self.qid.partition("-")[0]

    @property
    def option_count(self) -> int:
        """Return how many options there are (3 to 12 in the challenge)."""
        return len(self.options["en"])


@dataclass(frozen=True)
class Scale:
    """What a family's options are as numbers.

    values: one an option, growing. typed: the reader types the number, and the options are all that there are; else
    the options are named and have an order. unit: of the number, may be empty.
    """

    values: tuple[float, ...]
    typed: bool = False
    unit: str = ""


@dataclass(frozen=True)
class Family:
    """Sibling questions that are answered together as a set: one option a slot, all slots with the same
    options."""

    family_id: str
    title: Mapping[Language, str]
    questions: tuple[Question, ...]
    not_mentioned: int | None
    """Index of the "Not mentioned" option; None where a family of one slot has no such option."""
    scale: Scale | None = None
    """Where the options have an order or are numbers; such a family has one slot and no "Not mentioned"."""
    keys: tuple[str, ...] = ()
    """The letter that chooses each option, "" where the page gives one; empty where it gives all of them."""

    @property
    def padding(self) -> int:
        """Return the option that fills the slots that hold no label: "Not mentioned"."""
        if self.not_mentioned is None:
            raise ValueError(f"{self.family_id}: a family of several slots needs an option 'Not mentioned'")
        return self.not_mentioned

    @property
    def options(self) -> Mapping[Language, tuple[str, ...]]:
        """Return the options that every slot shares."""
        return self.questions[0].options


Answers = Mapping[str, int]
"""qid -> option index, all 27 of them."""
OptionScores = Mapping[str, NDArray[np.float32]]
"""qid -> (O,) float32 logits, one a option: higher is more likely; not probabilities."""


@dataclass(frozen=True, eq=False)
class PhotoPrediction:
    """Where a model finds the lesion in one photo: the map at the model's size, and the photo's own (height,
    width).

    variance: how far the maps of the photo's views (as it is, mirrored, ...) differ, 0..1; None where the model
    sees one view.
    """

    photo_id: str
    probability: Probability
    size: tuple[int, int]
    variance: float | None = None


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the models say of one encounter.

    photos: one map a photo that a mask was asked for, in the encounter's order.
    scores, answers: every question's; empty when the closed questions were not asked for.
    chances: family id -> (O,) float64 in 0..1, the calibrated probability of each option: they add up to 1 in
    families of one slot, and in those of several each says how likely any slot holds the option. Families
    whose scores nobody has calibrated are absent.
    unsure: family ids, among the calibrated ones, whose answer is expected to be hardly better than always
    giving the most frequent one.
    threshold: probability at and above which a pixel is lesion, chosen with the segmentation checkpoint.
    models: task -> model id.
    notes: one line for everything the reader should know of how it was predicted (answered without photos,
    ...).
    failures: one line for each photo or task that a model failed on.
    unlike: how many photos have no say in the answers, as they are unlike those that the answerer was tested
    on.
    distance: of the photo that is farthest from those that the answerer was tested on, up to 1 being like them;
    None where nothing can be compared.
    captions: photo id -> what a vision-language model wrote of the photo before the questions were answered.
    reasons: family id -> why a model answered as it did, or changed its first answer, in its own words.
    """

    encounter_id: str
    photos: tuple[PhotoPrediction, ...] = ()
    scores: OptionScores = field(default_factory=dict)
    answers: Answers = field(default_factory=dict)
    chances: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    unsure: frozenset[str] = frozenset()
    threshold: float = 0.5
    models: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Message, ...] = ()
    failures: tuple[Message, ...] = ()
    unlike: int = 0
    distance: float | None = None
    captions: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Step:
    """What a prediction does next: the share done 0..1, what it is in words, and all that was found until
    then."""

    share: float
    what: Message
    so_far: Prediction


@dataclass(frozen=True)
class WordSpan:
    """Words of a narrative that move an option's score.

    start, end: in Python's characters (code points) of the text as it is shown; JavaScript counts some of
    them twice.
    weight: what the words add to the score, below 0 where they speak against the option.
    """

    start: int
    end: int
    weight: float


Alike = Literal["words", "photos", "words and photos"]
"""What cases are compared by."""


@dataclass(frozen=True)
class SimilarCase:
    """A labelled case that is like the one explained. similarity: at most 1. options: its labels of the family
    explained, as indices. alike: what the two were compared by."""

    case_id: str
    similarity: float
    options: frozenset[int]
    alike: Alike = "words"


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why an option of a family has its score: shown on demand, never part of a prediction.

    option: index into the family's options. language: of the text shown and of the evidence's lines.
    words: spans of ``narrative.text(language)``, in its order, none overlapping; empty where no words move
    the score. other_words: spans of the narrative in the other language; None where only one was read.
    regions: photo id -> (h, w) float32 heat map in 0..1, 1 where a photo raised the score most; photos that
    did not are absent. unplaced: why no photo has one: photos had no say in the answer, or the answerer cannot tell
    where in a photo it looks; None where nothing on the lesion raised the score.
    evidence: one line for each thing measured in the photos that the family asks about.
    similar: labelled cases that an index answered from, the nearest first; never the case itself.
    """

    family_id: str
    option: int
    language: Language
    words: tuple[WordSpan, ...] = ()
    regions: Mapping[str, Probability] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()
    other_words: tuple[WordSpan, ...] | None = None
    similar: tuple[SimilarCase, ...] = ()
    unplaced: Literal["no_say", "cannot_tell"] | None = None
