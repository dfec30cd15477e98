"""Pretrained text and photo encoders, loaded for a new answerer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoModel

from magic_demo.models.loading.checkpoints import load_model


def drop_pooler(text_model: Any) -> None:
    """Leave out a text encoder's pooler."""
    if getattr(text_model, "pooler", None) is not None:
        text_model.pooler = None  # never read: what is pooled is said by the config


def load_encoder(source: str | Path, revision: str | None) -> Any:
    """Load a pretrained encoder, whose pooler may be missing, as it is in checkpoints of language models.

    Raises CheckpointError with one line, also where there are only pickles (``pytorch_model.bin``).
    """
    return load_model(source, AutoModel, revision=revision, spare="pooler.")
