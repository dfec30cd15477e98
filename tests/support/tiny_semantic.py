"""Semantic segmentation models of transformers of a few thousand random weights, saved as folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transformers import (
    ConvNextConfig,
    SegformerConfig,
    SegformerForSemanticSegmentation,
    UperNetConfig,
    UperNetForSemanticSegmentation,
)

SIZE = 32


def make_segformer(**config: Any) -> SegformerForSemanticSegmentation:
    """Return a SegFormer of two stages, two labels."""
    sizes: dict[str, Any] = {
        "num_encoder_blocks": 2,
        "depths": [1, 1],
        "sr_ratios": [2, 1],
        "hidden_sizes": [8, 16],
        "patch_sizes": [7, 3],
        "strides": [4, 2],
        "num_attention_heads": [1, 2],
        "mlp_ratios": [2, 2],
        "decoder_hidden_size": 16,
        "num_labels": 2,
    }
    return SegformerForSemanticSegmentation(SegformerConfig(**{**sizes, **config}))


def make_upernet(**config: Any) -> UperNetForSemanticSegmentation:
    """Return a UPerNet on a ConvNeXt of two stages, two labels."""
    stages: dict[str, Any] = {"num_stages": 2, "out_features": ["stage1", "stage2"]}
    backbone = ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 1], **stages)
    sizes: dict[str, Any] = {"hidden_size": 8, "pool_scales": [1], "num_labels": 2}
    return UperNetForSemanticSegmentation(
        UperNetConfig(backbone_config=backbone, use_auxiliary_head=False, **{**sizes, **config})
    )


def save_semantic(model: Any, folder: Path, **config: Any) -> Path:
    """Write a model with its ``preprocessor_config.json``; ``config``: more for ``config.json``."""
    model.save_pretrained(folder)
    content = {"size": {"height": SIZE, "width": SIZE}, "image_mean": [0.5] * 3, "image_std": [0.25] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(content), encoding="utf-8")
    known = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**known, **config}), encoding="utf-8")
    return folder
