"""Batch mode writes whole challenge files, and names every problem while the other cases go on."""

from __future__ import annotations

import json
import weakref
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from magic_demo.challenge import batch
from magic_demo.challenge.running import cases
from magic_demo.challenge.running.cases import read_encounter
from magic_demo.core.errors import FormatError
from magic_demo.core.types import Photo
from magic_demo.files.answers import read_answers
from magic_demo.files.bundles import list_predictions, read_prediction
from magic_demo.files.encounters import read_encounters
from magic_demo.files.photos import reading as photos
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.imaging.resize import resize_pixels
from tests.support.batch_runs import IDS, predict, write_data
from tests.support.stand_ins import RedFinder, draw_photo, stand_in_predictor


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder in the challenge's layout."""
    return write_data(tmp_path / "data")


def test_masks_are_0_and_1_at_the_photos_size_and_answers_are_complete(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = predict(data, out)
    assert (report.encounters, report.masks, report.problems) == (3, 3, ())
    for number, encounter_id in enumerate(IDS):
        mask = tifffile.imread(out / "masks_preds" / f"IMG_{encounter_id}_00001_mask_sys.tiff")
        assert mask.dtype == np.uint8 and mask.shape == (48 + 8 * number, 64)
        assert set(np.unique(mask)) == {0, 1}
    answers = read_answers(out / "data_cvqa_sys.json")
    assert tuple(answers) == IDS and all(len(answer) == 27 for answer in answers.values())


def test_a_file_holds_what_predict_says_of_the_same_case(data: Path, tmp_path: Path) -> None:
    predict(data, tmp_path / "out")
    case, problems = read_encounter(read_encounters(data, "valid").encounters[0])
    prediction = stand_in_predictor().predict(case)
    mask = tifffile.imread(tmp_path / "out" / "masks_preds" / "IMG_ENC00001_00001_mask_sys.tiff")
    expected = lesion_mask(prediction.photos[0].probability, case.photos[0].size, prediction.threshold)
    assert (
        not problems and np.array_equal(mask.astype(bool), expected) and expected.any() and not expected.all()
    )
    assert read_answers(tmp_path / "out" / "data_cvqa_sys.json")["ENC00001"] == prediction.answers


def test_the_manifest_names_models_versions_and_settings(data: Path, tmp_path: Path) -> None:
    predict(data, tmp_path / "out", system_name="ours")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["settings"]["models"] == {"segmentation": "red-finder@0", "cvqa": "word-scorer@0"}
    assert manifest["settings"]["backend"] == {"segmentation": "torch", "cvqa": "torch"}
    assert manifest["settings"]["system_name"] == "ours" and manifest["settings"]["versions"]["torch"]
    assert manifest["results"]["encounters"] == 3 and manifest["finished"] >= manifest["started"]


def test_a_missing_and_a_broken_photo_cost_their_masks_alone(data: Path, tmp_path: Path) -> None:
    photos = data / "valid" / "images_valid"
    (photos / "IMG_ENC00001_00001.png").unlink()
    (photos / "IMG_ENC00002_00001.png").write_text("this is text", encoding="utf-8")
    report = predict(data, tmp_path / "out")
    assert report.masks == 1 and len(read_answers(tmp_path / "out" / "data_cvqa_sys.json")) == 3
    assert any("IMG_ENC00001_00001" in problem and "not found" in problem for problem in report.problems)
    assert any("IMG_ENC00002_00001" in problem and "not a photo" in problem for problem in report.problems)


def test_closed_questions_alone_need_no_photo(data: Path, tmp_path: Path) -> None:
    for photo in (data / "valid" / "images_valid").iterdir():
        photo.unlink()
    report = predict(data, tmp_path / "out", predictor=stand_in_predictor(segmentation=False))
    assert report.problems == () and not (tmp_path / "out" / "masks_preds").exists()
    assert len(read_answers(tmp_path / "out" / "data_cvqa_sys.json")) == 3


def test_masks_alone_write_no_answers(data: Path, tmp_path: Path) -> None:
    assert predict(data, tmp_path / "out", predictor=stand_in_predictor(cvqa=False)).masks == 3
    assert not (tmp_path / "out" / "data_cvqa_sys.json").exists()


def test_an_encounter_that_the_model_fails_on_is_still_answered_and_named(data: Path, tmp_path: Path) -> None:
    file = data / "valid" / "valid.json"
    entries = json.loads(file.read_text(encoding="utf-8"))
    entries[0].update(query_title_en="fail", query_content_en="", query_title_zh="", query_content_zh="")
    file.write_text(json.dumps(entries), encoding="utf-8")
    report = predict(data, tmp_path / "out")
    assert len(read_answers(tmp_path / "out" / "data_cvqa_sys.json")) == 3
    assert any(problem.startswith("ENC00001: no answers") for problem in report.problems)


def test_one_language_can_be_asked_for(data: Path, tmp_path: Path) -> None:
    predictor = stand_in_predictor()
    predict(data, tmp_path / "out", predictor=predictor, language="zh")
    assert all(text.startswith("红") for text in predictor.answerer.narratives)  # type: ignore[union-attr]


def test_a_plain_folder_of_photos_needs_no_split(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("knee.png", "hand.jpg"):
        Image.fromarray(draw_photo()).save(folder / name)
    report = batch.predict_folder(folder, tmp_path / "out", stand_in_predictor(), quiet=True)
    assert report.problems == ()
    assert sorted(path.name for path in (tmp_path / "out" / "masks_preds").iterdir()) == [
        "hand_mask_sys.tiff",
        "knee_mask_sys.tiff",
    ]
    assert set(read_answers(tmp_path / "out" / "data_cvqa_sys.json")) == {"hand", "knee"}


def test_a_photo_of_two_encounters_has_the_mask_of_the_first_and_that_is_said(
    data: Path, tmp_path: Path
) -> None:
    file = data / "valid" / "valid.json"
    entries = json.loads(file.read_text(encoding="utf-8"))
    entries[1]["image_ids"] = [*entries[1]["image_ids"], *entries[0]["image_ids"]]
    file.write_text(json.dumps(entries), encoding="utf-8")
    for _run in range(2):
        report = predict(data, tmp_path / "out")
        assert report.masks == 3 == len(list((tmp_path / "out" / "masks_preds").iterdir()))
        assert len(report.problems) == 1 and "is a photo of ENC00001 too" in report.problems[0]
    assert (
        predict(data, tmp_path / "answers", predictor=stand_in_predictor(segmentation=False)).problems == ()
    )


def test_a_split_without_encounters_is_said(data: Path, tmp_path: Path) -> None:
    (data / "valid" / "valid.json").write_text("[]", encoding="utf-8")
    report = predict(data, tmp_path / "out")
    assert report.encounters == 0 and report.problems == (
        f"{data}: the split holds no encounter, there is nothing to predict",
    )


def test_a_file_where_the_folder_should_be_is_named(data: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    with pytest.raises(FormatError, match="is a file; --out names a folder"):
        predict(data, tmp_path / "out")


def test_pictures_show_the_outline_and_stay_small(data: Path, tmp_path: Path) -> None:
    Image.fromarray(draw_photo(900, 1600)).save(data / "valid" / "images_valid" / "IMG_ENC00001_00001.png")
    predict(data, tmp_path / "out", pictures=True)
    pictures = {path.name: np.asarray(Image.open(path)) for path in (tmp_path / "out" / "pictures").iterdir()}
    assert set(pictures) == {f"IMG_{name}_00001.jpg" for name in IDS}
    assert pictures["IMG_ENC00001_00001.jpg"].shape == (576, 1024, 3)
    photo = resize_pixels(draw_photo(900, 1600), (576, 1024)).astype(int)
    difference = np.abs(pictures["IMG_ENC00001_00001.jpg"].astype(int) - photo).sum(axis=2)
    assert (difference > 60).any() and difference[10, 10] < 20


def test_pictures_leave_the_lesions_colours_as_the_photo_has_them(data: Path, tmp_path: Path) -> None:
    pixels = draw_photo(600, 800)
    Image.fromarray(pixels).save(data / "valid" / "images_valid" / "IMG_ENC00001_00001.png")
    predict(data, tmp_path / "out", pictures=True)
    picture = np.asarray(Image.open(tmp_path / "out" / "pictures" / "IMG_ENC00001_00001.jpg")).astype(float)
    mask = np.asarray(Image.open(tmp_path / "out" / "masks_preds" / "IMG_ENC00001_00001_mask_sys.tiff")) > 0
    # a block of the JPEG beside the line
    away = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5) > 12
    assert away.sum() > 1000
    assert np.abs((picture - pixels)[away].mean(axis=0)).max() < 1.5, (
        "red, green and blue are what they are on the photo"
    )


def test_pictures_are_not_written_where_photos_are_looked_for(data: Path) -> None:
    with pytest.raises(FormatError, match="taken for photos"):
        predict(data, data / "out", pictures=True)


def test_a_split_without_its_json_is_said_to_be_taken_as_plain_photos(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos").mkdir()
    Image.fromarray(draw_photo()).save(tmp_path / "photos" / "knee.png")
    predict(tmp_path / "photos", tmp_path / "out")
    assert "no valid.json" in capsys.readouterr().err


def test_a_bundle_holds_what_predict_says_of_every_case(data: Path, tmp_path: Path) -> None:
    predict(data, tmp_path / "out", bundle=True)
    assert list_predictions(tmp_path / "out" / "bundle") == IDS
    case, _ = read_encounter(read_encounters(data, "valid").encounters[1])
    said, read = stand_in_predictor().predict(case), read_prediction(tmp_path / "out" / "bundle", IDS[1])
    assert read.answers == said.answers and read.models == said.models and read.threshold == said.threshold
    assert np.abs(read.photos[0].probability - said.photos[0].probability).max() <= 1 / 255
    assert read.photos[0].size == case.photos[0].size


def test_the_manifest_says_how_fast_it_was_and_what_bound_it(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = predict(data, tmp_path / "out")
    said = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))["results"]["done_now"]
    assert said == report.as_throughput()
    assert (said["encounters"], said["photos"]) == (3, 3) and said["encounters_a_minute"] > 0
    seconds = said["seconds_by_stage"]  # rounded: two stages may look alike
    assert set(seconds) == {"decode", "model", "write"} and seconds[said["bound_by"]] == max(seconds.values())
    assert (
        "encounters a minute" in report.describe_throughput()
        and f"bound by: {said['bound_by']}" in report.describe_throughput()
    )
    again = predict(data, tmp_path / "out").as_throughput()
    assert (again["encounters"], again["photos"]) == (0, 0) and "bound_by" not in again


def test_few_encounters_are_held_at_once_whatever_their_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Photos are counted while they live: read ahead, in the model, and none behind it."""
    alive: weakref.WeakSet[Photo] = weakref.WeakSet()
    most = 0

    def read(*given: Any, **options: Any) -> Photo:
        nonlocal most
        photo = photos.read_photo(*given, **options)
        alive.add(photo)
        most = max(most, len(alive))
        return photo

    monkeypatch.setattr(cases, "read_photo_apart", read)
    (tmp_path / "photos").mkdir()
    for number in range(40):
        Image.fromarray(draw_photo()).save(tmp_path / "photos" / f"{number}.png")
    report = batch.predict_folder(tmp_path / "photos", tmp_path / "out", stand_in_predictor(), quiet=True)
    assert report.masks == 40
    assert 2 <= most <= 5, "the next one is read while a model looks, and no more than a few"


@pytest.mark.parametrize(
    "error", [ValueError("shape"), IndexError("9"), ZeroDivisionError("0"), MemoryError()]
)
def test_a_model_that_fails_on_one_photo_in_any_way_costs_that_photo(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    encode = RedFinder.look

    def fail_on_the_second(finder: RedFinder, pixels: Any) -> Any:
        if pixels.shape[0] == 56:
            raise error
        return encode(finder, pixels)

    monkeypatch.setattr(RedFinder, "look", fail_on_the_second)
    report = predict(data, tmp_path / "out")
    assert report.masks == 2 and len(read_answers(tmp_path / "out" / "data_cvqa_sys.json")) == 3
    assert (
        len(report.problems) == 1
        and "IMG_ENC00002_00001: no mask (the segmentation model failed" in report.problems[0]
    )
