"""Training the closed questions' model on its frozen encoders' outputs kept on disk: the same run, each text
and photo encoded once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from magic_demo.models.answers.text_photo_answerer import list_units
from magic_demo.models.answers.text_photo_model import TextPhotoAnswererModel
from magic_demo.questions.families import load_families
from tests.robustness.faults.run_ends import assert_same_end, find_learnt, read_end, round_encoders
from tests.support.source.rounding import assert_same_but_for_rounding
from tests.support.tiny_answerer import read_tiny, write_data
from training.answers.text_photo.checkpoint import start_model
from training.answers.text_photo.data import CaseDraws, EvaluationCases, PhotoShelf, make_collator
from training.answers.text_photo.kept_features import (
    CaseFeatures,
    KeptCases,
    check_frozen,
    make_kept_collator,
)
from training.answers.text_photo.settings import TextPhotoAnswererSettings
from training.answers.text_photo_answerer import run_training
from training.cases.sources import LearningCase, read_cases
from training.runs.run import SettingsError

FROZEN: dict[str, object] = {"model__encoder_rate": 0.0, "model__average": 0.0, "data__word_dropout": 0.0}
"""What our settings file says may be changed for encoders that stay as they are."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, training_seed: int) -> Path:
    return write_data(tmp_path_factory.mktemp("cases"), seed=training_seed)


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Count the texts and photos that the encoders are given from now on."""
    counts = {"texts": 0, "photos": 0}
    read_tokens, read_photos = TextPhotoAnswererModel.read_tokens, TextPhotoAnswererModel.read_photos

    def count_texts(self: TextPhotoAnswererModel, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        counts["texts"] += len(input_ids)
        return read_tokens(self, input_ids, attention_mask)

    def count_photos(self: TextPhotoAnswererModel, pixel_values: Tensor) -> Tensor:
        counts["photos"] += len(pixel_values)
        return read_photos(self, pixel_values)

    monkeypatch.setattr(TextPhotoAnswererModel, "read_tokens", count_texts)
    monkeypatch.setattr(TextPhotoAnswererModel, "read_photos", count_photos)
    return counts


def read_frozen(name: str, folder: Path, output: Path, **more: object) -> TextPhotoAnswererSettings:
    settings = read_tiny(name, folder, output, **{**FROZEN, "data__cache": str(output / "cache"), **more})
    return (
        settings if "data__augment" in more else replace(settings, data=replace(settings.data, augment=None))
    )


def without_cache(settings: TextPhotoAnswererSettings, output: Path) -> TextPhotoAnswererSettings:
    return replace(
        settings, data=replace(settings.data, cache=None), run=replace(settings.run, output=output)
    )


def read_all(settings: TextPhotoAnswererSettings) -> tuple[list[LearningCase], list[LearningCase]]:
    training, evaluation = (
        read_cases(settings.data.folder, kind, Path())
        for kind in (settings.data.training, settings.data.evaluation)
    )
    return training, evaluation


def open_features(settings: TextPhotoAnswererSettings) -> tuple[CaseFeatures, CaseDraws, EvaluationCases]:
    training, evaluation = read_all(settings)
    model, tokenizer, preprocessing = start_model(settings, training)
    assert settings.data.cache is not None
    text_id, photo_id = check_frozen(settings)
    features = CaseFeatures(
        settings.data.cache, model, tokenizer, preprocessing, text_id=text_id, photo_id=photo_id
    )
    shelf, sets = PhotoShelf(preprocessing), bool(model.config.learn_sets)
    draws = CaseDraws(
        training,
        settings.data,
        shelf,
        units=list_units(load_families(), settings.model.option_texts),
        epochs=2,
        sets=sets,
        seed=0,
    )
    return (
        features,
        draws,
        EvaluationCases(
            evaluation, shelf, units=list_units(load_families(), settings.model.option_texts), sets=sets
        ),
    )


@pytest.mark.long
@pytest.mark.numeric
@pytest.mark.parametrize("name", ["text-photo-answerer", "text-photo-answerer-paper"])
def test_a_run_ends_with_the_weights_of_one_that_keeps_nothing_within_rounding(
    folder: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No farther apart than two runs that keep nothing and whose encoders differ by one rounding to what is
    kept."""
    settings = read_frozen(
        name,
        folder,
        tmp_path,
        run__epochs=1,
        **({"run__batch_size": 18} if name == "text-photo-answerer-paper" else {}),
    )
    torch.manual_seed(settings.run.seed)
    start = start_model(settings, [])[0].state_dict()
    plain = without_cache(settings, tmp_path / "plain")
    run_training(plain)
    end = read_end(plain.run.output)
    assert not any(learnt.startswith(("text_model.", "vision_model.")) for learnt in find_learnt(start, end))
    for kept in (torch.float16, torch.float32):
        with monkeypatch.context() as patch:
            round_encoders(patch, kept)
            rounded = without_cache(settings, tmp_path / f"rounded to {kept}")
            run_training(rounded)
        with monkeypatch.context() as patch:
            patch.setattr("training.segmentation.features.KEPT", kept)
            cached = replace(
                settings,
                data=replace(settings.data, cache=tmp_path / f"kept in {kept}"),
                run=replace(settings.run, output=tmp_path / f"cached in {kept}"),
            )
            run_training(cached)
        assert_same_end(start, end, read_end(cached.run.output), read_end(rounded.run.output))


