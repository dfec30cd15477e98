"""Where models come from: a folder or a Hub id becomes a model, its tokenizer and its preprocessing."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from magic_demo.core.errors import CheckpointError, one_line
from magic_demo.files.checkpoint_files import (
    ENCODERS,
    check_files,
    check_model,
    check_room,
    read_config,
)
from magic_demo.models.backends.backend import Backend, choose_backend, read_checked
from magic_demo.models.loading.finding import find_checkpoint, name_folder
from magic_demo.models.loading.preprocessing import Preprocessing, read_preprocessing

TOKENIZER_FILES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
)


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
        model_id = name_folder(folder, source)
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
