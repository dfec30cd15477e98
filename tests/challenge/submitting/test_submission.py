"""What predict hands in is what the platform's script unpacks: every mask, every answer, nothing of a task that
was left out."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from magic_demo.challenge.running.batch_report import BatchReport
from magic_demo.challenge.submitting.submission import read_hand_in, write_submission
from magic_demo.core.errors import FormatError, ModelError
from magic_demo.files.masks.mask_files import write_mask
from magic_demo.synthetic.cases import write_cases
from tests.support.batch_runs import IDS, StopsAt, predict, write_data
from tests.support.organisers_steps import take_in
from tests.support.stand_ins import RedFinder, draw_photo, stand_in_predictor


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder in the challenge's layout."""
    return write_data(tmp_path / "data")


def _submit(report: BatchReport, out: Path) -> tuple[str, tuple[str, ...], list[str]]:
    """Write a run's zip; return its counts, problems and names."""
    submission = write_submission(out.with_suffix(".zip"), out, report.files)
    with zipfile.ZipFile(out.with_suffix(".zip")) as archive:
        return submission.counts, submission.problems, archive.namelist()


def _read_mask(out: Path, encounter_id: str) -> np.ndarray:
    return np.asarray(tifffile.imread(out / "masks_preds" / f"IMG_{encounter_id}_00001_mask_sys.tiff"))


def test_the_zip_holds_every_mask_and_the_answers_and_nothing_else(data: Path, tmp_path: Path) -> None:
    report = predict(data, tmp_path / "out", pictures=True)
    counts, problems, names = _submit(report, tmp_path / "out")
    assert counts == "3 of 3 masks, 3 of 3 answers, 27 of 27 questions each" and problems == ()
    masks = [f"masks_preds/IMG_{name}_00001_mask_sys.tiff" for name in IDS]
    assert names == ["masks_preds/", *masks, "data_cvqa_sys.json"]


def test_the_same_run_gives_the_same_bytes(data: Path, tmp_path: Path) -> None:
    report = predict(data, tmp_path / "out")
    for name in ("a.zip", "b.zip"):
        write_submission(tmp_path / name, tmp_path / "out", report.files)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_of_a_task_that_was_left_out_the_list_or_the_folder_is_empty(data: Path, tmp_path: Path) -> None:
    masks = predict(data, tmp_path / "masks", predictor=stand_in_predictor(cvqa=False))
    counts, problems, _ = _submit(masks, tmp_path / "masks")
    assert counts.startswith("3 of 3 masks, no answers") and problems == ()
    with zipfile.ZipFile(tmp_path / "masks.zip") as archive:
        assert json.loads(archive.read("data_cvqa_sys.json")) == []
    answers = predict(data, tmp_path / "answers", predictor=stand_in_predictor(segmentation=False))
    counts, problems, names = _submit(answers, tmp_path / "answers")
    assert counts.startswith("no masks") and counts.endswith("27 of 27 questions each") and problems == ()
    assert names == ["masks_preds/", "data_cvqa_sys.json"]


