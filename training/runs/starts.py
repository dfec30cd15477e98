"""Which weights a run starts from, by their digests: a folder of the same name may hold others by the time the run is resumed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Protocol

from magic_demo.core.disk.user_files import read_user_file
from magic_demo.core.limits import LIMITS
from magic_demo.models.loading.finding import name_model


class Starting(Protocol):
    """Settings that say where a model starts. start: a checkpoint, ``encoders`` for its own ``text`` and
    ``photo``, or ``compact`` for a new model, of which an ``encoder`` may be a file of weights. A checkpoint may get a
    DINOv2 model's folder as ``patches``."""

    @property
    def start(self) -> str:
        """Return where the model starts."""
        ...


def name_starts(model: Starting, folder: Path) -> dict[str, str]:
    """Return setting -> name and digest of each set of weights that a run starts from.

    folder: where a relative ``encoder`` lies. Raises CheckpointError where a checkpoint is not there.
    """
    if model.start == "encoders":
        return {f"model.{part}": name_model(getattr(model, part)) for part in ("text", "photo")}
    if model.start != "compact":
        patches: Path | None = getattr(model, "patches", None)
        beside = {"model.patches": name_model(str(folder / patches))} if patches is not None else {}
        return {"model.start": name_model(model.start), **beside}
    encoder: Path | None = getattr(model, "encoder", None)
    if encoder is None or not (folder / encoder).is_file():  # which start_model says better
        return {}
    weights = read_user_file(folder / encoder, LIMITS.checkpoint_bytes)
    return {"model.encoder": f"{encoder.name}@{hashlib.sha256(weights).hexdigest()[:12]}"}
