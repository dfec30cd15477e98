"""Where models come from: a folder or a Hub id becomes a model, its tokenizer and its preprocessing."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional
from transformers import (
    AutoConfig,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from magic_demo.core.disk.user_files import open_user_file
from magic_demo.core.errors import CheckpointError, one_line
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message
from magic_demo.core.types import Pixels
from magic_demo.files.checkpoint_files import (
    CONFIG,
    ENCODERS,
    PICKLES,
    check_files,
    check_model,
    check_room,
    format_config,
    read_config,
    read_object,
)
from magic_demo.imaging.resize import resize_pixels
from magic_demo.models.backends.backend import Backend, choose_backend, read_checked

TOKENIZER_FILES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
)
HUB_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja", "README.md"]
PREPROCESSING = "preprocessor_config.json"
PART_OF_RUN = re.compile(r"best|last|final|checkpoint-\d+")
"""Folders that training writes below a run's; the model has the run's name."""

Filter = Literal["area", "bilinear", "bicubic"]
RESAMPLING: dict[object, Filter] = {None: "area", 2: "bilinear", 3: "bicubic", 4: "area"}
"""What ``resample`` says, in Pillow's numbers: those that published processors have, and the box filter;
checkpoints without it were trained with the box filter here."""


@dataclass(frozen=True)
class Preprocessing:
    """How a photo becomes a model's input, as the checkpoint's ``preprocessor_config.json`` says.

    size: (height, width) in pixels; mean, std: a channel each, in units of 0..1. resample: the filter that
    resizes.
    """

    size: tuple[int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    resample: Filter = "area"

    def __repr__(self) -> str:
        """Return all fields; the filter that our checkpoints were trained with goes unsaid, as digests in
        checkpoints are made of this."""
        resample = "" if self.resample == "area" else f", resample={self.resample!r}"
        return f"Preprocessing(size={self.size!r}, mean={self.mean!r}, std={self.std!r}{resample})"

    def shrink(self, pixels: Pixels) -> Pixels:
        """Resize (H, W, 3) uint8 to ``size`` without keeping the aspect, as the checkpoint's own image
        processor does (to one level of 255)."""
        if self.resample == "area" or pixels.shape[:2] == self.size:
            return resize_pixels(pixels, self.size)
        # torch warns of memory that is only to be read
        own = pixels if pixels.flags.writeable else pixels.copy()
        planes = torch.from_numpy(own).permute(2, 0, 1)[
            None
        ]  # uint8 with the channels last: torch then does just what Pillow does, 7 times faster
        small = functional.interpolate(
            planes, size=self.size, mode=self.resample, antialias=True, align_corners=False
        )
        return np.ascontiguousarray(small[0].permute(1, 2, 0).numpy())

    def apply(self, pixels: Pixels) -> NDArray[np.float32]:
        """Turn (H, W, 3) uint8 RGB into (3, h, w) float32, resized without keeping the aspect, and
        normalised."""
        small = self.shrink(pixels).astype(np.float32) / 255.0
        normal = (small - np.asarray(self.mean, np.float32)) / np.asarray(self.std, np.float32)
        return np.ascontiguousarray(normal.transpose(2, 0, 1))

    def save(self, folder: Path) -> None:
        """Write ``preprocessor_config.json``, from which ``read_preprocessing`` reads the same again."""
        height, width = self.size
        content: dict[str, Any] = {
            "size": {"height": height, "width": width},
            "image_mean": list(self.mean),
            "image_std": list(self.std),
        }
        if self.resample != "area":
            content["resample"] = next(number for number, name in RESAMPLING.items() if name == self.resample)
        (folder / PREPROCESSING).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def find_checkpoint(source: str | Path, *, revision: str | None = None) -> Path:
    """Return the folder of a checkpoint: ``source`` itself, or the local snapshot of a Hub id, fetched when
    allowed.

    ``ID@REVISION`` is a Hub id at one revision; a commit's digest is the only name of one that cannot be
    moved. Raises CheckpointError with one line when there is no such folder or id, no ``config.json``, no
    network, or where a file in it is none.
    """
    folder = Path(source)
    if not folder.is_dir():
        folder = _fetch_checkpoint(source, revision)
    if not (folder / CONFIG).exists():
        raise CheckpointError(
            "{folder}: no {file} in this folder; a folder written by training or by "
            "save_pretrained is expected",
            folder=folder,
            file=CONFIG,
        )
    check_files(folder)
    return folder


def _fetch_checkpoint(source: str | Path, revision: str | None) -> Path:
    folder = Path(source)
    name, _, pinned = str(source).partition("@")
    if folder.is_absolute() or name.startswith((".", "~")) or name.count("/") != 1:
        raise CheckpointError(
            "{name}: no such folder; give a checkpoint folder, or a Hub id such as "
            "CIDAS/clipseg-rd64-refined",
            name=name,
        )
    from huggingface_hub import list_repo_files, snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    revision = revision or pinned or None
    try:
        snapshot = Path(snapshot_download(name, revision=revision, allow_patterns=HUB_FILES))
    except HFValidationError as error:
        raise CheckpointError("{name}: neither a folder here nor a valid Hub id", name=name) from error
    except RepositoryNotFoundError as error:
        raise CheckpointError(
            "{name}: no such folder here and no such model on the Hub; check the spelling", name=name
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError, ValueError) as error:
        raise CheckpointError(
            "{name}: not a folder here, and the Hub cannot be reached or has not been asked "
            "before{value}; download it once with a network, or give a checkpoint folder",
            name=name,
            value=Message(" (offline mode is on)") if os.environ.get("HF_HUB_OFFLINE") == "1" else "",
        ) from error
    if any(snapshot.glob("*.safetensors")):
        return snapshot
    pickles: list[str] = []
    with contextlib.suppress(HfHubHTTPError, OSError, ValueError):  # without a network nobody can tell
        pickles = sorted(file for file in list_repo_files(name, revision=revision) if file.endswith(PICKLES))
    if pickles:
        raise CheckpointError(
            "{source}: its weights are {file}, a pickle, which can run code and is never read; name a revision "
            "that has safetensors ({name}@REVISION), or give a folder that was converted",
            source=source,
            file=pickles[0],
            name=name,
        )
    return snapshot


def load_model(
    source: str | Path,
    model_class: Any,
    *,
    revision: str | None = None,
    types: Collection[str] | None = ENCODERS,
    spare: str = "",
) -> PreTrainedModel:
    """Load a model of transformers in float32 for inference.

    model_class: a subclass of PreTrainedModel, or an ``Auto`` class that picks one by ``config.json``.
    types: each ``model_type`` that may stand in the config, None for any. spare: the beginning of names whose
    weights may be missing. Only safetensors are read, and no class comes from the checkpoint. Raises
    CheckpointError when weights are missing, broken, or do not fit the config; a config of sizes that the
    weights do not have is refused before anything is built.
    """
    folder = find_checkpoint(source, revision=revision)
    check_model(folder, types)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # loading is over in a moment, and the library's bar runs into our own
    own = {"local_files_only": True, **({} if _is_model(model_class) else {"trust_remote_code": False})}
    try:
        config = _read_model_config(folder, model_class)
        # where a class computes with values, from_pretrained cannot build it either
        with torch.device("meta"), contextlib.suppress(NotImplementedError):
            check_room(folder, _count_numbers(_build(model_class, config)))
        model, info = model_class.from_pretrained(
            folder,
            config=config,
            use_safetensors=True,
            weights_only=True,
            dtype=torch.float32,
            output_loading_info=True,
            **own,
        )
    except CheckpointError:
        raise
    except Exception as error:
        # transformers and safetensors raise OSError, ValueError, KeyError, RuntimeError and their own
        raise CheckpointError(
            "{source}: the model cannot be loaded ({reason}); fetch or train it again",
            source=source,
            reason=one_line(error),
        ) from error
    keys = sorted(str(key) for key in info["missing_keys"] if not (spare and str(key).startswith(spare)))
    keys = keys or sorted(str(key) for key in info.get("mismatched_keys") or ())
    if keys:
        raise CheckpointError(
            "{source}: the weights do not fit config.json ({count} missing, first {first}); "
            "fetch or train it again",
            source=source,
            count=len(keys),
            first=keys[0],
        )
    model.eval()
    return model  # type: ignore[no-any-return]


def _is_model(model_class: Any) -> bool:
    return isinstance(model_class, type) and issubclass(model_class, PreTrainedModel)


def _read_model_config(folder: Path, model_class: Any) -> PreTrainedConfig:
    if not _is_model(model_class):
        return AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)  # type: ignore[no-any-return]
    # an older checkpoint may have an older name of the class's own model_type
    values = {name: value for name, value in read_config(folder).items() if name != "model_type"}
    return model_class.config_class.from_dict(values)  # type: ignore[no-any-return]


def _build(model_class: Any, config: PreTrainedConfig) -> PreTrainedModel:
    if _is_model(model_class):
        return model_class(config)  # type: ignore[no-any-return]
    return model_class.from_config(config, trust_remote_code=False)  # type: ignore[no-any-return]


def _count_numbers(model: PreTrainedModel) -> int:
    return sum(values.numel() for values in (*model.parameters(), *model.buffers()))


def load_tokenizer(source: str | Path, *, revision: str | None = None) -> PreTrainedTokenizerBase:
    """Load the tokenizer that comes with a checkpoint.

    Raises CheckpointError when it is missing or broken.
    """
    return read_tokenizer(find_checkpoint(source, revision=revision))


def has_tokenizer(folder: Path) -> bool:
    """Return whether a checkpoint's folder holds a tokenizer."""
    return any((folder / name).is_file() for name in TOKENIZER_FILES)


