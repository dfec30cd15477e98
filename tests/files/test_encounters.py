"""Encounters of a challenge's JSON or a folder of photos: what is read, what is refused and how it is said."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from magic_demo.core.errors import FormatError
from magic_demo.core.types import Narrative
from magic_demo.files.encounters import EncounterList, read_encounters
from magic_demo.files.entries import clean_text
from magic_demo.files.json_files import read_json


def entry(encounter_id: str = "ENC00001", **changes: Any) -> dict[str, Any]:
    """Return a made-up encounter in the challenge's layout."""
    base: dict[str, Any] = {
        "encounter_id": encounter_id,
        "author_id": "U00001",
        "image_ids": [f"IMG_{encounter_id}_00001.jpg"],
        "query_title_en": "Spots",
        "query_content_en": "They itch.",
        "query_title_zh": "斑点",
        "query_content_zh": "很痒。",
        "responses": [{"author_id": "U1", "content_en": "Eczema", "content_zh": "湿疹"}],
    }
    return {**base, **changes}


def write_split(folder: Path, entries: Any, split: str = "valid", *, encoding: str = "utf-8") -> Path:
    """Write a split's JSON where a participant has it."""
    path = folder / split / f"{split}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entries, ensure_ascii=False), encoding=encoding)
    return path


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"not read here")
    return path


def read_one(tmp_path: Path, *entries: Any) -> EncounterList:
    write_split(tmp_path, list(entries))
    return read_encounters(tmp_path, "valid")


