"""A checkpoint is data: it runs no code, unpickles nothing, asks nothing, and is no larger than its
weights."""

from __future__ import annotations

import builtins
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, BertConfig, BertModel

from magic_demo.core.errors import CheckpointError
from magic_demo.cues.cue_model import CueModel
from magic_demo.models.answers.encoders import load_encoder
from magic_demo.models.loading.checkpoints import (
    load_model,
    load_tokenizer,
    read_tokenizer,
)
from magic_demo.models.loading.finding import find_checkpoint, name_model
from magic_demo.models.registry import SEGMENTERS, load_answerer, load_segmenter
from tests.models.answers.test_text_photo_answerer import make_tokenizer

SHIPPED = Path(__file__).resolve().parents[2] / "checkpoints"
LOADERS: dict[str, Callable[[Path], object]] = {
    "segmenter": load_segmenter,
    "answerer": load_answerer,
    "cues": CueModel.load,
    "encoder": lambda folder: load_encoder(folder, None),
    "any model": lambda folder: load_model(folder, AutoModel),
    "tokenizer": load_tokenizer,
    "tokenizer of a run": read_tokenizer,
}
SECONDS = 5
"""Far more than any refusal takes, far less than what it forestalls."""


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Write a tiny BERT with its tokenizer."""
    torch.manual_seed(0)
    folder = tmp_path / "tiny-bert"
    BertModel(
        BertConfig(
            vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
        )
    ).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


def _change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values), encoding="utf-8")


def _refuse(load: Callable[[Path], object], folder: Path) -> str:
    start = time.process_time()
    with pytest.raises(CheckpointError) as caught:
        load(folder)
    assert time.process_time() - start < SECONDS and "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("model_type", ["bert", "made-up"])
def test_code_beside_a_config_is_not_run_and_not_asked_about(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, loader: str, model_type: str
) -> None:
    asked: list[object] = []

    def say_yes(question: str = "") -> str:
        asked.append(question)
        return "y"

    monkeypatch.setattr(builtins, "input", say_yes)
    ran = checkpoint / "ran"
    (checkpoint / "own.py").write_text(
        f"open({str(ran)!r}, 'w').close()\nclass Own: pass\n", encoding="utf-8"
    )
    classes = dict.fromkeys(("AutoConfig", "AutoModel", "AutoModelForImageSegmentation"), "own.Own")
    _change(
        checkpoint / "config.json",
        model_type=model_type,
        auto_map=classes,
        text_config={"model_type": "bert", "auto_map": classes},
    )
    _change(
        checkpoint / "tokenizer_config.json",
        tokenizer_class="OwnTokenizer",
        auto_map={"AutoTokenizer": ["own.Own", "own.Own"]},
    )
    try:
        LOADERS[loader](checkpoint)
    except CheckpointError as error:
        assert "\n" not in str(error)
    else:
        assert model_type == "bert" or "tokenizer" in loader
    assert asked == [] and not ran.exists()


def test_an_unknown_model_type_is_one_line_that_names_the_known_ones(checkpoint: Path) -> None:
    _change(checkpoint / "config.json", model_type="made-up")
    line = _refuse(LOADERS["answerer"], checkpoint)
    assert "'made-up'" in line and "photo_answerer, text_photo_answerer is expected" in line
    assert "entry point of that name in the group magic_demo.answerers" in line
    assert "bert" in _refuse(LOADERS["any model"], checkpoint)


@pytest.mark.parametrize(
    "values",
    [
        {"num_hidden_layers": 10**9},
        {"num_hidden_layers": 50},
        {"hidden_size": 10**9},
        {"hidden_size": 2**23, "num_attention_heads": 1},
        {"vocab_size": 2**24 - 1},
        {"vocab_size": 10**400},
        {"max_position_embeddings": 1e300},
        {"num_labels": 10**9},
        {"layer_norm_eps": float("inf")},
        {"architectures": ["x"] * 10**5},
        {"text_config": {"model_type": "bert", "num_hidden_layers": 10**9}},
        {"model_type": "swin", "depths": [1] * 300},
        {"model_type": "swin", "depths": [10**9]},
        {"model_type": "swin", "image_size": 10**7},
        {"model_type": "swin", "embed_dim": 2**20},
        {"model_type": "compact_segmenter", "prompt_layers": 10**9},
        {"model_type": "compact_segmenter", "decoder_channels": [2**20] * 5},
        {"model_type": "clipseg", "vision_config": {"model_type": "clip_vision_model"}},
        {"quantization_config": {"quant_method": "bitsandbytes"}},
        {"transformers_weights": "pytorch_model.bin"},
        {"attn_implementation": "somebody/kernel"},
        {"_attn_implementation": {"": "somebody/kernel"}},
    ],
    ids=lambda values: str(values)[:60],
)
def test_sizes_that_the_weights_have_not_and_parts_from_elsewhere_are_refused(
    checkpoint: Path, values: dict[str, Any]
) -> None:
    _change(checkpoint / "config.json", **values)
    _refuse(LOADERS["segmenter" if values.get("model_type") in SEGMENTERS.own else "any model"], checkpoint)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _zero(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _elsewhere(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)


@pytest.mark.parametrize("make", [_pipe, _zero, _elsewhere, _sparse])
@pytest.mark.parametrize(
    "name", ["model.safetensors", "more.safetensors", "config.json", "tokenizer.json", "vocab.txt"]
)
@pytest.mark.parametrize("shipped", ["cue-model", "photo-answerer"])
def test_what_is_no_file_of_a_checkpoint_is_refused_at_once(
    tmp_path: Path, name: str, make: Callable[[Path], None], shipped: str
) -> None:
    for path in (SHIPPED / shipped).iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).unlink(missing_ok=True)
    make(tmp_path / name)
    assert name in _refuse(LOADERS["cues" if shipped == "cue-model" else "answerer"], tmp_path)
    if shipped != "cue-model":
        assert name in _refuse(name_model, tmp_path)


def test_links_as_the_hubs_cache_has_them_are_followed(checkpoint: Path, tmp_path: Path) -> None:
    snapshot, blobs = tmp_path / "models--a--b" / "snapshots" / "0", tmp_path / "models--a--b" / "blobs"
    for folder in (snapshot, blobs):
        folder.mkdir(parents=True)
    for number, path in enumerate(checkpoint.iterdir()):
        path.rename(blobs / str(number))
        (snapshot / path.name).symlink_to(f"../../blobs/{number}")
    assert isinstance(load_model(snapshot, AutoModel), BertModel)


@pytest.mark.parametrize("loader", ["answerer", "encoder"])
@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pkl"])
def test_pickles_are_named_and_never_read_in_the_product_and_in_training(
    checkpoint: Path, loader: str, name: str
) -> None:
    weights = load_file(checkpoint / "model.safetensors")
    (checkpoint / "model.safetensors").unlink()
    torch.save(weights, checkpoint / name)
    if loader == "answerer":
        _change(checkpoint / "config.json", model_type="text_photo_answerer")
    assert f"{name} is a pickle" in _refuse(LOADERS[loader], checkpoint)


def test_an_adapter_does_not_lead_to_another_model(checkpoint: Path) -> None:
    (checkpoint / "adapter_config.json").write_text(
        '{"base_model_name_or_path": "somebody/else"}', encoding="utf-8"
    )
    assert "adapter" in _refuse(LOADERS["any model"], checkpoint)


def test_what_the_hub_gives_is_looked_at_like_a_folder(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **options: str(checkpoint))
    (checkpoint / "model.safetensors").unlink()
    (checkpoint / "model.safetensors").symlink_to("/dev/zero")
    for load in (
        find_checkpoint,
        load_tokenizer,
        name_model,
        *(LOADERS[name] for name in ("segmenter", "answerer", "encoder")),
    ):
        assert "model.safetensors" in _refuse(lambda _, load=load: load("somebody/model"), checkpoint)  # type: ignore[misc]
