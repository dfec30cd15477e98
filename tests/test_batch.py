"""Batch mode writes whole challenge files, goes on after a stop, and names every problem while the other cases go on."""

from __future__ import annotations

import json
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from magic_demo import batch, photos
from magic_demo.__main__ import main
from magic_demo.bundles import list_predictions, read_prediction
from magic_demo.errors import FormatError, ModelError
from magic_demo.formats import read_answers, read_encounters
from magic_demo.overlay import lesion_mask
from magic_demo.photos import resize_pixels
from magic_demo.predictor import Predictor
from magic_demo.types import Encounter, Photo, Prediction
from tests.stand_ins import RedFinder, draw_photo, stand_in_predictor

IDS = ("ENC00001", "ENC00002", "ENC00003")


def _write_data(folder: Path) -> Path:
    """Write three encounters of one photo each in the challenge's layout."""
    photos = folder / "valid" / "images_valid"
    photos.mkdir(parents=True)
    entries = []
    for number, encounter_id in enumerate(IDS):
        name = f"IMG_{encounter_id}_00001.png"
        Image.fromarray(draw_photo(48 + 8 * number, 64)).save(photos / name)
        entries.append(
            {
                "encounter_id": encounter_id,
                "image_ids": [name],
                "query_title_en": "Red" + "!" * number,
                "query_content_en": "for weeks",
                "query_title_zh": "红",
                "query_content_zh": "数周",
            }
        )
    (folder / "valid" / "valid.json").write_text(json.dumps(entries, ensure_ascii=False), encoding="utf-8")
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder in the challenge's layout."""
    return _write_data(tmp_path / "data")


def _predict(data: Path, out: Path, **options: Any) -> batch.BatchReport:
    predictor = options.pop("predictor", None) or stand_in_predictor()
    return batch.predict_folder(data, out, predictor, split="valid", quiet=True, **options)


def test_masks_are_0_and_1_at_the_photos_size_and_answers_are_complete(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = _predict(data, out)
    assert (report.encounters, report.masks, report.problems) == (3, 3, ())
    for number, encounter_id in enumerate(IDS):
        mask = tifffile.imread(out / "masks_preds" / f"IMG_{encounter_id}_00001_mask_sys.tiff")
        assert mask.dtype == np.uint8 and mask.shape == (48 + 8 * number, 64)
        assert set(np.unique(mask)) == {0, 1}
    answers = read_answers(out / "data_cvqa_sys.json")
    assert tuple(answers) == IDS and all(len(answer) == 27 for answer in answers.values())


def test_a_file_holds_what_predict_says_of_the_same_case(data: Path, tmp_path: Path) -> None:
    _predict(data, tmp_path / "out")
    case, problems = batch.read_encounter(read_encounters(data, "valid").encounters[0])
    prediction = stand_in_predictor().predict(case)
    mask = tifffile.imread(tmp_path / "out" / "masks_preds" / "IMG_ENC00001_00001_mask_sys.tiff")
    expected = lesion_mask(prediction.photos[0].probability, case.photos[0].size, prediction.threshold)
    assert not problems and np.array_equal(mask.astype(bool), expected) and expected.any() and not expected.all()
    assert read_answers(tmp_path / "out" / "data_cvqa_sys.json")["ENC00001"] == prediction.answers


def test_the_manifest_names_models_versions_and_settings(data: Path, tmp_path: Path) -> None:
    _predict(data, tmp_path / "out", system_name="ours")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["settings"]["models"] == {"segmentation": "red-finder@0", "cvqa": "word-scorer@0"}
    assert manifest["settings"]["backends"] == {"segmentation": "torch", "cvqa": "torch"}
    assert manifest["settings"]["system_name"] == "ours" and manifest["settings"]["versions"]["torch"]
    assert manifest["results"]["encounters"] == 3 and manifest["finished"] >= manifest["started"]


class _StopsAt:
    """Let a predictor be interrupted when it comes to one encounter, and count what it was asked."""

    def __init__(self, encounter_id: str | None) -> None:
        self.inner = stand_in_predictor()
        self.segmenter, self.models, self.backends = self.inner.segmenter, self.inner.models, self.inner.backends
        self.answers_questions, self.set_priors = self.inner.answers_questions, self.inner.set_priors
        self.stop_at = encounter_id
        self.asked: list[str] = []

    def predict(self, encounter: Encounter, **options: Any) -> Prediction:
        if encounter.encounter_id == self.stop_at:
            raise KeyboardInterrupt
        self.asked.append(encounter.encounter_id)
        return self.inner.predict(encounter, **options)


def test_a_stopped_run_goes_on_where_it_was_and_ends_the_same(data: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        _predict(data, tmp_path / "out", predictor=_StopsAt("ENC00003"))
    assert not (tmp_path / "out" / "data_cvqa_sys.json").exists()
    again = _StopsAt(None)
    report = _predict(data, tmp_path / "out", predictor=again)
    assert again.asked == ["ENC00003"] and report.done_now == 1 and report.encounters == 3
    _predict(data, tmp_path / "whole")
    for name in ("data_cvqa_sys.json", *(f"masks_preds/IMG_{name}_00001_mask_sys.tiff" for name in IDS)):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_journal_line_cut_short_by_a_kill_is_done_again(data: Path, tmp_path: Path) -> None:
    _predict(data, tmp_path / "out")
    journal = tmp_path / "out" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-40])
    again = _StopsAt(None)
    _predict(data, tmp_path / "out", predictor=again)
    assert again.asked == ["ENC00003"]
    assert len(read_answers(tmp_path / "out" / "data_cvqa_sys.json")) == 3


