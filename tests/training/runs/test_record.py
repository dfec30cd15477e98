"""What a run keeps of itself, and what a resumed one is held against."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from training.answers.text_photo.settings import AnswererSettings
from training.runs.record import DATA, SETTINGS, STARTS, VERSIONS, check_resumed, copy_record, keep_record
from training.runs.reports.data_table import SourceTable, digest_ids
from training.runs.run import SettingsError, read_settings
from training.runs.starts import name_starts
from training.segmentation.train import SegmentationSettings

CONFIG = Path(__file__).resolve().parents[3] / "training" / "configs" / "segmentation-paper.yaml"
TABLE = SourceTable("training train", {"photos found": 3}, digest=digest_ids("abc"))


@pytest.fixture
def settings(tmp_path: Path) -> SegmentationSettings:
    return read_settings(CONFIG, SegmentationSettings, {"run.output": str(tmp_path)})


def test_a_run_keeps_settings_data_and_versions_and_puts_them_beside_its_best_model(
    settings: SegmentationSettings, tmp_path: Path
) -> None:
    keep_record(tmp_path, settings, [TABLE], resume=False)
    assert read_settings(tmp_path / SETTINGS, SegmentationSettings) == settings  # a settings file again
    assert json.loads((tmp_path / DATA).read_text())[0]["counts"] == {"photos found": 3}
    assert {"magic-demo", "commit", "python", "torch", "transformers"} == set(
        json.loads((tmp_path / VERSIONS).read_text())
    )
    (tmp_path / "best").mkdir()
    copy_record(tmp_path, tmp_path / "best")
    assert {path.name for path in (tmp_path / "best").iterdir()} == {SETTINGS, DATA, STARTS, VERSIONS}


def test_a_run_resumed_with_other_settings_is_refused_by_their_names(
    settings: SegmentationSettings, tmp_path: Path
) -> None:
    keep_record(tmp_path, settings, [TABLE], resume=False)
    check_resumed(tmp_path, settings)
    run = replace(settings.run, learning_rate=1e-3, epochs=5, workers=0, keep=7)
    with pytest.raises(SettingsError) as refused:
        check_resumed(tmp_path, replace(settings, run=run))
    said = str(refused.value)
    assert "run.learning_rate was 0.0009 and is 0.001" in said and "run.epochs was 30.0 and is 5" in said
    assert "workers" not in said and "keep" not in said  # what changes nothing that is learnt


def test_a_run_resumed_on_other_data_is_refused_by_what_differs(
    settings: SegmentationSettings, tmp_path: Path
) -> None:
    keep_record(tmp_path, settings, [TABLE], resume=False)
    keep_record(tmp_path, settings, [TABLE], resume=True)
    fewer = replace(TABLE, counts={"photos found": 2}, digest=digest_ids("ab"))
    with pytest.raises(SettingsError, match="training train: photos found were 3 and are 2"):
        keep_record(tmp_path, settings, [fewer], resume=True)
    others = replace(TABLE, digest=digest_ids("abd"))
    with pytest.raises(SettingsError, match="training train: the ids differ"):
        keep_record(tmp_path, settings, [others], resume=True)


def test_a_run_resumed_from_a_checkpoint_that_was_changed_in_its_place_is_refused(
    settings: SegmentationSettings, tmp_path: Path, repository: Path
) -> None:
    start = shutil.copytree(repository / "checkpoints" / "segmentation-compact", tmp_path / "start")
    model = replace(settings.model, start=str(start))
    keep_record(tmp_path, settings, [TABLE], starts=name_starts(model, tmp_path), resume=False)
    keep_record(tmp_path, settings, [TABLE], starts=name_starts(model, tmp_path), resume=True)
    (config := start / "config.json").write_text(config.read_text().replace("192", "193", 1))
    with pytest.raises(SettingsError, match=r"begun from other weights: model\.start was start@"):
        keep_record(tmp_path, settings, [TABLE], starts=name_starts(model, tmp_path), resume=True)
    (tmp_path / STARTS).unlink()  # a run of before this was kept
    keep_record(tmp_path, settings, [TABLE], starts=name_starts(model, tmp_path), resume=True)


def test_the_weights_of_new_models_are_named_too(
    settings: SegmentationSettings, tmp_path: Path, repository: Path
) -> None:
    (tmp_path / "imagenet.safetensors").write_bytes(b"weights")
    new = replace(settings.model, start="compact", encoder=Path("imagenet.safetensors"))
    before = name_starts(new, tmp_path)
    (tmp_path / "imagenet.safetensors").write_bytes(b"others")
    assert before.keys() == {"model.encoder"} and name_starts(new, tmp_path) != before
    assert name_starts(replace(new, encoder=None), tmp_path) == {}
    part = str(repository / "checkpoints" / "segmentation-compact")
    assert name_starts(AnswererSettings("encoders", text=part, photo=part), tmp_path).keys() == {
        "model.text",
        "model.photo",
    }


def test_other_versions_are_said_and_a_run_of_before_there_was_a_record_goes_on(
    settings: SegmentationSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_resumed(tmp_path, settings)
    keep_record(tmp_path, settings, [TABLE], resume=True)
    versions = json.loads((tmp_path / VERSIONS).read_text())
    (tmp_path / VERSIONS).write_text(json.dumps({**versions, "torch": "1.0"}))
    keep_record(tmp_path, settings, [TABLE], resume=True)
    assert "resumed with torch" in (said := capsys.readouterr().err) and "begun with 1.0" in said
    assert yaml.safe_load((tmp_path / SETTINGS).read_text())["run"]["epochs"] == 30.0
