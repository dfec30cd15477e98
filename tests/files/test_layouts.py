"""The file that lists encounters is found in the layouts of the challenge and of its sisters, and a folder that
has one is never taken for loose photos."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from magic_demo.core.errors import FormatError
from magic_demo.files.answers import read_answers
from magic_demo.files.encounters import EncounterList, read_encounters
from magic_demo.files.layouts import name_split
from magic_demo.files.photos.reading import read_photo
from magic_demo.questions.families import load_challenge

PIXELS = np.full((24, 32, 3), 150, np.uint8)


def _entries(count: int, *, words: bool = True, first: int = 1) -> list[dict[str, Any]]:
    told = {"query_title_en": "Rash", "query_content_en": "for weeks"} if words else {}
    return [
        {"encounter_id": f"ENC{number:05d}", "image_ids": [f"IMG_ENC{number:05d}_00001.jpg"], **told}
        for number in range(first, first + count)
    ]


def _write(file: Path, entries: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(entries), encoding="utf-8")


def _photograph(file: Path, kind: str = "JPEG") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(PIXELS).save(file, kind)


def _ids(found: EncounterList) -> list[str]:
    assert not found.plain
    return [files.encounter_id for files in found.encounters]


def _write_m3g(folder: Path) -> None:
    """Write what MEDIQA-M3G 2024 gives: a starting kit, and the test inputs in a folder of their own."""
    kit = folder / "mediqa-m3g-startingkit-v2"
    _write(kit / "mediqa-m3-clinicalnlp2024" / "train.json", _entries(3))
    _write(kit / "mediqa-m3-clinicalnlp2024" / "valid_ht.json", _entries(2, first=11))
    _write(folder / "m3g-test-allinputs-v2" / "input.json", _entries(1, first=21))
    _photograph(kit / "images_final" / "images_train" / "IMG_ENC00001_00001.jpg")
    _photograph(kit / "images_final" / "images_valid" / "IMG_ENC00011_00001.jpg")
    _photograph(folder / "m3g-test-allinputs-v2" / "images_test" / "IMG_ENC00021_00001.jpg")


@pytest.mark.parametrize(("split", "ids"), [("train", 3), ("valid", 2), ("test", 1)])
def test_m3g_is_read_by_split(tmp_path: Path, split: str, ids: int) -> None:
    _write_m3g(tmp_path)
    found = read_encounters(tmp_path, split)
    assert len(_ids(found)) == ids and found.encounters[0].narrative.en == "Rash. for weeks"
    assert found.encounters[0].photo_files[0].path is not None


def test_a_split_is_also_named_by_its_files_whole_name(tmp_path: Path) -> None:
    _write_m3g(tmp_path)
    found = read_encounters(tmp_path, "valid_ht")
    assert _ids(found) == ["ENC00011", "ENC00012"]
    assert "images_valid" in str(found.encounters[0].photo_files[0].path)


def test_iiyi_and_reddit_side_by_side_are_listed_as_candidates(tmp_path: Path) -> None:
    _write(tmp_path / "iiyi" / "valid_ht.json", _entries(2))
    _write(tmp_path / "reddit" / "valid_answersonly.json", _entries(3, words=False, first=31))
    with pytest.raises(
        FormatError, match=r"2 files could be the split valid.*iiyi/valid_ht\.json.*reddit/valid_"
    ):
        read_encounters(tmp_path, "valid")
    assert len(_ids(read_encounters(tmp_path / "iiyi", "valid"))) == 2
    assert len(_ids(read_encounters(tmp_path / "reddit" / "valid_answersonly.json"))) == 3


def test_two_versions_of_a_test_split_are_listed_as_candidates(tmp_path: Path) -> None:
    for name in ("test_ht", "test_ht_spanishtestsetcorrected"):
        _write(tmp_path / f"{name}.json", _entries(2))
    with pytest.raises(FormatError, match="2 files could be the split test"):
        read_encounters(tmp_path, "test")
    assert len(_ids(read_encounters(tmp_path, "test_ht"))) == 2


def test_reddits_photos_are_found_whatever_their_address_ended_in(tmp_path: Path) -> None:
    """MAGIC 2024's ids have no ending, and its download script keeps three letters of the address."""
    endings = {"11mk4th": ("jpg", "JPEG"), "11k2tzj": ("peg", "JPEG"), "121olx7": ("png", "PNG")}
    downloaded = [
        {"encounter_id": name, "image_ids": [name], "query_title_en": "Rash"} for name in (*endings, "11gone")
    ]
    _write(tmp_path / "valid_downloaded.json", downloaded)
    answers = [{"encounter_id": e["encounter_id"], "image_ids": e["image_ids"]} for e in downloaded]
    _write(tmp_path / "valid_answersonly.json", answers)
    for name, (ending, kind) in endings.items():
        _photograph(tmp_path / "images" / "valid" / f"{name}.{ending}", kind)
    (tmp_path / "images" / "valid" / "11gone.one").write_text("<html>a gallery</html>", encoding="utf-8")
    found = read_encounters(tmp_path, "valid")
    photos = {photo.photo_id: photo.path for files in found.encounters for photo in files.photo_files}
    assert {name: path and path.suffix for name, path in photos.items()} == {
        **{name: f".{ending}" for name, (ending, _) in endings.items()},
        "11gone": None,
    }
    assert found.encounters[0].narrative.en == "Rash"
    assert any("valid_downloaded.json is read" in note for note in found.notes)


