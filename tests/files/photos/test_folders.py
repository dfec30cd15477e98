"""Photos are found below a folder however their names are written, and nothing there is passed over in
silence."""

from __future__ import annotations

import io
import json
import unicodedata
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from magic_demo.files.encounters import read_encounters
from magic_demo.files.photos.kinds import PHOTO_SUFFIXES
from magic_demo.page.panels.case.photo_intake import ACCEPTED
from tests.support.stand_ins import draw_photo

REPORTED = Path(__file__).resolve().parents[2] / "data" / "reported"


def _photo(height: int = 24, width: int = 32, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(draw_photo(height, width)).save(buffer, kind)
    return buffer.getvalue()


def _unpack(name: str, place: Path) -> Path:
    with zipfile.ZipFile(REPORTED / name) as archive:
        archive.extractall(place)
    return place


def test_a_name_that_is_composed_otherwise_is_found(tmp_path: Path) -> None:
    found = read_encounters(_unpack("challenge_nfd_name.zip", tmp_path))
    (photo,) = found.encounters[0].photo_files
    assert (
        found.problems == ()
        and photo.path is not None
        and photo.photo_id == unicodedata.normalize("NFC", "lésion")
    )


def test_a_folder_of_thumbnails_stands_back(tmp_path: Path) -> None:
    found = read_encounters(_unpack("challenge_thumbs_beside.zip", tmp_path))
    assert found.encounters[0].photo_files[0].path == tmp_path / "full" / "I1.jpg" and found.problems == ()
    (tmp_path / "valid.json").unlink()
    plain = read_encounters(tmp_path)
    assert (
        plain.encounters[0].photo_files[0].path == tmp_path / "full" / "I1.jpg"
        and "same name" in plain.problems[0]
    )


def test_of_two_folders_the_larger_photo_is_used_and_that_is_said(tmp_path: Path) -> None:
    for folder, size in (("a", 16), ("b", 64)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "I1.png").write_bytes(_photo(size, size))
    (tmp_path / "valid.json").write_text(
        json.dumps([{"encounter_id": "E1", "image_ids": ["I1.png"]}]), encoding="utf-8"
    )
    found = read_encounters(tmp_path)
    assert found.encounters[0].photo_files[0].path == tmp_path / "b" / "I1.png"
    assert found.problems == (
        "E1: b/I1.png and a/I1.png have the same name; the larger one is used, keep one of them",
    )


@pytest.mark.parametrize(
    ("said", "lies"), [("img_1.JPG", "IMG_1.jpg"), ("IMG_1.jpg", "img_1.JPEG"), ("Haut_1.png", "HAUT_1.PNG")]
)
def test_case_matters_to_nobody(tmp_path: Path, said: str, lies: str) -> None:
    (tmp_path / lies).write_bytes(_photo())
    (tmp_path / "valid.json").write_text(
        json.dumps([{"encounter_id": "E1", "image_ids": [said]}]), encoding="utf-8"
    )
    (photo,) = read_encounters(tmp_path).encounters[0].photo_files
    assert photo.path == tmp_path / lies and photo.photo_id == said.rpartition(".")[0]


def test_a_name_of_the_very_case_comes_first(tmp_path: Path) -> None:
    for name in ("a.png", "A.png"):
        (tmp_path / name).write_bytes(_photo())
    (tmp_path / "valid.json").write_text(
        json.dumps([{"encounter_id": "E1", "image_ids": ["a.png", "A.png"]}]), encoding="utf-8"
    )
    assert [photo.path for photo in read_encounters(tmp_path).encounters[0].photo_files] == [
        tmp_path / "a.png",
        tmp_path / "A.png",
    ]


def test_every_ending_of_a_photo_is_one_case(tmp_path: Path) -> None:
    found = read_encounters(_unpack("folder_mixed_endings.zip", tmp_path))
    assert [files.encounter_id for files in found.encounters] == [
        f"IMG_{number}" for number in range(1, 8)
    ] and found.problems == ()


def test_pictures_that_are_not_read_are_problems_and_other_files_a_note(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(_photo())
    (tmp_path / "raw.DNG").write_bytes(b"II*\0")
    (tmp_path / "noending").write_bytes(_photo(kind="JPEG"))
    (tmp_path / "kept.jpg_original").write_bytes(_photo(kind="JPEG"))
    (tmp_path / "notes.txt").write_text("words", encoding="utf-8")
    (tmp_path / ".hidden.dng").write_bytes(b"")
    found = read_encounters(tmp_path)
    assert [files.encounter_id for files in found.encounters] == ["a"]
    assert found.problems == (
        "kept.jpg_original: is a photo (JPEG) whose name has not the ending of one; rename it",
        "noending: is a photo (JPEG) whose name has not the ending of one; rename it",
        "raw.DNG: a kind of picture that is not read (.dng); export it as JPEG or PNG",
    )
    assert found.notes == ("no photos, left out: notes.txt",)


def test_the_page_offers_the_endings_that_folders_are_read_for() -> None:
    assert ",".join(("image/*", *PHOTO_SUFFIXES)) == ACCEPTED
