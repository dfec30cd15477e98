"""A vision-language model of transformers as what describes photos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from magic_demo.core.types import Language, Pixels
from magic_demo.models.answers.captions import Captioner
from magic_demo.models.answers.language.answerer import shrink
from magic_demo.models.answers.language.prompts import Templates, read_prompts
from magic_demo.models.answers.language.reader import PART_TYPES, LanguageReader
from magic_demo.models.loading.checkpoints import Checkpoint

MOST_TOKENS = 120
"""Of a caption."""


class LanguageCaptioner(Captioner):
    """A vision-language model that is asked to describe a photo, and always writes its likeliest words."""

    part_types = PART_TYPES
    known_as = "any vision-language model of transformers"

    def __init__(
        self, reader: LanguageReader, templates: Mapping[Language, Templates], *, model_id: str = ""
    ) -> None:
        self.reader, self.templates, self.model_id = reader, templates, model_id

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> Self:
        """Load for inference. Raises CheckpointError with one line when a part is missing or broken."""
        reader = LanguageReader.load(checkpoint)
        return cls(reader, read_prompts(checkpoint.folder), model_id=checkpoint.model_id)

    def describe(self, pixels: Pixels, language: Language) -> str:
        """Return what the model writes of a photo (H, W, 3) uint8 RGB. Raises ModelError."""
        templates = self.templates[language]
        asked, _ = self.reader.lay_out(templates.caption, 1, templates.reply)
        inputs = self.reader.encode(asked, [shrink(pixels)])
        return self.reader.write(inputs, MOST_TOKENS)
