"""A sentence-transformers folder as an encoder of narratives, read with transformers alone."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel, PreTrainedTokenizerBase

from magic_demo.files.checkpoint_files import read_object
from magic_demo.models.answers.encoders import drop_pooler
from magic_demo.models.loading.checkpoints import TOKENIZER_FILES, load_model, read_tokenizer
from magic_demo.models.loading.finding import find_checkpoint

ENCODER = "encoder"
"""The encoder's folder within an index."""
POOLING = "1_Pooling/config.json"
BATCH = 16


class FolderEncoder:
    """Mean of the last layer, or its first token where ``1_Pooling/config.json`` says so; of length 1."""

    def __init__(self, model: Any, tokenizer: PreTrainedTokenizerBase, first_token: bool, most: int) -> None:
        self.model, self.tokenizer = model, tokenizer
        self.first_token, self.most = first_token, most

    @classmethod
    def load(cls, source: str | Path) -> FolderEncoder:
        """Load a folder or a Hub id. Raises CheckpointError with one line when a part is missing or broken."""
        folder = find_checkpoint(source)
        model = load_model(folder, AutoModel, spare="pooler.")
        drop_pooler(model)
        pooling = folder / POOLING
        first = (
            bool(read_object(pooling, "pooling_mode_mean_tokens").get("pooling_mode_cls_token"))
            if pooling.is_file()
            else False
        )
        positions = int(getattr(model.config, "max_position_embeddings", 512))
        tokenizer = read_tokenizer(folder)
        # RoBERTa's first two positions are no tokens'
        most = min(positions - 2, int(tokenizer.model_max_length), 512)
        return cls(model, tokenizer, first, most)

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (T, D) float32 of length 1."""
        rows = []
        for start in range(0, len(texts), BATCH):
            tokens = self.tokenizer(
                [" ".join(text.split()) or "." for text in texts[start : start + BATCH]],
                padding=True,
                truncation=True,
                max_length=self.most,
                return_tensors="pt",
            )
            mask = tokens["attention_mask"]
            states = self.model(input_ids=tokens["input_ids"], attention_mask=mask).last_hidden_state.float()
            share = mask[..., None].to(states.dtype)
            pooled = states[:, 0] if self.first_token else (states * share).sum(1) / share.sum(1)
            rows.append(torch.nn.functional.normalize(pooled, dim=-1).numpy())
        return np.concatenate(rows).astype(np.float32)


def copy_encoder(source: str | Path, target: Path) -> None:
    """Copy what is read of an encoder into an index, so that the index is whole by itself."""
    folder = find_checkpoint(source)
    names = {"config.json", "tokenizer_config.json", "special_tokens_map.json", *TOKENIZER_FILES}
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.iterdir()):
        if path.name in names or path.suffix == ".safetensors":
            shutil.copyfile(path, target / path.name)
    if (folder / POOLING).is_file():
        (target / POOLING).parent.mkdir(exist_ok=True)
        shutil.copyfile(folder / POOLING, target / POOLING)
