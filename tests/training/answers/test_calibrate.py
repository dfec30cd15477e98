"""``python -m training calibrate``: what it writes is what the program reads, and what it cannot calibrate it
refuses by name."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from magic_demo.models.influence.say import Say
from magic_demo.models.influence.statistics import find_calibration
from magic_demo.models.loading.predictors import load_predictor
from magic_demo.questions.calibration import CALIBRATION_NAME, read_calibration
from magic_demo.questions.combining import WEIGHTS_NAME, read_weights
from training.__main__ import main
from training.answers.calibrate import CalibrateSettings, calibrate
from training.cases.sources import CaseSource
from training.runs.run import SettingsError, read_settings

DRAWN = CaseSource("drawn", "cases", count=9, seed=11, longest=96)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the synthetic cases lie, drawn by the first test that reads them."""
    return tmp_path_factory.mktemp("drawn")


@pytest.fixture
def settings(repository: Path, tmp_path: Path, drawn: Path) -> CalibrateSettings:
    """Return settings over a few drawn cases; the answerer is a copy of the shipped one, without its
    calibration and as one that was not tested by kinds of photos."""
    shipped = repository / "checkpoints"
    shutil.copytree(
        shipped / "photo-answerer", tmp_path / "answerer", ignore=shutil.ignore_patterns(CALIBRATION_NAME)
    )
    place = tmp_path / "answerer" / WEIGHTS_NAME
    weights = json.loads(place.read_text(encoding="utf-8"))
    del weights["kinds"]
    place.write_text(json.dumps(weights), encoding="utf-8")
    return CalibrateSettings(
        shipped / "segmentation-compact",
        tmp_path / "answerer",
        shipped / "cue-model",
        tmp_path,
        drawn,
        (DRAWN,),
        folds=2,
    )


def test_the_command_writes_a_calibration_that_the_program_uses(
    settings: CalibrateSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = {name: str(value) for name, value in vars(settings).items() if isinstance(value, Path)}
    source = {name: vars(DRAWN)[name] for name in ("name", "kind", "count", "seed", "longest")}
    config = tmp_path / "calibrate.yaml"
    # JSON is YAML too
    config.write_text(json.dumps({**written, "sources": [source], "folds": 2}), encoding="utf-8")
    assert main(["calibrate", "--config", str(config)]) == 0
    report = json.loads("{" + capsys.readouterr().out.partition("{")[2])

    calibration = read_calibration(settings.checkpoint)
    assert calibration is not None
    weights = read_weights(settings.checkpoint).with_photos
    assert {family: entry.weight for family, entry in calibration.with_photos.items()} == {
        f: w for f, w in weights.items() if w > 0
    }
    assert {family: entry.temperature for family, entry in calibration.with_photos.items()} == report[
        "temperatures"
    ]
    assert min(report["temperatures"].values()) >= settings.least_temperature
    assert set(report["2 folds"]) == {*report["temperatures"], "all"}
    (table,) = json.loads((settings.checkpoint / "calibration-data.json").read_text())
    assert table["counts"]["cases used"] == 8

    predictor = load_predictor(
        segmentation=settings.segmentation, answers=settings.checkpoint, cues=settings.cues
    )
    assert predictor.calibrated_on["cvqa"] == report["fitted on"] == "8 drawn cases"
    for family in report["temperatures"]:
        assert find_calibration(predictor, family, Say((0,)))[0] == calibration.with_photos[family]
        alone = find_calibration(predictor, family, Say())[0]
        assert alone is not None and alone.weight == 0, "without photos the cues' own calibration holds"


def test_no_temperature_is_below_the_least_and_what_is_constant_is_the_cues(
    settings: CalibrateSettings,
) -> None:
    calibrate(replace(settings, least_temperature=50.0))
    written, words = read_calibration(settings.checkpoint), read_calibration(settings.cues)
    assert written is not None and words is not None
    assert {entry.temperature for entry in written.with_photos.values()} == {50.0}
    assert {name: entry.prior_credit for name, entry in written.with_photos.items()} == {
        name: words.text_only[name].prior_credit for name in written.with_photos
    }
    assert (written.margin, written.cues) == (words.margin, words.cues)


def test_cues_without_their_calibration_are_refused(settings: CalibrateSettings, tmp_path: Path) -> None:
    shutil.copytree(settings.cues, tmp_path / "cues", ignore=shutil.ignore_patterns(CALIBRATION_NAME))
    with pytest.raises(
        SettingsError, match="no calibration of these very heads; run 'python -m training cue-model' first"
    ):
        calibrate(replace(settings, cues=tmp_path / "cues"))


def test_an_answerer_that_was_tested_by_kinds_of_photos_is_left_to_its_own_training(
    settings: CalibrateSettings, repository: Path
) -> None:
    shutil.copy(repository / "checkpoints" / "photo-answerer" / WEIGHTS_NAME, settings.checkpoint)
    with pytest.raises(SettingsError, match="calibrated by its own training"):
        calibrate(settings)


def test_an_answerer_that_weighs_nothing_is_refused(settings: CalibrateSettings) -> None:
    place = settings.checkpoint / WEIGHTS_NAME
    weights = json.loads(place.read_text(encoding="utf-8"))
    place.write_text(
        json.dumps({name: dict.fromkeys(values, 0.0) for name, values in weights.items()}), encoding="utf-8"
    )
    with pytest.raises(SettingsError, match="weighs nothing in any family"):
        calibrate(settings)


def test_an_answerer_of_another_segmenter_is_refused(settings: CalibrateSettings, tmp_path: Path) -> None:
    other = Path(shutil.copytree(settings.segmentation, tmp_path / "other"))
    config = json.loads((other / "config.json").read_text(encoding="utf-8"))
    (other / "config.json").write_text(
        json.dumps({**config, "mirrored": not config["mirrored"]}), encoding="utf-8"
    )
    with pytest.raises(SettingsError, match="made for the features of"):
        calibrate(replace(settings, segmentation=other))


def test_too_few_cases_are_refused_by_family(settings: CalibrateSettings) -> None:
    with pytest.raises(
        SettingsError, match=r"CQID0\d\d: too few cases with a known answer; name more sources"
    ):
        calibrate(replace(settings, folds=1))


def test_the_shipped_settings_are_readable_and_hold_out_other_cases_than_were_learnt(
    repository: Path,
) -> None:
    shipped = read_settings(repository / "training" / "configs" / "calibrate.yaml", CalibrateSettings)
    assert {source.kind for source in shipped.sources} == {"cases", "pad"}
    assert all(source.split != "pad_train" for source in shipped.sources)
