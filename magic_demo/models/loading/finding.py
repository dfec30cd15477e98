"""Where a checkpoint lies and what it is called: a folder, or a Hub id that becomes one."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from pathlib import Path

from magic_demo.core.disk.user_files import open_user_file
from magic_demo.core.errors import CheckpointError
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message
from magic_demo.files.checkpoint_files import (
    CONFIG,
    PICKLES,
    check_files,
    format_config,
    read_config,
)

HUB_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja", "README.md"]
PART_OF_RUN = re.compile(r"best|last|final|checkpoint-\d+")
"""Folders that training writes below a run's; the model has the run's name."""


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


def name_model(source: str | Path, *, revision: str | None = None) -> str:
    """Return what identifies a model in manifests and reviews: the source's last name, or that of the run
    whose folder ``best`` it is, and a digest of weights and config."""
    return name_folder(find_checkpoint(source, revision=revision), source)


def name_folder(folder: Path, source: str | Path) -> str:
    """Return the same of a checkpoint whose folder was found."""
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
