"""The store's own files: its owner's alone, whatever the umask; on a disk that cannot be written it is read
and exported."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from magic_demo.__main__ import main
from magic_demo.core.disk.whole_files import whole_folder, write_whole
from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey, Review
from magic_demo.core.types import Encounter, Photo
from magic_demo.reviews.backups import restore_backup, write_backup
from magic_demo.reviews.cases.covered_photos import covered_beside
from magic_demo.reviews.cases.kept_cases import keep_upload
from magic_demo.reviews.cases.leftovers import sweep_store
from magic_demo.reviews.store import LOCAL_READER, Store
from tests.support.stand_ins import draw_photo
from tests.support.store.reviewed_cases import answer


def fill(place: Path) -> CaseKey:
    with Store.open(place) as store:
        key = keep_upload(
            store, Encounter("CASE", photos=(Photo("arm", draw_photo(24, 32)),)), LOCAL_READER
        ).key
        store.save(Review(key.case_id, LOCAL_READER, "assisted", "done", answer(1), queue=key.queue))
        covered_beside(store.location).keep(key, Photo(f"IMG_{key.case_id}_00001", draw_photo(24, 32)))
    return key


def check_private(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_everything_of_a_store_is_its_owners_alone_and_so_it_is_restored(tmp_path: Path) -> None:
    fill(tmp_path / "store")
    check_private(tmp_path / "store")
    with Store.open(tmp_path / "store") as store, Store.open(tmp_path / "again") as again:
        write_backup(store, tmp_path / "b.zip")
        restore_backup(tmp_path / "b.zip", again)
        store.save(Review(store.case_keys()[0].case_id, LOCAL_READER, queue="uploads"))
        for folder in (tmp_path / "store", tmp_path / "again"):  # the write-ahead log too
            check_private(folder)
    assert (tmp_path / "b.zip").stat().st_mode & 0o777 == 0o600


def test_what_older_versions_let_others_read_is_closed_at_the_next_start(tmp_path: Path) -> None:
    fill(tmp_path / "store")
    for path in (tmp_path / "store").iterdir():
        path.chmod(0o755 if path.is_dir() else 0o644)
    with Store.open(tmp_path / "store") as store:
        sweep_store(store)
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "store").iterdir()} == {0}


def test_the_umask_is_never_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the whole process's: what other threads write meanwhile would come out readable by others."""
    before = os.umask(0o027)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(os, "umask", lambda _: pytest.fail("the umask was set"))
            write_whole(tmp_path / "new" / "a.txt", "x")
            with whole_folder(tmp_path / "folder"):
                pass
        assert (tmp_path / "new" / "a.txt").stat().st_mode & 0o777 == 0o640
        assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o750
    finally:
        os.umask(before)


@pytest.fixture
def read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a store's folder that counts as on a read-only disk: whoever tests may be root, whom no permission
    stops."""
    place = tmp_path / "store"
    fill(place)
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: not (mode & os.W_OK and "store" in str(path)) and access(path, mode)
    )
    return place


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_store_on_a_read_only_disk_is_read_and_exported_and_not_changed(
    read_only: Path, tmp_path: Path
) -> None:
    before = snapshot(read_only)
    with Store.open(read_only) as store:
        (key,) = store.case_keys()
        assert len(store.history(key, LOCAL_READER)) == 1
        with pytest.raises(StoreError, match="cannot be written; it can be read and exported"):
            store.save(Review(key.case_id, LOCAL_READER, queue=key.queue))
        write_backup(store, tmp_path / "b.zip")
    words = [
        "export",
        "--store",
        str(read_only),
        "--to",
        str(tmp_path / "out"),
        "--format",
        "csv",
        "--queue",
        key.queue,
    ]
    assert main(words) == 0
    assert snapshot(read_only) == before


def test_what_only_the_log_holds_is_read_too(read_only: Path, tmp_path: Path) -> None:
    """A page that was killed leaves saved reviews in the write-ahead log."""
    file = read_only / "reviews.sqlite3"
    killed = tmp_path / "killed"
    killed.mkdir()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("UPDATE cases SET queue = 'in the log'")
        for name in ("reviews.sqlite3", "reviews.sqlite3-wal"):
            shutil.copy(read_only / name, killed / name)
    for name in ("reviews.sqlite3", "reviews.sqlite3-wal"):
        shutil.copy(killed / name, read_only / name)
    before = snapshot(read_only)
    with Store.open(read_only) as store:
        assert store.queues() == ["in the log"]
    assert snapshot(read_only) == before


def test_an_older_store_on_a_read_only_disk_says_that_it_is_to_be_copied(read_only: Path) -> None:
    with closing(sqlite3.connect(read_only / "reviews.sqlite3")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(StoreError, match="older version and cannot be written"):
        Store.open(read_only)
