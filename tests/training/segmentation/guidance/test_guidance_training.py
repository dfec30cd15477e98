"""The guided decoder learns alone: what the checkpoint gave without guidance stays, bit for bit."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from magic_demo.files.photos.reading import read_photo
from magic_demo.models.interfaces import Click, Guidance
from magic_demo.models.loading.preprocessing import Preprocessing, read_preprocessing
from magic_demo.models.registry import load_segmenter
from magic_demo.models.segmentation.compact import CompactSegmenter, CompactSegmenterConfig
from training.__main__ import main
from training.runs.augment import AugmentSettings
from training.runs.record import DATA, SETTINGS, VERSIONS
from training.runs.run import RunSettings, SettingsError, read_settings
from training.runs.tokenizer import train_tokenizer
from training.segmentation.data import DataSettings
from training.segmentation.guidance.draws import GuidanceSettings, GuidedDraws, begin
from training.segmentation.guidance.train import (
    GuidanceRunSettings,
    StartSettings,
    run_training,
    start_guided,
)
from training.segmentation.sources import SourceSettings, list_examples
from training.segmentation.train import save_checkpoint

SIDE = 64


@pytest.fixture(scope="module")
def spots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of photos with two dark spots; one of them is the lesion."""
    folder = tmp_path_factory.mktemp("spots")
    for part in ("images", "masks"):
        (folder / part).mkdir()
    random = np.random.default_rng(0)
    down, across = np.mgrid[:SIDE, :SIDE]
    for number in range(12):
        pixels = np.array([215, 170, 150]) + random.normal(0, 5, (SIDE, SIDE, 3))
        spots = [(across - x) ** 2 + (down - random.uniform(20, 44)) ** 2 < 90 for x in (17, 47)]
        for spot in spots:
            pixels[spot] -= (70, 90, 80)
        cv2.imwrite(
            str(folder / "images" / f"{number}.jpg"), np.clip(pixels, 0, 255).astype(np.uint8)[..., ::-1]
        )
        cv2.imwrite(str(folder / "masks" / f"{number}.png"), spots[number % 2].astype(np.uint8) * 255)
    return folder


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(2)
    config = CompactSegmenterConfig(
        stem_channels=8, decoder_channels=[8, 8, 16, 16, 24], vocab_size=40, prompt_size=16, mirrored=True
    )
    tokenizer = train_tokenizer(["a red spot", "a red arm"], vocabulary=40, most_tokens=96)
    config.vocab_size = max(config.vocab_size, len(tokenizer))
    folder = tmp_path_factory.mktemp("start")
    half = (0.5, 0.5, 0.5)
    save_checkpoint(CompactSegmenter(config), tokenizer, Preprocessing((SIDE, SIDE), half, half), folder)
    return folder


@pytest.fixture
def settings(spots: Path, start: Path, tmp_path: Path) -> GuidanceRunSettings:
    source = (SourceSettings(name="spots", kind="pairs", split="*"),)
    return GuidanceRunSettings(
        StartSettings(str(start), average=0.5, half=False),
        DataSettings(spots, source, source, cache_side=SIDE, augment=AugmentSettings()),
        RunSettings(
            tmp_path / "run",
            "guided",
            epochs=2,
            batch_size=4,
            evaluate_every=3,
            patience=0,
            learning_rate=5e-3,
            threads=1,
        ),
        GuidanceSettings(rounds=2),
    )


def test_before_it_learns_guidance_adds_nothing(start: Path) -> None:
    model, _, _ = start_guided(str(start))
    model.train(False)
    features = model.encode_photo(torch.rand(1, 3, SIDE, SIDE))
    vector = model.encode_prompt(torch.zeros((1, 0), dtype=torch.long), torch.zeros((1, 0)))
    with torch.no_grad():
        guided = model.decode_guided(features, vector, torch.rand(1, 4, SIDE, SIDE))
        assert torch.equal(guided, model.decode(features, vector))


