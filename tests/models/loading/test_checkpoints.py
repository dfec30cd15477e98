"""Checkpoints come from a folder or a Hub id; whatever is wrong with them is said in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, BertConfig, BertModel, ViTImageProcessorPil

from magic_demo.core.errors import CheckpointError
from magic_demo.models.loading.checkpoints import (
    load_model,
    load_tokenizer,
)
from magic_demo.models.loading.finding import find_checkpoint, name_model
from magic_demo.models.loading.preprocessing import Preprocessing, read_preprocessing


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Write a tiny BERT as a checkpoint folder."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    folder = tmp_path / "tiny-bert"
    BertModel(config).save_pretrained(folder)
    return folder


def _refusal(call: object, *arguments: object) -> str:
    with pytest.raises(CheckpointError) as caught:
        call(*arguments)  # type: ignore[operator]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder_loads_with_the_class_that_its_config_names(checkpoint: Path) -> None:
    model = load_model(checkpoint, AutoModel)
    assert isinstance(model, BertModel) and not model.training
    assert next(model.parameters()).dtype == torch.float32


def test_half_precision_weights_are_loaded_as_float32(checkpoint: Path) -> None:
    weights = checkpoint / "model.safetensors"
    save_file(
        {name: value.half() for name, value in load_file(weights).items()}, weights, metadata={"format": "pt"}
    )
    assert next(load_model(checkpoint, AutoModel).parameters()).dtype == torch.float32


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert "no such folder" in _refusal(find_checkpoint, tmp_path / "gone")


def test_a_folder_without_config_is_named(tmp_path: Path) -> None:
    assert "no config.json" in _refusal(find_checkpoint, tmp_path)


def test_a_hub_id_without_network_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    message = _refusal(find_checkpoint, "CIDAS/clipseg-rd64-refined-that-nobody-has-here")
    assert "Hub cannot be reached" in message and "checkpoint folder" in message


@pytest.mark.parametrize("name", ["a/b/c/d", "nothing-of-this-name", "./nothing", "bad id/with spaces"])
def test_what_is_neither_folder_nor_hub_id_is_refused(name: str) -> None:
    assert name in _refusal(find_checkpoint, name)


def test_broken_weights_are_refused(checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").write_bytes(b"not weights at all")
    assert "cannot be read" in _refusal(load_model, checkpoint, AutoModel)


def test_weights_that_lack_a_tensor_are_refused(checkpoint: Path) -> None:
    path = checkpoint / "model.safetensors"
    weights = load_file(path)
    weights.pop("embeddings.word_embeddings.weight")
    save_file(weights, path, metadata={"format": "pt"})
    assert "embeddings.word_embeddings.weight" in _refusal(load_model, checkpoint, AutoModel)


@pytest.mark.parametrize("content", ["[1, 2", "[]", "{}"])
def test_a_config_that_is_not_a_config_is_refused(checkpoint: Path, content: str) -> None:
    (checkpoint / "config.json").write_text(content, encoding="utf-8")
    assert "config.json" in _refusal(load_model, checkpoint, AutoModel)


def test_a_missing_tokenizer_is_refused(checkpoint: Path) -> None:
    assert "tokenizer" in _refusal(load_tokenizer, checkpoint)


def test_preprocessing_comes_from_the_checkpoint(checkpoint: Path) -> None:
    settings = {
        "size": {"height": 8, "width": 12},
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
    (checkpoint / "preprocessor_config.json").write_text(json.dumps(settings), encoding="utf-8")
    photo = np.zeros((30, 30, 3), np.uint8)
    photo[:, :, 1] = 255
    values = read_preprocessing(checkpoint).apply(photo)
    assert values.shape == (3, 8, 12) and values.dtype == np.float32
    assert (values[0] == -1).all() and (values[1] == 1).all()


@pytest.mark.parametrize("resample", [2, 3])
@pytest.mark.parametrize("size", [(211, 300), (30, 20), (40, 500)])
def test_a_published_processors_values_come_out(
    checkpoint: Path, resample: int, size: tuple[int, int]
) -> None:
    published = ViTImageProcessorPil(
        size={"height": 64, "width": 48},
        image_mean=[0.5, 0.4, 0.3],
        image_std=[0.2, 0.3, 0.4],
        resample=resample,
    )
    published.save_pretrained(checkpoint)
    photo = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    photo.setflags(write=False)
    expected = published(photo, return_tensors="np")["pixel_values"][0]
    got = read_preprocessing(checkpoint).apply(photo)
    assert got.shape == expected.shape
    assert np.abs((got - expected) * np.array([0.2, 0.3, 0.4])[:, None, None]).max() * 255 < 1.01, (
        "more than one level of 255"
    )


def test_a_checkpoint_that_names_no_filter_shrinks_by_area_as_it_was_trained(checkpoint: Path) -> None:
    settings = {"size": 4, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}
    (checkpoint / "preprocessor_config.json").write_text(json.dumps(settings), encoding="utf-8")
    photo = np.zeros((16, 16, 3), np.uint8)
    photo[::4] = 200
    assert (read_preprocessing(checkpoint).shrink(photo) == 50).all()


@pytest.mark.parametrize("resample", ["area", "bilinear", "bicubic"])
def test_preprocessing_that_is_saved_is_read_as_it_was(checkpoint: Path, resample: Any) -> None:
    saved = Preprocessing((8, 12), (0.5, 0.4, 0.3), (0.2, 0.3, 0.4), resample)
    saved.save(checkpoint)
    assert read_preprocessing(checkpoint) == saved


def test_what_is_already_of_the_models_size_is_taken_as_it_is() -> None:
    photo = np.random.default_rng(2).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    for resample in ("area", "bilinear", "bicubic"):
        assert Preprocessing((8, 12), (0, 0, 0), (1, 1, 1), resample).shrink(photo) is photo


@pytest.mark.parametrize(
    "content",
    [
        '{"image_mean": [0, 0, 0], "image_std": [1, 1, 1], "size": 8, "resample": 1}',
        '{"image_mean": [0, 0, 0]}',
        '{"image_mean": [0], "image_std": [1], "size": 8}',
        "{",
    ],
)
def test_preprocessing_that_lacks_something_is_refused(checkpoint: Path, content: str) -> None:
    (checkpoint / "preprocessor_config.json").write_text(content, encoding="utf-8")
    assert "preprocessor_config.json" in _refusal(read_preprocessing, checkpoint)


def test_a_model_is_named_after_its_folder_and_weights(checkpoint: Path) -> None:
    before = name_model(checkpoint)
    assert before.startswith("tiny-bert@")
    weights = load_file(checkpoint / "model.safetensors")
    weights["embeddings.word_embeddings.weight"] += 1
    save_file(weights, checkpoint / "model.safetensors", metadata={"format": "pt"})
    assert name_model(checkpoint) != before


@pytest.mark.parametrize(
    ("source", "revision"), [("a/b", None), ("a/b@", None), (f"a/b@{'0' * 40}", "0" * 40), ("a/b@v1", "v1")]
)
def test_a_hub_id_is_fetched_at_the_revision_that_it_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str, revision: str | None
) -> None:
    asked: list[tuple[str, object]] = []

    def fetch(name: str, **options: object) -> str:
        asked.append((name, options["revision"]))
        return str(tmp_path)

    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    assert find_checkpoint(source) == tmp_path and asked == [("a/b", revision)]


@pytest.mark.parametrize("source", ["somebody/bert", "somebody/bert@refs/pr/3"])
def test_a_hub_id_whose_revision_holds_pickles_alone_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    asked: list[str | None] = []

    def list_files(name: str, *, revision: str | None) -> list[str]:
        asked.append(revision)
        return ["config.json", "pytorch_model.bin"]

    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(tmp_path))
    monkeypatch.setattr("huggingface_hub.list_repo_files", list_files)
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin, a pickle.*somebody/bert@REVISION"):
        find_checkpoint(source)
    assert asked == [source.partition("@")[2] or None]
