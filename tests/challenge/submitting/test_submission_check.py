"""The organisers' steps with anybody's zip: what they stop at and what they score wrong has a line."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from magic_demo.challenge.submitting.submission_check import (
    Expected,
    SubmissionCheck,
    check_submission,
    expect_of,
)
from magic_demo.core.errors import FormatError
from magic_demo.files.encounters import read_encounters
from magic_demo.files.masks.mask_files import write_mask
from magic_demo.questions.families import load_challenge
from tests.support.batch_runs import IDS, write_data

PHOTOS = tuple(f"IMG_{name}_00001" for name in IDS)
EXPECTED = Expected({photo_id: [(6, 8)] for photo_id in PHOTOS}, IDS)
STOPS = "the organisers' script will stop"


def _tiff(values: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.asarray(values), **options)
    return stream.getvalue()


MASK = _tiff(np.eye(6, 8, dtype=np.uint8))


def _mask_name(photo_id: str) -> str:
    return f"masks_preds/{photo_id}_mask_sys.tiff"


def _answer(encounter_id: str, **changed: Any) -> dict[str, Any]:
    row = {question.qid: 0 for question in load_challenge().questions}
    return {"encounter_id": encounter_id, **row, **changed}


def _files() -> dict[str, bytes]:
    """Return the files of a submission that is as it should be."""
    masks = {_mask_name(photo_id): MASK for photo_id in PHOTOS}
    return {**masks, "data_cvqa_sys.json": json.dumps([_answer(name) for name in IDS]).encode()}


def _check(
    folder: Path, files: Mapping[str, bytes | None], expected: Expected | None = EXPECTED
) -> SubmissionCheck:
    """Check a submission with some files changed, or left out (None)."""
    with zipfile.ZipFile(folder / "s.zip", "w") as archive:
        for name, content in {**_files(), **files}.items():
            if content is not None:
                archive.writestr(name, content)
    return check_submission(folder / "s.zip", expected)


def _answers(*rows: Any) -> dict[str, bytes]:
    return {"data_cvqa_sys.json": json.dumps(list(rows)).encode()}


def test_a_submission_that_is_as_it_should_be_has_no_finding(tmp_path: Path) -> None:
    check = _check(tmp_path, {})
    assert check == SubmissionCheck("3 of 3 masks, 3 of 3 answers, 27 of 27 questions each", ())


def test_without_the_data_names_are_checked_by_their_form_alone(tmp_path: Path) -> None:
    check = _check(tmp_path, {_mask_name(PHOTOS[0]): None}, None)
    assert check == SubmissionCheck("2 masks, 3 answers, 27 of 27 questions each", ())


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (_mask_name(PHOTOS[0]), None, f"a photo has no mask: {STOPS} (1): {PHOTOS[0]}"),
        (_mask_name(PHOTOS[0]), _tiff(255 * np.eye(6, 8, dtype=np.uint8)), "holds 0 and 255"),
        (_mask_name(PHOTOS[0]), _tiff(np.full((6, 8), 0.3, np.float32)), "holds fractions"),
        (_mask_name(PHOTOS[0]), _tiff(np.eye(8, 6, dtype=np.uint8)), f"{PHOTOS[0]} [6x8, not 8x6]"),
        (_mask_name(PHOTOS[0]), _tiff(np.zeros((2, 6, 8), np.uint8)), "a mask cannot be used"),
        (_mask_name(PHOTOS[0]), b"no mask at all", "a mask cannot be used"),
        ("masks_preds/x.tif", MASK, "does not end in .tiff"),
        ("masks_preds/x_mask_unet.tiff", MASK, "is not named <image id>_mask_sys.tiff"),
        ("run/x_mask_sys.tiff", MASK, "masks do not lie in masks_preds at the top"),
        ("../x_mask_sys.tiff", MASK, "a name that leads out of the zip"),
        ("data_cvqa_sys.json", None, f"no data_cvqa_sys.json at the top of the zip: {STOPS}"),
        ("data_cvqa_sys.json", b"{", f"the answers cannot be read: {STOPS}"),
        ("data_cvqa_sys.json", b'{"ENC00001": 1}', "a JSON list of answer objects is expected"),
    ],
)
def test_what_the_organisers_stop_at_or_misread_is_named(
    tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    check = _check(tmp_path, {name: content})
    assert len(check.findings) == 1 and said in check.findings[0], check.findings
    assert str(tmp_path) not in check.findings[0] and "/tmp" not in check.findings[0]


def test_a_mask_that_is_named_in_another_case_is_said_once(tmp_path: Path) -> None:
    files = {_mask_name(PHOTOS[0]): None, _mask_name(PHOTOS[0].lower()): MASK}
    check = _check(tmp_path, files)
    assert check.notes == () and len(check.findings) == 1
    assert f"{PHOTOS[0]} [named in another case, {PHOTOS[0].lower()}]" in check.findings[0]


def test_a_png_with_a_masks_name_is_named(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.eye(6, 8, dtype=np.uint8)).save(stream, "PNG")
    check = _check(tmp_path, {_mask_name(PHOTOS[1]): stream.getvalue()})
    assert len(check.findings) == 1 and "is no TIFF" in check.findings[0]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([_answer(name) for name in IDS[:2]], "system lacks an encounter"),
        ([_answer(IDS[0], **{"CQID010-001": 99}), *map(_answer, IDS[1:])], "beyond its question's options"),
        ([_answer(IDS[0], **{"CQID010-001": "1"}), *map(_answer, IDS[1:])], "a text in place of a number"),
        ([_answer(IDS[0], **{"CQID010-001": -1}), *map(_answer, IDS[1:])], "beyond its question's options"),
        ([_answer(IDS[0], **{"CQID011-009": 1}), *map(_answer, IDS[1:])], "a question that there is not"),
        ([*map(_answer, IDS), _answer(IDS[0])], "comes twice"),
        ([{"CQID010-001": 1}, *map(_answer, IDS)], "without 'encounter_id'"),
    ],
)
def test_keys_and_ranges_of_answers_are_checked(tmp_path: Path, rows: list[Any], said: str) -> None:
    check = _check(tmp_path, _answers(*rows))
    assert len(check.findings) == 1 and said in check.findings[0], check.findings


def test_an_answer_without_a_question_lowers_the_count(tmp_path: Path) -> None:
    row = _answer(IDS[0])
    del row["CQID034-001"]
    check = _check(tmp_path, _answers(row, *map(_answer, IDS[1:])))
    assert check.counts.endswith("3 of 3 answers, 26 of 27 questions at least")
    assert "system lacks a family" in check.findings[0]


def test_ids_with_a_hyphen_are_joined_as_by_the_organisers_script(tmp_path: Path) -> None:
    expected = Expected({}, ("A-1", "B-2"))
    check = _check(tmp_path, _answers(_answer("A-1"), _answer("B-2")), expected)
    assert check.findings == () and "2 of 2 answers, 27 of 27 questions each" in check.counts


def test_answers_of_one_encounter_in_two_entries_are_counted_together(tmp_path: Path) -> None:
    whole = _answer("ENC00001")
    halves = [
        {key: value for key, value in whole.items() if key == "encounter_id" or (key < "CQID020") == first}
        for first in (True, False)
    ]
    check = _check(tmp_path, _answers(*halves), Expected({}, ("ENC00001",)))
    assert "1 of 1 answers, 27 of 27 questions each" in check.counts
    assert "comes twice" in " ".join(check.findings)


def test_a_task_that_was_left_out_is_no_finding_and_is_said(tmp_path: Path) -> None:
    masks = {_mask_name(photo_id): None for photo_id in PHOTOS}
    assert _check(tmp_path, masks) == SubmissionCheck(
        "no masks (masks_preds is empty: counted as 0), 3 of 3 answers, 27 of 27 questions each", ()
    )
    check = _check(tmp_path, {"data_cvqa_sys.json": b"[]"})
    assert check.findings == () and "no answers (data_cvqa_sys.json is an empty list" in check.counts


def test_what_a_mac_adds_is_passed_over_and_what_nobody_asks_for_is_noted(tmp_path: Path) -> None:
    files = {
        "__MACOSX/masks_preds/._x_mask_sys.tiff": b"",
        "masks_preds/.DS_Store": b"",
        "notes.txt": b"",
        "masks_preds/IMG_ENC00099_00001_mask_sys.tiff": MASK,
    }
    check = _check(tmp_path, files)
    assert check.findings == () and check.counts.startswith("3 of 3 masks")
    assert len(check.notes) == 2 and "notes.txt" in check.notes[1] + check.notes[0]


def test_a_zip_with_a_folder_around_it_is_said_in_two_lines(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for name, content in _files().items():
            archive.writestr(f"ours/{name}", content)
    check = check_submission(tmp_path / "s.zip", EXPECTED)
    assert len(check.findings) == 2 and "ours/masks_preds" in check.findings[0]
    assert "there is ours/data_cvqa_sys.json" in check.findings[1]


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 cut"])
def test_what_is_no_zip_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.zip").write_bytes(content)
    with pytest.raises(FormatError, match="not a zip that can be read"):
        check_submission(tmp_path / "s.zip")
    with pytest.raises(FormatError, match="cannot be read"):
        check_submission(tmp_path / "nowhere.zip")


def test_a_file_that_claims_to_be_larger_than_a_mask_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("magic_demo.challenge.submitting.submission_check.LARGEST_MASK", 1000)
    check = _check(tmp_path, {_mask_name(PHOTOS[0]): bytes(5000)})
    assert len(check.findings) == 1 and "larger than any photo's" in check.findings[0]


def test_the_data_say_which_masks_of_which_size_are_expected(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data")
    write_mask(data / "masks" / "IMG_ENC00001_00001_mask_ann0.tiff", np.ones((10, 12), np.bool_))
    (data / "valid" / "images_valid" / "IMG_ENC00003_00001.png").unlink()
    expected = expect_of(read_encounters(data, "valid"), data)
    assert expected.encounters == IDS
    assert expected.photos == {PHOTOS[0]: [(10, 12)], PHOTOS[1]: [(56, 64)], PHOTOS[2]: []}


def test_encounters_of_the_data_that_cannot_be_read_are_not_taken_for_checked(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data")
    file = data / "valid" / "valid.json"
    entries = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps([*entries, {"encounter_id": "ENC 4", "image_ids": []}]), encoding="utf-8")
    expected = expect_of(read_encounters(data, "valid"), data)
    check = _check(tmp_path, {}, Expected(EXPECTED.photos, expected.encounters, expected.unusable))
    assert check.counts == "3 of 3 masks, 3 of 4 answers, 27 of 27 questions each"
    assert len(check.findings) == 1 and "cannot be read" in check.findings[0]