def test_a_mask_that_was_deleted_is_made_again(data: Path, tmp_path: Path) -> None:
    _predict(data, tmp_path / "out")
    gone = tmp_path / "out" / "masks_preds" / "IMG_ENC00002_00001_mask_sys.tiff"
    gone.unlink()
    assert _predict(data, tmp_path / "out").done_now == 1
    assert gone.is_file()


def test_a_run_with_other_settings_is_not_mixed_in(data: Path, tmp_path: Path) -> None:
    _predict(data, tmp_path / "out")
    with pytest.raises(FormatError, match="another language"):
        _predict(data, tmp_path / "out", language="zh")
    assert _predict(data, tmp_path / "out", language="zh", restart=True).done_now == 3


def test_a_folder_with_other_things_in_it_is_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.docx").write_text("mine", encoding="utf-8")
    with pytest.raises(FormatError, match="not empty"):
        _predict(data, tmp_path / "out")


def test_a_missing_and_a_broken_photo_cost_their_masks_alone(data: Path, tmp_path: Path) -> None:
    photos = data / "valid" / "images_valid"
    (photos / "IMG_ENC00001_00001.png").unlink()
    (photos / "IMG_ENC00002_00001.png").write_text("this is text", encoding="utf-8")
    report = _predict(data, tmp_path / "out")
    assert report.masks == 1 and len(read_answers(tmp_path / "out" / "data_cvqa_sys.json")) == 3
    assert any("IMG_ENC00001_00001" in problem and "not found" in problem for problem in report.problems)
    assert any("IMG_ENC00002_00001" in problem and "not a photo" in problem for problem in report.problems)


def test_an_encounter_with_a_problem_is_tried_again_once_it_is_mended(data: Path, tmp_path: Path) -> None:
    photo = data / "valid" / "images_valid" / "IMG_ENC00001_00001.png"
    whole = photo.read_bytes()
    photo.write_bytes(whole[:50])
    assert _predict(data, tmp_path / "out").problems
    photo.write_bytes(whole)
    report = _predict(data, tmp_path / "out")
    assert (report.problems, report.done_now, report.masks) == ((), 1, 3)


def test_an_encounter_that_a_model_failed_on_is_tried_again(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_inputs: object) -> None:
        raise ModelError("no memory left")

    with monkeypatch.context() as patch:
        patch.setattr(RedFinder, "encode_photo", fail)
        assert len(_predict(data, tmp_path / "out").problems) == 3
    report = _predict(data, tmp_path / "out")
    assert (report.problems, report.done_now, report.masks) == ((), 3, 3)


