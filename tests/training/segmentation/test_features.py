"""Training on encoders' outputs kept on disk: the same run as without, each photo encoded once, nothing
stale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from magic_demo.models.loading.finding import name_model
from magic_demo.models.segmentation.clipseg import PromptedCLIPSeg
from tests.models.segmentation.test_prompted import write_clipseg
from tests.robustness.faults.run_ends import assert_same_end, read_end, round_encoders
from tests.support.tiny_clipseg import read_paper, write_data
from training.runs.augment import AugmentSettings
from training.runs.run import SettingsError
from training.segmentation.data import EvaluationPhotos, TrainingDraws
from training.segmentation.features import (
    CachedDraws,
    CachedPhotos,
    FeatureCache,
    KeptArrays,
    check_cacheable,
)
from training.segmentation.sources import list_examples
from training.segmentation.train import SegmentationSettings, run_training, start_model

Encode = Callable[[PromptedCLIPSeg, Tensor], tuple[Tensor, ...]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, training_seed: int) -> Path:
    return write_data(tmp_path_factory.mktemp("cases"), seed=training_seed)


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """Return every photo that the vision tower is given from now on."""
    seen: list[Tensor] = []
    encode: Encode = PromptedCLIPSeg.encode_photo

    def count(self: PromptedCLIPSeg, pixel_values: Tensor) -> tuple[Tensor, ...]:
        seen.extend(pixel_values)
        return encode(self, pixel_values)

    monkeypatch.setattr(PromptedCLIPSeg, "encode_photo", count)
    return seen


def open_draws(settings: SegmentationSettings) -> tuple[TrainingDraws, FeatureCache]:
    model, tokenizer, preprocessing = start_model(settings)
    assert tokenizer is not None
    draws = TrainingDraws(
        settings.data,
        list_examples(settings.data.folder, settings.data.training),
        preprocessing,
        epochs=2,
        seed=0,
    )
    assert settings.data.cache is not None
    cache = FeatureCache(
        settings.data.cache,
        check_cacheable(model),
        name_model(settings.model.start),
        lambda text: tokenizer(text, truncation=True, max_length=12)["input_ids"],
    )
    return draws, cache


@pytest.mark.long
@pytest.mark.numeric
def test_a_cached_run_ends_with_the_weights_of_one_without_within_rounding(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No farther apart than two runs without a cache whose encoders differ by one rounding to what is
    kept."""
    plain = uncached(folder, tmp_path / "plain")
    run_training(plain)
    start, end = PromptedCLIPSeg.from_pretrained(folder / "model").state_dict(), read_end(plain.run.output)
    for kept in (torch.float16, torch.float32):
        with monkeypatch.context() as patch:
            round_encoders(patch, kept)
            rounded = uncached(folder, tmp_path / f"rounded to {kept}")
            run_training(rounded)
        with monkeypatch.context() as patch:
            patch.setattr("training.segmentation.features.KEPT", kept)
            cached = read_paper(folder, tmp_path / f"cached in {kept}", run__epochs=2)
            run_training(cached)
        assert_same_end(start, end, read_end(cached.run.output), read_end(rounded.run.output))


def uncached(folder: Path, output: Path) -> SegmentationSettings:
    settings = read_paper(folder, output, run__epochs=2)
    return replace(settings, data=replace(settings.data, cache=None))


@pytest.mark.numeric
def test_draws_are_the_same_in_the_same_order(folder: Path, tmp_path: Path) -> None:
    settings = read_paper(folder, tmp_path, data__prompt_dropout=0.5)
    draws, cache = open_draws(settings)
    cached = CachedDraws(draws, cache)
    assert len(cached) == len(draws)
    for number in range(len(draws)):
        plain, kept = draws[number], cached[number]
        np.testing.assert_array_equal(kept["labels"], plain["labels"])
        with torch.inference_mode():
            states = torch.stack(
                cache.model.encode_photo(torch.from_numpy(plain["pixel_values"])[None]), dim=1
            )[0]
        np.testing.assert_allclose(kept["states"], states.numpy(), rtol=2e-3, atol=1e-3)
        np.testing.assert_array_equal(kept["prompt"], cache.read_prompt(plain["prompt"]))


def test_each_photo_goes_through_the_vision_tower_once_in_several_epochs(
    folder: Path, tmp_path: Path, encoded: list[Tensor]
) -> None:
    settings = read_paper(folder, tmp_path)
    photos = sum(
        len(list_examples(settings.data.folder, sources))
        for sources in (settings.data.training, settings.data.evaluation)
    )
    run_training(settings)
    assert len(encoded) == photos
    run_training(replace(settings, run=replace(settings.run, output=tmp_path / "again")))
    assert len(encoded) == photos  # the second run reads what the first one kept


