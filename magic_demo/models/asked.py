"""How a case is looked at, as whoever asks for a prediction or an explanation may say."""

from __future__ import annotations

from typing import TypedDict

from magic_demo.core.types import Language
from magic_demo.models.feature_cache import FeatureCache


class Asked(TypedDict, total=False):
    """Options of ``Predictor.predict`` and ``Predictor.explain``; each may be left out.

    prompt: what the segmentation is asked for; the narrative, or with the responses if the predictor's
    ``prompt_kind`` says so, where it is None or absent. language: of the narrative that the models read
    ("en" where absent). cache: holds what the models made of the same photos and words before, and takes
    what they make of them now.
    """

    prompt: str | None
    language: Language
    cache: FeatureCache | None
