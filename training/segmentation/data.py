"""Photos with lesion masks for training: sources, the list an epoch walks through, and the collator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from magic_demo.core.types import Mask, Pixels
from magic_demo.imaging.resize import resize_pixels
from magic_demo.models.loading.preprocessing import Preprocessing
from training.runs.augment import AugmentSettings, Share, augment_pair, list_transformations, transform_pair
from training.runs.ranges import CountOrNone, Side
from training.runs.ranges import Share as Part
from training.runs.reports.data_table import BadFiles
from training.runs.run import SettingsError
from training.segmentation.sources import Example, SourceSettings

Target = Literal["union", "majority", "strict majority", "mean"]


@dataclass(frozen=True)
class DataSettings:
    """What a run sees.

    folder: below which the sources' own folders lie. size: side of the square input, pixels; 0 keeps the
    checkpoint's.
    target: what the annotators' masks become: any of them; at least half of them, as the organisers score, so
    that a tie is lesion; more than half of them, as in the readers' consensus, so that a tie is skin; or the
    share of them.
    prompt_dropout: share of the draws that have no prompt. borrowed_prompts: a file of encounters whose
    narratives are given to photos that have none, so that words which say nothing of the photo do no harm.
    cache_side: photos are kept in memory with this longest side, pixels.
    normalization: of the checkpoint, or CLIP's own. views: 0 draws a new augmented view each time; K draws
    one of K that a photo has.
    transformations: null mixes those of ``augment`` in each view; ``each`` makes a fixed set of views: an epoch
    holds every photo as it is and under each transformation alone, by an amount that is drawn once.
    cache: folder for the outputs of frozen encoders, see ``training.segmentation.features``; it needs
    ``augment: null``, ``views`` or ``transformations: each``.
    least_found: share of the photos that a source names that must have a file, and of these a mask; below it
    the run is refused. bad_files: whether photos or masks that cannot be read stop the run before its first
    step, all of them listed, or are left out.
    """

    folder: Path
    training: tuple[SourceSettings, ...]
    evaluation: tuple[SourceSettings, ...]
    size: CountOrNone = 0
    target: Target = "mean"
    prompt_dropout: Part = 0.5
    borrowed_prompts: Path | None = None
    cache_side: Side = 320
    augment: AugmentSettings | None = field(default_factory=AugmentSettings)
    normalization: Literal["checkpoint", "clip"] = "checkpoint"
    views: CountOrNone = 0
    transformations: Literal["each"] | None = None
    cache: Path | None = None
    least_found: Part = 0.95
    bad_files: BadFiles = "refuse"

    def list_each(self) -> tuple[str, ...]:
        """Return the transformations of which an epoch has a view of each photo, none where views are mixed."""
        return list_transformations(self.augment) if self.transformations and self.augment else ()


def check_transformations(settings: DataSettings) -> None:
    """Raise SettingsError where ``transformations: each`` has nothing to make views of, or ``views`` asks for
    others."""
    if settings.transformations and settings.augment is None:
        raise SettingsError(
            "data.transformations: 'each' makes views of what data.augment allows, which is null; leave "
            "data.augment out, or set data.transformations to null"
        )
    if settings.transformations and settings.views:
        raise SettingsError(
            "data.views: {views} mixed views and data.transformations: 'each' are two sets of views; leave one out",
            views=settings.views,
        )


def merge_masks(masks: Sequence[Mask], target: Target) -> Share:
    """Turn the annotators' masks (H, W) into one target (H, W) in 0..1, see ``DataSettings.target``."""
    share: Share = np.asarray(np.mean([mask.astype(np.float32) for mask in masks], axis=0), dtype=np.float32)
    if target == "union":
        return (share > 0).astype(np.float32)
    if target == "majority":
        return (share >= 0.5).astype(np.float32)
    if target == "strict majority":
        return (share > 0.5).astype(np.float32)
    return share


def to_bytes(share: Share) -> NDArray[np.uint8]:
    """Turn 0..1 into 0..255, as targets are kept in memory."""
    return np.rint(share * 255).astype(np.uint8)


def to_share(values: NDArray[np.uint8]) -> Share:
    """Turn 0..255 back into 0..1."""
    return np.asarray(values, dtype=np.float32) / np.float32(255)