def test_the_towers_last_layers_are_not_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draws, cache = open_draws(read_paper(folder, tmp_path))
    layers = cache.model.clip.vision_model.encoder.layers
    assert len(layers) > max(cache.model.extract_layers) + 1

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a layer above the last one that the decoder reads was run")

    for layer in layers[max(cache.model.extract_layers) + 1 :]:
        monkeypatch.setattr(layer, "forward", refuse)
    CachedDraws(draws, cache)


def test_a_stopped_fill_goes_on_and_a_broken_entry_is_computed_again(
    folder: Path, tmp_path: Path, encoded: list[Tensor]
) -> None:
    settings = read_paper(folder, tmp_path)
    draws, cache = open_draws(settings)
    kept = CachedDraws(draws, cache, batch=2)
    files = sorted(cache.photos.folder.glob("*.npy"))
    assert len(encoded) == len(files) == len(kept.kept)
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:100])
    del encoded[:]
    again = CachedDraws(*open_draws(settings))
    assert len(encoded) == 2
    assert all(np.isfinite(again[number]["states"]).all() for number in range(len(again)))


def test_another_model_and_a_changed_photo_are_never_served_from_the_old_entries(
    folder: Path, tmp_path: Path, encoded: list[Tensor]
) -> None:
    settings = read_paper(folder, tmp_path)
    draws, cache = open_draws(settings)
    first = CachedDraws(draws, cache)
    photos = len(first.kept)
    assert len(encoded) == photos

    other = write_clipseg(tmp_path / "model")
    text = (other / "config.json").read_text()
    (other / "config.json").write_text(
        text.replace('"threshold"', '"threshold_"').replace("{", '{"threshold": 0.4, ', 1)
    )
    CachedDraws(*open_draws(replace(settings, model=replace(settings.model, start=str(other)))))
    assert len(encoded) == 2 * photos

    draws, cache = open_draws(settings)
    read = draws.cache.read

    def change_one(index: int) -> Any:
        pixels, share = read(index)
        return (255 - pixels if index == 0 else pixels), share

    draws.cache.read = change_one  # type: ignore[method-assign]
    changed = CachedDraws(draws, cache)
    assert len(encoded) == 2 * photos + 1
    assert changed.kept[0, 0][0] != first.kept[0, 0][0]


def test_another_normalization_is_another_entry(folder: Path, tmp_path: Path, encoded: list[Tensor]) -> None:
    settings = read_paper(folder, tmp_path)
    kept = CachedDraws(*open_draws(settings))
    CachedDraws(*open_draws(replace(settings, data=replace(settings.data, normalization="checkpoint"))))
    assert len(encoded) == 2 * len(kept.kept)


@pytest.mark.numeric
@pytest.mark.parametrize(
    ("setting", "views"), [({"data__views": 3}, 3), ({"data__transformations": "each"}, 7)]
)
def test_numbered_views_are_kept_and_are_what_a_run_without_cache_draws(
    folder: Path, tmp_path: Path, setting: dict[str, object], views: int
) -> None:
    settings = read_paper(folder, tmp_path, **setting)
    draws, cache = open_draws(
        replace(settings, data=replace(settings.data, augment=AugmentSettings(colour=0, surface=0)))
    )
    cached = CachedDraws(draws, cache)
    assert len(cached.kept) == views * len(draws.cache)
    assert len({digest for digest, _ in cached.kept.values()}) == len(cached.kept)
    for number in range(len(draws)):
        plain, kept = draws[number], cached[number]
        np.testing.assert_allclose(kept["labels"], plain["labels"], atol=1 / 255)
        with torch.inference_mode():
            states = torch.stack(
                cache.model.encode_photo(torch.from_numpy(plain["pixel_values"])[None]), dim=1
            )[0]
        np.testing.assert_allclose(kept["states"], states.numpy(), rtol=2e-3, atol=1e-3)


def test_evaluation_photos_keep_their_order_and_prompts(folder: Path, tmp_path: Path) -> None:
    settings = read_paper(folder, tmp_path)
    draws, cache = open_draws(settings)
    photos = EvaluationPhotos(
        settings.data, list_examples(settings.data.folder, settings.data.evaluation), draws.preprocessing
    )
    cached = CachedPhotos(photos, cache)
    assert cached.prompts == [photos[index]["prompt"] for index in range(len(photos))]
    for index in range(len(photos)):
        np.testing.assert_array_equal(cached[index]["labels"], photos[index]["labels"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data__augment": {}}, r"data\.augment draws a new view each time.*or data\.views to a number"),
        ({"model__encoder_rate": 0.1}, r"needs frozen encoders, but model\.encoder_rate is 0\.1"),
    ],
)
def test_what_a_cache_cannot_keep_is_refused_in_one_line(
    folder: Path, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        run_training(read_paper(folder, tmp_path, **change))
    assert "\n" not in str(caught.value)


def test_values_too_large_for_float16_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="float16 cannot hold"):
        KeptArrays(tmp_path).write("large", torch.tensor([1e6]))
    assert not list(tmp_path.iterdir())
