"""SQLite's log: what was acknowledged is on the disk, and one wait for the disk serves all who wait."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey, Review
from magic_demo.reviews.store import NewCase, Store
from magic_demo.reviews.store.engine import log_sync

CASE = CaseKey("q", "E1")
WAIT = 60.0


@pytest.fixture
def file_store(tmp_path: Path) -> Store:
    """Return a store in SQLite, with a case."""
    store = Store.open(tmp_path / "store")
    store.add_cases("q", [NewCase("E1")])
    return store


def _save(store: Store, words: str) -> int:
    return store.save(Review("E1", "local", queue="q", comment=words)).number


def _during_sync(monkeypatch: pytest.MonkeyPatch, then: Callable[[], None]) -> None:
    """Call ``then`` whenever the log has been given to the disk."""
    sync = log_sync._sync

    def sync_and_then(file: int) -> None:
        sync(file)
        then()

    monkeypatch.setattr(log_sync, "_sync", sync_and_then)


def test_what_was_acknowledged_was_on_the_disk_before(
    file_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk: list[Path] = []  # the database as it is after a power cut, whenever the log was given to the disk

    def cut() -> None:
        folder = tmp_path / f"cut-{len(disk)}"
        folder.mkdir()
        for file in sorted((tmp_path / "store").glob("*.sqlite3*")):
            if not file.name.endswith("-shm"):
                shutil.copy(file, folder)
        disk.append(folder)

    _during_sync(monkeypatch, cut)
    acknowledged: list[tuple[int, int]] = []

    def read(reader: int) -> None:
        for turn in range(4):
            number = _save(file_store, f"{reader} {turn}")
            acknowledged.append((number, len(disk) - 1))

    with ThreadPoolExecutor(5) as readers:
        list(readers.map(read, range(5)))
    file_store.close()
    assert len(acknowledged) == 20
    for index, folder in enumerate(disk):
        with Store.open(folder) as store:
            there = {saved.number for saved in store.history(CASE, "local")}
        assert {number for number, newest in acknowledged if newest <= index} <= there


def test_who_commits_while_the_disk_works_waits_once_together(
    file_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_end, syncs = threading.Event(), threading.Event(), []

    def hold() -> None:
        syncs.append(True)
        begun.set()
        assert may_end.wait(WAIT)

    _during_sync(monkeypatch, hold)
    log = file_store._database._log
    assert log is not None
    before = log._committed
    with ThreadPoolExecutor(5) as readers:
        first = readers.submit(_save, file_store, "first")
        assert begun.wait(WAIT)
        others = [readers.submit(_save, file_store, f"other {turn}") for turn in range(4)]
        _until(lambda: log._committed == before + 5)
        assert not first.done() and not any(other.done() for other in others)
        may_end.set()
        assert len({first.result(WAIT), *(other.result(WAIT) for other in others)}) == 5
    assert len(syncs) == 2
    file_store.close()


def _until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, at most WAIT seconds."""
    stop = threading.Event()
    for _ in range(int(WAIT / 0.01)):
        if holds():
            return
        stop.wait(0.01)
    raise AssertionError("it never came to that")


def test_a_disk_that_takes_nothing_is_one_line_and_the_next_save_tries_again(
    file_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(log_sync, "_sync", refuse)
        with pytest.raises(StoreError, match=r"the disk does not take what was saved \(Input/output error\)"):
            _save(file_store, "one")
    assert _save(file_store, "two")
    file_store.close()


def test_the_log_is_written_back_beside_the_saves(file_store: Store, tmp_path: Path) -> None:
    for turn in range(log_sync.COMMITS_A_CHECKPOINT + 1):
        _save(file_store, f"turn {turn}")
    assert file_store._database._log is not None
    file_store._database._log.close()
    (tmp_path / "alone").mkdir()
    shutil.copy(tmp_path / "store" / "reviews.sqlite3", tmp_path / "alone")  # without its log
    with Store.open(tmp_path / "alone") as alone:
        assert len(alone.history(CASE, "local")) >= log_sync.COMMITS_A_CHECKPOINT - 2
    file_store.close()


def test_a_log_with_room_is_read_as_far_as_it_was_written(file_store: Store, tmp_path: Path) -> None:
    for turn in range(log_sync.COMMITS_A_CHECKPOINT + 1):
        _save(file_store, f"turn {turn}")
    assert file_store._database._log is not None
    file_store._database._log.close()
    log = tmp_path / "store" / "reviews.sqlite3-wal"
    assert log.stat().st_size == log_sync.ROOM
    numbers = [_save(file_store, f"after {turn}") for turn in range(5)]
    assert log.stat().st_size == log_sync.ROOM, "a log that grows waits for what else the disk is writing"
    (tmp_path / "cut").mkdir()
    for file in (log, log.with_name("reviews.sqlite3")):  # as after a power cut
        shutil.copy(file, tmp_path / "cut")
    with Store.open(tmp_path / "cut") as cut:
        there = [saved.number for saved in cut.history(CASE, "local")]
        assert len(there) == log_sync.COMMITS_A_CHECKPOINT + 6 and there[-5:] == numbers
    file_store.close()


def test_a_log_that_is_gone_has_been_written_back(tmp_path: Path) -> None:
    log = log_sync.LogSync(tmp_path / "no-wal", lambda: None)
    log.wait()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("writes", ["the log back", "every table anew"])
def test_whoever_gets_the_connection_that_wrote_the_log_back_can_commit_at_once(
    file_store: Store, writes: str
) -> None:
    """In the moment in which it is handed back, which another thread's save may take."""
    database = file_store._database
    committed: list[bool] = []

    def save(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE readers SET name = name")
        connection.execute("COMMIT")
        committed.append(True)

    _save(file_store, "first")
    sa.event.listen(database.engine, "checkin", save)
    (database._checkpoint if writes == "the log back" else database.erase_traces)()
    sa.event.remove(database.engine, "checkin", save)
    assert committed
