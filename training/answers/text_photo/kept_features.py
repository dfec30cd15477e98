"""What the frozen encoders of the closed questions' model give for texts and photos, computed once and kept
on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase

from magic_demo.core.types import Family
from magic_demo.files.photos.reading import read_photo
from magic_demo.models.answers.text_photo_answerer import list_option_texts, option_layout, tokenize
from magic_demo.models.answers.text_photo_model import TextPhotoAnswererModel
from magic_demo.models.loading.finding import name_model
from magic_demo.models.loading.preprocessing import Preprocessing
from training.answers.text_photo.data import CaseDraws, EvaluationCases, pick_options
from training.answers.text_photo.settings import TextPhotoAnswererSettings
from training.runs.run import SettingsError
from training.runs.trainer import is_first_process
from training.segmentation.features import Half, KeptArrays, name_folder


class CaseFeatures:
    """One model's encoder outputs below ``folder``: a text's states (T, W), a photo's map (N, C) or (C, h,
    w).

    An entry's name is the digest of what the encoder is given: a text's token ids, a photo's values. text_id,
    photo_id: names and digests of the encoders' checkpoints; other encoders have other folders.
    """

    def __init__(
        self,
        folder: Path,
        model: TextPhotoAnswererModel,
        tokenizer: PreTrainedTokenizerBase,
        preprocessing: Preprocessing,
        *,
        text_id: str,
        photo_id: str,
    ) -> None:
        self.model, self.tokenizer, self.preprocessing = model, tokenizer, preprocessing
        self.texts = KeptArrays(name_folder(folder, text_id) / "texts")
        self.photos = KeptArrays(name_folder(folder, photo_id) / "case-photos")
        self._digests: dict[str | Path, str] = {}

    @torch.inference_mode()
    def keep_texts(self, texts: Iterable[str], *, batch: int = 8) -> None:
        """Encode texts, cut as the model cuts them, in float32 unless their states are there; blank ones have
        none."""
        missing: dict[str, list[int]] = {}
        for text in sorted({text for text in texts if text.strip()}):
            tokens = tokenize(self.tokenizer, [text], self.model.config.max_text_tokens)
            ids: list[int] = tokens["input_ids"][0].tolist()
            digest = self._digests[text] = hashlib.sha256(np.asarray(ids, np.int64).tobytes()).hexdigest()
            if digest not in self.texts:
                missing[digest] = ids
        # texts of one length waste no padding
        waiting = sorted(missing.items(), key=lambda item: len(item[1]))
        for start in tqdm(
            range(0, len(waiting), batch),
            desc="frozen encoders, texts",
            leave=False,
            disable=not (waiting and is_first_process()),
        ):
            part = waiting[start : start + batch]
            ids_, mask = (torch.zeros(len(part), len(part[-1][1]), dtype=torch.long) for _ in range(2))
            for row, (_, of_text) in enumerate(part):
                ids_[row, : len(of_text)], mask[row, : len(of_text)] = torch.tensor(of_text), 1
            states = self.model.read_tokens(ids_.to(self.model.device), mask.to(self.model.device))
            for row, (digest, of_text) in enumerate(part):
                self.texts.write(digest, states[row, : len(of_text)])

    @torch.inference_mode()
    def keep_photos(self, paths: Iterable[Path], *, batch: int = 8) -> None:
        """Encode photos as they are, in float32, unless their maps are there."""
        missing: dict[str, NDArray[np.float32]] = {}
        wanted = sorted(set(paths))
        for number, path in enumerate(
            tqdm(
                wanted,
                desc="frozen encoders, photos",
                leave=False,
                disable=not (wanted and is_first_process()),
            )
        ):
            values = self.preprocessing.apply(read_photo(path).pixels)
            digest = self._digests[path] = hashlib.sha256(values.tobytes()).hexdigest()
            if digest not in self.photos:
                missing[digest] = values
            if len(missing) == batch or (missing and number + 1 == len(wanted)):
                maps = self.model.read_photos(
                    torch.from_numpy(np.stack(list(missing.values()))).to(self.model.device)
                )
                for of_photo, values in zip(missing, maps, strict=True):
                    self.photos.write(of_photo, values)
                missing = {}

    def read_text(self, text: str) -> Half | None:
        """Return the states (T, W) of a text that was kept, None of a blank one."""
        return self.texts.read(self._digests[text]) if text.strip() else None

    def read_photo(self, path: Path) -> Half:
        """Return the map of a photo that was kept."""
        return self.photos.read(self._digests[path])


class KeptCases(Dataset[dict[str, Any]]):
    """The cases of a run, the same in the same order, with the encoders' outputs in place of words and
    pixels."""

    def __init__(self, cases: CaseDraws | EvaluationCases, features: CaseFeatures) -> None:
        self.cases, self.features = cases, features
        self.words = bool(features.model.config.narrative_input)
        features.model.eval()  # type: ignore[no-untyped-call]
        if self.words:
            features.keep_texts(cases.list_texts())
        features.keep_photos(path for case in cases.cases for path in case.photos)

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, place: int) -> dict[str, Any]:
        drawn = self.cases.choose(place)
        text = self.features.read_text(drawn.text) if self.words else None
        return {
            "text": text,
            "photos": [self.features.read_photo(path) for path in drawn.photos],
            "labels": drawn.labels,
            **(self.cases.name_unit(place) if isinstance(self.cases, CaseDraws) else {}),
        }


def check_frozen(settings: TextPhotoAnswererSettings) -> tuple[str, str]:
    """Return what names the text and the photo encoder.

    Raises SettingsError saying why their outputs cannot be kept.
    """
    model, data = settings.model, settings.data
    if model.encoder_rate != 0:
        raise SettingsError("data.cache needs frozen encoders; set model.encoder_rate to 0")
    if model.start == "compact":
        raise SettingsError(
            "data.cache needs encoders that have learnt something, but model.start is 'compact'; set "
            "data.cache to null"
        )
    for name, value, still in (("augment", data.augment, None), ("word_dropout", data.word_dropout, 0)):
        if value != still:
            raise SettingsError(
                "data.{name} changes what the encoders are given in each draw, which data.cache "
                "cannot keep; set data.{name} to {fixed}, or data.cache to null",
                name=name,
                fixed="null" if still is None else still,
            )
    if model.start == "encoders":
        return name_model(model.text), name_model(model.photo)
    return name_model(model.start), name_model(model.start)


def make_kept_collator(
    features: CaseFeatures, units: Sequence[Family]
) -> Callable[[list[dict[str, Any]]], dict[str, Tensor]]:
    """Return what turns kept cases into the model's batch, padded; the options' states come along."""
    options = list_option_texts(units, features.model.config.language)
    features.keep_texts(options)
    option_states, option_mask = _pad([features.read_text(text) for text in options])
    shared = {**option_layout(units), "option_states": option_states, "option_attention_mask": option_mask}

    def collate(items: list[dict[str, Any]]) -> dict[str, Tensor]:
        batch = {
            **pick_options(shared, items),
            "labels": torch.from_numpy(np.stack([item["labels"] for item in items])),
        }
        if features.model.config.narrative_input:
            batch["text_states"], batch["attention_mask"] = _pad(
                [item["text"] for item in items], option_states.shape[-1]
            )
        photos = [item["photos"] for item in items]
        mask = np.array(
            [[place < len(of_case) for place in range(max(1, *map(len, photos), 1))] for of_case in photos]
        )
        batch["photo_mask"] = torch.from_numpy(mask)
        if mask.any():
            maps = np.stack([of_photo for of_case in photos for of_photo in of_case])
            states = np.zeros((*mask.shape, *maps.shape[1:]), maps.dtype)
            states[mask] = maps
            batch["photo_states"] = torch.from_numpy(states)
        return batch

    return collate


def _pad(texts: Sequence[Half | None], width: int = 0) -> tuple[Tensor, Tensor]:
    """Stack texts' states into (N, T, W) of their own type and (N, T) int64; a text that is None has a mask
    of zeros."""
    there = [states for states in texts if states is not None]
    shape = (
        len(texts),
        max((len(states) for states in there), default=1),
        there[0].shape[1] if there else width,
    )
    padded = np.zeros(shape, there[0].dtype if there else np.float16)
    mask = np.zeros(shape[:2], np.int64)
    for row, states in enumerate(texts):
        if states is not None:
            padded[row, : len(states)], mask[row, : len(states)] = states, 1
    return torch.from_numpy(padded), torch.from_numpy(mask)