def test_a_list_without_words_says_so(tmp_path: Path) -> None:
    _write(tmp_path / "valid_answersonly.json", _entries(2, words=False))
    assert "no encounter has the patient's words" in read_encounters(tmp_path, "valid").notes[0]


def test_woundcare_is_read_from_its_inputs_alone_and_beside_its_answers(tmp_path: Path) -> None:
    _write(tmp_path / "valid_inputonly.json", _entries(2))
    _write(tmp_path / "woundcarevqa.json", _entries(9))
    found = read_encounters(tmp_path, "valid")
    assert len(_ids(found)) == 2
    assert any(
        "valid_inputonly.json is read; it could also be woundcarevqa.json" in note for note in found.notes
    )
    _write(tmp_path / "valid.json", [{**entry, "wound_type": "surgical"} for entry in _entries(2)])
    found = read_encounters(tmp_path, "valid")
    assert len(_ids(found)) == 2 and any("valid.json is read" in note for note in found.notes)


def test_a_folder_whose_json_lists_encounters_is_never_taken_for_loose_photos(tmp_path: Path) -> None:
    _photograph(tmp_path / "IMG_ENC00001_00001.jpg")
    _write(tmp_path / "encounters.json", _entries(1))
    assert _ids(read_encounters(tmp_path)) == ["ENC00001"]
    with pytest.raises(FormatError, match=r"no valid\.json here or below, but encounters\.json"):
        read_encounters(tmp_path, "valid")
    _write(tmp_path / "more.json", _entries(1))
    with pytest.raises(FormatError, match=r"encounters\.json, more\.json"):
        read_encounters(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("data.json", json.dumps({"data": _entries(1)}), "holds an object; a JSON list of encounters"),
        ("data.jsonl", "\n".join(map(json.dumps, _entries(2))), "malformed JSON at line 2"),
        ("data.json", json.dumps(_entries(1))[:-1], "malformed JSON"),
    ],
)
def test_a_list_of_encounters_that_cannot_be_read_is_an_error_and_no_loose_photos(
    tmp_path: Path, name: str, content: str, said: str
) -> None:
    _photograph(tmp_path / "IMG_ENC00001_00001.jpg")
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(FormatError, match=said):
        read_encounters(tmp_path)


def test_a_list_in_utf_16_is_an_error_and_no_loose_photos(tmp_path: Path) -> None:
    _photograph(tmp_path / "IMG_ENC00001_00001.jpg")
    (tmp_path / "data.json").write_bytes(json.dumps(_entries(1)).encode("utf-16"))
    with pytest.raises(FormatError, match="UTF-16"):
        read_encounters(tmp_path)


