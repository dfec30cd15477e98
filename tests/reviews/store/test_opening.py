"""Opening a store: made where there is none, brought up to date, and refused in one line where it cannot be
used."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey, Review
from magic_demo.reviews.store import NewCase, Store
from magic_demo.reviews.store.engine import location, sqlite_files
from magic_demo.reviews.store.tables import Tables
from tests.support.store.postgresql import PostgresServer


def _refused(place: str | Path, reason: str) -> str:
    with pytest.raises(StoreError, match=reason) as caught:
        Store.open(place, wait_seconds=0.2).close()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _fill(place: str | Path) -> None:
    with Store.open(place) as store:
        store.add_cases("q", [NewCase(f"E{number}") for number in range(300)])
        for number in range(5):
            store.save(Review("E1", "local", queue="q", comment=str(number)))


def test_a_store_is_made_and_found_again(empty_place: str) -> None:
    _fill(empty_place)
    with Store.open(empty_place) as store:
        assert len(store.history(CaseKey("q", "E1"), "local")) == 5


def test_the_migrations_make_the_tables_that_the_program_speaks_of(empty_place: str) -> None:
    with Store.open(empty_place) as store, store._database.engine.connect() as connection:
        assert (
            compare_metadata(
                MigrationContext.configure(connection, opts={"compare_type": True}), Tables.metadata
            )
            == []
        )


@pytest.mark.parametrize("name", ["some/where", "file.sqlite3", "100% 湿疹 #1?"])
def test_sqlite_lies_in_a_folder_or_a_file_of_any_name(tmp_path: Path, name: str) -> None:
    _fill(tmp_path / name)
    file = tmp_path / name if name.endswith(".sqlite3") else tmp_path / name / "reviews.sqlite3"
    assert file.is_file()
    with Store.open(str(tmp_path / name)) as store:
        assert store.location == str(file)


def test_sqlite_is_found_by_its_url(tmp_path: Path) -> None:
    _fill(tmp_path)
    with Store.open(f"sqlite:///{tmp_path / 'reviews.sqlite3'}") as store:
        assert max(saved.number for saved in store.all_reviews()) == 5


def test_sqlite_writes_ahead(tmp_path: Path) -> None:  # test_log_sync holds that it waits for the disk
    with Store.open(tmp_path) as store, store._database.reading() as session:
        said = {
            name: session.connection().exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert said == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1}


def test_postgresql_waits_for_the_disk(postgres_store: str) -> None:
    with Store.open(postgres_store) as store, store._database.reading() as session:
        assert session.connection().exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"


def test_a_url_is_shown_without_its_password(postgres_store: str) -> None:
    with Store.open(postgres_store.replace("tests@", "tests:geheim@")) as store:
        assert "geheim" not in store.location and store.location.startswith("postgresql://tests:***@")


def test_a_store_of_a_newer_program_is_refused_and_left_alone(empty_place: str) -> None:
    with Store.open(empty_place) as store, store._database.writing() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    _refused(empty_place, "newer Magic Demo .schema 9999.")


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    with closing(sqlite3.connect(file)) as other, other:
        other.execute("CREATE TABLE readers (book TEXT)")
    _refused(file, "another program")
    with closing(sqlite3.connect(file)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("readers",)]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "reviews.sqlite3"
    file.write_bytes(b"no database at all" * 100)
    _refused(tmp_path, "no SQLite database")
    assert file.read_bytes() == b"no database at all" * 100


@pytest.mark.parametrize("at", [0.4, 0.9])
def test_a_damaged_database_is_refused(tmp_path: Path, at: float) -> None:
    _fill(tmp_path)
    file = tmp_path / "reviews.sqlite3"
    content = bytearray(file.read_bytes())
    start = int(len(content) * at) // 4096 * 4096
    content[start : start + 4096] = b"\xa5" * 4096
    file.write_bytes(content)
    _refused(tmp_path, "damaged")


def test_a_database_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare_for_reading(connection: sqlite3.Connection, record: object) -> None:
        # root may write anywhere, so that SQLite itself has to refuse
        connection.execute("PRAGMA query_only=ON")
        connection.isolation_level = None

    monkeypatch.setattr(sqlite_files, "prepare", prepare_for_reading)
    _refused(tmp_path, "cannot be written")


def test_a_place_that_cannot_be_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")
    _refused(tmp_path / "file" / "below", "cannot be made")
    (tmp_path / "folder" / "reviews.sqlite3").mkdir(parents=True)
    _refused(tmp_path / "folder", "cannot be opened")


def test_a_place_that_keeps_no_log_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the name becomes a file's
    monkeypatch.setattr(location, "_read_path", lambda path: sa.URL.create("sqlite", database=":memory:"))
    monkeypatch.chdir(tmp_path)  # to the store it is the name of a file, which is made before SQLite is asked
    _refused(tmp_path, "write-ahead log")


def test_another_program_that_holds_the_database_is_named(tmp_path: Path) -> None:
    with Store.open(tmp_path, wait_seconds=0.2) as store:
        with closing(sqlite3.connect(tmp_path / "reviews.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="another program holds"):
                store.add_reader("ann")
        store.add_reader("ann")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://ann:geheim@host/name", "expected a folder or postgresql"),
        ("postgresql://ann:geheim@host", "expected a folder or postgresql"),
        ("postgresql://ann:geheim@host:port/name", "cannot be read"),
        ("postgresql://ann:geheim@host/name?sslmode=perhaps", "sslmode=perhaps"),
        ("postgresql://ann:geheim@host/name?options=x", "options=x"),
        ("sqlite://", "expected a folder"),
        ("sqlite:///file?mode=ro", "expected a folder"),
        ("postgresql://ann:geheim@127.0.0.1:1/name", "does not answer"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_and_its_password_not_repeated(url: str, reason: str) -> None:
    assert "geheim" not in _refused(url, reason)


def test_a_database_that_is_not_there_is_named(postgres_server: PostgresServer) -> None:
    _refused(f"postgresql://tests@127.0.0.1:{postgres_server.port}/nowhere", '"nowhere" does not exist')


def test_an_encrypted_connection_is_asked_for_where_the_url_says_so(postgres_store: str) -> None:
    # the tests' server speaks no TLS: that it refuses shows that TLS was asked for
    for mode in ("require", "verify-full"):
        _refused(f"{postgres_store}?sslmode={mode}", "(?i)ssl")
    Store.open(f"{postgres_store}?sslmode=disable").close()


def test_the_driver_that_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def create(*_: Any, **__: Any) -> Any:
        raise ModuleNotFoundError("No module named 'pg8000'")

    monkeypatch.setattr(sa, "create_engine", create)
    _refused("postgresql://ann@host/name", "pip install pg8000")


def test_a_copy_of_a_closed_store_is_a_store(tmp_path: Path) -> None:
    _fill(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    with Store.open(tmp_path / "two") as store:
        assert max(saved.number for saved in store.all_reviews()) == 5
