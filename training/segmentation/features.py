"""Frozen encoders' outputs, computed once and kept on disk: the hidden states of a photo, the vector of a
prompt."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from tqdm import tqdm
from transformers import CLIPSegConfig

from magic_demo.core.disk.whole_files import write_whole
from magic_demo.models.segmentation.clipseg import PromptedCLIPSeg
from training.runs.run import SettingsError
from training.runs.trainer import is_first_process
from training.segmentation.data import DataSettings, EvaluationPhotos, TrainingDraws, to_bytes, to_share

LAYOUT = 1
"""Part of the folder's name: raise it when what an entry holds changes, so that older entries are not
read."""

KEPT = torch.float16
Half = NDArray[np.float16]


class KeptArrays:
    """float16 arrays, one memory-mapped file each, named by the digest of what the array was computed from.

    Files appear whole, so a run that was killed goes on where it stopped, and several runs may share the
    folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __contains__(self, digest: str) -> bool:
        try:
            self.read(digest)
        except (OSError, ValueError):
            # not there, or cut short by something else than this program: it is computed again
            return False
        return True

    def read(self, digest: str) -> Half:
        """Return the array, mapped and not yet read.

        Raises OSError or ValueError when it is missing or broken.
        """
        kept: Half = np.load(self._path(digest), mmap_mode="r", allow_pickle=False)
        return kept

    def write(self, digest: str, values: Tensor) -> None:
        """Keep an array of any float type.

        Raises SettingsError when float16 cannot hold it or the disk cannot take it.
        """
        half = values.to("cpu", KEPT).numpy()
        if not np.isfinite(half).all():
            raise SettingsError("the encoders gave values that float16 cannot hold; set data.cache to null")
        stream = io.BytesIO()
        np.save(stream, half, allow_pickle=False)
        try:
            write_whole(self._path(digest), stream.getvalue())
        except OSError as error:
            raise SettingsError(
                "{folder}: cannot be written ({reason}); name another folder as data.cache",
                folder=self.folder,
                reason=error.strerror or error,
            ) from error

    def _path(self, digest: str) -> Path:
        return self.folder / f"{digest}.npy"


def name_folder(folder: Path, model_id: str) -> Path:
    """Return where one model's entries lie below ``folder``."""
    return folder / f"{re.sub(r'[^A-Za-z0-9_.@-]+', '--', model_id)}-{LAYOUT}"


class FeatureCache:
    """What one model's encoders give, below ``folder``: a photo's states (S, T, D) and a prompt's vector
    (P,).

    The key of a photo is the digest of the values that the model is given, so size, normalization, crop and
    view all count; that of a prompt is the digest of its token ids. model_id: name and digest of the
    checkpoint; another model has another folder.
    """

    def __init__(
        self, folder: Path, model: PromptedCLIPSeg, model_id: str, read_prompt: Callable[[str], Sequence[int]]
    ) -> None:
        own = name_folder(folder, model_id)
        self.model = model
        self.photos = KeptArrays(own / "photos")
        self.prompts = KeptArrays(own / "prompts")
        self._read_prompt = read_prompt
        self._digests: dict[str, str] = {}

    @torch.inference_mode()
    def keep_photos(self, inputs: dict[str, NDArray[np.float32]]) -> None:
        """Encode photos, digest -> (3, h, w), as one batch in float32, and keep their states."""
        pixel_values = torch.from_numpy(np.stack(list(inputs.values()))).to(self.model.device)
        states = torch.stack(self.model.encode_photo(pixel_values), dim=1)
        for digest, values in zip(inputs, states, strict=True):
            self.photos.write(digest, values)

    @torch.inference_mode()
    def keep_prompt(self, text: str) -> None:
        """Encode a prompt unless its vector is there."""
        ids = list(self._read_prompt(text))
        digest = self._digests[text] = hashlib.sha256(np.asarray(ids, np.int64).tobytes()).hexdigest()
        if digest not in self.prompts:
            input_ids = torch.tensor([ids], dtype=torch.long, device=self.model.device)
            self.prompts.write(digest, self.model.encode_prompt(input_ids, torch.ones_like(input_ids))[0])

    def read_prompt(self, text: str) -> Half:
        """Return the vector (P,) of a prompt that was kept."""
        return self.prompts.read(self._digests[text])


