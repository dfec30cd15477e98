"""Checkpoints loaded as the classes that they are, for tests that look inside one, and scores of bare
photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from magic_demo.core.types import OptionScores, Pixels
from magic_demo.models.answers.photo_answerer import PhotoAnswerer
from magic_demo.models.answers.text_photo_answerer import TextPhotoAnswerer
from magic_demo.models.registry import load_answerer, load_segmenter
from magic_demo.models.segmentation.prompted import PromptedSegmenter


def load_prompted(source: str | Path, *, backend: str = "torch") -> PromptedSegmenter:
    """Load CLIPSeg or a compact segmentation model."""
    segmenter = load_segmenter(source, backend=backend)
    assert isinstance(segmenter, PromptedSegmenter)
    return segmenter


def load_photo_answerer(source: str | Path) -> PhotoAnswerer:
    """Load a photo answerer."""
    answerer = load_answerer(source)
    assert isinstance(answerer, PhotoAnswerer)
    return answerer


def load_text_photo_answerer(source: str | Path, *, backend: str = "torch") -> TextPhotoAnswerer:
    """Load a text-and-photo answerer."""
    answerer = load_answerer(source, backend=backend)
    assert isinstance(answerer, TextPhotoAnswerer)
    return answerer


def score_photos(answerer: TextPhotoAnswerer, narrative: str, photos: Sequence[Pixels]) -> OptionScores:
    """Score a narrative and photos (H, W, 3) uint8 RGB."""
    return answerer.score(narrative, [answerer.encode_photo(pixels) for pixels in photos])
