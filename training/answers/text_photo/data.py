"""Cases as training sees them: what an epoch walks through, and the collator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from magic_demo.core.types import Answers, Family, Pixels
from magic_demo.files.photos.reading import read_photo
from magic_demo.models.answers.text_photo_answerer import (
    list_option_texts,
    option_layout,
    place_families,
    stack_photos,
    tokenize,
)
from magic_demo.models.loading.preprocessing import Preprocessing
from training.cases.sources import CaseSource, LearningCase
from training.runs.augment import AugmentSettings, augment_pair
from training.runs.ranges import Count, Share
from training.runs.reports.data_table import BadFiles


@dataclass(frozen=True)
class CaseDataSettings:
    """What a run sees. Shares are in 0..1.

    folder: below which the sources' own folders lie. evaluation: sources that the run is judged by.
    chinese: share of the draws that have the Chinese text. text_dropout, photo_dropout: shares that lose all
    their text, all their photos; never both. photo_families: families that a draw which lost its text still
    teaches, all when empty: photos do not tell the others. word_dropout: share of the words left out.
    most_photos: photos of a case in one draw.
    augment: how a photo is varied; nothing to leave photos as they are. draw: what one example is, a case
    with all its questions or one question of it. cache: folder for what frozen encoders give; null encodes
    everything again in every epoch. questions: a question file in the organisers' layout; the questions that
    come with the program where it is null. least_found: share of the answers that must have an encounter, and
    of the photos named that must have a file; below it the run is refused. bad_files: whether photos that
    cannot be read stop the run before its first step, all of them listed, or are left out.
    """

    folder: Path
    training: tuple[CaseSource, ...]
    evaluation: tuple[CaseSource, ...]
    chinese: Share = 0.3
    text_dropout: Share = 0.1
    photo_dropout: Share = 0.2
    photo_families: tuple[str, ...] = ()
    word_dropout: Share = 0.1
    most_photos: Count = 3
    augment: AugmentSettings | None = field(
        default_factory=lambda: AugmentSettings(
            rotation=180, zoom_in=1.1, zoom_out=1.1, stretch=1.1, shift=0.05, perspective=0.03, colour=0.3
        )
    )
    draw: Literal["case", "question"] = "case"
    cache: Path | None = None
    questions: Path | None = None
    least_found: Share = 0.95
    bad_files: BadFiles = "refuse"


@dataclass(frozen=True, eq=False)
class Draw:
    """What is learnt from once: a text, maybe empty, paths of photos, (O,) labels, and the chance by which
    words and photos vary."""

    text: str
    photos: tuple[Path, ...]
    labels: NDArray[np.float32]
    random: np.random.Generator


def make_labels(answers: Answers, families: Sequence[Family], *, sets: bool) -> NDArray[np.float32]:
    """Turn a case's answers into (O,) labels as the model takes them: membership or, without ``sets``, shares
    of a family's slots.

    A family that has no answer is NaN.
    """
    labels = np.full(sum(len(family.options["en"]) for family in families), np.nan, np.float32)
    for family, place in place_families(families):
        given = [answers[question.qid] for question in family.questions if question.qid in answers]
        if given:
            counts = np.bincount(given, minlength=place.stop - place.start).astype(np.float32)
            labels[place] = (counts > 0) if sets else counts / len(given)
    return labels


class PhotoShelf:
    """Photos kept in memory at the size that a model takes, read when first asked for."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        self.preprocessing = preprocessing
        self._kept: dict[Path, Pixels] = {}

    def read(self, path: Path) -> Pixels:
        """Return (h, w, 3) uint8."""
        if path not in self._kept:
            self._kept[path] = self.preprocessing.shrink(read_photo(path).pixels)
        return self._kept[path]


