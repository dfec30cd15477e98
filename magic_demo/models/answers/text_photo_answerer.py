"""The text-and-photo answerer: its model with the tokenizer, the photo preprocessing and the option texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from magic_demo.core.errors import ModelError
from magic_demo.core.messages import Message
from magic_demo.core.types import Family, Language, OptionScores, Pixels
from magic_demo.models.answers.attribution import GREY, attribute_places, lay_out_grid
from magic_demo.models.answers.text_photo_model import TextPhotoAnswererModel
from magic_demo.models.backends.backend import Backend
from magic_demo.models.backends.encoder import Encoder
from magic_demo.models.interfaces import Answerer, SegmentedPhoto
from magic_demo.models.loading.checkpoints import Checkpoint, read_tokenizer
from magic_demo.models.loading.preprocessing import Preprocessing
from magic_demo.questions.decoding import PRIORS_NAME, SetPriors, read_priors
from magic_demo.questions.families import load_families, read_questions

QUESTIONS_NAME = "questions.json"
"""In a checkpoint that was trained on other questions than the challenge's, as ``write_questions`` writes them."""


class TextPhotoAnswerer(Answerer):
    """A loaded text-and-photo answerer with its tokenizer, photo preprocessing and the option vectors, which are
    encoded once.

    backend: what the encoders of photos and narratives run on; options are encoded in float32 before.
    """

    backend: Backend

    def __init__(
        self,
        model: TextPhotoAnswererModel,
        tokenizer: PreTrainedTokenizerBase,
        preprocessing: Preprocessing,
        *,
        model_id: str = "",
        set_priors: SetPriors | None = None,
        families: Sequence[Family] | None = None,
        backend: Backend = Backend(),  # noqa: B008  (frozen)
    ) -> None:
        self.model = model
        self.model.eval()  # type: ignore[no-untyped-call]
        self.tokenizer = tokenizer
        self.preprocessing = preprocessing
        self.model_id = model_id
        self.set_priors = set_priors
        self.families = tuple(families if families is not None else load_families())
        self.siblings = model.config.siblings
        self._units = list_units(self.families, model.config.option_texts)
        tokens = tokenize(
            tokenizer, list_option_texts(self._units, model.config.language), model.config.max_text_tokens
        )
        self._layout = option_layout(self._units)
        with torch.inference_mode():
            self._option_vectors = model.encode_options(tokens["input_ids"], tokens["attention_mask"])
        self.backend = backend
        self._read_photos, self._read_tokens = (
            backend.prepare(encoder) for encoder in self._describe_encoders()
        )

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> Self:
        """Load for inference. Raises CheckpointError with one line when anything is missing or broken."""
        priors, questions = checkpoint.folder / PRIORS_NAME, checkpoint.folder / QUESTIONS_NAME
        return cls(
            checkpoint.load_model(TextPhotoAnswererModel),
            read_tokenizer(checkpoint.folder),
            checkpoint.read_preprocessing(),
            model_id=checkpoint.model_id,
            set_priors=read_priors(priors) if priors.is_file() else None,
            families=read_questions(questions).families if questions.is_file() else None,
            backend=checkpoint.backend,
        )

    def look(self, photo: SegmentedPhoto) -> Tensor:
        """Return what ``encode_photo`` gives; the lesion is not read."""
        return self.encode_photo(photo.pixels)

    @torch.inference_mode()
    def encode_photo(self, pixels: Pixels) -> Tensor:
        """Return the photo encoder's map of a photo (H, W, 3) uint8 RGB: (N, C) or (C, h, w)."""
        (maps,) = self._read_photos(torch.from_numpy(self.preprocessing.apply(pixels))[None])
        return maps[0]

    def score(self, narrative: str, looks: Sequence[Tensor]) -> OptionScores:
        """Score every option of every question: qid -> (O,) float32 logits; siblings share their family's
        scores unless the model has texts of its own for each question.

        narrative: in any language, may be blank; what goes beyond the checkpoint's ``max_text_tokens`` is cut
        off. looks: maps of none or many photos. Raises ModelError when the model gives numbers that are not
        finite.
        """
        tokens = tokenize(self.tokenizer, [narrative], self.model.config.max_text_tokens)
        with torch.inference_mode():
            words = self._read_words(tokens)
            logits = self.model(
                text_states=words,
                photo_states=torch.stack(list(looks))[None] if looks else None,
                photo_mask=torch.ones(1, len(looks), dtype=torch.bool)
                if looks
                else torch.zeros(1, 1, dtype=torch.bool),
                option_vectors=self._option_vectors,
                **self._layout,
                **tokens,
            ).logits[0]
        if not bool(torch.isfinite(logits).all()):
            raise ModelError(
                "{model}: scores that are not finite came out for this case; fetch or train it again",
                model=self.model_id or Message("the model"),
            )
        return gather_scores(logits.float().numpy(), self.families, self._units, self.siblings)

    def attribute(
        self, narrative: str, looks: Sequence[Tensor], family_id: str, option: int
    ) -> list[NDArray[np.float32]]:
        """Return what each cell of each photo adds to an option's score, as ``score`` gives it: (h, w)
        float32 a photo, of any sign.

        h, w: the photo encoder's grid, which spans the whole photo. Raises KeyError for a family that the
        questions do not have, ModelError when the encoder's map is no grid.
        """
        columns = [
            place.start + option
            for unit, place in place_families(self._units)
            if unit.questions[0].family == family_id
        ]
        if not columns:
            raise KeyError(family_id)
        if not looks:
            return []
        tokens = tokenize(self.tokenizer, [narrative], self.model.config.max_text_tokens)
        with torch.no_grad():
            words = self._read_words(tokens)
        # what was made in inference mode takes no part in gradients
        shown, option_vectors = torch.stack(list(looks)).clone(), self._option_vectors.clone()
        plain = self.encode_photo(np.full((*self.preprocessing.size, 3), GREY, np.uint8)).clone()[None]

        def score(states: Tensor) -> Tensor:
            logits = self.model(
                photo_states=states,
                photo_mask=torch.ones(len(states), len(looks), dtype=torch.bool),
                text_states=words.expand(len(states), -1, -1) if words is not None else None,
                attention_mask=tokens["attention_mask"].expand(len(states), -1),
                option_vectors=option_vectors,
                **self._layout,
            ).logits
            return logits[:, columns].mean(dim=1)  # type: ignore[no-any-return]

        return [
            lay_out_grid(added.float(), self.preprocessing.size)
            for added in attribute_places(score, shown, plain)
        ]

    def _read_words(self, tokens: Mapping[str, Tensor]) -> Tensor | None:
        """Return what the text encoder makes of a narrative, (1, T, W); None where the model does not read it
        or it is blank."""
        if not self.model.config.narrative_input or not bool(tokens["attention_mask"].any()):
            return None
        (states,) = self._read_tokens(tokens["input_ids"], tokens["attention_mask"])
        return states

    def _describe_encoders(self) -> tuple[Encoder, Encoder]:
        """Return the encoders of photos and of narratives."""
        key = self.model_id if "@" in self.model_id else ""
        photo, some = torch.zeros(1, 3, *self.preprocessing.size), torch.ones(2, 4, dtype=torch.long)
        return (
            Encoder(
                lambda pixels: self.model.read_photos(pixels),
                self.model.vision_model,
                (photo,),
                key=key and f"{key} photos {self.preprocessing}",
            ),
            Encoder(
                lambda ids, mask: self.model.read_tokens(ids, mask),
                self.model.text_model,
                (some, some),
                free=2,
                key=key and f"{key} narratives",
            ),
        )