def _cut_short(photo: Path) -> None:
    """Leave a photo's header and a part of its pixels."""
    noise = np.random.default_rng(0).integers(0, 256, (60, 44, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "PNG")
    photo.write_bytes(stream.getvalue()[:500])


def test_a_photo_that_cannot_be_read_has_an_empty_mask_of_its_headers_size(
    data: Path, tmp_path: Path
) -> None:
    _cut_short(data / "valid" / "images_valid" / "IMG_ENC00001_00001.png")
    report = predict(data, tmp_path / "out")
    mask = _read_mask(tmp_path / "out", "ENC00001")
    assert mask.shape == (60, 44) and mask.dtype == np.uint8 and not mask.any()
    assert report.masks == 2 and "an empty mask is written, 44x60" in report.problems[0]
    counts, problems, _ = _submit(report, tmp_path / "out")
    assert counts.startswith("3 of 3 masks") and problems == ()


def test_a_photo_that_is_not_there_has_an_empty_mask_of_its_reference_masks_size(
    data: Path, tmp_path: Path
) -> None:
    (data / "valid" / "images_valid" / "IMG_ENC00001_00001.png").unlink()
    write_mask(data / "masks" / "IMG_ENC00001_00001_mask_ann2.tiff", np.ones((30, 20), np.bool_))
    report = predict(data, tmp_path / "out")
    assert _read_mask(tmp_path / "out", "ENC00001").shape == (30, 20)
    assert "not found" in report.problems[0] and "20x30" in report.problems[0]


def test_a_photo_that_a_model_fails_on_has_an_empty_mask(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_inputs: object) -> None:
        raise ModelError("no memory left")

    monkeypatch.setattr(RedFinder, "look", fail)
    report = predict(data, tmp_path / "out")
    assert report.masks == 0 and _read_mask(tmp_path / "out", "ENC00002").shape == (56, 64)
    assert _submit(report, tmp_path / "out")[0].startswith("3 of 3 masks")


def test_a_photo_of_unknown_size_is_named_as_what_the_script_stops_at(data: Path, tmp_path: Path) -> None:
    (data / "valid" / "images_valid" / "IMG_ENC00002_00001.png").write_text("no photo", encoding="utf-8")
    report = predict(data, tmp_path / "out")
    assert "nothing says its size: the organisers' script will stop" in report.problems[0]
    counts, problems, _ = _submit(report, tmp_path / "out")
    assert counts.startswith("2 of 3 masks")
    assert problems == ("no mask of IMG_ENC00002_00001: the organisers' script will stop",)


def test_an_encounter_that_cannot_be_used_is_counted_as_unanswered(data: Path, tmp_path: Path) -> None:
    file = data / "valid" / "valid.json"
    entries = json.loads(file.read_text(encoding="utf-8"))
    entries[1]["query_content_en"] = 5
    file.write_text(json.dumps(entries), encoding="utf-8")
    counts, problems, _ = _submit(predict(data, tmp_path / "out"), tmp_path / "out")
    assert "2 of 3 answers" in counts and problems == (
        "1 listed encounters are not answered: the organisers' script will stop",
    )


def test_a_finished_run_says_itself_what_is_handed_in(data: Path, tmp_path: Path) -> None:
    report = predict(data, tmp_path / "out")
    assert read_hand_in(tmp_path / "out") == report.files
    assert report.files.encounters == IDS and report.files.listed == 3


def test_a_run_that_was_stopped_or_is_none_is_not_handed_in(data: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        predict(data, tmp_path / "out", predictor=StopsAt("ENC00002"))
    with pytest.raises(FormatError, match="has not come to its end"):
        read_hand_in(tmp_path / "out")
    with pytest.raises(FormatError, match="holds no run of predict"):
        read_hand_in(tmp_path)
    with pytest.raises(FormatError, match="holds no run of predict"):  # a zip, say
        read_hand_in(tmp_path / "out" / "manifest.json")
    predict(data, tmp_path / "out")
    kept = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    kept["settings"]["questions"] = {"PAIN": ["yes", "no"]}
    (tmp_path / "out" / "manifest.json").write_text(json.dumps(kept), encoding="utf-8")
    with pytest.raises(FormatError, match="other questions than the challenge's"):
        read_hand_in(tmp_path / "out")
    (tmp_path / "out" / "manifest.json").write_text("[]", encoding="utf-8")
    with pytest.raises(FormatError, match="not a manifest"):
        read_hand_in(tmp_path / "out")


@pytest.mark.parametrize("name", ["submission", "folder.zip"])
def test_a_submission_needs_a_files_name_that_ends_in_zip(data: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.zip").mkdir()
    report = predict(data, tmp_path / "out")
    with pytest.raises(FormatError, match=r"ends in \.zip is expected"):
        write_submission(tmp_path / name, tmp_path / "out", report.files)


def test_the_platforms_script_takes_the_zip_of_synthetic_cases(tmp_path: Path) -> None:
    _check_with_the_platform(tmp_path, photos=14)


@pytest.mark.long
def test_the_platforms_script_takes_the_zip_of_499_photos(tmp_path: Path) -> None:
    _check_with_the_platform(tmp_path, photos=499)


def _check_with_the_platform(folder: Path, *, photos: int) -> None:
    """Hand in cases whose masks lie as the files store the photos, one photo cut short, one missing."""
    data = write_cases(
        folder / "data", photos=photos, seed=3, longest=96, splits={"valid": 1}, masks="stored"
    )
    first, second, *_ = sorted((data / "valid" / "images_valid").iterdir())
    first.write_bytes(first.read_bytes()[:1200])
    second.unlink()
    report = predict(data, folder / "out")
    counts, problems, _ = _submit(report, folder / "out")
    assert counts.startswith(f"{photos} of {photos} masks") and problems == ()
    joined = take_in(
        folder / "out.zip",
        folder / "platform",
        data / "dermavqa-segmentations" / "valid",
        data / "valid" / "valid_cvqa.json",
    )
    assert joined == {"photos": photos, "encounters": report.encounters}


def test_the_platforms_script_takes_a_zip_without_masks_or_without_answers(tmp_path: Path) -> None:
    data = write_cases(tmp_path / "data", photos=3, seed=1, longest=96, splits={"valid": 1})
    for name, predictor in (
        ("masks", stand_in_predictor(cvqa=False)),
        ("answers", stand_in_predictor(segmentation=False)),
    ):
        out = tmp_path / name
        _submit(predict(data, out, predictor=predictor), out)
        references = data / "dermavqa-segmentations" / "valid", data / "valid" / "valid_cvqa.json"
        joined = take_in(out.with_suffix(".zip"), tmp_path / f"{name}-platform", *references)
        assert (joined["photos"] == 3) == (name == "masks")
        assert (joined["encounters"] > 0) == (name == "answers")


def _turn(data: Path, encounter_id: str, orientation: int) -> None:
    """Store a photo of 40x64 turned, its name ending as before."""
    path = data / "valid" / "images_valid" / f"IMG_{encounter_id}_00001.png"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(draw_photo(40, 64)).save(path, exif=exif)


@pytest.mark.parametrize(
    ("asked", "reference", "expected"),
    [
        (None, None, (64, 40)),
        (None, (64, 40), (64, 40)),
        (None, (40, 64), (40, 64)),
        ("upright", (40, 64), (64, 40)),
        ("stored", None, (40, 64)),
    ],
)
def test_masks_of_turned_photos_lie_as_asked_or_as_the_reference_masks_do(
    data: Path,
    tmp_path: Path,
    asked: str | None,
    reference: tuple[int, int] | None,
    expected: tuple[int, int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    _turn(data, "ENC00001", 6)
    _turn(data, "ENC00002", 3)
    if reference is not None:
        write_mask(data / "IMG_ENC00001_00001_mask_ann0.tiff", np.ones(reference, np.bool_))
    predict(data, tmp_path / "out", masks=asked)
    assert _read_mask(tmp_path / "out", "ENC00001").shape == expected
    upright = _read_mask(tmp_path / "out", "ENC00003")
    assert upright.shape == (64, 64)
    said = capsys.readouterr().err
    assert "2 of 3 photos are turned by their EXIF data" in said and "IMG_ENC00002_00001" in said


def test_a_mask_as_stored_covers_the_lesion_where_the_file_stores_it(data: Path, tmp_path: Path) -> None:
    for orientation in (6, 3):
        _turn(data, "ENC00001", orientation)
        out = tmp_path / f"out{orientation}"
        predict(data, out, masks="stored")
        stored = np.asarray(Image.open(data / "valid" / "images_valid" / "IMG_ENC00001_00001.png"))
        red = stored[:, :, 0].astype(int) - stored[:, :, 1]
        mask = _read_mask(out, "ENC00001").astype(bool)
        assert mask.shape == red.shape and red[mask].mean() > red[~mask].mean() + 20


def test_masks_of_another_split_say_how_masks_lie(data: Path, tmp_path: Path) -> None:
    _turn(data, "ENC00001", 8)
    exif = Image.Exif()
    exif[0x0112] = 6
    (data / "train").mkdir()
    Image.fromarray(draw_photo(40, 64)).save(data / "train" / "IMG_ENC00009_00001.png", exif=exif)
    write_mask(data / "masks" / "IMG_ENC00009_00001_mask_ann0.tiff", np.ones((40, 64), np.bool_))
    predict(data, tmp_path / "out")
    assert _read_mask(tmp_path / "out", "ENC00001").shape == (40, 64)