@pytest.mark.numeric
@pytest.mark.parametrize("name", ["text-photo-answerer", "text-photo-answerer-paper"])
def test_the_model_says_the_same_of_kept_cases(
    folder: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = read_frozen(
        name, folder, tmp_path, data__text_dropout=0.3, data__photo_dropout=0.3, data__chinese=0.5
    )
    features, draws, seen = open_features(settings)
    model = features.model

    def say(batch: dict[str, Tensor]) -> Tensor:
        with torch.inference_mode():
            logits: Tensor = model(**batch).logits
        return logits

    units = draws.units
    collate = make_collator(
        features.tokenizer,
        features.preprocessing,
        units=units,
        most_tokens=model.config.max_text_tokens,
        language="en",
    )
    for plain in (draws, seen):
        kept = KeptCases(plain, features)
        kept_collate = make_kept_collator(features, units)
        assert len(kept) == len(plain)
        for start in range(0, min(len(plain), 9), 3):
            places = range(start, min(start + 3, len(plain)))
            one, other = (
                collate([plain[place] for place in places]),
                kept_collate([kept[place] for place in places]),
            )
            labels = [torch.nan_to_num(batch.pop("labels"), nan=-1.0) for batch in (one, other)]
            assert torch.equal(*labels)
            drawn = [batch.pop("option_places", torch.empty(0)) for batch in (one, other)]
            assert torch.equal(*drawn)
            said = say(one)
            with monkeypatch.context() as patch:
                round_encoders(patch, torch.float16)  # what is kept is kept in float16
                rounding = float((say(one) - said).abs().max())
            assert_same_but_for_rounding(say(other), said, rounding)


@pytest.mark.long
def test_each_text_and_photo_is_encoded_once_in_several_epochs_and_runs(
    folder: Path, tmp_path: Path, encoded: dict[str, int]
) -> None:
    settings = read_frozen("text-photo-answerer", folder, tmp_path, run__epochs=3)
    cases = [case for part in read_all(settings) for case in part]
    texts, photos = (
        len({case.texts[0] or case.texts[1] for case in cases} - {""}),
        sum(len(case.photos) for case in cases),
    )
    run_training(settings)
    assert encoded == {"texts": texts + 54, "photos": photos}
    run_training(replace(settings, run=replace(settings.run, output=tmp_path / "again")))
    assert encoded == {"texts": texts + 54, "photos": photos}  # the second run reads what the first one kept


def test_the_papers_run_encodes_options_and_photos_once_and_no_narrative(
    folder: Path, tmp_path: Path, encoded: dict[str, int]
) -> None:
    settings = read_frozen("text-photo-answerer-paper", folder, tmp_path, run__batch_size=18)
    run_training(settings)
    assert encoded == {
        "texts": 194,
        "photos": sum(len(case.photos) for part in read_all(settings) for case in part),
    }


def test_a_broken_entry_is_computed_again_and_other_encoders_have_other_entries(
    folder: Path, tmp_path: Path, encoded: dict[str, int]
) -> None:
    settings = read_frozen("text-photo-answerer", folder, tmp_path)
    features, draws, _ = open_features(settings)
    KeptCases(draws, features)
    files = sorted(features.photos.folder.glob("*.npy"))
    files[0].write_bytes(files[0].read_bytes()[:90])
    sorted(features.texts.folder.glob("*.npy"))[0].unlink()
    encoded.update(texts=0, photos=0)
    features, draws, _ = open_features(settings)
    kept = KeptCases(draws, features)
    assert encoded == {"texts": 1, "photos": 1}
    assert all(np.isfinite(photo).all() for place in range(len(kept)) for photo in kept[place]["photos"])

    config = folder / "photo" / "config.json"
    before = config.read_text(encoding="utf-8")
    config.write_text(before.replace("{", '{"note": 1, ', 1), encoding="utf-8")
    try:
        features, draws, _ = open_features(settings)
        KeptCases(draws, features)
    finally:
        config.write_text(before, encoding="utf-8")
    assert encoded == {"texts": 1, "photos": 1 + len(files)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"data__augment": {}},
            r"data\.augment changes what the encoders are given.*set data\.augment to null",
        ),
        (
            {"data__word_dropout": 0.1},
            r"data\.word_dropout changes what the encoders are given.*set data\.word_dropout to 0",
        ),
        ({"model__encoder_rate": 0.1}, r"needs frozen encoders; set model\.encoder_rate to 0"),
        ({"model__start": "compact"}, r"model\.start is 'compact'"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_one_line(
    folder: Path, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        run_training(read_frozen("text-photo-answerer", folder, tmp_path, **change))
    assert "\n" not in str(caught.value)
