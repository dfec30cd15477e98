"""An outline that follows what a reader points at: who may ask the model, and how many are answered at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from magic_demo.core.review_types import Mark
from magic_demo.core.types import Mask, Photo, Probability
from magic_demo.models.feature_cache import FeatureCache
from magic_demo.page.session.inference.source import PredictorSource
from magic_demo.page.session.open_cases import OpenCase

if TYPE_CHECKING:  # torch takes seconds, for which the page does not wait
    from magic_demo.models.interfaces import Guidance

_AT_ONCE = threading.BoundedSemaphore(os.cpu_count() or 1)
"""One core each: more at the same time would only hold up saves. Nobody waits in the line of the analyses,
which take seconds."""


class Refiner:
    """What answers the points of one question.

    shown: whether the reader may see the model; where not, and until it is loaded, a graph cut alone decides.
    read: whether the model had to read the photo before it could answer.
    """

    def __init__(self, source: PredictorSource, case: OpenCase | None, *, shown: bool) -> None:
        self._predictor = source.get() if shown and source.state == "ready" else None
        self._case = case
        self.read = False

    @property
    def asks_model(self) -> bool:
        """Return whether the model decides, and not a graph cut alone."""
        return self._predictor is not None and self._case is not None

    @property
    def cache(self) -> FeatureCache | None:
        """Return what goes with the case and its photos; None without a case."""
        return self._case.cache if self._case is not None else None

    @property
    def by(self) -> Hashable:
        """Return what answers: the models, by name, and the prompt that they read; None for a graph cut alone."""
        if self._predictor is None or self._case is None:
            return None
        prompt = self._read_prompt(self._case) if self._predictor.reads_prompt else ""
        return tuple(sorted(self._predictor.models.items())), prompt

    def refine(self, photo: Photo, marks: Sequence[Mark], outline: Mask | None) -> tuple[Probability, float]:
        """Return the map (h, w) of a photo of the case that follows the marks, and its threshold.

        outline: (H, W) to begin with, None for the model's own. Raises ModelError.
        """
        from magic_demo.models.segmentation.guided import refine_map, shrink

        guidance = write_guidance(marks, outline)
        with _AT_ONCE:
            if self._predictor is None or self._case is None:
                cache = self.cache if self.cache is not None else FeatureCache(0)
                small = cache.get(("small", photo), lambda: shrink(photo.pixels))
                return refine_map(None, photo.pixels, None, guidance, small=small), 0.5
            prompt = self._read_prompt(self._case)
            self.read = self.read or not self._predictor.has_read(photo, self._case.cache)
            probability = self._predictor.refine(photo, guidance, prompt=prompt, cache=self._case.cache)
            return probability, self._predictor.threshold

    @staticmethod
    def _read_prompt(case: OpenCase) -> str:
        prompt = case.analysed.prompt if case.analysed is not None else None
        return case.encounter.narrative.text("en") if prompt is None else prompt


def write_guidance(marks: Sequence[Mark], outline: Mask | None) -> Guidance:
    """Return marks and outline as a model takes them; of several boxes the last counts."""
    from magic_demo.models.interfaces import Click, Guidance

    boxes = [mark.at for mark in marks if mark.kind == "box"]
    left, top, right, bottom = boxes[-1] if boxes else (0.0, 0.0, 1.0, 1.0)
    return Guidance(
        tuple(Click(mark.at[0], mark.at[1], mark.kind == "lesion") for mark in marks if mark.kind != "box"),
        (left, top, right, bottom) if boxes else None,
        outline.astype(np.float32) if outline is not None else None,
    )