def test_other_json_beside_loose_photos_is_none_of_theirs(tmp_path: Path) -> None:
    _photograph(tmp_path / "knee.jpg")
    _write(tmp_path / "knee.json", {"camera": "phone"})
    _write(tmp_path / "valid_cvqa.json", [{"encounter_id": "ENC00001", "CQID010-001": 1}])
    found = read_encounters(tmp_path)
    assert found.plain and [files.encounter_id for files in found.encounters] == ["knee"]


def test_splits_by_other_names_are_told_apart(tmp_path: Path) -> None:
    _write(tmp_path / "train.json", _entries(3))
    _write(tmp_path / "valid_ht.json", _entries(2))
    with pytest.raises(FormatError, match=r"the splits train, valid; say which with --split"):
        read_encounters(tmp_path)


def test_names_in_another_case_are_found(tmp_path: Path) -> None:
    _write(tmp_path / "Valid" / "VALID.JSON", _entries(1))
    _photograph(tmp_path / "Valid" / "Images_Valid" / "img_enc00001_00001.JPG")
    found = read_encounters(tmp_path, "valid")
    assert _ids(found) == ["ENC00001"] and found.encounters[0].photo_files[0].path is not None


@pytest.mark.parametrize(
    ("name", "kind"), [("a.gif", "GIF"), ("a.GIF", "GIF"), ("a.gif", "JPEG"), ("a.jpg", "GIF")]
)
def test_a_gif_is_a_photo_whatever_its_ending_says(tmp_path: Path, name: str, kind: str) -> None:
    _write(tmp_path / "valid.json", [{"encounter_id": "ENC1", "image_ids": ["a.gif"]}])
    _photograph(tmp_path / name, kind)
    (photo,) = read_encounters(tmp_path, "valid").encounters[0].photo_files
    assert photo.photo_id == "a" and photo.path is not None
    assert read_photo(photo.path).size == (24, 32)


def test_a_zip_given_as_data_is_one_clear_line(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("valid.json", "[]")
    with pytest.raises(FormatError, match="is a zip; unpack it and give the folder"):
        read_encounters(tmp_path / "data.zip")
    zipfile.ZipFile(tmp_path / "empty.zip", "w").close()
    with pytest.raises(FormatError, match="is a zip; unpack it and give the folder"):
        read_encounters(tmp_path / "empty.zip")
    _photograph(tmp_path / "knee.jpg")
    with pytest.raises(FormatError, match="is a photo; give the folder that it lies in"):
        read_encounters(tmp_path / "knee.jpg")


def test_a_zip_that_is_not_unpacked_is_named_where_photos_are_missing(tmp_path: Path) -> None:
    _write(tmp_path / "valid.json", _entries(2))
    (tmp_path / "images_valid.zip").write_bytes(b"PK\x03\x04")
    problems = read_encounters(tmp_path, "valid").problems
    assert problems == ("2 photos are not found, and images_valid.zip is not unpacked; unpack it there",)


def test_numbers_as_ids_are_read_as_text_and_said_once(tmp_path: Path) -> None:
    entries = [{**entry, "encounter_id": 2356766 + n, "author_id": 7} for n, entry in enumerate(_entries(2))]
    entries[0]["image_ids"] = [11]
    _write(tmp_path / "valid.json", entries)
    found = read_encounters(tmp_path, "valid")
    assert _ids(found) == ["2356766", "2356767"] and found.problems == ()
    assert found.encounters[0].author_id == "7" and found.encounters[0].photo_files[0].photo_id == "11"
    assert found.notes == ("2 ids of encounters are numbers, such as 2356766; they are read as text",)
    _write(
        tmp_path / "answers.json",
        [{"encounter_id": 2356766} | {q.qid: 0 for q in load_challenge().questions}],
    )
    assert list(read_answers(tmp_path / "answers.json")) == ["2356766"]


@pytest.mark.parametrize(
    ("stem", "split"),
    [
        ("valid", "valid"),
        ("valid_ht", "valid"),
        ("test_ht_spanishtestsetcorrected", "test"),
        ("mediqa-magic_train_answersonly", "train"),
        ("dermavqa-seg-trainvalid", ""),
        ("train-valid", ""),
        ("latest", ""),
        ("invalid", ""),
    ],
)
def test_a_split_is_told_by_a_word_of_the_name(stem: str, split: str) -> None:
    assert name_split(stem) == split
