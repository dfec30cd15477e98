"""Pretrained text and photo encoders, loaded for a new case answerer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel

from magic_demo.checkpoints import find_checkpoint
from magic_demo.errors import CheckpointError, one_line


def drop_pooler(text_model: Any) -> None:
    """Leave out a text encoder's pooler."""
    if getattr(text_model, "pooler", None) is not None:
        text_model.pooler = None  # never read: what is pooled is said by the config


def load_encoder(source: str | Path, revision: str | None) -> Any:
    """Load a pretrained encoder, from ``pytorch_model.bin`` (tensors only) where there are no safetensors, as for Bio_ClinicalBERT.

    Raises CheckpointError with one line.
    """
    folder = find_checkpoint(source, revision=revision)
    safe = any(folder.glob("*.safetensors"))
    try:
        if not safe and not Path(source).is_dir() and not (folder / "pytorch_model.bin").is_file():
            from huggingface_hub import hf_hub_download

            hf_hub_download(str(source), "pytorch_model.bin", revision=revision)
        model, info = AutoModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=safe, weights_only=True, dtype=torch.float32, output_loading_info=True
        )
    except Exception as error:  # transformers, torch and huggingface_hub raise many kinds
        raise CheckpointError(f"{source}: the encoder cannot be loaded ({one_line(error)})") from error
    missing = sorted(str(key) for key in info["missing_keys"] if not str(key).startswith("pooler."))
    if missing:
        raise CheckpointError(f"{source}: the weights do not fit config.json ({len(missing)} missing, first {missing[0]}); fetch it again")
    return model
