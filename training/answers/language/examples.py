"""What a language model learns from: a case, one question, and the tokens of the right option alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from magic_demo.core.types import Family, Language
from magic_demo.files.photos.reading import read_photo
from magic_demo.models.answers.language.answerer import LanguageAnswerer, shrink
from magic_demo.questions.decoding import read_slots
from training.answers.language.settings import AdaptedDataSettings
from training.cases.sources import LearningCase
from training.runs.run import SettingsError

IGNORED = -100
"""A label that is no token: what the loss leaves out."""


@dataclass(frozen=True)
class Draw:
    """One example: the index of its case, its family, and the option that is right."""

    case: int
    family: int
    option: int
    language: Language


class OptionDraws(Dataset[dict[str, Tensor]]):
    """Everything that a run draws, epoch after epoch, listed beforehand: draw i is the same whenever it is asked
    for. Of a family's set one label is drawn."""

    def __init__(
        self,
        cases: Sequence[LearningCase],
        settings: AdaptedDataSettings,
        answerer: LanguageAnswerer,
        *,
        epochs: float,
        seed: int,
    ) -> None:
        self.cases, self.settings, self.answerer = cases, settings, answerer
        random = np.random.default_rng(seed)
        answered = [
            (index, number, family)
            for index, case in enumerate(cases)
            for number, family in enumerate(answerer.families)
            if any(question.qid in case.answers for question in family.questions)
        ]
        repeats = np.array([cases[index].source.repeat for index, _, _ in answered])
        self.epoch_length = max(1, round(float(repeats.sum())))
        self.order: list[Draw] = []
        whole = round(epochs * self.epoch_length)
        while len(self.order) < whole:
            counts = np.floor(repeats + random.random(len(answered))).astype(int)
            for place in random.permutation(np.repeat(np.arange(len(answered)), counts)):
                index, number, family = answered[place]
                labels = sorted(read_slots(cases[index].answers, family))
                language: Language = "zh" if random.random() < settings.chinese else "en"
                self.order.append(Draw(index, number, int(random.choice(labels)), language))
        self.order = self.order[:whole]

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        draw = self.order[index]
        case, family = self.cases[draw.case], self.answerer.families[draw.family]
        return make_example(self.answerer, case, family, draw, self.settings.most_photos)


def make_example(
    answerer: LanguageAnswerer, case: LearningCase, family: Family, draw: Draw, most_photos: int
) -> dict[str, Tensor]:
    """Return the model's inputs of one example, ``input_ids`` (1, T) first, with ``labels`` (1, T) of the option's
    tokens."""
    reader = answerer.reader
    photos = read_photos(case, most_photos) if reader.sees else []
    english, chinese = case.texts
    words = (chinese or english) if draw.language == "zh" else (english or chinese)
    inputs = reader.encode(answerer.write_case(words, len(photos), draw.language), photos)
    question, options = answerer.encode_question(family, len(photos), draw.language)
    option = options[draw.option]
    before = inputs["input_ids"].cpu()
    behind = torch.tensor([[*question, *option]])
    ids = torch.cat([before, behind], dim=1)
    labels = torch.full_like(ids, IGNORED)
    labels[:, -len(option) :] = ids[:, -len(option) :]
    example = {name: values.cpu() for name, values in inputs.items()}
    for name, values in example.items():
        if values.shape == before.shape and name != "input_ids":  # one number a token
            fill = torch.ones_like(behind) if name == "attention_mask" else torch.zeros_like(behind)
            example[name] = torch.cat([values, fill.to(values.dtype)], dim=1)
    most = reader.most_tokens
    if ids.shape[1] > most:
        raise SettingsError(
            "{case}: {count} tokens, the model reads {limit}; lower data.most_photos or leave the case out",
            case=case.case_id,
            count=ids.shape[1],
            limit=most,
        )
    return {**example, "input_ids": ids, "labels": labels}


def read_photos(case: LearningCase, most: int) -> list[Any]:
    """Return a case's first photos as the model is given them, (h, w, 3) uint8."""
    return [shrink(read_photo(path).pixels) for path in case.photos[:most]]


def collate(pad: int, examples: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Put examples side by side: what has a number a token is filled up on the right, photos follow one
    another."""
    longest = max(example["input_ids"].shape[1] for example in examples)
    fills = {"input_ids": pad, "labels": IGNORED}
    batch: dict[str, Tensor] = {}
    for name in dict.fromkeys(name for example in examples for name in example):
        rows = [example[name] for example in examples if name in example]
        if rows[0].shape == examples[0]["input_ids"].shape:
            rows = [
                torch.nn.functional.pad(row, (0, longest - row.shape[1]), value=fills.get(name, 0))
                for row in rows
            ]
        elif len({row.shape[1:] for row in rows}) > 1:
            raise SettingsError("this model's photos differ in size; set run.batch_size to 1")
        batch[name] = torch.cat(rows)
    return batch
