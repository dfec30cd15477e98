"""Many at once, and killed in the middle: nothing that was answered is lost.

On SQLite and on PostgreSQL, with real processes.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey, Review
from magic_demo.reviews.store import NewCase, Store

CASE = CaseKey("q", "E1")
KILLS = 2
ANSWERS_BEFORE_THE_KILL = 8


def _start(repository: Path, place: str, reader: str, first: int, count: int) -> subprocess.Popen[str]:
    words = [
        sys.executable,
        "-m",
        "tests.support.store.saving_process",
        place,
        reader,
        str(first),
        str(count),
    ]
    return subprocess.Popen(words, cwd=repository, stdout=subprocess.PIPE, text=True)


def _answers(text: str) -> dict[int, str]:
    """Return number -> turn of every save that was answered; a last line that was cut short by the kill is
    none."""
    whole = text[: text.rfind("\n") + 1].splitlines()
    return {
        int(number): turn for number, _, turn in (line.partition(" ") for line in whole) if number != "open"
    }


@pytest.fixture
def readers_ready(store: Store) -> Store:
    """Return a store with a case and two readers."""
    store.add_cases("q", [NewCase("E1")])
    for name in ("ann", "bo"):
        store.add_reader(name)
    return store


def test_processes_that_save_at_once_lose_nothing(
    readers_ready: Store, store_place: str, repository: Path
) -> None:
    processes = {reader: _start(repository, store_place, reader, 0, 12) for reader in ("ann", "bo")}
    for reader, process in processes.items():
        text, _ = process.communicate(timeout=240)
        assert process.returncode == 0
        rows = readers_ready.history(CASE, reader)
        assert {row.number: row.review.comment for row in rows} == _answers(text)
        assert [row.review.comment for row in rows] == [str(turn) for turn in range(12)]


def test_a_killed_process_loses_nothing_that_was_answered(
    readers_ready: Store, store_place: str, repository: Path
) -> None:
    answered: dict[int, str] = {}
    for kill in range(KILLS):
        with _start(repository, store_place, "ann", kill * 100_000, 100_000) as process:
            assert process.stdout is not None
            text = "".join(process.stdout.readline() for _ in range(1 + ANSWERS_BEFORE_THE_KILL))
            process.kill()
            text += process.stdout.read()
        answered |= _answers(text)
        # as the program does after a crash: the database is checked and found whole
        with Store.open(store_place) as after:
            rows = {row.number: row.review for row in after.history(CASE, "ann")}
        assert {number: rows[number].comment for number in answered} == answered
        assert all(review.masks["IMG1"].counts for review in rows.values())
    assert len(answered) >= KILLS * ANSWERS_BEFORE_THE_KILL
    # one save a kill may be on the disk without having been answered
    assert len(rows) <= len(answered) + KILLS


def test_threads_that_save_at_once_lose_nothing(readers_ready: Store) -> None:
    def save(turn: int) -> int:
        return readers_ready.save(Review("E1", ("ann", "bo")[turn % 2], queue="q", comment=str(turn))).number

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(save, range(24)))
    assert len(set(numbers)) == 24
    assert {row.number for row in readers_ready.all_reviews()} == set(numbers)


def test_one_save_that_is_sent_by_many_at_once_is_one_row(readers_ready: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        saved = list(
            pool.map(lambda _: readers_ready.save(Review("E1", "ann", queue="q"), client_key="k"), range(16))
        )
    assert len({row.number for row in saved}) == 1
    assert len(readers_ready.all_reviews()) == 1


def test_stores_that_are_made_at_once_are_one(empty_place: str) -> None:
    def open_and_read(_: int) -> list[str]:
        with Store.open(empty_place, wait_seconds=60) as store:
            return [reader.name for reader in store.readers()]

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(open_and_read, range(6))) == [["local"]] * 6


def test_a_write_that_waits_too_long_says_so_and_reading_goes_on(
    readers_ready: Store, store_place: str
) -> None:
    with Store.open(store_place, wait_seconds=0.2) as impatient:
        with (
            readers_ready._database.writing(),
            pytest.raises(StoreError, match=r"another .* holds the database") as caught,
        ):
            impatient.save(Review("E1", "ann", queue="q"))
        assert "\n" not in str(caught.value)
        assert impatient.history(CASE, "ann") == []
        saved = impatient.save(Review("E1", "ann", queue="q"))
        assert impatient.history(CASE, "ann") == [saved]


def test_who_reads_sees_one_state_while_others_write(readers_ready: Store) -> None:
    with readers_ready._database.reading() as session:
        count = "SELECT count(*) FROM reviews"
        before = session.connection().exec_driver_sql(count).scalar_one()
        readers_ready.save(Review("E1", "ann", queue="q"))
        assert session.connection().exec_driver_sql(count).scalar_one() == before
    assert len(readers_ready.all_reviews()) == 1