class CachedDraws(Dataset[dict[str, Any]]):
    """The draws of a run, the same in the same order, with the encoders' outputs in place of photo and
    prompt."""

    def __init__(self, draws: TrainingDraws, cache: FeatureCache, *, batch: int = 8) -> None:
        self.draws = draws
        self.cache = cache
        unused = np.random.default_rng(0)  # a photo as it is and a numbered view leave nothing to chance

        def inputs() -> Iterable[tuple[tuple[int, int], NDArray[np.float32], NDArray[np.uint8]]]:
            for index in range(len(draws.cache)):
                for view in range(draws.views):
                    pixels, share = draws.look(index, view, unused)
                    yield (index, view), draws.preprocessing.apply(pixels), to_bytes(share)
                draws.cache.forget(index)

        self.kept = _keep(inputs(), len(draws.cache) * draws.views, cache, batch, "photos to train on")
        for text in {
            "",
            *draws.borrowed,
            *(prompt for example in draws.cache.examples for prompt in example.prompts),
        }:
            cache.keep_prompt(text)

    def __len__(self) -> int:
        return len(self.draws)

    def __getitem__(self, draw: int) -> dict[str, Any]:
        index, view, random = self.draws.choose(draw)
        digest, labels = self.kept[index, view]
        prompt = self.cache.read_prompt(self.draws.ask(index, random))
        return {"states": self.cache.photos.read(digest), "prompt": prompt, "labels": to_share(labels)}


class CachedPhotos(Dataset[dict[str, Any]]):
    """Photos to evaluate on, in order, with the encoders' outputs in place of photo and prompt."""

    def __init__(self, photos: EvaluationPhotos, cache: FeatureCache, *, batch: int = 8) -> None:
        self.cache = cache
        self.prompts: list[str] = []

        def inputs() -> Iterable[tuple[tuple[int, int], NDArray[np.float32], NDArray[np.uint8]]]:
            for index in range(len(photos)):
                item = photos[index]
                self.prompts.append(item["prompt"])
                yield (index, 0), item["pixel_values"], to_bytes(item["labels"])

        self.kept = _keep(inputs(), len(photos), cache, batch, "photos to evaluate on")
        for text in set(self.prompts):
            cache.keep_prompt(text)

    def __len__(self) -> int:
        return len(self.prompts)

    def __getitem__(self, index: int) -> dict[str, Any]:
        digest, labels = self.kept[index, 0]
        prompt = self.cache.read_prompt(self.prompts[index])
        return {"states": self.cache.photos.read(digest), "prompt": prompt, "labels": to_share(labels)}


def check_cacheable(model: torch.nn.Module) -> PromptedCLIPSeg:
    """Return the model when its encoders' outputs can be kept. Raises SettingsError for another's."""
    if getattr(model.config, "model_type", "") != CLIPSegConfig.model_type:
        raise SettingsError(
            "data.cache keeps what CLIPSeg's encoders give, not {came}'s; set data.cache to null",
            came=type(model).__name__,
        )
    return cast(PromptedCLIPSeg, model)


def check_frozen_views(settings: DataSettings, encoder_rate: float) -> None:
    """Raise SettingsError where what encoders give would not stay the same, and could not be kept."""
    if encoder_rate != 0:
        raise SettingsError(
            "data.cache needs frozen encoders, but model.encoder_rate is {rate:g}; set it to 0",
            rate=encoder_rate,
        )
    if settings.augment is not None and settings.views < 1 and settings.transformations is None:
        raise SettingsError(
            "data.augment draws a new view each time, which data.cache cannot keep; set data.augment "
            "to null, or data.views to a number, or data.transformations to each"
        )


def collate_features(examples: Iterable[dict[str, Any]]) -> dict[str, Tensor]:
    """Make a batch: states (B, S, T, D) and prompt (B, P), float16, labels (B, h, w)."""
    listed = list(examples)
    return {
        name: torch.from_numpy(np.stack([example[name] for example in listed]))
        for name in ("states", "prompt", "labels")
    }


def _keep(
    inputs: Iterable[tuple[tuple[int, int], NDArray[np.float32], NDArray[np.uint8]]],
    count: int,
    cache: FeatureCache,
    batch: int,
    title: str,
) -> dict[tuple[int, int], tuple[str, NDArray[np.uint8]]]:
    """Encode what is not there yet; returns (example, view) -> digest and target in 1/255."""
    kept: dict[tuple[int, int], tuple[str, NDArray[np.uint8]]] = {}
    missing: dict[str, NDArray[np.float32]] = {}
    for place, values, labels in tqdm(
        inputs,
        desc=f"frozen encoders, {title}",
        total=count,
        leave=False,
        disable=not is_first_process(),
    ):
        digest = hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
        kept[place] = digest, labels
        if digest not in cache.photos:
            missing[digest] = values
        if len(missing) == batch:
            cache.keep_photos(missing)
            missing = {}
    if missing:
        cache.keep_photos(missing)
    return kept
