"""A BERT and a Swin of a few thousand weights as pretrained encoders, and a challenge folder of synthetic
cases: for tests of training."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from transformers import BertModel, SwinModel

from magic_demo.synthetic.cases import write_cases
from tests.models.answers.test_text_photo_answerer import make_tokenizer, text_config, vision_config
from tests.support.tiny_clipseg import read_seed
from training.answers.text_photo.settings import TextPhotoAnswererSettings
from training.runs.run import read_settings

CONFIGS = Path(__file__).resolve().parents[2] / "training" / "configs"


def write_encoders(folder: Path, *, seed: int = 0) -> Path:
    """Write the encoders' folders ``text`` and ``photo`` with all that the Hub's have."""
    torch.manual_seed(5 + seed)
    BertModel(text_config()).save_pretrained(folder / "text")
    make_tokenizer().save_pretrained(folder / "text")
    SwinModel(vision_config()).save_pretrained(folder / "photo")
    content = {"size": {"height": 32, "width": 32}, "image_mean": [0.5] * 3, "image_std": [0.25] * 3}
    (folder / "photo" / "preprocessor_config.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def write_data(folder: Path, *, count: int = 8, seed: int = 0) -> Path:
    """Write so many synthetic cases in the challenge's layout, three quarters to train on, and the encoders
    beside them; ``read_tiny`` takes the same seed."""
    write_cases(
        folder / "data", count=count, seed=4 + seed, splits={"train": 0.75, "valid": 0.25}, longest=96
    )
    (folder / "seed").write_text(str(seed))
    return write_encoders(folder, seed=seed)


def read_tiny(name: str, folder: Path, output: Path, **more: object) -> TextPhotoAnswererSettings:
    """Return the settings ``name`` as they ship on the tiny encoders; ``more``: ``run__batch_size=4`` and so
    on."""
    challenge = {"name": "dermavqa", "kind": "challenge"}
    overrides: dict[str, object] = {
        "model.text": str(folder / "text"),
        "model.photo": str(folder / "photo"),
        "data.folder": str(folder / "data"),
        "data.training": [{**challenge, "split": "train", "priors": True}],
        "data.evaluation": [{**challenge, "split": "valid"}],
        "run.output": str(output / "run"),
        "run.seed": read_seed(folder),
        "run.epochs": 2,
        "run.batch_size": 2,
        "run.patience": 0,
        "run.mixed_precision": "no",
        "run.threads": 1,
    }
    overrides.update({name.replace("__", "."): value for name, value in more.items()})
    return read_settings(CONFIGS / f"{name}.yaml", TextPhotoAnswererSettings, overrides)