def test_closed_questions_alone_need_no_photo(data: Path, tmp_path: Path) -> None:
    for photo in (data / "valid" / "images_valid").iterdir():
        photo.unlink()
    report = _predict(data, tmp_path / "out", predictor=stand_in_predictor(segmentation=False))
    assert report.problems == () and not (tmp_path / "out" / "masks_preds").exists()
    assert len(read_answers(tmp_path / "out" / "data_cvqa_sys.json")) == 3


def test_masks_alone_write_no_answers(data: Path, tmp_path: Path) -> None:
    assert _predict(data, tmp_path / "out", predictor=stand_in_predictor(cvqa=False)).masks == 3
    assert not (tmp_path / "out" / "data_cvqa_sys.json").exists()


def test_an_encounter_that_the_model_fails_on_is_still_answered_and_named(data: Path, tmp_path: Path) -> None:
    file = data / "valid" / "valid.json"
    entries = json.loads(file.read_text(encoding="utf-8"))
    entries[0].update(query_title_en="fail", query_content_en="", query_title_zh="", query_content_zh="")
    file.write_text(json.dumps(entries), encoding="utf-8")
    report = _predict(data, tmp_path / "out")
    assert len(read_answers(tmp_path / "out" / "data_cvqa_sys.json")) == 3
    assert any(problem.startswith("ENC00001: no answers") for problem in report.problems)


def test_one_language_can_be_asked_for(data: Path, tmp_path: Path) -> None:
    predictor = stand_in_predictor()
    _predict(data, tmp_path / "out", predictor=predictor, language="zh")
    assert all(text.startswith("红") for text in predictor.scorer.narratives)  # type: ignore[union-attr]


