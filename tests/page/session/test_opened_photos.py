"""A photo of a stored case is unpacked once for all who have it open, and again once its file has changed."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from magic_demo.core.errors import PhotoError, StoreError
from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import Photo, Prediction
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.page.session.desk import photos
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.desk.photos import CaseOnDesk
from magic_demo.page.session.open_cases import FileState
from magic_demo.reviews.cases.covered_photos import PROPOSED_NOTE
from magic_demo.reviews.store import LOCAL_READER, Actor, NewCase, QueueCase, Store

KEY = CaseKey("q", "E1")
UNSURE = Prediction("E1", chances={"CQID010": np.full(4, 0.25)})


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


READERS = 20
SECONDS = 20.0


def _open_at_once(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    unpack: Callable[[Path, str], Photo],
    readers: Sequence[str] = (LOCAL_READER,) * READERS,
) -> tuple[list[CaseOnDesk], int]:
    """Let readers open a case of one photo, which is not unpacked before all have asked for it; return what each
    got, and how often it was unpacked."""
    asking, times = threading.Semaphore(0), []
    find_state = photos._file_state

    def note_asking(path: Path) -> FileState:
        asking.release()
        return find_state(path)

    def unpack_late(path: Path, *, photo_id: str) -> Photo:
        times.append(path)
        for _ in readers if len(times) == 1 else ():
            assert asking.acquire(timeout=SECONDS)
        return unpack(path, photo_id)

    monkeypatch.setattr(photos, "_file_state", note_asking)
    monkeypatch.setattr(photos, "read_photo_apart", unpack_late)
    case = desk.opened_store.case(KEY, LOCAL_READER)
    with ThreadPoolExecutor(len(readers)) as pool:
        opened = [*pool.map(lambda reader: desk.read_case(case, reader), readers)]
    return opened, len(times)


def _read(path: Path, photo_id: str) -> Photo:
    return Photo(photo_id, np.asarray(Image.open(path)))


def test_a_photo_is_unpacked_once_for_all_readers_who_open_it_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path / "E1" / "arm.png", 90, 80)
    with Store.open(tmp_path / "store") as store:
        store.add_cases("q", [NewCase("E1", str(tmp_path / "E1"), photos_kept=True)])
        opened, times = _open_at_once(Desk(store), monkeypatch, _read)
    assert times == 1 and len({case.encounter.photos[0] for case in opened}) == 1


def test_an_area_that_one_reader_has_proposed_to_cover_is_hidden_from_that_reader_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path / "E1" / "arm.png", 90, 80)
    area = np.zeros((70, 80), np.bool_)
    area[:20, :30] = True
    with Store.open(tmp_path / "store") as store:
        store.add_cases("q", [NewCase("E1", str(tmp_path / "E1"), photos_kept=True)])
        store.add_reader("ann")
        store.propose_cover(KEY, "arm", encode_mask(area), Actor("ann"))
        readers = ["ann", LOCAL_READER] * (READERS // 2)
        opened, times = _open_at_once(Desk(store), monkeypatch, _read, readers)
    hidden = [PROPOSED_NOTE in one.encounter.photos[0].notes for one in opened]
    assert times == 1 and hidden == [reader == "ann" for reader in readers]


def test_a_photo_that_cannot_be_read_is_told_to_all_who_waited_and_tried_again_by_who_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path / "E1" / "arm.png", 90, 80)

    def fail(_path: Path, _photo_id: str) -> Photo:
        raise PhotoError("too busy")

    with Store.open(tmp_path / "store") as store:
        store.add_cases("q", [NewCase("E1", str(tmp_path / "E1"), photos_kept=True)])
        desk = Desk(store)
        told, _ = _open_at_once(desk, monkeypatch, fail)
        assert {one.problems for one in told} == {("too busy",)}
        again, times = _open_at_once(desk, monkeypatch, _read, [LOCAL_READER])
        assert times == 1 and again[0].problems == ()


@pytest.mark.parametrize("deed", ["read", "note what the model says"])
def test_a_case_that_another_program_deletes_while_it_is_opened_stays_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deed: str
) -> None:
    _write(tmp_path / "E1" / "arm.png", 90, 80)
    with Store.open(tmp_path / "store") as store, Store.open(tmp_path / "store") as another:
        store.add_cases("q", [NewCase("E1", str(tmp_path / "E1"), photos_kept=True)])
        store.add_reader("ann")
        store.assign(KEY, ["ann"])
        desk, case = Desk(store), store.case(KEY, "ann")

        def find_and_delete(key: CaseKey, reader: str) -> QueueCase:
            another.delete_case(key)
            return case

        with pytest.raises(StoreError, match="there is no case"):
            if deed == "read":
                another.delete_case(KEY)
                desk.read_case(case, "ann")
            else:
                monkeypatch.setattr(store, "case", find_and_delete)
                desk.note_shown("ann", KEY, UNSURE)
        assert store.case_keys() == [], "it would be everybody's"