def read_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Load a tokenizer from a folder, of a class of transformers itself.

    Raises CheckpointError when it is missing or broken.
    """
    check_files(folder)
    if not has_tokenizer(folder):  # transformers would make up an empty vocabulary
        raise CheckpointError(
            "{folder}: no tokenizer ({names} or the like) in this checkpoint; fetch it again",
            folder=folder,
            names=list(TOKENIZER_FILES[:3]),
        )
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # as above
        raise CheckpointError(
            "{folder}: the tokenizer cannot be loaded ({reason}); fetch the checkpoint again",
            folder=folder,
            reason=one_line(error),
        ) from error


def read_preprocessing(source: str | Path, *, revision: str | None = None) -> Preprocessing:
    """Read ``preprocessor_config.json``: size, mean, standard deviation, filter.

    Raises CheckpointError when it lacks one of the first three.
    """
    path = find_checkpoint(source, revision=revision) / PREPROCESSING
    settings = read_object(path, "image_mean")
    size = settings.get("size", settings.get("crop_size"))
    try:
        if isinstance(size, int):
            height = width = size
        elif isinstance(size, dict) and "height" in size:
            height, width = int(size["height"]), int(size["width"])
        elif isinstance(size, dict):
            height = width = int(size["shortest_edge"])
        else:
            raise KeyError("size")
        mean, std = (tuple(float(value) for value in settings[key]) for key in ("image_mean", "image_std"))
        if len(mean) != 3 or len(std) != 3 or height < 1 or width < 1:
            raise ValueError("three channels are expected")
        if not all(map(math.isfinite, (*mean, *std))) or min(std) <= 0:
            raise ValueError("finite numbers are expected, and none of 'image_std' 0 or less")
        if height * width > LIMITS.photo_pixels:
            raise ValueError(f"a size of more pixels than the limit of {LIMITS.photo_pixels}")
        resample = settings.get("resample")
        if resample not in RESAMPLING:
            raise ValueError(
                f"resample is {resample!r}, not one of "
                f"{', '.join(str(number) for number in RESAMPLING if number is not None)}"
            )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CheckpointError(
            "{path}: 'size', 'image_mean' and 'image_std' are expected ({reason}); fetch the "
            "checkpoint again",
            path=path,
            reason=one_line(error, 120),
        ) from error
    return Preprocessing((height, width), mean, std, RESAMPLING[resample])


def name_model(source: str | Path, *, revision: str | None = None) -> str:
    """Return what identifies a model in manifests and reviews: the source's last name, or that of the run
    whose folder ``best`` it is, and a digest of weights and config."""
    return _name_folder(find_checkpoint(source, revision=revision), source)


def _name_folder(folder: Path, source: str | Path) -> str:
    digest = hashlib.sha256()
    for path in sorted([folder / CONFIG, *folder.glob("*.safetensors")]):
        digest.update(path.name.encode())
        if path.name == CONFIG and "auto_map" in (config := read_config(folder)):
            # the same model, whether its code lies beside it or not
            del config["auto_map"]
            digest.update(format_config(config).encode())
            continue
        with open_user_file(path, LIMITS.checkpoint_bytes) as file:
            while block := file.read(1 << 20):
                digest.update(block)
    name = str(source)
    if Path(source).is_dir():
        name = folder.resolve().name
        if PART_OF_RUN.fullmatch(name):
            name = folder.resolve().parent.name or name
    return f"{name}@{digest.hexdigest()[:12]}"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A checkpoint on disk, of which a registered class builds its model.

    folder: its files, already checked. model_id: name and digest of weights and config. backend: what the
    user asked its encoders to run on. types: each ``model_type`` that may stand in its config, None for any.
    """

    folder: Path
    model_id: str
    backend: Backend
    types: Collection[str] | None = None

    @classmethod
    def open(
        cls,
        source: str | Path,
        *,
        revision: str | None = None,
        backend: str = "torch",
        types: Collection[str] | None = None,
    ) -> Checkpoint:
        """Find a folder or a Hub id, fetched when allowed.

        backend: a name that ``choose_backend`` takes. Raises CheckpointError with one line when there is no
        such checkpoint or its ``model_type`` is not one of ``types``, BackendError when this machine cannot
        run it.
        """
        folder = find_checkpoint(source, revision=revision)
        check_model(folder, types)
        model_id = _name_folder(folder, source)
        return cls(folder, model_id, choose_backend(backend, read_checked(folder, model_id)), types)

    def read_config(self) -> dict[str, Any]:
        """Read ``config.json``."""
        return read_config(self.folder)

    def load_model(self, model_class: Any) -> Any:
        """Load a model of transformers in float32 for inference (``load_model``)."""
        return load_model(self.folder, model_class, types=self.types)

    def read_preprocessing(self) -> Preprocessing:
        """Read how a photo becomes the model's input (``read_preprocessing``)."""
        return read_preprocessing(self.folder)

    def read_tokenizer(self) -> PreTrainedTokenizerBase | None:
        """Load the tokenizer, None where the checkpoint has none. Raises CheckpointError when it is broken."""
        return read_tokenizer(self.folder) if has_tokenizer(self.folder) else None
