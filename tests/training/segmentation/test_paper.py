"""The paper's run, settings as they ship, on a CLIPSeg of a few thousand weights over synthetic cases."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from magic_demo.files.encounters import read_encounters
from magic_demo.models.segmentation.clipseg import PromptedCLIPSeg
from tests.support.source.concrete_models import load_prompted
from tests.support.tiny_clipseg import CONFIG, read_paper, write_data
from training.runs.run import read_settings
from training.runs.trainer import training_arguments
from training.segmentation.data import TrainingDraws
from training.segmentation.networks import CLIP_MEAN, CLIP_STD
from training.segmentation.sources import list_examples
from training.segmentation.train import (
    SegmentationSettings,
    make_optimizer,
    run_training,
    start_model,
)

SMALLER = {
    "run__epochs": 2,
    "run__batch_size": 4,
    "run__patience": 5,
    "run__mixed_precision": "auto",
    "run__deterministic": True,
}
"""What the test changes besides start, data and places: everything else is as in the file."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, training_seed: int) -> Path:
    return write_data(tmp_path_factory.mktemp("cases"), seed=training_seed)


@pytest.fixture
def free_after() -> Iterator[None]:
    """Undo what a deterministic run sets for the whole process."""
    environment = dict(os.environ)
    yield
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.benchmark = torch.backends.cudnn.deterministic = False
    os.environ.clear()
    os.environ.update(environment)


@pytest.mark.long
@pytest.mark.numeric
@pytest.mark.usefixtures("free_after")
def test_the_run_goes_from_end_to_end_twice_alike_and_the_product_loads_it(
    folder: Path, tmp_path: Path
) -> None:
    best, scores = run_training(read_paper(folder, tmp_path / "first", **SMALLER))
    again, _ = run_training(read_paper(folder, tmp_path / "second", **SMALLER))
    start, first, second = (
        PromptedCLIPSeg.from_pretrained(path).state_dict() for path in (folder / "model", best, again)
    )
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=0, atol=0, msg=name)
    changed = {name for name, value in first.items() if not torch.equal(value, start[name])}
    assert changed
    assert all(name.startswith("decoder.") for name in changed)

    segmenter = load_prompted(best)
    assert segmenter.threshold == pytest.approx(scores["eval_threshold"])
    assert segmenter.preprocessing.mean == pytest.approx(CLIP_MEAN)
    assert segmenter.preprocessing.std == pytest.approx(CLIP_STD)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    assert segmenter.predict(pixels, "red rash").shape == (32, 32)


def test_it_stops_early_when_validation_dice_stops_growing(folder: Path, tmp_path: Path) -> None:
    settings = read_paper(folder, tmp_path, run__epochs=12, run__patience=1, run__learning_rate=0.0)
    run_training(settings)
    states = [
        json.loads(path.read_text())
        for path in (settings.run.output / "checkpoints").glob("*/trainer_state.json")
    ]
    last = max(states, key=lambda state: state["global_step"])
    assert len([entry for entry in last["log_history"] if "eval_dice" in entry]) == 2, (
        "the second evaluation is no better"
    )
    assert last["global_step"] < last["max_steps"]


def test_a_photo_is_asked_with_question_and_answers_and_its_target_is_the_union(tmp_path: Path) -> None:
    folder = write_data(tmp_path)
    data = folder / "data"
    path = data / "train" / "train.json"
    entries = json.loads(path.read_text())
    entries[0]["query_content_en"] = "<p>A red   rash</p>\n on my&nbsp;arm"
    entries[0]["responses"] = [{"content_en": "<b>Tinea</b>   corporis", "content_zh": "癣"}]
    path.write_text(json.dumps(entries))
    settings = read_paper(folder, tmp_path)
    examples = list_examples(settings.data.folder, settings.data.training)
    preprocessing = start_model(settings)[2]
    draws = TrainingDraws(settings.data, examples, preprocessing, epochs=1, seed=0)
    asked = {example.photo_id: example.prompts[0] for example in examples}
    encounter = read_encounters(data, "train").encounters[0]
    first = next(asked[photo.photo_id] for photo in encounter.photo_files)
    assert first.endswith("A red rash on my arm Tinea corporis")
    assert {draws[number]["prompt"] for number in range(len(draws))} == set(asked.values())
    for index, example in enumerate(examples):
        pixels, masks = example.read()
        _, share = draws.cache.read(index)
        assert pixels.shape[:2] == share.shape
        np.testing.assert_array_equal(share > 0.5, np.any(masks, axis=0))


def test_optimizer_and_arguments_are_the_papers(folder: Path, tmp_path: Path) -> None:
    tiny = read_paper(folder, tmp_path)
    shipped = read_settings(CONFIG, SegmentationSettings)
    optimizer = make_optimizer(start_model(tiny)[0], shipped)
    assert type(optimizer) is torch.optim.AdamW
    assert {group["lr"] for group in optimizer.param_groups} == {9e-4}
    run = read_settings(
        CONFIG, SegmentationSettings, {"run.deterministic": False, "run.output": str(tmp_path)}
    ).run
    arguments = training_arguments(run)
    assert (arguments.per_device_train_batch_size, arguments.max_grad_norm, arguments.bf16) == (32, 1.0, True)
    assert 20 <= arguments.num_train_epochs <= 30
    assert (arguments.lr_scheduler_type, arguments.warmup_steps) == ("constant", 0)
    assert arguments.dataloader_num_workers == 4
    assert shipped.run.deterministic
