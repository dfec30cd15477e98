"""Training a segmentation model: it learns, it resumes to the same end, its best checkpoint is what the
product loads."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from transformers import TrainerCallback

from magic_demo.core.types import Mask, Pixels
from magic_demo.models.registry import load_segmenter
from magic_demo.models.segmentation.compact import CompactSegmenter
from magic_demo.questions.scoring import count_pixels, dice
from training.__main__ import main
from training.runs.run import SettingsError, read_settings
from training.segmentation import train as segmentation
from training.segmentation.data import TrainingDraws, merge_masks
from training.segmentation.sources import SourceSettings, read_examples
from training.segmentation.train import SegmentationSettings, SegmentationTrainer, run_training

SIDE = 64


def draw_disc(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw skin-coloured noise with one darker disc."""
    down, across = np.mgrid[:SIDE, :SIDE]
    centre, radius = random.uniform(14, 50, size=2), random.uniform(8, 15)
    mask = (across - centre[0]) ** 2 + (down - centre[1]) ** 2 <= radius**2
    pixels = np.array([215, 170, 150]) + random.normal(0, 6, (SIDE, SIDE, 3))
    pixels[mask] -= np.array([70, 90, 80])
    return np.clip(pixels, 0, 255).astype(np.uint8), mask


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory, training_seed: int) -> Path:
    folder = tmp_path_factory.mktemp("discs")
    random = np.random.default_rng(5 + training_seed)
    for part in ("images", "masks", "splits"):
        (folder / part).mkdir()
    for split, count in (("train", 16), ("dev", 8)):
        names = [f"{split}{number}" for number in range(count)]
        (folder / "splits" / f"{split}.txt").write_text("\n".join(names))
        for name in names:
            pixels, mask = draw_disc(random)
            cv2.imwrite(str(folder / "images" / f"{name}.jpg"), pixels[:, :, ::-1])
            cv2.imwrite(str(folder / "masks" / f"{name}.png"), mask.astype(np.uint8) * 255)
    entry = {
        "encounter_id": "ENC1",
        "image_ids": [],
        "query_title_en": "red spot",
        "query_content_en": "a red spot, a red arm",
        "responses": [],
    }
    (folder / "narratives.json").write_text(json.dumps([entry, {**entry, "encounter_id": "ENC2"}]))
    return folder


@pytest.fixture
def settings(repository: Path, discs: Path, tmp_path: Path, training_seed: int) -> SegmentationSettings:
    overrides = {"data.folder": str(discs), "run.output": str(tmp_path / "run"), "run.seed": training_seed}
    return read_settings(
        repository / "training" / "configs" / "segmentation-tiny.yaml", SegmentationSettings, overrides
    )


def shorten(settings: SegmentationSettings, output: Path) -> SegmentationSettings:
    return replace(settings, run=replace(settings.run, output=output, epochs=3, evaluate_every=2))


def read_discs(folder: Path, split: str) -> list[tuple[Pixels, Mask]]:
    examples = read_examples(folder, SourceSettings(name="discs", kind="pairs", split=split))
    return [(pixels, masks[0]) for pixels, masks in (example.read() for example in examples)]


def mean_dice(found: Iterable[Mask], expected: Iterable[Mask]) -> float:
    return float(np.mean([dice(count_pixels(mask, one)) for one, mask in zip(found, expected, strict=True)]))


def best_constant(masks: list[Mask]) -> float:
    """Return the mean Dice of the one mask that, given for every photo, is best in hindsight."""
    share = np.mean(masks, axis=0)
    return max(mean_dice([share >= least] * len(masks), masks) for least in np.unique(share[share > 0]))


def follow_closely(patch: pytest.MonkeyPatch) -> None:
    """Let the statistics of batches follow within a few steps: at the product's pace a run of 32 steps is
    judged by those of its start."""
    start = segmentation.start_model

    def start_following(settings: SegmentationSettings) -> Any:
        model, *others = start(settings)
        for part in model.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.momentum = 0.2
        return model, *others

    patch.setattr(segmentation, "start_model", start_following)