class CaseDraws(Dataset[dict[str, Any]]):
    """Everything that a run draws, epoch after epoch, listed beforehand: draw i is the same whenever it is
    asked for. units: what has labels of its own, see ``list_units``."""

    def __init__(
        self,
        cases: Sequence[LearningCase],
        settings: CaseDataSettings,
        shelf: PhotoShelf,
        *,
        units: Sequence[Family],
        epochs: float,
        sets: bool,
        seed: int,
    ) -> None:
        self.cases, self.settings, self.shelf, self.sets, self.seed = cases, settings, shelf, sets, seed
        self.units = units
        self._unit_of = {
            question.qid: index for index, unit in enumerate(units) for question in unit.questions
        }
        random = np.random.default_rng(seed)
        repeats = np.array([case.source.repeat for case in cases])
        examples: list[tuple[int, str]] = [(index, "") for index in range(len(cases))]
        if settings.draw == "question":
            examples = [(index, qid) for index, case in enumerate(cases) for qid in case.answers]
            repeats = np.array([cases[index].source.repeat for index, _ in examples])
        self.epoch_length = max(1, round(float(repeats.sum())))
        self.order: list[tuple[int, str]] = []
        for _ in range(max(1, round(epochs))):
            counts = np.floor(repeats + random.random(len(examples))).astype(int)
            self.order.extend(
                examples[place] for place in random.permutation(np.repeat(np.arange(len(examples)), counts))
            )

    def __len__(self) -> int:
        return len(self.order)

    def choose(self, place: int) -> Draw:
        """Return what draw ``place`` is made of."""
        random = np.random.default_rng([self.seed, place])
        index, qid = self.order[place]
        case, settings = self.cases[index], self.settings
        english, chinese = case.texts
        text = (chinese or english) if random.random() < settings.chinese else (english or chinese)
        paths, answers = list(case.photos), case.answers
        lose_text, lose_photos = (
            random.random() < settings.text_dropout,
            random.random() < settings.photo_dropout,
        )
        if paths and text and lose_photos:
            paths = []
        elif paths and text and lose_text:
            text = ""
            if settings.photo_families:
                answers = {
                    qid: index
                    for qid, index in answers.items()
                    if qid.partition("-")[0] in settings.photo_families
                }
        if qid:
            answers = {qid: case.answers[qid]}
        chosen = tuple(paths[index] for index in random.permutation(len(paths))[: settings.most_photos])
        return Draw(text, chosen, make_labels(answers, self.units, sets=self.sets), random)

    def list_texts(self) -> set[str]:
        """Return every text that may be drawn, whole."""
        languages = [0, 1] if self.settings.chinese > 0 else [0]
        return {
            case.texts[language] or case.texts[1 - language] for case in self.cases for language in languages
        }

    def __getitem__(self, place: int) -> dict[str, Any]:
        drawn = self.choose(place)
        return {
            "text": drop_words(drawn.text, self.settings.word_dropout, drawn.random),
            "photos": [self._vary(self.shelf.read(path), drawn.random) for path in drawn.photos],
            "labels": drawn.labels,
            **self.name_unit(place),
        }

    def name_unit(self, place: int) -> dict[str, int]:
        """Return ``unit``, the one that a draw of a single question teaches; nothing of a whole case."""
        qid = self.order[place][1]
        return {"unit": self._unit_of[qid]} if qid else {}

    def _vary(self, pixels: Pixels, random: np.random.Generator) -> Pixels:
        if self.settings.augment is None:
            return pixels
        nothing = np.zeros(pixels.shape[:2], np.float32)
        return augment_pair(pixels, nothing, self.shelf.preprocessing.size, random, self.settings.augment)[0]


class EvaluationCases(Dataset[dict[str, Any]]):
    """Cases as they come, in order: the English text or else the Chinese, all photos, nothing left out."""

    def __init__(
        self, cases: Sequence[LearningCase], shelf: PhotoShelf, *, units: Sequence[Family], sets: bool
    ) -> None:
        self.cases, self.shelf, self.units, self.sets = cases, shelf, units, sets

    def __len__(self) -> int:
        return len(self.cases)

    def choose(self, index: int) -> Draw:
        """Return what case ``index`` is made of."""
        case = self.cases[index]
        labels = make_labels(case.answers, self.units, sets=self.sets)
        return Draw(case.texts[0] or case.texts[1], case.photos, labels, np.random.default_rng(0))

    def list_texts(self) -> set[str]:
        """Return every text, whole."""
        return {case.texts[0] or case.texts[1] for case in self.cases}

    def __getitem__(self, index: int) -> dict[str, Any]:
        case = self.choose(index)
        return {
            "text": case.text,
            "photos": [self.shelf.read(path) for path in case.photos],
            "labels": case.labels,
        }


def make_collator(
    tokenizer: PreTrainedTokenizerBase,
    preprocessing: Preprocessing,
    *,
    units: Sequence[Family],
    most_tokens: int,
    language: Literal["en", "zh"],
) -> Callable[[list[dict[str, Any]]], dict[str, Tensor]]:
    """Return what turns drawn cases into the model's batch; the options come along, as their encoder learns
    too."""
    options = tokenize(tokenizer, list_option_texts(units, language), most_tokens)
    shared = {**option_layout(units), **{f"option_{name}": values for name, values in options.items()}}

    def collate(items: list[dict[str, Any]]) -> dict[str, Tensor]:
        photos = [item["photos"] for item in items]
        places = max(1, *(len(of_case) for of_case in photos), 1)
        return {
            **tokenize(tokenizer, [item["text"] for item in items], most_tokens),
            "pixel_values": torch.from_numpy(stack_photos(photos, preprocessing)),
            "photo_mask": torch.tensor(
                [[place < len(of_case) for place in range(places)] for of_case in photos]
            ),
            "labels": torch.from_numpy(np.stack([item["labels"] for item in items])),
            **pick_options(shared, items),
        }

    return collate


def pick_options(shared: Mapping[str, Tensor], items: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    """Return what a batch needs of the options: where every item teaches one unit, these units' alone, and
    ``option_places`` (o,), where they lie among all."""
    drawn = {item.get("unit") for item in items}
    if None in drawn:
        return dict(shared)
    places = torch.isin(shared["option_family"], torch.tensor(sorted(map(int, drawn)))).nonzero().squeeze(1)  # type: ignore[arg-type]
    return {**{name: values[places] for name, values in shared.items()}, "option_places": places}


def drop_words(text: str, share: float, random: np.random.Generator) -> str:
    """Leave out about ``share`` of the words; of a text without spaces, of the characters."""
    pieces, glue = (text.split(), " ") if " " in text.strip() else (list(text), "")
    kept = [piece for piece in pieces if random.random() >= share]
    return glue.join(kept or pieces)
