"""The training command fine-tunes semantic segmentation models of transformers, without a prompt, into checkpoints that the product loads."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from safetensors.torch import load_file
from transformers import Data2VecVisionConfig, Data2VecVisionForSemanticSegmentation

from magic_demo.core.errors import CheckpointError
from magic_demo.models.registry import load_segmenter
from magic_demo.synthetic.cases import write_cases
from tests.support.stand_ins import draw_photo
from tests.support.tiny_semantic import SIZE, make_segformer, make_upernet, save_semantic
from training.__main__ import main
from training.runs.run import SettingsError, read_settings
from training.segmentation.networks import choose_reading
from training.segmentation.sources import list_examples
from training.segmentation.train import (
    SegmentationSettings,
    make_optimizer,
    run_training,
    start_model,
)

CONFIG = Path(__file__).resolve().parents[3] / "training" / "configs" / "segmentation-semantic.yaml"
SHORT = {"run.evaluate_every": 2, "run.batch_size": 4, "run.mixed_precision": "no", "pictures.count": 1}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, training_seed: int) -> Path:
    folder = tmp_path_factory.mktemp("cases")
    write_cases(folder, count=6, seed=4 + training_seed, splits={"train": 0.6, "valid": 0.4}, longest=64)
    return folder


def _save(make: Callable[..., Any], folder: Path, seed: int = 0, **config: Any) -> Path:
    torch.manual_seed(seed)
    return save_semantic(make(**config), folder)


def _read(data: Path, start: Path, output: Path, **more: object) -> SegmentationSettings:
    overrides: dict[str, object] = {
        "model.start": str(start),
        "data.folder": str(data),
        "run.output": str(output),
        "run.epochs": 1.0,
        **SHORT,
        **{name.replace("__", "."): value for name, value in more.items()},
    }
    return read_settings(CONFIG, SegmentationSettings, overrides)


@pytest.mark.parametrize(("make", "encoder"), [(make_segformer, "segformer."), (make_upernet, "backbone.")])
def test_the_command_trains_all_of_a_model_and_the_product_loads_and_judges_it(
    make: Callable[..., Any],
    encoder: str,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    start, output = _save(make, tmp_path / "start", num_labels=3), tmp_path / "run"
    photos = len(list_examples(data, _read(data, start, output).data.training))
    # nine draws: two steps, and one photo that would be alone in its batch
    assigned = {**SHORT, "run.epochs": 9 / 13 / photos, "data.transformations": "each"}
    command = ["segmentation", "--config", str(CONFIG), "--data", str(data), "--start", str(start)]
    options = [part for key, value in assigned.items() for part in ("--set", f"{key}={value!r}")]
    assert main([*command, "--output", str(output), *options]) == 0
    said = capsys.readouterr()
    assert "none of the 3 labels is the lesion's" in said.err and "views a photo" in said.err

    best = output / "best"
    segmenter = load_segmenter(best)
    assert not segmenter.reads_prompt
    assert segmenter.threshold == json.loads((best / "training.json").read_text())["eval_threshold"]
    assert segmenter.predict(draw_photo()).max() <= 1
    before, after = load_file(start / "model.safetensors"), load_file(best / "model.safetensors")
    assert before.keys() == after.keys()
    shapes = {name for name in after if after[name].shape != before[name].shape}
    assert shapes and all("classifier" in name for name in shapes)
    learnt = {name for name in after.keys() - shapes if not torch.equal(after[name], before[name])}
    assert any(name.startswith(encoder) for name in learnt)
    assert any(not name.startswith(encoder) for name in learnt)
    config = json.loads((best / "config.json").read_text())
    assert config["id2label"] == {"0": "skin", "1": "lesion"} and "mirrored" not in config
    assert config["architectures"] == [type(make()).__name__]
    card = ModelCard.load(best / "README.md")
    assert card.data.eval_results and "as it is and under each of: flip" in card.text
    assert (best / "starts.json").is_file() and list((output / "pictures").glob("*.jpg"))

    assert main(["evaluate-segmentation", str(best), "--data", str(data), "--no-baselines"]) == 0
    assert "dice" in capsys.readouterr().out.lower()


@pytest.mark.numeric
def test_a_run_that_was_cut_short_and_resumed_ends_as_it_would_have(data: Path, tmp_path: Path) -> None:
    start = _save(make_segformer, tmp_path / "start")  # with dropout: chance must go on as well
    settings = _read(data, start, tmp_path / "run")
    photos = len(list_examples(data, settings.data.training))
    more = {"run__epochs": 8 / photos, "run__evaluate_every": 1, "run__warmup": 0, "pictures__every": 0}
    settings = _read(data, start, tmp_path / "run", **more)
    run_training(settings)
    last = settings.run.output / "checkpoints" / "checkpoint-2"
    expected = load_file(last / "model.safetensors")
    shutil.rmtree(last)
    run_training(settings, resume=True)
    for name, value in load_file(last / "model.safetensors").items():
        torch.testing.assert_close(value, expected[name], msg=name)
    begun = load_file(last.with_name("checkpoint-1") / "model.safetensors")
    assert {name for name in begun if not torch.equal(begun[name], expected[name])} > {
        "decode_head.classifier.weight"
    }


@pytest.mark.numeric
@pytest.mark.parametrize(
    "labels", [{"num_labels": 1}, {"num_labels": 2}, {"id2label": {0: "a", 1: "lesion", 2: "b"}}]
)
def test_training_reads_the_map_that_the_product_shows(
    labels: dict[str, Any], data: Path, tmp_path: Path
) -> None:
    start = _save(make_segformer, tmp_path / "start", **labels)
    model: Any
    model, tokenizer, preprocessing = start_model(_read(data, start, tmp_path))
    assert tokenizer is None
    photo = draw_photo()
    shown = load_segmenter(start).predict(photo)
    with torch.no_grad():
        logits = model.eval()(pixel_values=torch.from_numpy(preprocessing.apply(photo))[None]).logits
    read = choose_reading(model)
    found = read(logits, (shown.shape[0], shown.shape[1]))[0].sigmoid().numpy()
    np.testing.assert_allclose(found, shown, atol=1e-5)
    assert read(logits, (SIZE, SIZE)).shape == (1, SIZE, SIZE)


def test_the_encoder_learns_at_its_own_rate_or_not_at_all(data: Path, tmp_path: Path) -> None:
    for make, encoder in ((make_segformer, "segformer."), (make_upernet, "backbone.")):
        start = _save(make, tmp_path / encoder)
        slow = _read(data, start, tmp_path)
        rates = {group["lr"] for group in make_optimizer(start_model(slow)[0], slow).param_groups}
        assert sorted(rates) == pytest.approx([0.3 * 2e-4, 2e-4])
        frozen = _read(data, start, tmp_path, model__encoder_rate=0)
        model = start_model(frozen)[0]
        make_optimizer(model, frozen)
        still = {name for name, value in model.named_parameters() if not value.requires_grad}
        assert still == {name for name, _ in model.named_parameters() if name.startswith(encoder)}


def test_what_such_a_model_cannot_do_is_refused(data: Path, tmp_path: Path) -> None:
    start = _save(make_segformer, tmp_path / "start")
    for setting in ("mirrored", "frozen_blocks"):
        settings = _read(data, start, tmp_path, **{f"model__{setting}": setting == "mirrored" or 2})
        with pytest.raises(SettingsError, match=f"model.{setting}: .* of type segformer"):
            start_model(settings)
    kept = {"data__views": 1, "data__cache": str(tmp_path / "cache")}
    cached = _read(data, start, tmp_path / "run", model__encoder_rate=0, **kept)
    with pytest.raises(SettingsError, match="keeps what CLIPSeg's encoders give"):
        run_training(cached)
    config = json.loads((start / "config.json").read_text())
    (start / "config.json").write_text(json.dumps({**config, "model_type": "sam"}))
    with pytest.raises(CheckpointError, match="a model of type 'sam'"):
        start_model(_read(data, start, tmp_path))


def test_a_size_that_the_model_cannot_read_is_refused_before_the_first_step(
    data: Path, tmp_path: Path
) -> None:
    sizes: dict[str, Any] = {
        "num_labels": 2,
        "hidden_size": 16,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "intermediate_size": 32,
    }
    config = Data2VecVisionConfig(**sizes, image_size=SIZE, patch_size=8, out_indices=[1, 2, 3, 4])
    start = save_semantic(Data2VecVisionForSemanticSegmentation(config), tmp_path / "start")
    with pytest.raises(SettingsError, match=r"data\.size: .* reads no photos of 48 x 48 pixels"):
        start_model(_read(data, start, tmp_path, data__size=48))