@pytest.mark.numeric
def test_a_short_run_finds_discs_far_better_than_the_best_constant_and_the_product_loads_its_best(
    settings: SegmentationSettings, discs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dark discs on light skin are found within a few tens of steps; where a run stands at one of them is
    chance, so the best of ten counts."""
    follow_closely(monkeypatch)
    folder, scores = run_training(replace(settings, run=replace(settings.run, epochs=40, evaluate_every=8)))
    log = json.loads(
        (settings.run.output / "checkpoints" / "checkpoint-80" / "trainer_state.json").read_text()
    )["log_history"]
    losses = [entry["loss"] for entry in log if "loss" in entry]
    assert losses[-1] < losses[0]
    photos, masks = zip(*read_discs(discs, "dev"), strict=True)
    constant = best_constant(list(masks))
    far_better = constant + (1 - constant) / 3
    assert scores["eval_dice"] > far_better

    segmenter = load_segmenter(folder)
    assert segmenter.threshold == pytest.approx(scores["eval_threshold"])
    card = ModelCard.load(folder / "README.md")
    assert card.data.eval_results and card.data.datasets
    assert (folder / "compact.py").is_file() and (folder / "image_processing.py").is_file()
    assert (
        mean_dice([segmenter.predict(pixels) >= segmenter.threshold for pixels in photos], masks) > far_better
    )


class Stop(TrainerCallback):
    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 3:
            raise KeyboardInterrupt


@pytest.mark.long
@pytest.mark.numeric
def test_a_run_that_was_stopped_and_resumed_ends_as_one_that_was_not(
    settings: SegmentationSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = run_training(shorten(settings, tmp_path / "whole"))
    stopped = shorten(settings, tmp_path / "stopped")
    with monkeypatch.context() as patch:
        build = SegmentationTrainer.__init__

        def build_to_stop(self: SegmentationTrainer, *args: Any, **kwargs: Any) -> None:
            build(self, *args, **kwargs)
            self.add_callback(Stop())

        patch.setattr(SegmentationTrainer, "__init__", build_to_stop)
        with pytest.raises(KeyboardInterrupt):
            run_training(stopped)
    resumed, _ = run_training(stopped, resume=True)
    expected, got = (CompactSegmenter.from_pretrained(folder).state_dict() for folder in (whole, resumed))
    for name, value in expected.items():
        torch.testing.assert_close(got[name], value, msg=name)


def test_a_draw_depends_on_its_number_alone(settings: SegmentationSettings, discs: Path) -> None:
    from magic_demo.models.loading.preprocessing import Preprocessing

    examples = read_examples(discs, settings.data.training[0])
    preprocessing = Preprocessing((SIDE, SIDE), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    walked, jumped = (
        TrainingDraws(settings.data, examples, preprocessing, epochs=3, seed=1, borrowed=["a", "b"])
        for _ in range(2)
    )
    drawn = [walked[number] for number in range(40)]
    again = jumped[39]
    assert again["prompt"] == drawn[39]["prompt"]
    np.testing.assert_array_equal(again["pixel_values"], drawn[39]["pixel_values"])
    assert not np.array_equal(drawn[0]["pixel_values"], drawn[16]["pixel_values"])


def test_an_epoch_holds_each_photo_as_often_as_its_source_says(
    settings: SegmentationSettings, discs: Path
) -> None:
    from magic_demo.models.loading.preprocessing import Preprocessing

    sources = [
        SourceSettings("often", "pairs", split="dev", repeat=3),
        SourceSettings("seldom", "pairs", split="train", repeat=0.5),
    ]
    examples = [example for source in sources for example in read_examples(discs, source)]
    draws = TrainingDraws(
        settings.data, examples, Preprocessing((32, 32), (0, 0, 0), (1, 1, 1)), epochs=2, seed=0
    )
    assert draws.epoch_length == 3 * 8 + 16 // 2
    assert len(draws) == 2 * draws.epoch_length


@pytest.mark.numeric
def test_masks_of_several_annotators_become_union_majority_or_share() -> None:
    masks = [np.array([[bool(value) for value in row]]) for row in ((1, 1, 1, 0), (0, 1, 1, 0), (0, 0, 1, 0))]
    np.testing.assert_array_equal(merge_masks(masks, "union"), [[1, 1, 1, 0]])
    np.testing.assert_array_equal(merge_masks(masks, "majority"), [[0, 1, 1, 0]])
    np.testing.assert_allclose(merge_masks(masks, "mean"), [[1 / 3, 2 / 3, 1, 0]], rtol=1e-6)


def test_synthetic_cases_are_a_source_with_prompts_in_both_languages() -> None:
    examples = read_examples(Path(), SourceSettings("cases", "cases", count=6, seed=3, side=96))
    pixels, masks = examples[0].read()
    assert max(pixels.shape[:2]) == 96
    assert all(mask.shape == pixels.shape[:2] for mask in masks)
    assert any(len(example.prompts) == 2 for example in examples)


def test_an_unknown_setting_is_named(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (repository / "training" / "configs" / "segmentation-tiny.yaml").read_text()
    config = tmp_path / "wrong.yaml"
    config.write_text(text.replace("epochs:", "epoches:"))
    assert main(["segmentation", "--config", str(config)]) == 1
    assert "run: no setting 'epoches'" in capsys.readouterr().err


def test_a_setting_of_a_wrong_type_is_named(repository: Path) -> None:
    path = repository / "training" / "configs" / "segmentation-tiny.yaml"
    with pytest.raises(SettingsError, match=r"run\.batch_size: int is expected, not 'many'"):
        read_settings(path, SegmentationSettings, {"run.batch_size": "many"})


def test_data_that_is_not_there_is_named(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = repository / "training" / "configs" / "segmentation-tiny.yaml"
    assert (
        main(
            [
                "segmentation",
                "--config",
                str(config),
                "--data",
                str(tmp_path),
                "--output",
                str(tmp_path / "run"),
            ]
        )
        == 1
    )
    assert str(tmp_path / "splits" / "train.txt") in capsys.readouterr().err


def test_nothing_to_resume_is_said(settings: SegmentationSettings) -> None:
    with pytest.raises(SettingsError, match="no checkpoint to resume from"):
        run_training(settings, resume=True)


@pytest.mark.parametrize(
    "name",
    [
        "segmentation-compact.yaml",
        "segmentation.yaml",
        "segmentation-paper.yaml",
        "segmentation-tiny.yaml",
        "segmentation-semantic.yaml",
    ],
)
def test_every_settings_file_of_segmentation_is_valid(repository: Path, name: str) -> None:
    assert (
        read_settings(repository / "training" / "configs" / name, SegmentationSettings).run.metric == "dice"
    )
