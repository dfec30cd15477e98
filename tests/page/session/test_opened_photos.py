"""A photo of a stored case is unpacked once for all who have it open, and again once its file has changed."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import Photo
from magic_demo.page.session.desk import photos
from magic_demo.page.session.desk.desk import Desk
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store

KEY = CaseKey("q", "E1")


def _write(path: Path, shade: int, width: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((70, width, 3), shade, np.uint8)).save(path)


def test_two_readers_share_a_photo_until_its_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked: list[Path] = []

    def unpack(path: Path, *, photo_id: str) -> Photo:
        unpacked.append(path)
        return Photo(photo_id, np.asarray(Image.open(path)))

    monkeypatch.setattr(photos, "read_photo_apart", unpack)
    photo = tmp_path / "E1" / "arm.png"
    _write(photo, 90, 80)
    with Store.open(tmp_path / "store") as store:
        store.add_cases("q", [NewCase("E1", str(tmp_path / "E1"), photos_kept=True)])
        desk = Desk(store)

        def open_case() -> Photo:
            return desk.read_case(store.case(KEY, LOCAL_READER)).encounter.photos[0]

        first, second = open_case(), open_case()
        assert first is second and unpacked == [photo]
        _write(photo, 200, 81)
        third = open_case()
        assert third.pixels[0, 0, 0] == 200 and unpacked == [photo, photo]
        del first, second, third
        gc.collect()
        assert not desk._photos, "a photo goes with the last case that shows it"