class PhotoCache:
    """Photos and targets as they are drawn again and again: decoded once, shrunk, uint8 in memory."""

    def __init__(self, examples: Sequence[Example], *, side: int, target: Target) -> None:
        self.examples = examples
        self.side = side
        self.target: Target = target
        self._kept: dict[int, tuple[Pixels, NDArray[np.uint8]]] = {}

    def __len__(self) -> int:
        return len(self.examples)

    def read(self, index: int) -> tuple[Pixels, Share]:
        """Return photo (H, W, 3) uint8 and target (H, W) in 0..1, the longest side at most ``side``
        pixels."""
        kept = self._kept.get(index)
        if kept is None:
            pixels, masks = self.examples[index].read()
            scale = min(1.0, self.side / max(pixels.shape[:2]))
            size = max(1, round(pixels.shape[0] * scale)), max(1, round(pixels.shape[1] * scale))
            kept = resize_pixels(pixels, size), resize_pixels(to_bytes(merge_masks(masks, self.target)), size)
            self._kept[index] = kept
        return kept[0], to_share(kept[1])

    def forget(self, index: int) -> None:
        """Let go of a photo that is not asked for again."""
        self._kept.pop(index, None)


class TrainingDraws(Dataset[dict[str, Any]]):
    """Every draw of a run, in order.

    Draw i depends on the seed and on i alone, so a resumed run goes on as it would have.

    An epoch holds each example as often as its source's ``repeat`` says (a fraction: that share of them,
    others each epoch), under ``transformations: each`` with all of its views.

    views: numbered views of an example, 0 to ``views`` - 1.
    """

    def __init__(
        self,
        settings: DataSettings,
        examples: Sequence[Example],
        preprocessing: Preprocessing,
        *,
        epochs: float,
        seed: int,
        borrowed: Sequence[str] = (),
    ) -> None:
        self.settings = settings
        self.preprocessing = preprocessing
        self.seed = seed
        self.borrowed = borrowed
        self.cache = PhotoCache(examples, side=settings.cache_side, target=settings.target)
        self.transformations = settings.list_each()
        self.views = max(settings.views, 1 + len(self.transformations))
        self.epoch_length = len(self._list_epoch(0))
        self.length = max(1, round(self.epoch_length * epochs))
        self._epoch: tuple[int, NDArray[np.int64]] = (-1, np.zeros(0, np.int64))

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, draw: int) -> dict[str, Any]:
        index, view, random = self.choose(draw)
        pixels, share = self.look(index, view, random)
        return {
            "pixel_values": self.preprocessing.apply(pixels),
            "labels": share,
            "prompt": self.ask(index, random),
            "style": self.cache.examples[index].style,
        }

    def choose(self, draw: int) -> tuple[int, int, np.random.Generator]:
        """Return which example and which of its views a draw shows, and the generator of what else is left to
        chance."""
        if not 0 <= draw < self.length:
            raise IndexError(draw)
        epoch, place = divmod(draw, self.epoch_length)
        if self._epoch[0] != epoch:
            self._epoch = epoch, self._list_epoch(epoch)
        random = np.random.default_rng((self.seed, 1, draw))
        index, view = divmod(int(self._epoch[1][place]), 1 + len(self.transformations))
        if self.settings.views:
            view = int(random.integers(self.settings.views))
        return index, view, random

    def look(self, index: int, view: int, random: np.random.Generator) -> tuple[Pixels, Share]:
        """Return an example's photo (h, w, 3) and target (h, w): as it is, its view of that number, or a new
        view drawn by ``random``."""
        pixels, share = self.cache.read(index)
        size = self.preprocessing.size
        augment, fixed = self.settings.augment, self.settings.views or self.transformations
        if augment is None or (self.transformations and view == 0):
            return self.preprocessing.shrink(pixels), to_share(resize_pixels(to_bytes(share), size))
        own = np.random.default_rng((self.seed, 2, index, view)) if fixed else random
        if self.transformations:
            return transform_pair(self.transformations[view - 1], pixels, share, size, own, augment)
        return augment_pair(pixels, share, size, own, augment)

    def ask(self, index: int, random: np.random.Generator) -> str:
        """Return the prompt that an example is asked with: one of its own or a borrowed one, or none."""
        prompts = self.cache.examples[index].prompts or self.borrowed
        given = len(prompts) > 0 and random.random() >= self.settings.prompt_dropout
        return str(prompts[int(random.integers(len(prompts)))]) if given else ""

    def _list_epoch(self, epoch: int) -> NDArray[np.int64]:
        """Return the draws of an epoch: example times views of ``transformations: each``, plus the view."""
        random = np.random.default_rng((self.seed, 0, epoch))
        repeats = np.array([example.repeat for example in self.cache.examples])
        whole = np.floor(repeats).astype(np.int64)
        listed = [np.repeat(np.arange(len(repeats)), whole)]
        for rest in np.unique(np.round(repeats - whole, 6)):
            if rest > 0:  # always the same number, so that epochs have one length
                some = np.flatnonzero(np.isclose(repeats - whole, rest))
                listed.append(random.choice(some, round(rest * len(some)), replace=False))
        each = 1 + len(self.transformations)
        shown = np.concatenate(listed)[:, None] * each + np.arange(each)
        return np.asarray(random.permutation(shown.ravel()), dtype=np.int64)


