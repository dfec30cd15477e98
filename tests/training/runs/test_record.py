"""What a run keeps of itself, and what a resumed one is held against."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from training.runs.data_table import SourceTable, digest_ids
from training.runs.record import DATA, SETTINGS, VERSIONS, check_resumed, copy_record, keep_record
from training.runs.run import SettingsError, read_settings
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
    assert {path.name for path in (tmp_path / "best").iterdir()} == {SETTINGS, DATA, VERSIONS}


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
