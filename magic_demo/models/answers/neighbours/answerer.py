"""The answers of the most similar labelled cases as an answerer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from magic_demo.core.errors import CheckpointError
from magic_demo.core.messages import Message
from magic_demo.core.types import Narrative, OptionScores, SimilarCase
from magic_demo.models.answers.neighbours.case_index import CaseIndex
from magic_demo.models.answers.neighbours.folder import read_index
from magic_demo.models.answers.neighbours.photo_features import pool_photo
from magic_demo.models.answers.neighbours.search import Floats
from magic_demo.models.interfaces import Answerer, SegmentedPhoto, Segmenter
from magic_demo.models.loading.checkpoints import Checkpoint
from magic_demo.questions.decoding import PRIORS_NAME, SetPriors, read_priors


class NeighbourAnswerer(Answerer):
    """A weighted vote of the cases of an index that are most like a case: in words, and in photos where the index
    knows those of its cases."""

    def __init__(self, index: CaseIndex, set_priors: SetPriors, model_id: str) -> None:
        self.index, self.set_priors, self.model_id = index, set_priors, model_id
        self.families = index.families
        self.reads_lesion = index.photos is not None

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> Self:
        """Load an index. Raises CheckpointError with one line where it is broken."""
        priors = read_priors(checkpoint.folder / PRIORS_NAME)
        return cls(read_index(checkpoint.folder), priors, checkpoint.model_id)

    def find_similar(
        self, encounter_id: str, narrative: Narrative, looks: Sequence[Floats | None], family_id: str
    ) -> tuple[SimilarCase, ...]:
        """Return the cases that vote, with their labels of a family, the nearest first."""
        photos = [look for look in looks if look is not None]
        rows, similarities = self.index.find(narrative, photos)
        alike = self.index.compare_by(narrative, photos)
        labels = self.index.labels[family_id]
        return tuple(
            SimilarCase(
                self.index.case_ids[row],
                float(similarity),
                frozenset(np.flatnonzero(labels[row]).tolist()),
                alike,
            )
            for row, similarity in zip(rows.tolist(), similarities.tolist(), strict=True)
            if self.index.case_ids[row] != encounter_id  # its words may have been changed
        )

    def look(self, photo: SegmentedPhoto) -> Floats | None:
        """Return the features (D,) that a photo is compared by; None where only words are."""
        return pool_photo(photo) if self.index.photos is not None else None

    def score(self, narrative: str, looks: Sequence[Floats | None]) -> OptionScores:
        """Score every option by the neighbours' vote: qid -> (O,) float32."""
        return self.index.score(Narrative(en=narrative), [look for look in looks if look is not None])

    def explain_mismatch(self, segmenter: Segmenter | None) -> str | None:
        """Return that photos are not compared without a segmentation model. Raises CheckpointError beside another
        one than the index's photos were seen by."""
        photos = self.index.photos
        if photos is None:
            return None
        if segmenter is None:
            return Message(
                "{model}: no segmentation model is loaded, so cases are compared by their words alone",
                model=self.model_id,
            )
        if segmenter.encoder_name != photos.seen_by.encoder_name:
            raise CheckpointError(
                "{model}: its photos were seen by {expected}, not by {came}; give that one as --segmentation, or "
                "index them again with this one",
                model=self.model_id,
                expected=photos.seen_by.model_id,
                came=segmenter.model_id,
            )
        return None
