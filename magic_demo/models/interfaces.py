"""What a model of one's own implements: ``Segmenter`` finds the lesion, ``Answerer`` scores the questions.

Derive from one of them, name the class in an entry point of the group ``magic_demo.segmenters`` or
``magic_demo.answerers`` under the ``model_type`` of its ``config.json``, and every command and the page take
its checkpoints (docs/how-to/add-a-segmentation-model.md, docs/how-to/add-an-answerer.md).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from magic_demo.core.types import (
    Family,
    Narrative,
    OptionScores,
    Pixels,
    Probability,
    PromptKind,
    SimilarCase,
)
from magic_demo.models.backends.backend import Backend
from magic_demo.models.loading.checkpoints import Checkpoint
from magic_demo.questions.decoding import SetPriors, Siblings


@dataclass(frozen=True)
class Click:
    """A point on a photo. x, y: share of its width and height, 0..1. lesion: False marks healthy skin."""

    x: float
    y: float
    lesion: bool = True


@dataclass(frozen=True, eq=False)
class Guidance:
    """What a reader has shown of the lesion; each part is optional.

    clicks: in the order they were made; where two contradict, the later counts. box: left, top, right, bottom
    as shares of width and height; nothing outside it is lesion. previous: the map (h, w) float32 in 0..1 of
    the step before, which spans the whole photo, of any h and w.
    """

    clicks: tuple[Click, ...] = ()
    box: tuple[float, float, float, float] | None = None
    previous: Probability | None = None


class Segmenter(Protocol):
    """A segmentation model ready to use: it looks at a photo once, then segments it for any prompt or
    guidance.

    model_id: ``checkpoint.model_id``. threshold: probability at and above which a pixel is lesion.
    reads_prompt, reads_guidance: whether they change the map; a model that reads neither is one without a
    prompt, not an error. prompt_kind: what it was trained to be asked with. backend: what ``look`` runs on. encoder_name: model type and a digest of whatever
    ``feature_map`` depends on, for answerers that were trained on it.
    """

    model_id: str
    threshold: float = 0.5
    reads_prompt: bool = False
    prompt_kind: PromptKind = "narrative"
    reads_guidance: bool = False
    backend: Backend = Backend()
    encoder_name: tuple[str, str] = ("", "")

    @classmethod
    @abstractmethod
    def load(cls, checkpoint: Checkpoint) -> Self:
        """Build the model from a checkpoint whose ``model_type`` is registered for this class.

        Raises CheckpointError with one line when a part is missing or broken.
        """

    @abstractmethod
    def look(self, pixels: Pixels) -> Any:
        """Return the features of a photo (H, W, 3) uint8 RGB of any size, kept while its case is open.

        Only ``segment`` and ``feature_map`` read them. Arrays, tensors and tuples of them count towards the
        limit of what is kept.
        """

    @abstractmethod
    def segment(self, features: Any, prompt: str = "", guidance: Guidance | None = None) -> Probability:
        """Return the lesion probability (h, w) float32 in 0..1 that spans the whole photo, of any h and w.

        prompt: what to look for, "" for none. guidance: what a reader has shown, None for nothing. Raises ModelError when the model gives no numbers.
        """

    def segment_views(self, features: Any, prompt: str = "") -> tuple[Probability, ...]:
        """Return the map (h, w) of each view of the photo, laid back on it; their mean is what ``segment`` gives
        without guidance."""
        return (self.segment(features, prompt),)

    def feature_map(self, features: Any) -> Tensor | None:  # noqa: ARG002  (not every model has one)
        """Return a map (C, h, w) float32 that spans the whole photo, for answerers; None without one."""
        return None

    def predict(self, pixels: Pixels, prompt: str = "") -> Probability:
        """Return the lesion probability (h, w) of a photo (H, W, 3) uint8 RGB under a prompt."""
        return self.segment(self.look(pixels), prompt)


@dataclass(frozen=True, eq=False)
class SegmentedPhoto:
    """A photo and what the segmentation model found in it.

    pixels: (H, W, 3) uint8 RGB. probability: (h, w) of the lesion, None without a segmentation model.
    variance: as in ``PhotoPrediction``.
    threshold: of that model. feature_map: (C, h, w) float32, None where the model has none. encoder_name:
    what the feature map comes from.
    """

    pixels: Pixels
    probability: Probability | None = None
    threshold: float = 0.5
    feature_map: Tensor | None = None
    encoder_name: tuple[str, str] = ("", "")
    variance: float | None = None


def average_views(views: Sequence[Probability]) -> tuple[Probability, float | None]:
    """Return the mean map of a photo's views, and how far they differ: 1 less the soft Dice of every map with
    the mean, 0..1; None for a single view."""
    if len(views) == 1:
        return views[0], None
    mean = np.asarray(np.mean(views, axis=0), np.float32)
    shared = [float(np.minimum(view, mean).sum()) for view in views]
    held = [max(float(view.sum() + mean.sum()), 1e-6) for view in views]
    return mean, float(np.mean([1 - 2 * both / all_ for both, all_ in zip(shared, held, strict=True)]))


def segment_photo(segmenter: Segmenter, pixels: Pixels, features: Any, prompt: str) -> SegmentedPhoto:
    """Segment a photo (H, W, 3) that ``segmenter.look`` gave ``features`` of."""
    probability, variance = average_views(segmenter.segment_views(features, prompt))
    return SegmentedPhoto(
        pixels,
        probability,
        segmenter.threshold,
        segmenter.feature_map(features),
        segmenter.encoder_name,
        variance,
    )


class Answerer(Protocol):
    """A model that scores the closed questions: it looks at each photo once, then scores them all together.

    model_id: ``checkpoint.model_id``. families: those that it scores. set_priors: what its training answers
    say of families of several slots. siblings: how a family's questions become its answer where no cue model
    answers beside this one (``decode_answers``). reads_words: whether the narrative changes the scores. reads_lesion:
    whether ``look`` reads more of a photo than its pixels; it
    is then asked again for another prompt, and never of photos without a segmentation model. backend: what its own
    encoders run on, None without any.
    """

    model_id: str
    families: tuple[Family, ...]
    set_priors: SetPriors | None = None
    siblings: Siblings = "parent"
    reads_words: bool = True
    reads_lesion: bool = False
    backend: Backend | None = None

    @classmethod
    @abstractmethod
    def load(cls, checkpoint: Checkpoint) -> Self:
        """Build the model from a checkpoint whose ``model_type`` is registered for this class.

        Raises CheckpointError with one line when a part is missing or broken.
        """

    @abstractmethod
    def look(self, photo: SegmentedPhoto) -> Any:
        """Return what ``score`` reads of a photo, kept while its case is open."""

    @abstractmethod
    def score(self, narrative: str, looks: Sequence[Any]) -> OptionScores:
        """Score every option of every question of ``families``: qid -> (O,) float32.

        Log-probabilities for families of one slot, log-odds for the others; questions of a family share their
        scores. narrative: in any language, may be blank. looks: one a photo, none or many. Raises ModelError
        when the model fails on this case.
        """

    def attribute(
        self,
        narrative: str,  # noqa: ARG002  (an answerer need not explain itself)
        looks: Sequence[Any],  # noqa: ARG002
        family_id: str,  # noqa: ARG002
        option: int,  # noqa: ARG002
    ) -> list[NDArray[np.float32]]:
        """Return what each part of each photo adds to an option's score, (h, w) float32 a photo, of any sign;
        an empty list where the answerer cannot tell."""
        return []

    def find_similar(
        self,
        encounter_id: str,  # noqa: ARG002  (not every answerer looks cases up)
        narrative: Narrative,  # noqa: ARG002
        looks: Sequence[Any],  # noqa: ARG002
        family_id: str,  # noqa: ARG002
    ) -> tuple[SimilarCase, ...]:
        """Return labelled cases that the scores come from, with their labels of a family, the nearest first;
        none where the answerer looks none up. The case itself is never among them. looks: as in ``score``."""
        return ()

    def recognise(self, look: Any) -> str | None:  # noqa: ARG002  (not every answerer was tested by kinds)
        """Return which kind of the photos that the answerer was tested on one is like, None for none; ""
        where it was not tested by kinds."""
        return ""

    def measure_distance(self, look: Any) -> float | None:  # noqa: ARG002
        """Return how far a photo is from those that the answerer was tested on, up to 1 being like them; None
        where it cannot tell."""
        return None

    def shown_options(self, looks: Sequence[Any]) -> Mapping[str, frozenset[int]]:  # noqa: ARG002
        """Return family id -> the options that photos show so plainly that the scores of others stay below,
        of families of one slot; looks: as in ``score``."""
        return {}

    def think_twice(self, neighbours: Answerer | None) -> Answerer | None:  # noqa: ARG002
        """Return an answerer that reads its own answers to all questions, and those of similar cases where
        ``neighbours`` gives them, before it answers again; None where this one cannot."""
        return None

    def give_reasons(self, narrative: str, looks: Sequence[Any]) -> Mapping[str, str]:  # noqa: ARG002
        """Return family id -> why it is answered so, in the answerer's own words, of what ``score`` was just asked;
        families without a reason are absent."""
        return {}

    def explain_mismatch(self, segmenter: Segmenter | None) -> str | None:  # noqa: ARG002
        """Return one line saying what is lost beside this segmentation model, None where nothing is. Raises
        CheckpointError where it cannot be used beside it."""
        return None
