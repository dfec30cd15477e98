"""A language model of transformers ready to be asked: its weights, tokenizer and, where it sees photos, processor,
from a folder alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoProcessor,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.auto_mappings import CONFIG_MAPPING_NAMES
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
)
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING

from magic_demo.core.errors import CheckpointError, ModelError, one_line
from magic_demo.core.types import Pixels
from magic_demo.files.checkpoint_files import ENCODERS
from magic_demo.models.backends.backend import Backend
from magic_demo.models.loading.checkpoints import Checkpoint, read_tokenizer

SEEING_TYPES = frozenset(MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES)
"""``model_type`` of the vision-language models."""
READING_TYPES = frozenset(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES) - SEEING_TYPES - ENCODERS
"""``model_type`` of the language models that see no photo."""
PART_TYPES = frozenset(CONFIG_MAPPING_NAMES)
"""``model_type`` that a part of one may have: the library's own classes."""
SPLIT = "<<the question>>"
"""Stands for the question where a conversation is laid out, which is then cut there."""
LONGEST_SIDE = 1024
"""Pixels of a photo's longer side that a model is given; it resizes further by itself."""


@dataclass(frozen=True, eq=False)
class LanguageReader:
    """A model with what turns text and photos into its tokens.

    processor: of a vision-language model, None for one that reads text alone.
    """

    model: Any
    tokenizer: PreTrainedTokenizerBase
    processor: Any = None
    backend: Backend = Backend()  # noqa: RUF009  (frozen)

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> LanguageReader:
        """Load for inference. Raises CheckpointError with one line when a part is missing or broken."""
        sees = str(checkpoint.read_config()["model_type"]) in SEEING_TYPES
        model = checkpoint.load_model(AutoModelForImageTextToText if sees else AutoModelForCausalLM)
        if model.config.is_encoder_decoder:
            raise CheckpointError(
                "{folder}: {model} encodes and decodes apart; a model that goes on with a text is expected",
                folder=checkpoint.folder,
                model=type(model).__name__,
            )
        backend = checkpoint.backend
        if backend.name == "openvino":  # which encoders are converted for; this one is run as it is
            backend = Backend("torch")
        if backend.name == "cuda":
            model.to("cuda", torch.float32 if backend.exact else torch.bfloat16)
        elif backend.name == "bfloat16":
            model.to(torch.bfloat16)
        tokenizer = read_tokenizer(checkpoint.folder)
        return cls(model, tokenizer, load_processor(checkpoint.folder) if sees else None, backend)

    @property
    def sees(self) -> bool:
        """Return whether the model reads photos."""
        return self.processor is not None

    @property
    def most_tokens(self) -> int:
        """Return how many tokens the model reads at most."""
        config = self.model.config.get_text_config()
        return int(getattr(config, "max_position_embeddings", None) or 1 << 20)

    @property
    def chats(self) -> bool:
        """Return whether the model has a format of conversations."""
        return bool(self._renderer.chat_template)

    @property
    def _renderer(self) -> Any:
        # a processor may have none of its own, and its tokenizer one
        if self.processor is not None and self.processor.chat_template:
            return self.processor
        return self.tokenizer

    def lay_out(self, text: str, photos: int, reply: str) -> tuple[str, str]:
        """Return what comes before and after ``SPLIT`` in ``text`` once it is put to the model: as the one turn of a
        conversation, or, without a format of conversations, as it is with ``reply`` behind. photos: how many are
        shown before the text."""
        shown = "".join(f"{self.processor.image_token}\n" for _ in range(photos)) if photos else ""
        if not self.chats:
            before, _, after = f"{shown}{text}\n{reply}".partition(SPLIT)
            return before, after
        content: Any = shown + text
        if self._renderer is self.processor:
            content = [*({"type": "image"} for _ in range(photos)), {"type": "text", "text": text}]
        turns = [{"role": "user", "content": content}]
        try:
            laid = self._renderer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        except Exception as error:  # whatever a checkpoint's template does
            raise ModelError(
                "the model's format of conversations failed ({reason}); fetch the checkpoint again",
                reason=one_line(error),
            ) from error
        before, cut, after = laid.partition(SPLIT)
        if not cut and SPLIT in text:
            raise ModelError(
                "the model's format of conversations leaves the question out; choose another model"
            )
        return before, after

    def plain(self, words: str) -> str:
        """Return words in which none of the model's own marks stand, such as those that end a turn or hold a photo:
        what somebody wrote is words."""
        marks = {SPLIT, *self.tokenizer.all_special_tokens}
        marks |= {str(token) for token in self.tokenizer.added_tokens_decoder.values()}
        if self.processor is not None:
            marks.add(self.processor.image_token)
        for mark in sorted(marks, key=len, reverse=True):
            if len(mark) > 1:
                words = words.replace(mark, f"{mark[0]} {mark[1:]}")
        return words

    def encode(self, text: str, photos: Sequence[Pixels] = ()) -> dict[str, Tensor]:
        """Return the model's inputs, ``input_ids`` (1, T) first, of a text with a mark for each photo
        (H, W, 3) uint8."""
        begins = self.tokenizer.bos_token
        # a format of conversations brings its own beginning, if any
        special = not self.chats or (self.sees and not (begins and text.startswith(begins)))
        try:
            if photos:
                images = [Image.fromarray(np.ascontiguousarray(pixels)) for pixels in photos]
                found = self.processor(
                    text=[text], images=images, add_special_tokens=special, return_tensors="pt"
                )
            else:
                found = self.tokenizer([text], add_special_tokens=special, return_tensors="pt")
        except Exception as error:  # whatever a processor stumbles over
            raise ModelError(
                "the model's processor failed on this case ({reason})", reason=one_line(error)
            ) from error
        device, kind = self.model.device, self.model.dtype
        return {
            name: values.to(device, kind) if values.is_floating_point() else values.to(device)
            for name, values in found.items()
            if isinstance(values, Tensor)
        }

    @torch.inference_mode()
    def write(self, inputs: Mapping[str, Tensor], most: int) -> str:
        """Return what the model writes behind what ``encode`` gave, of at most ``most`` tokens: at each place the
        likeliest one, so that it is the same each time; without line breaks and what cannot be printed. Raises
        ModelError."""
        tokenizer = self.tokenizer
        end = tokenizer.eos_token_id
        try:
            written = self.model.generate(
                **inputs,
                max_new_tokens=most,
                do_sample=False,
                num_beams=1,
                pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else end,
            )
        except Exception as error:  # whatever a model stumbles over
            raise ModelError("the model wrote nothing ({reason})", reason=one_line(error)) from error
        own = written[0, inputs["input_ids"].shape[1] :]
        text = str(tokenizer.decode(own, skip_special_tokens=True))
        return " ".join("".join(one if one.isprintable() else " " for one in text).split())

    def encode_behind(self, before: str, text: str) -> list[int]:
        """Return the tokens of a text where it follows another one that is tokens already."""
        alone = self._tokens(before)
        whole = self._tokens(before + text)
        return whole[len(alone) :] if whole[: len(alone)] == alone else self._tokens(text)

    def _tokens(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])


