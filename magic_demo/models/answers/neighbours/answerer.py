"""The answers of the most similar labelled cases as an answerer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from magic_demo.core.types import Narrative, OptionScores, SimilarCase
from magic_demo.models.answers.neighbours.case_index import CaseIndex
from magic_demo.models.answers.neighbours.folder import read_index
from magic_demo.models.interfaces import Answerer, SegmentedPhoto
from magic_demo.models.loading.checkpoints import Checkpoint
from magic_demo.questions.decoding import PRIORS_NAME, SetPriors, read_priors


class NeighbourAnswerer(Answerer):
    """A weighted vote of the cases of an index whose words are most like a case's; it reads no photo."""

    def __init__(self, index: CaseIndex, set_priors: SetPriors, model_id: str) -> None:
        self.index, self.set_priors, self.model_id = index, set_priors, model_id
        self.families = index.families

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> Self:
        """Load an index. Raises CheckpointError with one line where it is broken."""
        priors = read_priors(checkpoint.folder / PRIORS_NAME)
        return cls(read_index(checkpoint.folder), priors, checkpoint.model_id)

    def find_similar(
        self, encounter_id: str, narrative: Narrative, family_id: str
    ) -> tuple[SimilarCase, ...]:
        """Return the cases that vote, with their labels of a family, the nearest first."""
        rows, similarities = self.index.find(narrative)
        labels = self.index.labels[family_id]
        return tuple(
            SimilarCase(
                self.index.case_ids[row], float(similarity), frozenset(np.flatnonzero(labels[row]).tolist())
            )
            for row, similarity in zip(rows.tolist(), similarities.tolist(), strict=True)
            if self.index.case_ids[row] != encounter_id  # its words may have been changed
        )

    def look(self, photo: SegmentedPhoto) -> None:
        """Return nothing: only words are compared."""

    def score(self, narrative: str, looks: Sequence[None]) -> OptionScores:  # noqa: ARG002
        """Score every option by the neighbours' vote: qid -> (O,) float32."""
        return self.index.score(Narrative(en=narrative))
