"""A run's photos and masks are looked at before its first step, on a made-up challenge folder."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from magic_demo.synthetic.cases import write_cases
from tests.support.tiny_clipseg import read_paper, write_data
from training.__main__ import main
from training.runs.record import DATA
from training.runs.reports.data_table import Join, SourceTable, write_tables
from training.runs.run import SettingsError
from training.segmentation.data import DataSettings
from training.segmentation.sources import SourceSettings
from training.segmentation.survey import CheckedExamples, read_checked, read_training_data
from training.segmentation.train import run_training

SOURCES = {"valid": SourceSettings("valid", "challenge", split="valid")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a challenge folder of some twenty photos to evaluate on."""
    folder = tmp_path_factory.mktemp("whole") / "data"
    write_cases(folder, count=16, seed=3, splits={"train": 0.3, "valid": 0.7}, longest=96)
    return folder


@pytest.fixture
def data(whole: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may spoil."""
    return Path(shutil.copytree(whole, tmp_path / "data"))


def photos_of(data: Path) -> list[Path]:
    return sorted((data / "valid" / "images_valid").glob("*.jpg"))


def masks_of(data: Path, photo: Path) -> list[Path]:
    return sorted((data / "dermavqa-segmentations" / "valid").glob(f"{photo.stem}_mask_*.tiff"))


def look(data: Path, least_found: float = 0.95, bad_files: str = "refuse") -> CheckedExamples:
    return read_checked(data, SOURCES, least_found=least_found, bad_files=bad_files)  # type: ignore[arg-type]


def test_the_table_counts_encounters_photos_and_every_annotators_masks(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checked = look(data)
    (table,) = checked.tables
    photos = photos_of(data)
    assert table.counts["encounters"] == len(json.loads((data / "valid" / "valid.json").read_text()))
    assert table.counts["photos named"] == table.counts["photos found"] == len(photos)
    for annotator in ("ann0", "ann1", "ann2", "ann3"):
        files = list((data / "dermavqa-segmentations" / "valid").glob(f"*_mask_{annotator}.tiff"))
        assert table.counts[f"masks {annotator}"] == len(files)
    said = capsys.readouterr().err
    assert said.splitlines()[0].split()[:2] == ["data", "encounters"] and "masks ann3" in said


def test_half_of_the_photos_missing_is_refused_with_the_first_five(data: Path) -> None:
    for photo in photos_of(data)[::2]:
        photo.unlink()
    with pytest.raises(SettingsError) as refused:
        look(data)
    said = refused.value.message
    assert "valid: photos named that have a file" in said and "at least 95% is asked for" in said
    assert said.count("IMG_ENC") == 5 and ", ..." in said
    assert len(look(data, least_found=0.3).by_title["valid"]) == len(photos_of(data))


def test_half_of_the_encounters_unusable_is_refused(data: Path) -> None:
    path = data / "valid" / "valid.json"
    encounters = json.loads(path.read_text())
    for encounter in encounters[::2]:
        encounter["encounter_id"] += "/2"
    path.write_text(json.dumps(encounters))
    with pytest.raises(SettingsError, match="encounters listed that can be used"):
        look(data)


def test_sources_of_one_name_are_all_trained_on(data: Path, tmp_path: Path) -> None:
    sources = tuple(SourceSettings("derma", "challenge", split=split) for split in ("train", "valid"))
    settings = DataSettings(data, sources, sources[1:])
    tables: list[SourceTable] = []
    training, evaluation = read_training_data(settings, first=True, output=tmp_path, keep=tables.extend)
    assert len(training) == len(photos_of(data)) + len(list((data / "train" / "images_train").iterdir()))
    assert [table.name for table in tables] == [
        "training derma (1)",
        "training derma (2)",
        "evaluation derma",
    ]
    write_tables(tmp_path / DATA, tables)
    again = read_training_data(settings, first=False, output=tmp_path, keep=tables.extend)
    assert [[example.photo_id for example in listed] for listed in again] == [
        [example.photo_id for example in listed] for listed in (training, evaluation)
    ]


def test_photos_whose_masks_are_missing_are_refused_and_masks_of_nobody_are_named(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    masks = data / "dermavqa-segmentations" / "valid"
    for photo in photos_of(data)[:10]:
        for mask in masks_of(data, photo):
            mask.rename(masks / mask.name.replace("IMG_ENC", "IMG_ENC9"))  # ids that do not meet
    with pytest.raises(SettingsError, match="photos found that have a mask"):
        look(data)
    assert "10 masks of photos that no encounter names: IMG_ENC9" in capsys.readouterr().err


def test_all_photos_and_masks_that_cannot_be_read_are_listed_at_once_before_a_step(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = photos_of(data)[:3]
    first.write_bytes(first.read_bytes()[:200])
    masks_of(data, second)[0].write_bytes(b"II*\0")
    third.write_text("no photo")
    with pytest.raises(SettingsError, match=r"3 of \d+ photos cannot be used, listed above"):
        look(data)
    said = capsys.readouterr().err
    assert all(f"cannot be used: valid: {path.stem}" in said for path in (first, second, third))
    checked = look(data, bad_files="leave_out", least_found=0.5)
    assert set(checked.tables[0].left_out) == {first.stem, second.stem, third.stem}
    assert not {first.stem, second.stem, third.stem} & {
        example.photo_id for example in checked.by_title["valid"]
    }
    with pytest.raises(SettingsError, match="photos can be used, at least 95%"):
        look(data, bad_files="leave_out")


def test_evaluate_segmentation_refuses_them_and_leaves_them_out_when_asked(
    repository: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for photo in photos_of(data)[4:]:
        photo.unlink()
    photos_of(data)[0].write_text("no photo")
    words = ["evaluate-segmentation", str(repository / "checkpoints" / "segmentation-compact")]
    words += ["--data", str(data), "--no-baselines", "--out", str(tmp_path / "out"), "--least-found"]
    assert main([*words, "95"]) == 1
    assert "--least-found 95.0: a share from 0 to 1 is expected" in capsys.readouterr().err
    words.append("0.01")
    assert main(words) == 1
    assert "1 of 4 photos cannot be used" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main([*words, "--bad-files", "leave_out"]) == 0
    (table,) = json.loads((tmp_path / "out" / "data.json").read_text())
    assert table["counts"]["left out"] == 1
    assert len((tmp_path / "out" / "photos.csv").read_text().splitlines()) == 1 + 3


def test_a_run_is_refused_before_its_model_is_loaded_and_keeps_its_record_when_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_data(tmp_path, count=4)
    settings = read_paper(folder, tmp_path, run__epochs=1)
    photos = sorted((folder / "data" / "train" / "images_train").glob("*.jpg"))
    kept = photos[0].read_bytes()
    photos[0].write_bytes(kept[:100])
    with monkeypatch.context() as patch:
        patch.setattr("training.segmentation.train.start_model", lambda _: pytest.fail("a model was loaded"))
        with pytest.raises(SettingsError, match="cannot be used"):
            run_training(settings)
        assert not (tmp_path / "cache").exists()  # and nothing encoded
    photos[0].write_bytes(kept)
    best, _ = run_training(settings)
    for place in (settings.run.output, best):
        assert all((place / name).is_file() for name in ("settings.yaml", "data.json", "versions.json"))
    with pytest.raises(SettingsError, match=r"run\.learning_rate was 0\.0009 and is 0\.5"):
        run_training(replace(settings, run=replace(settings.run, learning_rate=0.5)), resume=True)


def test_a_join_names_what_is_on_one_side_only() -> None:
    join = Join.of("ids", [f"a{number}" for number in range(8)], ["a0", "b"])
    assert str(join) == "ids: 1 of 8; without: a1, a2, a3, a4, a5, ..."
    assert (join.share, Join.of("ids", [], ["b"]).share) == (0.125, 1.0)


def test_a_run_keeps_what_it_asked_with_and_the_evaluation_obeys_it_with_a_row_for_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_data(tmp_path, count=4)
    best, _ = run_training(read_paper(folder, tmp_path, run__epochs=1))
    assert json.loads((best / "config.json").read_text())["prompt_kind"] == "narrative and responses"
    words = ["evaluate-segmentation", str(best), "--data", str(folder / "data"), "--no-baselines"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    assert "photos of encounters are asked with narrative and responses" in capsys.readouterr().out
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert {"narrative", "narrative and responses", "no prompt"} <= set(scores["prompts"])
    assert scores["prompts"]["right prompt"] == scores["prompts"]["narrative and responses"]
    assert main([*words, "--prompt", "narrative", "--ties", "skin"]) == 0
    said = capsys.readouterr().out
    assert "asked with narrative." in said and "a tie being skin" in said