@pytest.mark.long
@pytest.mark.numeric
def test_a_run_teaches_the_guided_decoder_alone_and_the_product_loads_it(
    settings: GuidanceRunSettings, start: Path, spots: Path
) -> None:
    folder, scores = run_training(settings)
    before, after = load_segmenter(start), load_segmenter(folder)
    assert after.reads_guidance and not before.reads_guidance
    assert after.encoder_name == before.encoder_name  # by its bytes
    pixels = read_photo(spots / "images" / "0.jpg").pixels
    features = after.look(pixels)
    np.testing.assert_array_equal(after.segment(features), before.segment(before.look(pixels)))
    np.testing.assert_array_equal(after.segment(features, guidance=Guidance()), after.segment(features))
    clicked = after.segment(features, guidance=Guidance((Click(0.25, 0.5),)))
    boxed = after.segment(features, guidance=Guidance(box=(0.1, 0.2, 0.5, 0.8)))
    assert clicked.shape == boxed.shape == (SIDE, SIDE)
    assert not np.array_equal(clicked, after.segment(features)) and not np.array_equal(clicked, boxed)
    assert {"eval_none", "eval_box", "eval_click_1", "eval_click_3_spots"} <= set(scores)


def test_data_and_settings_are_checked_before_the_model_is_loaded(
    settings: GuidanceRunSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "training.segmentation.guidance.train.start_guided", lambda _: pytest.fail("a model was loaded")
    )
    with pytest.raises(SettingsError, match=r"run\.metric: 'dice' is not one of 'guided', 'none'"):
        run_training(replace(settings, run=replace(settings.run, metric="dice")))
    data = Path(shutil.copytree(settings.data.folder, tmp_path / "data"))
    (data / "images" / "3.jpg").write_text("no photo")
    with pytest.raises(SettingsError, match="1 of 12 photos cannot be used"):
        run_training(replace(settings, data=replace(settings.data, folder=data, evaluation=())))


@pytest.mark.long
@pytest.mark.numeric
def test_a_run_that_was_stopped_goes_on_and_keeps_its_record(settings: GuidanceRunSettings) -> None:
    whole = replace(settings, run=replace(settings.run, output=settings.run.output / "whole"))
    run_training(whole)
    last = sorted((whole.run.output / "checkpoints").glob("checkpoint-*"))[-1]
    for path in last.iterdir():  # as if it had been killed after the one before
        path.unlink()
    folder, _ = run_training(whole, resume=True)
    state = json.loads((last / "trainer_state.json").read_text())
    assert state["global_step"] == 6 and (folder / "model.safetensors").is_file()
    for name in (SETTINGS, DATA, VERSIONS):
        assert (folder / name).read_bytes() == (whole.run.output / name).read_bytes()
    with pytest.raises(SettingsError, match=r"guidance\.rounds was 2 and is 3"):
        run_training(replace(whole, guidance=GuidanceSettings(rounds=3)), resume=True)


def test_a_draw_is_the_same_in_every_run_and_some_begin_with_a_box(settings: GuidanceRunSettings) -> None:
    examples = list_examples(settings.data.folder, settings.data.training)
    preprocessing = read_preprocessing(settings.model.start)
    one, other = (GuidedDraws(settings.data, examples, preprocessing, epochs=3, seed=4) for _ in range(2))
    items = [one[draw] for draw in range(len(one))]
    again = other[20]
    np.testing.assert_array_equal(items[20]["pixel_values"], again["pixel_values"])
    assert items[20]["seed"] == again["seed"]
    shown = [
        begin(
            item["labels"] >= 0.5,
            np.zeros((SIDE, SIDE), np.float32),
            0.5,
            settings.guidance,
            np.random.default_rng(item["seed"]),
        )
        for item in items
        if (item["labels"] >= 0.5).any()
    ]
    assert all(guidance.clicks or guidance.box for guidance in shown)
    assert any(guidance.box is None for guidance in shown) and any(guidance.box for guidance in shown)


def test_a_checkpoint_of_another_kind_is_refused(settings: GuidanceRunSettings, repository: Path) -> None:
    from tests.models.segmentation.test_prompted import write_clipseg

    clipseg = write_clipseg(settings.run.output.parent / "clipseg")
    with pytest.raises(SettingsError, match="needs a compact model"):
        run_training(replace(settings, model=replace(settings.model, start=str(clipseg))))


def test_the_shipped_settings_are_read_and_resuming_nothing_is_one_line(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = repository / "training" / "configs" / "guidance.yaml"
    assert read_settings(path, GuidanceRunSettings).guidance == GuidanceSettings()
    assert main(["guidance", "--config", str(path), "--data", str(tmp_path)]) == 1
    assert "cannot be read" in capsys.readouterr().err