class TestEncounters:
    def test_narrative_responses_author_and_photos_are_read(self, tmp_path: Path) -> None:
        photo = touch(tmp_path / "valid" / "images_valid" / "IMG_ENC00001_00001.jpg")
        read = read_one(tmp_path, entry())
        assert read.problems == ()
        (encounter,) = read.encounters
        assert encounter.narrative == Narrative(en="Spots. They itch.", zh="斑点。很痒。")
        assert encounter.responses == ("Eczema",)
        assert encounter.author_id == "U00001"
        assert [(file.photo_id, file.path) for file in encounter.photo_files] == [
            ("IMG_ENC00001_00001", photo)
        ]

    @pytest.mark.parametrize("place", ["valid.json", "valid/valid.json", "a/b/valid.json"])
    def test_the_splits_file_is_found_wherever_it_lies(self, tmp_path: Path, place: str) -> None:
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([entry()]))
        assert len(read_encounters(tmp_path, "valid").encounters) == 1
        assert len(read_encounters(tmp_path).encounters) == 1
        assert len(read_encounters(path, "valid").encounters) == 1

    def test_a_byte_order_mark_is_no_hindrance(self, tmp_path: Path) -> None:
        write_split(tmp_path, [entry()], encoding="utf-8-sig")
        assert read_encounters(tmp_path, "valid").encounters[0].encounter_id == "ENC00001"

    def test_a_photo_is_found_below_data_in_any_ending_and_its_splits_folder_first(
        self, tmp_path: Path
    ) -> None:
        touch(tmp_path / "IMG_ENC00001_00001.jpg")
        preferred = touch(tmp_path / "x" / "images_valid" / "IMG_ENC00001_00001.jpg")
        other = touch(tmp_path / "elsewhere" / "IMG_ENC00001_00002.PNG")
        names = ["IMG_ENC00001_00001.jpg", "IMG_ENC00001_00002.jpg", "IMG_ENC00001_00003.jpg"]
        (encounter,) = read_one(tmp_path, entry(image_ids=names)).encounters
        assert [file.path for file in encounter.photo_files] == [preferred, other, None]
        assert [file.photo_id for file in encounter.photo_files] == [
            name.removesuffix(".jpg") for name in names
        ]

    def test_of_two_endings_in_a_folder_the_named_one_is_taken(self, tmp_path: Path) -> None:
        touch(tmp_path / "IMG_ENC00001_00001.bmp")
        named = touch(tmp_path / "IMG_ENC00001_00001.jpg")
        (encounter,) = read_one(tmp_path, entry()).encounters
        assert encounter.photo_files[0].path == named

    def test_a_photo_that_is_listed_twice_is_one_photo(self, tmp_path: Path) -> None:
        read = read_one(tmp_path, entry(image_ids=["a.jpg", "a.jpg"]))
        assert [file.photo_id for file in read.encounters[0].photo_files] == ["a"]

    def test_a_photo_may_be_called_what_people_call_photos(self, tmp_path: Path) -> None:
        path = touch(tmp_path / "左手 (1).JPG")
        read = read_one(tmp_path, entry(image_ids=["左手 (1).jpg"]))
        assert [(file.photo_id, file.path) for file in read.encounters[0].photo_files] == [("左手 (1)", path)]

    def test_an_encounter_without_photos_or_text_is_an_encounter(self, tmp_path: Path) -> None:
        read = read_one(tmp_path, {"encounter_id": "ENC00009"})
        assert read.problems == ()
        assert read.encounters[0].photo_files == ()
        assert read.encounters[0].narrative == Narrative()

    @pytest.mark.parametrize(
        ("bad", "says"),
        [
            ("text", "an object with 'encounter_id' is expected"),
            ({"image_ids": []}, "'encounter_id' is null"),
            (entry("../../ENC00001"), r"'encounter_id' is \"../../ENC00001\""),
            (entry(".."), "'encounter_id' is"),
            (entry("ENC/1"), "'encounter_id' is"),
            (entry("ENC\\1"), "'encounter_id' is"),
            (entry("ENC 1\n"), "'encounter_id' is"),
            (entry("病例"), "'encounter_id' is"),
            (entry("E" * 200), "'encounter_id' is"),
            (entry("ENC00002", image_ids=["../secret.jpg"]), "ENC00002: photo .* is not a file name"),
            (entry("ENC00002", image_ids=["/etc/x.jpg"]), "is not a file name"),
            (entry("ENC00002", image_ids=["..\\x.jpg"]), "is not a file name"),
            (entry("ENC00002", image_ids=["a\nb.jpg"]), "is not a file name"),
            (entry("ENC00002", image_ids=["..", ""]), "is not a file name"),
            (entry("ENC00002", image_ids=[3.5]), "ENC00002: photo 3.5 is not a file name"),
            (entry("ENC00002", image_ids="IMG.jpg"), "'image_ids' is .* a list is expected"),
            (entry("ENC00002", image_ids=["a.jpg", "a.png"]), "two photos are called a"),
            (entry("ENC00002", query_content_en=["x"]), "'query_content_en' is a list; a text is expected"),
            (entry("ENC00002", responses=["x"]), "a response is"),
            (entry("ENC00001"), "ENC00001 comes twice; the first is used"),
        ],
    )
    def test_a_bad_entry_is_one_line_and_the_others_go_on(self, tmp_path: Path, bad: Any, says: str) -> None:
        read = read_one(tmp_path, entry("ENC00001"), bad, entry("ENC00003"))
        assert [encounter.encounter_id for encounter in read.encounters] == ["ENC00001", "ENC00003"]
        (problem,) = read.problems
        assert "\n" not in problem
        assert problem.startswith("valid.json, entry 2: ")
        assert re.search(says, problem)

    def test_malformed_json_names_line_and_column(self, tmp_path: Path) -> None:
        path = tmp_path / "valid.json"
        path.write_text('[\n {"encounter_id": "ENC00001",}\n]')
        with pytest.raises(FormatError, match=r"valid\.json: malformed JSON at line 2, column \d+"):
            read_encounters(tmp_path, "valid")

    def test_a_json_that_is_no_list_is_refused(self, tmp_path: Path) -> None:
        write_split(tmp_path, {"encounters": []})
        with pytest.raises(FormatError, match="holds an object; a JSON list of encounters is expected"):
            read_encounters(tmp_path, "valid")

    def test_json_that_is_not_utf8_or_nested_too_deep_is_refused_in_one_line(self, tmp_path: Path) -> None:
        (tmp_path / "latin.json").write_bytes('["é"]'.encode("latin-1"))
        (tmp_path / "deep.json").write_text("[" * 200_000)
        for name in ("latin.json", "deep.json", "absent.json"):
            with pytest.raises(FormatError) as caught:
                read_json(tmp_path / name, "a JSON list")
            assert name in str(caught.value)
            assert "\n" not in str(caught.value)

    def test_another_split_than_the_asked_is_named(self, tmp_path: Path) -> None:
        write_split(tmp_path, [entry()], "train")
        touch(tmp_path / "a.jpg")
        with pytest.raises(FormatError, match=r"no valid\.json here or below, but train/train\.json"):
            read_encounters(tmp_path, "valid")

    def test_several_splits_need_to_be_told_apart(self, tmp_path: Path) -> None:
        write_split(tmp_path, [entry()], "train")
        write_split(tmp_path, [entry()], "test")
        with pytest.raises(FormatError, match="the splits train, test; say which with --split"):
            read_encounters(tmp_path)

    def test_two_files_of_one_split_are_named(self, tmp_path: Path) -> None:
        write_split(tmp_path / "a", [entry()])
        write_split(tmp_path / "b", [entry()])
        with pytest.raises(FormatError, match=r"2 files could be the split valid: a/valid/valid\.json"):
            read_encounters(tmp_path, "valid")

    @pytest.mark.parametrize("split", ["../valid", "va*", ""])
    def test_a_split_that_is_no_name_reaches_no_other_folder(self, tmp_path: Path, split: str) -> None:
        write_split(tmp_path / "inner", [entry()])
        (tmp_path / "inner" / "x").mkdir()
        with pytest.raises(FormatError):
            read_encounters(tmp_path / "inner" / "x", split)

    def test_the_real_train_split_is_read_whole(self, shared_data: Path) -> None:
        read = read_encounters(shared_data / "dermavqa", "train")
        source = json.loads((shared_data / "dermavqa" / "train.json").read_text(encoding="utf-8"))
        assert read.problems == ()
        assert [encounter.encounter_id for encounter in read.encounters] == [
            row["encounter_id"] for row in source
        ]
        assert sum(len(e.photo_files) for e in read.encounters) == sum(
            len(row["image_ids"]) for row in source
        )
        assert all(encounter.narrative.en and encounter.narrative.zh for encounter in read.encounters)


