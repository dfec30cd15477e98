"""A model describes each photo once, in words; they join the patient's words for whichever model answers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Protocol, Self

from magic_demo.core.errors import ModelError, one_line
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message
from magic_demo.core.types import Encounter, Language, Photo, Pixels
from magic_demo.models.answers.language.prompts import speak
from magic_demo.models.feature_cache import FeatureCache
from magic_demo.models.loading.checkpoints import Checkpoint


class Captioner(Protocol):
    """A model that describes photos. model_id: ``checkpoint.model_id``."""

    model_id: str

    @classmethod
    @abstractmethod
    def load(cls, checkpoint: Checkpoint) -> Self:
        """Build the model from a checkpoint. Raises CheckpointError with one line when a part is missing or
        broken."""

    @abstractmethod
    def describe(self, pixels: Pixels, language: Language) -> str:
        """Return what can be seen in a photo (H, W, 3) uint8 RGB, in at most some sentences. Raises
        ModelError."""


def caption_photos(
    captioner: Captioner, encounter: Encounter, language: Language, cache: FeatureCache
) -> Iterator[tuple[Photo, str | Message]]:
    """Yield each photo with its caption, or with the line that says why it has none; a photo that ``cache``
    holds the caption of is not described again."""
    words = encounter.narrative.text(language)
    spoken = speak(words) if words.strip() else language
    for photo in encounter.photos:
        key = ("caption", captioner.model_id, photo, spoken)
        try:
            yield photo, cache.get(key, lambda photo=photo: _describe(captioner, photo, spoken))  # type: ignore[misc]
        except Exception as error:  # whatever a model stumbles over costs this caption alone
            yield (
                photo,
                Message("{photo}: no caption ({reason})", photo=photo.photo_id, reason=one_line(error)),
            )


def _describe(captioner: Captioner, photo: Photo, language: Language) -> str:
    caption = " ".join(captioner.describe(photo.pixels, language).split())
    if not caption:
        raise ModelError("the model wrote nothing")
    return caption[: LIMITS.comment_characters]