def load_processor(folder: Path) -> Any:
    """Load what turns photos and text into a vision-language model's input.

    Without torchvision, which reads films alone, the processor is made without that part. Raises CheckpointError
    where the photos' own part needs torchvision too, or a file is missing or broken.
    """
    own = {"local_files_only": True, "trust_remote_code": False}
    try:
        try:
            return AutoProcessor.from_pretrained(folder, **own)  # type: ignore[no-untyped-call]
        except ImportError as error:
            if "ideo" not in str(error):
                raise
        config = AutoConfig.from_pretrained(folder, **own)
        return _without_films(PROCESSOR_MAPPING[type(config)]).from_pretrained(folder, **own)
    except ImportError as error:
        raise CheckpointError(
            "{folder}: the processor of this model's photos needs another package ({reason}); install it, or choose "
            "a model whose processor does without (docs/systems.md)",
            folder=folder,
            reason=one_line(error, 120),
        ) from error
    except Exception as error:  # as in ``load_model``
        raise CheckpointError(
            "{folder}: the processor cannot be loaded ({reason}); fetch the checkpoint again",
            folder=folder,
            reason=one_line(error),
        ) from error


def _without_films(base: Any) -> Any:
    """Return a processor's class that does without the part for films."""

    class WithoutFilms(base):  # type: ignore[misc]
        @classmethod
        def _get_arguments_from_pretrained(cls, source: Any, *_: Any, **__: Any) -> list[Any]:
            parts = {"tokenizer": read_tokenizer, "image_processor": _load_photo_part}
            return [parts[name](Path(source)) if name in parts else None for name in cls.get_attributes()]

        def check_argument_for_proper_class(self, name: str, part: Any) -> Any:
            return None if part is None else super().check_argument_for_proper_class(name, part)

    WithoutFilms.__name__ = base.__name__  # by which the library looks for things
    return WithoutFilms


def _load_photo_part(folder: Path) -> Any:
    return AutoImageProcessor.from_pretrained(  # type: ignore[no-untyped-call]
        folder, local_files_only=True, trust_remote_code=False
    )