class TestPhotoFolder:
    def test_every_photo_is_an_encounter_named_by_its_file(self, tmp_path: Path) -> None:
        touch(tmp_path / "b.png")
        touch(tmp_path / "my photo.JPG")
        touch(tmp_path / "sub" / "病.webp")
        touch(tmp_path / "notes.txt")
        touch(tmp_path / ".hidden.jpg")
        read = read_encounters(tmp_path, "valid")
        assert [encounter.encounter_id for encounter in read.encounters] == ["b", "my photo", "病"]
        assert all(
            encounter.photo_files[0].photo_id == encounter.encounter_id for encounter in read.encounters
        )
        assert read.problems == ()

    def test_two_photos_of_one_name_are_named_and_not_overwritten(self, tmp_path: Path) -> None:
        first = touch(tmp_path / "a.jpg")
        touch(tmp_path / "a.png")
        read = read_encounters(tmp_path)
        assert [encounter.photo_files[0].path for encounter in read.encounters] == [first]
        (problem,) = read.problems
        assert "a.jpg and a.png have the same name" in problem

    def test_a_name_that_leaves_no_room_for_its_masks_name_is_named(self, tmp_path: Path) -> None:
        touch(tmp_path / f"{'x' * 230}.jpg")
        touch(tmp_path / "a.jpg")
        read = read_encounters(tmp_path)
        assert [encounter.encounter_id for encounter in read.encounters] == ["a"]
        assert "at most 200 bytes" in read.problems[0]

    def test_masks_beside_the_photos_are_no_photos(self, tmp_path: Path) -> None:
        touch(tmp_path / "a.jpg")
        touch(tmp_path / "out" / "masks_preds" / "a_mask_sys.tiff")
        assert [encounter.encounter_id for encounter in read_encounters(tmp_path).encounters] == ["a"]

    def test_a_folder_without_anything_to_read_is_refused(self, tmp_path: Path) -> None:
        touch(tmp_path / "notes.txt")
        with pytest.raises(FormatError, match="neither a challenge JSON"):
            read_encounters(tmp_path)
        with pytest.raises(FormatError, match="no such file or folder"):
            read_encounters(tmp_path / "absent")


class TestCleanText:
    @pytest.mark.parametrize(
        ("raw", "clean"),
        [
            ("<p>red<br/>spots</p>", "red spots"),
            ("a &amp; b&nbsp;c &lt;5 cm", "a & b c <5 cm"),
            ("size <5 cm and >2 cm, a < b", "size <5 cm and >2 cm, a < b"),
            ("<script>alert(1)</script>x<!-- note -->y", "x y"),
            ('<a href="http://x">link</a> <IMG SRC=x>', "link"),
            ("  one\n\ttwo\u3000三\xa0four\u200b ", "one two 三 four"),
            ("nul\x00 and bell\x07", "nul and bell"),
            ("👩‍⚕️ 很痒", "👩‍⚕️ 很痒"),
            ("half an emoji \ud83d", "half an emoji �"),
            ("", ""),
        ],
    )
    def test_markup_and_white_space_go_and_words_stay(self, raw: str, clean: str) -> None:
        assert clean_text(raw) == clean

    def test_ten_thousand_characters_stay(self) -> None:
        text = "痒😀" * 5000
        assert clean_text(text) == text

    def test_a_title_that_repeats_the_content_is_said_once_and_ends_are_kept(self, tmp_path: Path) -> None:
        first = entry(
            "ENC1", query_title_en="Itch?", query_content_en="Yes", query_title_zh="痒", query_content_zh="痒"
        )
        second = entry(
            "ENC2",
            query_title_en="",
            query_content_en="Only content",
            query_title_zh="只有题目",
            query_content_zh=None,
        )
        narratives = [encounter.narrative for encounter in read_one(tmp_path, first, second).encounters]
        assert narratives == [Narrative("Itch? Yes", "痒"), Narrative("Only content", "只有题目")]