def list_units(families: Sequence[Family], option_texts: str) -> tuple[Family, ...]:
    """Return what has texts and scores of its own: each family, or with "question" each question, as a family
    of one slot whose id is its qid.

    Siblings that are worded alike are numbered, as the organisers number theirs ("2 Where is ...").
    """
    if option_texts == "family":
        return tuple(families)
    units = []
    for family in families:
        alike = len({question.text["en"] for question in family.questions}) < len(family.questions)
        for number, question in enumerate(family.questions, start=1):
            text = {
                language: f"{number} {words}" if alike else words for language, words in question.text.items()
            }
            own = replace(question, text=text)
            units.append(Family(question.qid, family.title, (own,), family.not_mentioned))
    return tuple(units)


def gather_scores(
    values: NDArray[np.float32], families: Sequence[Family], units: Sequence[Family], siblings: str
) -> dict[str, NDArray[np.float32]]:
    """Return qid -> (O,) float32 of the model's (O,) logits over ``units``.

    Where each question has scores of its own and siblings are answered by their parent, all of a family's
    have the log-odds that a label is in any of its slots.
    """
    scores = {
        question.qid: values[place].copy()
        for unit, place in place_families(units)
        for question in unit.questions
    }
    if siblings == "parent" and len(units) > len(families):
        for family in families:
            if len(family.questions) > 1:
                own = np.stack([scores[question.qid] for question in family.questions]).astype(np.float64)
                absent = np.log1p(-np.clip(np.exp(own), 1e-6, 1 - 1e-6)).sum(axis=0)
                odds = (np.log(-np.expm1(absent)) - absent).astype(np.float32)
                scores.update({question.qid: odds for question in family.questions})
    return scores


