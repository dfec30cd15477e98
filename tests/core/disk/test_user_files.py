"""Whatever stands under a name that somebody gives: a regular file of bounded size is read, anything else is
one line at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from magic_demo.core.disk.user_files import read_user_file, read_user_head, read_user_lines
from magic_demo.core.errors import MagicDemoError
from magic_demo.files.answers import read_answers
from magic_demo.files.bundles import read_prediction
from magic_demo.files.encounters import read_encounters
from magic_demo.files.masks.mask_files import read_loose_mask, read_mask
from magic_demo.files.photos.reading import read_photo
from magic_demo.models.loading.preprocessing import read_preprocessing
from magic_demo.questions.families import read_questions

READERS: dict[str, Callable[[Path], object]] = {
    "a.jpg": read_photo,
    "a_mask_sys.tiff": read_mask,
    "b_mask_sys.tiff": read_loose_mask,
    "answers.json": read_answers,
    "questions.json": read_questions,
    "ENC1.json": lambda path: read_prediction(path.parent, "ENC1"),
    "preprocessor_config.json": lambda path: read_preprocessing(path.parent),
}


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _zero(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("make", [_pipe, _zero, _folder])
@pytest.mark.parametrize("name", READERS)
def test_what_is_no_file_is_one_line(tmp_path: Path, name: str, make: Callable[[Path], None]) -> None:
    if name == "preprocessor_config.json":
        (tmp_path / "config.json").write_text('{"model_type": "x"}', encoding="utf-8")
    make(tmp_path / name)
    with pytest.raises(MagicDemoError) as caught:
        READERS[name](tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_folder_of_such_files_costs_a_line_each(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zero.txt").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "other.txt")
    found = read_encounters(tmp_path)
    assert [files.encounter_id for files in found.encounters] == ["pipe"] and found.notes == (
        "no photos, left out: other.txt, zero.txt",
    )


def test_size_is_looked_at_before_and_while_reading(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(100))
    assert read_user_file(path, 100) == bytes(100)
    with pytest.raises(OSError, match="limit"):
        read_user_file(path, 99)
    if Path("/proc/self/maps").exists():  # says that it has no byte, and has many
        with pytest.raises(OSError, match="limit"):
            read_user_file(Path("/proc/self/maps"), 10)
    assert (
        read_user_head(path, 10) == bytes(10)
        and read_user_head(tmp_path, 10) == b""
        and read_user_head(tmp_path / "no", 10) == b""
    )


@pytest.mark.parametrize("text", ["a\r\nb c\r\n\r\n", "a\nb c", "\ufeffa\r\n  b c  \n", "a\rb c\r"])
def test_lines_from_windows_are_names_that_may_hold_spaces(tmp_path: Path, text: str) -> None:
    (tmp_path / "names.txt").write_bytes(text.encode("utf-8"))
    assert read_user_lines(tmp_path / "names.txt", 100) == ["a", "b c"]


@pytest.mark.parametrize("code", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("read", [read_answers, read_encounters, read_questions])
def test_utf_16_is_said_by_its_name(tmp_path: Path, read: Callable[[Path], object], code: str) -> None:
    (tmp_path / "valid.json").write_bytes('[{"encounter_id": "A"}]'.encode(code))
    with pytest.raises(MagicDemoError, match=r"valid\.json.*UTF-16 text; save it as UTF-8"):
        read(tmp_path / "valid.json")