class EvaluationPhotos(Dataset[dict[str, Any]]):
    """Photos as the product would see them, in order, with their own first prompt where they have one."""

    def __init__(
        self, settings: DataSettings, examples: Sequence[Example], preprocessing: Preprocessing
    ) -> None:
        self.preprocessing = preprocessing
        self.examples = examples
        self.target: Target = "majority" if settings.target == "mean" else settings.target
        self._kept: dict[int, tuple[Pixels, NDArray[np.uint8]]] = {}

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> dict[str, Any]:
        if index not in self._kept:
            pixels, masks = self.examples[index].read()
            mask = resize_pixels(to_bytes(merge_masks(masks, self.target)), self.preprocessing.size)
            self._kept[index] = self.preprocessing.shrink(pixels), mask
        view, mask = self._kept[index]
        prompts = self.examples[index].prompts
        return {
            "pixel_values": self.preprocessing.apply(view),
            "labels": to_share(mask),
            "prompt": prompts[0] if prompts else "",
        }


class NumbersStyles(Protocol):
    """Knows the number of a style of masks by its name."""

    def number(self, name: str) -> int:
        """Return it, 0 for none."""


def make_collator(
    tokenizer: PreTrainedTokenizerBase | None, *, most_tokens: int, styles: NumbersStyles | None = None
) -> Callable[[Iterable[dict[str, Any]]], dict[str, Tensor]]:
    """Return what turns examples into a batch: pixel_values (B, 3, h, w), labels (B, h, w), with a tokenizer
    the prompts' input_ids and attention_mask (B, L), and of draws under ``styles`` their numbers (B,)."""

    def read_prompts(tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str]) -> dict[str, Tensor]:
        words = [
            tokenizer(prompt, truncation=True, max_length=most_tokens)["input_ids"] for prompt in prompts
        ]
        length = max(1, *(len(ids) for ids in words)) if words else 1
        input_ids = torch.full((len(words), length), int(tokenizer.pad_token_id or 0), dtype=torch.long)
        attention_mask = torch.zeros_like(input_ids)
        for row, ids in enumerate(words):
            input_ids[row, : len(ids)] = torch.tensor(ids, dtype=torch.long)
            attention_mask[row, : len(ids)] = 1
        return {"input_ids": input_ids, "attention_mask": attention_mask}

    def collate(examples: Iterable[dict[str, Any]]) -> dict[str, Tensor]:
        listed = list(examples)
        # Height, width, channels in memory: depthwise convolutions are about twice as fast on the processor
        # that way.
        pixel_values = torch.from_numpy(
            np.stack([example["pixel_values"].transpose(1, 2, 0) for example in listed])
        ).permute(0, 3, 1, 2)
        labels = torch.from_numpy(np.stack([example["labels"] for example in listed]))
        words = read_prompts(tokenizer, [example["prompt"] for example in listed]) if tokenizer else {}
        batch = {"pixel_values": pixel_values, **words, "labels": labels}
        if styles is not None and all("style" in example for example in listed):
            batch["styles"] = torch.tensor([styles.number(example["style"]) for example in listed])
        return batch

    return collate