def place_families(families: Sequence[Family]) -> list[tuple[Family, slice]]:
    """Return where each family's options lie among the O options of the model's output."""
    places, start = [], 0
    for family in families:
        end = start + len(family.options["en"])
        places.append((family, slice(start, end)))
        start = end
    return places


def option_layout(families: Sequence[Family]) -> dict[str, Tensor]:
    """Return ``option_family`` and ``option_slots``, (O,) int64 each, as the model takes them."""
    sizes = torch.tensor([len(family.options["en"]) for family in families])
    slots = torch.tensor([len(family.questions) for family in families])
    return {
        "option_family": torch.arange(len(families)).repeat_interleave(sizes),
        "option_slots": slots.repeat_interleave(sizes),
    }


def list_option_texts(families: Sequence[Family], language: Language) -> list[str]:
    """Return the O texts that the model encodes: the family's question, then the option."""
    return [
        f"{family.questions[0].text[language]} {option}"
        for family in families
        for option in family.options[language]
    ]


def tokenize(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_tokens: int) -> dict[str, Tensor]:
    """Turn N texts into ``input_ids`` and ``attention_mask``, (N, T) int64, cut at ``max_tokens``; blank
    texts have a mask of zeros."""
    limit = min(max_tokens, tokenizer.model_max_length)
    encoded = tokenizer(list(texts), truncation=True, max_length=limit, padding=True, return_tensors="pt")
    blank = torch.tensor([not text.strip() for text in texts])
    ids, mask = encoded["input_ids"], encoded["attention_mask"]
    if ids.shape[1] == 0:  # a tokenizer without special tokens makes nothing of blank texts
        ids, mask = torch.zeros(len(texts), 1, dtype=torch.long), torch.zeros(len(texts), 1, dtype=torch.long)
    return {"input_ids": ids.long(), "attention_mask": mask.long() * ~blank[:, None]}


def stack_photos(
    cases: Sequence[Sequence[Pixels]], preprocessing: Preprocessing
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Stack B cases' photos into (B, P, 3, h, w) float32, P of the case with most (at least 1), zeros where
    there is none."""
    stacked = np.zeros(
        (len(cases), max(1, *(len(photos) for photos in cases), 1), 3, *preprocessing.size), np.float32
    )
    for row, photos in enumerate(cases):
        for place, pixels in enumerate(photos):
            stacked[row, place] = preprocessing.apply(pixels)
    return stacked
