"""The models that learning begins from, and those that come of it."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

from magic_demo.cues.cue_model import CueModel
from magic_demo.models.answers.photo_answerer import PhotoAnswerer, PhotoAnswererConfig
from magic_demo.models.loading.checkpoints import Checkpoint
from magic_demo.models.loading.finding import find_checkpoint
from magic_demo.models.predictor import Predictor
from magic_demo.models.registry import SEGMENTERS
from magic_demo.models.segmentation.prompted import PromptedSegmenter
from magic_demo.questions.combining import Weights, read_weights
from magic_demo.reviews.learning.learnt import ANSWERS, LEARNT, SEGMENTATION
from training.learning.fine_tuning.heads import TaughtHeads
from training.learning.settings import LearnSettings


@dataclass(frozen=True, eq=False)
class Models:
    """A segmentation model, a photo answerer (None where another kind answers, which is not learnt), the cues and
    how they are weighed."""

    segmenter: PromptedSegmenter
    answerer: PhotoAnswerer | None
    cues: CueModel
    weights: Weights

    @classmethod
    def load(cls, settings: LearnSettings) -> Models:
        """Load what the settings name. Raises CheckpointError with one line."""
        segmenter = PromptedSegmenter.load(
            Checkpoint.open(settings.segmentation, types=SEGMENTERS.types_of(PromptedSegmenter))
        )
        return cls(
            segmenter,
            _load_answerer(settings.answers, segmenter) if settings.answers is not None else None,
            CueModel.load(settings.cues),
            read_weights(find_checkpoint(settings.answers)) if settings.answers is not None else Weights(),
        )

    def predictor(self) -> Predictor:
        """Return the models beside each other, as the page has them."""
        return Predictor(self.segmenter, self.answerer, self.cues, self.weights)

    def with_network(self) -> PromptedSegmenter:
        """Return the segmentation model with a network of its own, which may learn."""
        own = copy.copy(self.segmenter)
        own.model = copy.deepcopy(self.segmenter.model)
        own._encode = own.model.encode_photo  # the plain network, whatever backend the shipped one runs on
        return own

    def with_heads(self, segmenter: PromptedSegmenter, heads: TaughtHeads | None) -> Models:
        """Return the models with what was learnt in place."""
        if heads is None or self.answerer is None:
            return Models(segmenter, self.answerer, self.cues, self.weights)
        answerer = PhotoAnswerer(heads.model, model_id="learnt", set_priors=self.answerer.set_priors)
        return Models(segmenter, answerer, self.cues, heads.weigh(self.weights))

    def names(self) -> dict[str, str]:
        """Return task -> id of the model."""
        found = {"segmentation": self.segmenter.model_id}
        return {**found, "answers": self.answerer.model_id} if self.answerer is not None else found


def _load_answerer(source: str, segmenter: PromptedSegmenter) -> PhotoAnswerer | None:
    """Return the photo answerer, None for an answerer of another kind or one made for another encoder."""
    checkpoint = Checkpoint.open(source)
    if checkpoint.read_config().get("model_type") != PhotoAnswererConfig.model_type:
        return None
    answerer = PhotoAnswerer.load(checkpoint)
    return answerer if answerer.explain_mismatch(segmenter) is None else None


def find_start(source: Path) -> tuple[str, str | None, Path | None]:
    """Return the segmentation checkpoint, the answerer's and the learnt model's folder that ``--from`` names: a model
    that was learnt before, or a segmentation checkpoint alone."""
    if (source / LEARNT).is_file():
        answers = source / ANSWERS
        return str(source / SEGMENTATION), str(answers) if answers.is_dir() else None, source
    known = source.parent if (source.parent / LEARNT).is_file() else None
    return str(source), None, known