def test_a_plain_folder_of_photos_needs_no_split(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("knee.png", "hand.jpg"):
        Image.fromarray(draw_photo()).save(folder / name)
    report = batch.predict_folder(folder, tmp_path / "out", stand_in_predictor(), quiet=True)
    assert report.problems == ()
    assert sorted(path.name for path in (tmp_path / "out" / "masks_preds").iterdir()) == ["hand_mask_sys.tiff", "knee_mask_sys.tiff"]
    assert set(read_answers(tmp_path / "out" / "data_cvqa_sys.json")) == {"hand", "knee"}


def _journal_lines(out: Path) -> list[bytes]:
    return (out / "journal.jsonl").read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize("damage", [b"\x00\xff garbage\n", b"[]\n", b'{"encounter_id": "ENC00002", "masks": null}\n', b'{"unknown": 1}\n'])
def test_a_damaged_journal_line_costs_its_encounter_alone(data: Path, tmp_path: Path, damage: bytes) -> None:
    _predict(data, tmp_path / "out")
    first, _second, third = _journal_lines(tmp_path / "out")
    (tmp_path / "out" / "journal.jsonl").write_bytes(first + damage + third)
    again = _StopsAt(None)
    assert _predict(data, tmp_path / "out", predictor=again).problems == ()
    assert again.asked == ["ENC00002"]


def test_an_encounter_whose_words_or_photo_changed_is_predicted_again(data: Path, tmp_path: Path) -> None:
    _predict(data, tmp_path / "out")
    file = data / "valid" / "valid.json"
    entries = json.loads(file.read_text(encoding="utf-8"))
    entries[1]["query_content_en"] = "for years, and it itches"
    file.write_text(json.dumps(entries), encoding="utf-8")
    Image.fromarray(draw_photo(90, 70)).save(data / "valid" / "images_valid" / "IMG_ENC00003_00001.png")
    again = _StopsAt(None)
    _predict(data, tmp_path / "out", predictor=again)
    assert again.asked == ["ENC00002", "ENC00003"]
    assert tifffile.imread(tmp_path / "out" / "masks_preds" / "IMG_ENC00003_00001_mask_sys.tiff").shape == (90, 70)


def test_a_photo_of_two_encounters_has_the_mask_of_the_first_and_that_is_said(data: Path, tmp_path: Path) -> None:
    file = data / "valid" / "valid.json"
    entries = json.loads(file.read_text(encoding="utf-8"))
    entries[1]["image_ids"] = [*entries[1]["image_ids"], *entries[0]["image_ids"]]
    file.write_text(json.dumps(entries), encoding="utf-8")
    for _run in range(2):
        report = _predict(data, tmp_path / "out")
        assert report.masks == 3 == len(list((tmp_path / "out" / "masks_preds").iterdir()))
        assert len(report.problems) == 1 and "is a photo of ENC00001 too" in report.problems[0]
    assert _predict(data, tmp_path / "answers", predictor=stand_in_predictor(segmentation=False)).problems == ()


def test_restarting_leaves_nothing_of_the_run_before_and_touches_nothing_else(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _predict(data, out)
    (out / "thesis.docx").write_text("mine", encoding="utf-8")
    _predict(data, out, predictor=stand_in_predictor(segmentation=False), restart=True)
    assert list((out / "masks_preds").iterdir()) == [] and (out / "data_cvqa_sys.json").is_file()
    _predict(data, out, predictor=stand_in_predictor(cvqa=False), restart=True)
    assert len(list((out / "masks_preds").iterdir())) == 3 and not (out / "data_cvqa_sys.json").exists()
    assert (out / "thesis.docx").is_file()


def test_a_split_without_encounters_is_said(data: Path, tmp_path: Path) -> None:
    (data / "valid" / "valid.json").write_text("[]", encoding="utf-8")
    report = _predict(data, tmp_path / "out")
    assert report.encounters == 0 and report.problems == (f"{data}: the split holds no encounter, there is nothing to predict",)


def test_a_file_where_the_folder_should_be_is_named(data: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    with pytest.raises(FormatError, match="is a file; --out names a folder"):
        _predict(data, tmp_path / "out")


def test_stopping_before_a_command_is_under_way_is_one_line_and_code_130(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(**_options: Any) -> Predictor:
        raise KeyboardInterrupt

    monkeypatch.setattr(Predictor, "load", interrupt)
    assert main(["predict", str(data), "--out", str(tmp_path / "out")]) == 130
    assert capsys.readouterr().err == "stopped\n"


def test_a_wrong_path_is_said_before_models_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Predictor, "load", lambda **_options: pytest.fail("models were loaded"))
    assert main(["predict", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]) == 1
    assert "nowhere: no such file or folder" in capsys.readouterr().err


def test_a_run_that_is_stopped_says_how_to_go_on_and_returns_130(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Predictor, "load", lambda **_options: _StopsAt("ENC00002"))
    assert main(["predict", str(data), "--split", "valid", "--out", str(tmp_path / "out"), "--quiet"]) == 130
    assert capsys.readouterr().err == "stopped: what is finished is kept; the same command goes on from there\n"
    assert len(_journal_lines(tmp_path / "out")) == 1


def test_help_says_what_the_exit_codes_mean(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["predict", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert all(f"{code} {meaning}" in said for code, meaning in ((0, "all done"), (3, "done, with problems"), (130, "stopped")))


def test_pictures_show_the_outline_and_stay_small(data: Path, tmp_path: Path) -> None:
    Image.fromarray(draw_photo(900, 1600)).save(data / "valid" / "images_valid" / "IMG_ENC00001_00001.png")
    _predict(data, tmp_path / "out", pictures=True)
    pictures = {path.name: np.asarray(Image.open(path)) for path in (tmp_path / "out" / "pictures").iterdir()}
    assert set(pictures) == {f"IMG_{name}_00001.jpg" for name in IDS}
    assert pictures["IMG_ENC00001_00001.jpg"].shape == (576, 1024, 3)
    photo = resize_pixels(draw_photo(900, 1600), (576, 1024)).astype(int)
    difference = np.abs(pictures["IMG_ENC00001_00001.jpg"].astype(int) - photo).sum(axis=2)
    assert difference[288, 512] > 60 and difference[10, 10] < 20


def test_restarting_removes_the_pictures_of_the_run_before(data: Path, tmp_path: Path) -> None:
    _predict(data, tmp_path / "out", pictures=True)
    _predict(data, tmp_path / "out", restart=True)
    assert not list((tmp_path / "out" / "pictures").iterdir())


def test_pictures_are_not_written_where_photos_are_looked_for(data: Path) -> None:
    with pytest.raises(FormatError, match="taken for photos"):
        _predict(data, data / "out", pictures=True)


def test_a_split_without_its_json_is_said_to_be_taken_as_plain_photos(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photos").mkdir()
    Image.fromarray(draw_photo()).save(tmp_path / "photos" / "knee.png")
    _predict(tmp_path / "photos", tmp_path / "out")
    assert "no valid.json" in capsys.readouterr().err


def test_a_bundle_holds_what_predict_says_of_every_case(data: Path, tmp_path: Path) -> None:
    _predict(data, tmp_path / "out", bundle=True)
    assert list_predictions(tmp_path / "out" / "bundle") == IDS
    case, _ = batch.read_encounter(read_encounters(data, "valid").encounters[1])
    said, read = stand_in_predictor().predict(case), read_prediction(tmp_path / "out" / "bundle", IDS[1])
    assert read.answers == said.answers and read.models == said.models and read.threshold == said.threshold
    assert np.abs(read.photos[0].probability - said.photos[0].probability).max() <= 1 / 255
    assert read.photos[0].size == case.photos[0].size


def test_a_bundle_file_that_was_deleted_is_made_again_and_restarting_removes_the_bundle(data: Path, tmp_path: Path) -> None:
    _predict(data, tmp_path / "out", bundle=True)
    (tmp_path / "out" / "bundle" / "ENC00002.json").unlink()
    assert _predict(data, tmp_path / "out", bundle=True).done_now == 1
    assert list_predictions(tmp_path / "out" / "bundle") == IDS
    _predict(data, tmp_path / "out", restart=True)
    assert not list((tmp_path / "out" / "bundle").iterdir())


def test_the_manifest_says_how_fast_it_was_and_what_bound_it(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = _predict(data, tmp_path / "out")
    said = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))["results"]["done_now"]
    assert said == report.as_throughput()
    assert (said["encounters"], said["photos"]) == (3, 3) and said["encounters_a_minute"] > 0
    assert said["bound_by"] == max(said["seconds_by_stage"], key=said["seconds_by_stage"].get) and set(said["seconds_by_stage"]) == {
        "decode",
        "model",
        "write",
    }
    assert "encounters a minute" in report.describe_throughput() and f"bound by: {said['bound_by']}" in report.describe_throughput()
    again = _predict(data, tmp_path / "out").as_throughput()
    assert (again["encounters"], again["photos"]) == (0, 0) and "bound_by" not in again


def test_few_encounters_are_held_at_once_whatever_their_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Photos are counted while they live: read ahead, in the model, and none behind it."""
    alive: weakref.WeakSet[Photo] = weakref.WeakSet()
    most = 0

    def read(*given: Any, **options: Any) -> Photo:
        nonlocal most
        photo = photos.read_photo(*given, **options)
        alive.add(photo)
        most = max(most, len(alive))
        return photo

    monkeypatch.setattr(batch, "read_photo", read)
    (tmp_path / "photos").mkdir()
    for number in range(40):
        Image.fromarray(draw_photo()).save(tmp_path / "photos" / f"{number}.png")
    report = batch.predict_folder(tmp_path / "photos", tmp_path / "out", stand_in_predictor(), quiet=True)
    assert report.masks == 40
    assert most <= 5


@pytest.mark.parametrize("error", [ValueError("shape"), IndexError("9"), ZeroDivisionError("0"), MemoryError()])
def test_a_model_that_fails_on_one_photo_in_any_way_costs_that_photo(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    encode = RedFinder.encode_photo

    def fail_on_the_second(finder: RedFinder, pixels: Any) -> Any:
        if pixels.shape[0] == 56:
            raise error
        return encode(finder, pixels)

    monkeypatch.setattr(RedFinder, "encode_photo", fail_on_the_second)
    report = _predict(data, tmp_path / "out")
    assert report.masks == 2 and len(read_answers(tmp_path / "out" / "data_cvqa_sys.json")) == 3
    assert len(report.problems) == 1 and "IMG_ENC00002_00001: no mask (the segmentation model failed" in report.problems[0]
