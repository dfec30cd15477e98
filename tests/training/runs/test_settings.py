"""Settings are checked for range where they are read, and can be set on the command line."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import torch

from training.__main__ import main
from training.answers.calibrate import CalibrateSettings
from training.answers.combine import CombineSettings
from training.answers.photo.settings import PhotoAnswererSettings
from training.answers.text_photo.settings import TextPhotoAnswererSettings
from training.answers.text_photo_answerer import check_settings as check_answerer
from training.cues.fitting import CueSettings
from training.runs.ranges import Range
from training.runs.run import SettingsError, read_assignments, read_settings
from training.runs.trainer import choose_precision
from training.segmentation.guidance.train import GuidanceRunSettings
from training.segmentation.train import SegmentationSettings, check_settings

CONFIGS = Path(__file__).resolve().parents[3] / "training" / "configs"
SEGMENTATION, ANSWERER = CONFIGS / "segmentation-paper.yaml", CONFIGS / "text-photo-answerer-paper.yaml"


@pytest.mark.parametrize(
    ("key", "value", "range_"),
    [
        ("run.epochs", 0, "above 0"),
        ("run.epochs", float("nan"), "above 0"),
        ("run.batch_size", 0, "1 or more"),
        ("run.evaluation_batch_size", -4, "1 or more"),
        ("run.learning_rate", -1e-3, "0 or more"),
        ("run.learning_rate", float("inf"), "0 or more"),
        ("run.weight_decay", -1, "0 or more"),
        ("run.warmup", -0.1, "0 or more"),
        ("run.clip", -1, "0 or more"),
        ("run.patience", -1, "0 or more"),
        ("run.workers", -1, "0 or more"),
        ("run.keep", 0, "1 or more"),
        ("run.seed", -1, "0 to 4.29497e+09"),
        ("data.size", -352, "0 or more"),
        ("data.cache_side", 0, "16 to 8192"),
        ("data.prompt_dropout", 1.5, "0 to 1"),
        ("data.views", -1, "0 or more"),
        ("data.least_found", 95, "0 to 1"),
        ("data.training.0.repeat", 0, "above 0"),
        ("model.encoder_rate", -0.1, "0 or more"),
        ("model.average", 1.0, "0 to below 1"),
        ("pictures.count", 0, "1 or more"),
    ],
)
def test_a_number_out_of_range_is_refused_with_its_key_its_value_and_the_range(
    key: str, value: float, range_: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings(SEGMENTATION, SegmentationSettings, {key: value})
    named = key.replace(".0.", "[0].")
    assert str(refused.value).endswith(f"{named}: {value!r} is outside the range {range_}")


@pytest.mark.parametrize(
    ("key", "value", "range_"),
    [
        ("model.dropout", 1.0, "0 to below 1"),
        ("model.max_text_tokens", 4096, "8 to 512"),
        ("data.text_dropout", -0.1, "0 to 1"),
        ("data.most_photos", 0, "1 or more"),
        ("decoding.smoothing", -1, "0 or more"),
    ],
)
def test_the_answerers_numbers_are_checked_as_well(key: str, value: float, range_: str) -> None:
    with pytest.raises(SettingsError, match=f"{key}: .* is outside the range {range_}"):
        read_settings(ANSWERER, TextPhotoAnswererSettings, {key: value})


@pytest.mark.parametrize(
    ("key", "value"), [("run.schedule", "cosinus"), ("data.target", "mode"), ("run.mixed_precision", "half")]
)
def test_a_word_that_is_none_of_the_known_ones_is_refused_with_them(key: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{key}: '{value}' is not one of"):
        read_settings(SEGMENTATION, SegmentationSettings, {key: value})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"run.metric": "iou"}, r"run\.metric: 'iou' is not one of .*'dice', 'best_dice', 'dice_valid'"),
        ({"data.cache_side": 256}, r"data\.cache_side: .* 256 pixels are enlarged to data\.size 352"),
        ({"data.augment": {}, "data.cache": "kept"}, r"data\.augment draws a new view"),
        ({"model.encoder_rate": 0.5}, r"model\.encoder_rate is 0\.5"),
        ({"data.evaluation.0.prompt": "narrative"}, r"prompts of several kinds"),
    ],
)
def test_settings_that_contradict_each_other_are_refused_before_anything_is_loaded(
    changes: dict[str, object], said: str
) -> None:
    """The start is a Hub id: nothing may be asked of the Hub."""
    with pytest.raises(SettingsError, match=said):
        check_settings(read_settings(SEGMENTATION, SegmentationSettings, changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"run.metric": "dice", "data.cache": None},
            r"run\.metric: 'dice' is not one of .*'f1', 'accuracy_all'",
        ),
        ({"model.learn_sets": True}, "option_texts 'question' scores one slot"),
        ({"model.projection_size": 255}, r"model\.projection_size: 255 is no multiple"),
    ],
)
def test_the_answerers_settings_are_held_against_each_other_too(
    changes: dict[str, object], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        settings = read_settings(
            ANSWERER,
            TextPhotoAnswererSettings,
            {f"{key}": value for key, value in changes.items() if value is not None}
            | {"data.cache": read_assignments(["a=null"])["a"]},
        )
        check_answerer(settings)


def test_every_shipped_settings_file_passes_its_checks() -> None:
    for path in sorted(CONFIGS.glob("segmentation*.yaml")):
        check_settings(read_settings(path, SegmentationSettings))
    for path in sorted(CONFIGS.glob("text-photo-answerer*.yaml")):
        off = {**read_assignments(["data.cache=null"]), "data.questions": read_assignments(["a=null"])["a"]}
        check_answerer(read_settings(path, TextPhotoAnswererSettings, off))


def test_settings_are_set_on_the_command_line_by_their_keys() -> None:
    given = ["run.epochs=3", "data.cache=null", "data.training.0.repeat=0.5", "run.learning_rate=9e-4"]
    settings = read_settings(SEGMENTATION, SegmentationSettings, read_assignments(given))
    assert (settings.run.epochs, settings.data.cache) == (3.0, None)
    assert (settings.data.training[0].repeat, settings.run.learning_rate) == (0.5, 9e-4)


@pytest.mark.parametrize("given", ["run.epochs", "=3", "run.epochs=[", ""])
def test_what_is_no_assignment_is_refused(given: str) -> None:
    with pytest.raises(SettingsError, match="KEY=VALUE is expected"):
        read_assignments([given])


def test_an_entry_that_a_list_does_not_have_is_named() -> None:
    with pytest.raises(SettingsError, match=r"data\.training: no entry '3'; the list has 1"):
        read_settings(SEGMENTATION, SegmentationSettings, {"data.training.3.repeat": 1})


@pytest.mark.parametrize("command", ["segmentation", "text-photo-answerer", "cue-model", "calibrate"])
def test_every_training_command_takes_set(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    names = {"segmentation": "segmentation-paper", "text-photo-answerer": "text-photo-answerer-paper"}
    config = CONFIGS / f"{names.get(command, command)}.yaml"
    assert main([command, "--config", str(config), "--set", "nonsense.key=1"]) == 1
    assert "no setting 'nonsense'" in capsys.readouterr().err


def test_mixed_precision_is_float16_on_cuda_and_bfloat16_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    run = read_settings(SEGMENTATION, SegmentationSettings).run
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_precision(run) == "float16"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_precision(run) == "bfloat16"
    half = read_settings(SEGMENTATION, SegmentationSettings, {"run.mixed_precision": "float16"}).run
    with pytest.raises(SettingsError, match="needs CUDA"):
        choose_precision(half)


def test_a_range_says_what_it_holds() -> None:
    assert [str(Range(0, 1, below=True)), str(Range(0, above=True)), str(Range(2))] == [
        "0 to below 1",
        "above 0",
        "2 or more",
    ]
    assert not Range(0, 1).holds(float("nan")) and not Range(0).holds(float("inf"))


def _name_unbounded(kind: Any, at: str) -> Iterator[str]:
    """Yield the numbers of a settings class, and of those within it, that have no range."""
    if kind in (int, float):
        yield at
    elif dataclasses.is_dataclass(kind):
        for name, hint in typing.get_type_hints(kind, include_extras=True).items():
            yield from _name_unbounded(hint, f"{at}.{name}")
    elif typing.get_origin(kind) is not Annotated:
        for part in typing.get_args(kind):
            yield from _name_unbounded(part, at)


@pytest.mark.parametrize(
    "kind",
    [
        CalibrateSettings,
        CombineSettings,
        CueSettings,
        GuidanceRunSettings,
        PhotoAnswererSettings,
        SegmentationSettings,
        TextPhotoAnswererSettings,
    ],
)
def test_every_number_of_every_settings_file_has_a_range(kind: type) -> None:
    assert list(_name_unbounded(kind, kind.__name__)) == []
