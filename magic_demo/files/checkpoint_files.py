"""What a checkpoint's folder holds is looked at before any of it is loaded: no code and no pickle, plain
files, sizes that its weights have."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from safetensors import safe_open

from magic_demo.core.disk.user_files import LARGEST_CONFIG, open_user_file, read_user_text
from magic_demo.core.errors import CheckpointError, one_line
from magic_demo.core.limits import LIMITS

CONFIG = "config.json"
ENCODERS = frozenset({"bert", "roberta", "xlm-roberta", "electra", "swin", "vit", "dinov2", "mobilenet_v1"})
"""``model_type`` of what a text-and-photo answerer may be made of: classes of transformers itself."""
_SAM_PARTS = {
    *("sam_mask_decoder", "sam_prompt_encoder", "sam_vision_model"),
    *("sam2_hiera_det_model", "sam2_mask_decoder", "sam2_prompt_encoder", "sam2_vision_model"),
}
_PARTS = ENCODERS | _SAM_PARTS | {"clipseg_text_model", "clipseg_vision_model", "convnext", "resnet"}
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".h5", ".msgpack")
_READ = (".json", ".safetensors", ".txt", ".model", ".jinja")
_LARGEST_NUMBER = 2**24
_LONGEST_LIST = 4096
_MOST_LABELS = 2**16
_SPARE = 2**24
"""Numbers that a model may hold beyond its weights' bytes: positions, pooled heads that are left out."""
_ATTENTION = (None, "eager", "sdpa")
_LAYERS = re.compile(r"(^|_)(n_)?(layers?|depths?|blocks|num_hidden_layers)$")


def find_shipped() -> Path:
    """Return the folder of the checkpoints that come along: inside an installed package, at the top of a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "checkpoints"
    return inside if inside.is_dir() else package.parent / "checkpoints"


def check_files(folder: Path) -> None:
    """Look at what lies in a checkpoint's folder, without reading it.

    Raises CheckpointError where a file is a pipe, a device or a link to elsewhere, where the weights are
    larger than the limit, and where the folder is an addition to another model, which it names.
    """
    folders = [
        folder.resolve(),
        folder.resolve().parent.parent / "blobs",
    ]  # the second is where the Hub's cache keeps what its snapshots link to
    weights = 0
    for path in sorted(folder.iterdir()):
        if path.suffix not in _READ or path.is_dir():
            continue
        if path.name == "adapter_config.json":
            raise CheckpointError(
                "{path}: an adapter of another model, not a model; merge it into that model and save "
                "the whole",
                path=path,
            )
        if path.is_symlink() and path.resolve().parent not in folders:
            raise CheckpointError(
                "{path}: a link to {target}, outside the checkpoint; put the file itself there",
                path=path,
                target=path.resolve(),
            )
        try:
            with open_user_file(
                path, LIMITS.checkpoint_bytes if path.suffix == ".safetensors" else LIMITS.json_bytes
            ) as file:
                weights += os.fstat(file.fileno()).st_size if path.suffix == ".safetensors" else 0
        except OSError as error:
            raise CheckpointError(
                "{path}: cannot be read ({reason}); fetch or train the checkpoint again",
                path=path,
                reason=error.strerror or error,
            ) from error
    if weights > LIMITS.checkpoint_bytes:
        raise CheckpointError(
            "{folder}: weights of {size} bytes, the limit is {limit}",
            folder=folder,
            size=weights,
            limit=LIMITS.checkpoint_bytes,
        )


def find_weights(folder: Path) -> list[Path]:
    """Return a checkpoint's safetensors.

    Raises CheckpointError where there are none, and says so where pickles are there in their place.
    """
    weights = sorted(folder.glob("*.safetensors"))
    if weights:
        return weights
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLES)
    if pickles:
        raise CheckpointError(
            "{folder}: {name} is a pickle, which can run code and is never read; give a revision "
            "or a folder with safetensors",
            folder=folder,
            name=pickles[0],
        )
    raise CheckpointError(
        "{folder}: no model.safetensors in this checkpoint; fetch or train it again", folder=folder
    )


def read_config(folder: Path) -> dict[str, Any]:
    """Read ``config.json``. Raises CheckpointError when it is not a JSON object with a ``model_type``."""
    return read_object(folder / CONFIG, "model_type")


def format_config(values: dict[str, Any]) -> str:
    """Return a config as transformers writes it."""
    return json.dumps(values, indent=2, sort_keys=True) + "\n"


def check_model(folder: Path, types: Collection[str] | None) -> None:
    """Check ``config.json`` against what may be loaded and against the weights beside it, before a model is
    built from it.

    types: each ``model_type`` that the model may have; None where an installed package brings the class, and
    with it whatever its parts are. Raises CheckpointError for another ``model_type``, for parts that would be
    fetched from elsewhere, and for sizes that the weights cannot have. ``auto_map``, which names code, is not
    read here or later.
    """
    path, config = folder / CONFIG, read_config(folder)
    if types is not None and config["model_type"] not in sorted(types):
        raise CheckpointError(
            "{path}: a model of type {came!r}; one of {known} is expected",
            path=path,
            came=str(config["model_type"])[:60],
            known=sorted(types),
        )
    tensors = sum(_count_tensors(weights) for weights in find_weights(folder))
    try:
        for key, value in _walk(config):
            _check_value(key, value, tensors, None if types is None else _PARTS | frozenset(types))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            "{path}: {reason}; fetch or train the checkpoint again", path=path, reason=one_line(error, 200)
        ) from error


def check_room(folder: Path, numbers: int) -> None:
    """Raise CheckpointError where a model of so many numbers cannot have come from the folder's weights."""
    size = sum(path.stat().st_size for path in find_weights(folder))
    if numbers > 2 * size + _SPARE:
        raise CheckpointError(
            "{path}: a model of {numbers} numbers, but the weights are {size} bytes; fetch or train it again",
            path=folder / CONFIG,
            numbers=numbers,
            size=size,
        )


