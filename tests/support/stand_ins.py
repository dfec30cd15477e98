"""Models small enough to know what they must say, with the methods of the real ones: for tests of what is
around a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.errors import ModelError
from magic_demo.core.types import OptionScores, Pixels, Probability
from magic_demo.imaging.resize import resize_pixels
from magic_demo.models.backends.backend import Backend
from magic_demo.models.interfaces import Answerer, Guidance, SegmentedPhoto, Segmenter
from magic_demo.models.loading.checkpoints import Checkpoint
from magic_demo.models.predictor import Predictor
from magic_demo.questions.families import load_challenge, load_families


class RedFinder(Segmenter):
    """Finds what is redder than green, at 32x32; fails on photos that are pure black."""

    model_id = "red-finder@0"
    reads_prompt = True

    def __init__(self) -> None:
        self.prompts: list[str] = []

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> RedFinder:
        """Return one: there is nothing to load."""
        return cls()

    def look(self, pixels: Pixels) -> tuple[NDArray[np.float32]]:
        """Return the photo (32, 32, 3) float32."""
        if not pixels.any():
            raise ModelError("nothing but black")
        return (resize_pixels(pixels, (32, 32)).astype(np.float32),)

    def segment(
        self,
        features: tuple[NDArray[np.float32]],
        prompt: str = "",
        guidance: Guidance | None = None,
    ) -> Probability:
        """Return (32, 32) float32 in 0..1; the prompt changes nothing."""
        self.prompts.append(prompt)
        (small,) = features
        return np.asarray(np.clip((small[..., 0] - small[..., 1]) / 100, 0, 1), dtype=np.float32)


class WordScorer(Answerer):
    """Prefers option (number of characters + photos) modulo the number of options; fails on the text
    "fail"."""

    model_id = "word-scorer@0"
    backend = Backend()

    def __init__(self) -> None:
        self.narratives: list[str] = []
        self.families = load_families()

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> WordScorer:
        """Return one: there is nothing to load."""
        return cls()

    def look(self, photo: SegmentedPhoto) -> NDArray[np.float32]:
        """Return (1,) float32: how many pixels there are."""
        return np.array([photo.pixels.size], np.float32)

    def score(self, narrative: str, looks: Sequence[NDArray[np.float32]]) -> OptionScores:
        """Return qid -> (O,) float32."""
        self.narratives.append(narrative)
        if narrative == "fail":
            raise ModelError("asked to fail")
        best = len(narrative) + len(looks)
        return {
            question.qid: np.eye(question.option_count, dtype=np.float32)[best % question.option_count] * 5
            for question in load_challenge().questions
        }

    def attribute(
        self, narrative: str, looks: Sequence[Any], family_id: str, option: int
    ) -> list[NDArray[np.float32]]:
        """Return (2, 2) float32 a photo: every option is scored for what is at the upper left."""
        return [np.array([[1, 0], [0, -1]], np.float32) for _ in looks]


def stand_in_predictor(*, segmentation: bool = True, cvqa: bool = True) -> Predictor:
    """Return a real Predictor around the stand-in models."""
    return Predictor(
        RedFinder() if segmentation else None,
        WordScorer() if cvqa else None,
    )


def draw_photo(height: int = 48, width: int = 64, *, spot: bool = True) -> Pixels:
    """Draw grey skin with a red square in the middle."""
    pixels = np.full((height, width, 3), 150, np.uint8)
    if spot:
        pixels[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = (220, 60, 60)
    return pixels
