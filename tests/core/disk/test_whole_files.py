"""Files appear whole or not at all."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest

from magic_demo.core.disk.whole_files import whole_folder, write_json, write_whole


def test_text_and_bytes_are_written_as_they_are(tmp_path: Path) -> None:
    write_whole(tmp_path / "deep" / "a.txt", "痒\r\n😀")
    write_whole(tmp_path / "b.bin", b"\x00\xff")
    assert (tmp_path / "deep" / "a.txt").read_bytes() == "痒\r\n😀".encode()
    assert (tmp_path / "b.bin").read_bytes() == b"\x00\xff"


def test_a_write_that_fails_leaves_the_old_content_and_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "scores.json"
    write_whole(path, "old")

    def no_space(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space left") as error:
        write_whole(path, "new" * 1000)
    assert error.value.filename == str(path), "of a full disk the system says no name"
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["scores.json"]


def test_a_written_file_can_be_read_by_whoever_can_read_new_files_here(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("")
    write_whole(tmp_path / "whole", "")
    assert (tmp_path / "whole").stat().st_mode == plain.stat().st_mode


def test_json_keeps_chinese_readable_and_refuses_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"text": "瘙痒"})
    assert "瘙痒" in (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"text": "瘙痒"}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "b.json", math.nan)
    assert not (tmp_path / "b.json").exists()


def test_a_folder_takes_its_place_when_it_is_whole(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    with whole_folder(tmp_path / "deep" / "new") as part:
        write_whole(part / "a" / "b.txt", "c")
        assert not (tmp_path / "deep" / "new").exists()
    with whole_folder(tmp_path / "new"):
        pass
    assert (tmp_path / "deep" / "new" / "a" / "b.txt").read_text() == "c"
    assert [entry.name for entry in (tmp_path / "deep").iterdir()] == ["new"]
    plain = tmp_path / "plain"
    plain.mkdir()
    assert (tmp_path / "new").stat().st_mode == plain.stat().st_mode


def test_a_folder_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="half"), whole_folder(tmp_path / "new") as part:
        write_whole(part / "a.txt", "b")
        raise ValueError("half way")
    assert not list(tmp_path.iterdir())