def read_object(path: Path, needed: str) -> dict[str, Any]:
    """Read a JSON object of a checkpoint that has a key.

    Raises CheckpointError with one line for anything else.
    """
    try:
        content = json.loads(read_user_text(path, LARGEST_CONFIG))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(
            "{path}: cannot be read ({reason}); fetch or train the checkpoint again",
            path=path,
            reason=one_line(error),
        ) from error
    if not isinstance(content, dict) or needed not in content:
        raise CheckpointError(
            "{path}: a JSON object with '{key}' is expected; fetch or train the checkpoint again",
            path=path,
            key=needed,
        )
    return content


def _count_tensors(path: Path) -> int:
    try:
        with safe_open(path, "numpy") as file:
            return len(file.keys())
    except Exception as error:  # safetensors raises its own, OSError and more
        raise CheckpointError(
            "{path}: the weights cannot be read ({reason}); fetch or train the checkpoint again",
            path=path,
            reason=one_line(error),
        ) from error


def _walk(value: object, key: str = "") -> Iterator[tuple[str, object]]:
    """Yield every value of a config under its key; of an item of a list, the list's."""
    yield key, value
    if isinstance(value, dict):
        for name, item in value.items():
            if name != "auto_map":
                yield from _walk(item, str(name))
    elif isinstance(value, list):
        for item in value:
            yield from _walk(item, key)


def _check_value(key: str, value: object, tensors: int, parts: frozenset[str] | None) -> None:
    if key == "model_type":
        # a list, since a value may be one that cannot be hashed
        if parts is not None and value not in sorted(parts):
            raise ValueError(f"model_type {value!r} is not one of {', '.join(sorted(parts))}")
    elif key in ("quantization_config", "transformers_weights") and value is not None:
        raise ValueError(
            f"'{key}' names weights of another kind; save the model as float32 or float16 safetensors"
        )
    elif key.endswith(("attn_implementation", "experts_implementation")) and value not in _ATTENTION:
        raise ValueError(f"'{key}' is {value!r}, which may be code from elsewhere; remove it")
    elif isinstance(value, list) and len(value) > _LONGEST_LIST:
        raise ValueError(f"'{key}' is a list of {len(value)}; {_LONGEST_LIST} is the most")
    elif isinstance(value, int | float):
        _check_number(key, value, tensors)
    if _LAYERS.search(key) and isinstance(value, list):
        _check_number(key, sum(item for item in value if isinstance(item, int | float)), tensors)


def _check_number(key: str, value: int | float, tensors: int) -> None:
    if key == "rope_theta" and 0 < value < float("inf"):  # a wavelength, which sizes nothing
        return
    most = tensors if _LAYERS.search(key) else _MOST_LABELS if key.endswith("num_labels") else _LARGEST_NUMBER
    if not abs(value) <= most:  # which NaN is not
        raise ValueError(
            f"'{key}' is {str(value)[:20]}, but {'the weights have' if most == tensors else 'the most is'} "
            f"{most}"
        )
