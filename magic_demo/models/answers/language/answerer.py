"""Any language or vision-language model of transformers as an answerer: every option is scored by how likely the model
finds it, given photos, words and question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.errors import ModelError
from magic_demo.core.types import Family, Language, OptionScores, Pixels
from magic_demo.imaging.resize import resize_pixels
from magic_demo.models.answers.language.likelihood import (
    Prefix,
    extend,
    read_prefix,
    score_continuations,
)
from magic_demo.models.answers.language.prompts import (
    AskedCase,
    Templates,
    list_options,
    read_prompts,
    speak,
)
from magic_demo.models.answers.language.reader import LONGEST_SIDE, PART_TYPES, SPLIT, LanguageReader
from magic_demo.models.answers.language.reasoning import SecondPass
from magic_demo.models.backends.backend import Backend
from magic_demo.models.interfaces import Answerer, SegmentedPhoto
from magic_demo.models.loading.checkpoints import Checkpoint
from magic_demo.questions.decoding import PRIORS_NAME, SetPriors, read_priors
from magic_demo.questions.families import load_families
from magic_demo.questions.shares import as_scores, log_odds, log_softmax, softmax

BLANK = (384, 384, 3)
"""Size of the grey photo of an empty case."""


class LanguageAnswerer(Answerer):
    """A language model that is asked each family's question once; photos and words are read once a case.

    What it says of an empty case (no words, a blank photo) is taken off its scores, so that an option which is likely
    whatever the case is not preferred for it (contextual calibration).
    """

    backend: Backend | None
    part_types = PART_TYPES
    known_as = "any language model of transformers"

    def __init__(
        self,
        reader: LanguageReader,
        templates: Mapping[Language, Templates],
        *,
        model_id: str = "",
        set_priors: SetPriors | None = None,
        families: Sequence[Family] | None = None,
    ) -> None:
        self.reader, self.templates, self.model_id = reader, templates, model_id
        self.set_priors = set_priors
        self.families = tuple(families if families is not None else load_families())
        self.backend = reader.backend
        self._empty: dict[tuple[Language, bool], dict[str, NDArray[np.float64]]] = {}

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> Self:
        """Load for inference. Raises CheckpointError with one line when a part is missing or broken."""
        priors = checkpoint.folder / PRIORS_NAME
        return cls(
            LanguageReader.load(checkpoint),
            read_prompts(checkpoint.folder),
            model_id=checkpoint.model_id,
            set_priors=read_priors(priors) if priors.is_file() else None,
        )

    def look(self, photo: SegmentedPhoto) -> Pixels | None:
        """Return a photo as the model is given it, (h, w, 3) uint8; None where it sees none."""
        return shrink(photo.pixels) if self.reader.sees else None

    def score(self, narrative: str, looks: Sequence[Pixels | None]) -> OptionScores:
        """Score every option of every question: qid -> (O,) float32; siblings share their family's scores.

        Raises ModelError where photos and words are more than the model reads, or the model gives no numbers.
        """
        case = AskedCase(narrative, [look for look in looks if look is not None], speak(narrative))
        return self.as_scores(self.rate_options(case), case)

    def as_scores(
        self, likely: Mapping[str, NDArray[np.float64]], case: AskedCase
    ) -> dict[str, NDArray[np.float32]]:
        """Return qid -> (O,) float32 of what ``rate_options`` gave, less what the empty case gets."""
        empty = self._rate_empty(case.language, bool(case.photos))
        scores: dict[str, NDArray[np.float32]] = {}
        for family in self.families:
            values = self._as_scores(likely[family.family_id] - empty[family.family_id], family)
            scores.update({question.qid: values for question in family.questions})
        return scores

    def think_twice(self, neighbours: Answerer | None) -> Answerer:
        """Return this model with a second pass over its own answers."""
        return SecondPass(self, neighbours)

    def forget_empty(self) -> None:
        """Forget what was said of empty cases, after the model has learnt."""
        self._empty.clear()

    def rate_options(self, case: AskedCase) -> dict[str, NDArray[np.float64]]:
        """Return family id -> (O,) mean log-probability of each option's tokens: one full pass over photos and
        words, and two short ones a family behind it."""
        prefix = self.read_case(case)
        likely = {}
        for family in self.families:
            hint = case.hints.get(family.family_id, "")
            question, options = self.encode_question(family, len(case.photos), case.language, hint)
            asked = extend(self.reader.model, prefix, question)
            values = np.array(score_continuations(self.reader.model, asked, options))
            if not np.isfinite(values).all():
                raise ModelError(
                    "{model}: scores that are not finite came out for this case; fetch or train it again",
                    model=self.model_id,
                )
            likely[family.family_id] = values
        return likely

    def write_case(self, narrative: str, photos: int, language: Language, found: str = "") -> str:
        """Return the text that comes before every question, in the model's own format."""
        words = self.templates[language].write_case(self.reader.plain(narrative)) + found
        return self.reader.lay_out(words + SPLIT, photos, self.templates[language].reply)[0]

    def encode_question(
        self, family: Family, photos: int, language: Language, hint: str = ""
    ) -> tuple[list[int], list[list[int]]]:
        """Return the tokens of a question, behind the case, and those of each of its options, behind the
        question."""
        templates, reader = self.templates[language], self.reader
        before, after = reader.lay_out(SPLIT, photos, templates.reply)
        asked = hint + templates.write_question(family, language) + after
        blank = " " if not reader.chats and language == "en" else ""
        options = [reader.encode_behind(asked, blank + option) for option in list_options(family, language)]
        return reader.encode_behind(before[-8:], asked), options

    def read_case(self, case: AskedCase) -> Prefix:
        """Read photos and words; words that are more than the model reads are cut off at their end."""
        words, photos = case.narrative, case.photos
        room = self.reader.most_tokens - self._longest(case.language, case.hints)
        while True:
            inputs = self.reader.encode(
                self.write_case(words, len(photos), case.language, case.found), photos
            )
            count = int(inputs["input_ids"].shape[1])
            if count <= room:
                return read_prefix(self.reader.model, inputs)
            if not words.strip():
                raise ModelError(
                    "photos of {count} tokens; the model reads {limit} beside a question, so give it fewer "
                    "photos",
                    count=count,
                    limit=room,
                )
            words = words[: min(len(words) - 1, int(0.9 * len(words) * max(room, 0) / count))]

    def _longest(self, language: Language, hints: Mapping[str, str]) -> int:
        """Return how many tokens the longest question has with its longest option."""
        asked = [
            self.encode_question(family, 0, language, hints.get(family.family_id, ""))
            for family in self.families
        ]
        return max(len(question) + max(map(len, options)) for question, options in asked)

    def _rate_empty(self, language: Language, with_photo: bool) -> dict[str, NDArray[np.float64]]:
        key = (language, with_photo)
        if key not in self._empty:
            photos = [np.full(BLANK, 127, np.uint8)] if with_photo else []
            self._empty[key] = self.rate_options(AskedCase("", photos, language))
        return self._empty[key]

    def _as_scores(self, likely: NDArray[np.float64], family: Family) -> NDArray[np.float32]:
        """Return log-probabilities of a family's options, or log-odds where its answer is a set; there what
        the priors say of an option is what the empty case is worth."""
        if len(family.questions) == 1:
            return log_softmax(likely).astype(np.float32)
        priors = (self.set_priors or {}).get(family.family_id)
        if priors is not None:
            rates = np.clip(np.asarray(priors.rates, np.float64), 1e-3, 1 - 1e-3)
            return np.asarray(likely - likely.mean() + log_odds(rates), np.float32)
        return as_scores(softmax(likely), False, 1e-6).astype(np.float32)


def shrink(pixels: Pixels) -> Pixels:
    """Return a photo (H, W, 3) uint8 whose longer side has LONGEST_SIDE pixels at most."""
    height, width = pixels.shape[:2]
    scale = LONGEST_SIDE / max(height, width)
    if scale >= 1:
        return pixels
    return resize_pixels(pixels, (max(1, round(height * scale)), max(1, round(width * scale))))
