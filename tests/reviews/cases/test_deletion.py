"""Deleted is gone: no row, no kept photo, and not a byte of it in the database's files, on both databases."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from magic_demo.__main__ import main
from magic_demo.commands.store.purge import read_age
from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey, MaskRuns, Review
from magic_demo.reviews.cases.deletion import delete_cases
from magic_demo.reviews.store import NewCase, Store
from tests.support.store.postgresql import USER, PostgresServer

MARKER = "plantedmarker"
"""Stands in every text of the case that goes; its letters alone, so that it is itself in JSON and in every
encoding of a page."""
KEPT = "keptmarker"


@pytest.fixture(autouse=True)
def _beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let photos that go with a server's database lie in the test's own folder."""
    monkeypatch.chdir(tmp_path)


def _fill(store: Store, folder: Path) -> None:
    photos = store.kept_root / f"uploads-{MARKER}"
    photos.mkdir(parents=True)
    (photos / "photo.jpg").write_bytes(MARKER.encode())
    store.add_cases("q", [NewCase(f"E{MARKER}", str(photos), photos_kept=True), NewCase(KEPT, str(folder))])
    for turn in range(60):  # over many pages, some of them freed and used again on the way
        mask = MaskRuns((1, 10), ":" if turn % 2 else "55")
        words = f"{MARKER} {turn} " * 40
        store.save(
            Review(
                f"E{MARKER}",
                "local",
                queue="q",
                comment=words,
                specified={"CQID011-001": MARKER},
                masks={MARKER: mask},
            ),
            client_key=f"{MARKER}{turn}",
        )
        store.save(Review(KEPT, "local", queue="q", comment=f"{KEPT} {turn}"))


def _files_with(folder: Path, marker: str) -> list[str]:
    codings = ("utf-8", "utf-16-le", "utf-16-be")
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [
        str(path.relative_to(folder))
        for path in files
        if any(marker.encode(coding) in path.read_bytes() for coding in codings)
    ]


def test_a_deleted_case_leaves_no_byte_in_sqlites_files(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store:
        _fill(store, tmp_path)
        assert _files_with(tmp_path, MARKER)
        gone = delete_cases(store, [CaseKey("q", f"E{MARKER}")])
        assert (gone.cases, gone.reviews, gone.folders) == (1, 60, 1)
        # while it is open
        assert _files_with(tmp_path, MARKER) == [] and not list(tmp_path.rglob(f"*{MARKER}*"))
        assert len(store.history(CaseKey("q", KEPT), "local")) == 60
    assert _files_with(tmp_path, MARKER) == []
    assert _files_with(tmp_path, KEPT)


def test_a_case_that_went_before_one_that_is_refused_leaves_no_byte_either(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with Store.open(tmp_path / "store") as store:
        _fill(store, tmp_path)
        store.add_cases("q", [NewCase("moved", str(elsewhere), photos_kept=True)])
        with pytest.raises(StoreError, match="outside of this store"):
            delete_cases(store, [CaseKey("q", f"E{MARKER}"), CaseKey("q", "moved")])
        assert {case.case_id for case in store.case_keys()} == {KEPT, "moved"}
        assert _files_with(tmp_path, MARKER) == []


@pytest.mark.parametrize("others", ["with another case beside it", "alone"])
def test_a_deleted_case_leaves_no_byte_in_postgresqls_tables(
    others: str, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    name = "deletion" if others == "alone" else "deletion_beside"
    with Store.open(postgres_server.make_database(name)) as store:
        _fill(store, tmp_path)
        if others == "alone":
            delete_cases(store, [CaseKey("q", KEPT)])
        # the planner's statistics keep frequent values, as they would sooner or later
        postgres_server.execute("ANALYZE", name)
        postgres_server.execute("CHECKPOINT")
        (statistics,) = postgres_server.execute("SELECT pg_relation_filepath('pg_statistic')", name)
        assert str(Path(*statistics).relative_to("base")) in _files_with(
            postgres_server.data / "base", MARKER
        )
        delete_cases(store, [CaseKey("q", f"E{MARKER}")])
        postgres_server.execute("CHECKPOINT")
        assert _files_with(postgres_server.data / "base", MARKER) == []
        left = store.list_cases("q", "local")
        assert [len(store.history(one.key, "local")) for one in left] == ([] if others == "alone" else [60])


def test_an_account_that_does_not_own_the_database_is_told_of_its_statistics(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    url = postgres_server.make_database("deletion_guest")
    postgres_server.execute("CREATE ROLE guest LOGIN", "deletion_guest")
    postgres_server.execute("GRANT ALL ON SCHEMA public TO guest", "deletion_guest")
    with Store.open(url.replace(f"{USER}@", "guest@")) as store:
        _fill(store, tmp_path)
        with pytest.raises(
            StoreError, match="which only the database's owner can rewrite; let the owner run VACUUM FULL"
        ):
            delete_cases(store, [CaseKey("q", f"E{MARKER}")])
        assert [one.key.case_id for one in store.list_cases("q", "local")] == [KEPT], (
            "it is deleted all the same"
        )


def test_photos_that_are_not_the_programs_own_stay(store: Store, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "photo.jpg").write_bytes(b"x")
    shared = store.kept_root / "shared"
    shared.mkdir(parents=True)
    store.add_cases(
        "q",
        [
            NewCase("E1", str(tmp_path / "own")),
            NewCase("E2", str(shared), photos_kept=True),
            NewCase("E3", str(shared), photos_kept=True),
        ],
    )
    delete_cases(store, [CaseKey("q", "E1"), CaseKey("q", "E2")])
    assert (tmp_path / "own" / "photo.jpg").exists() and shared.is_dir()
    delete_cases(store, [CaseKey("q", "E3")])  # the last that names the folder
    assert not shared.exists()


def test_another_program_that_reads_is_named_and_a_later_purge_finishes(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store", wait_seconds=0.2) as store:
        _fill(store, tmp_path)
        with closing(sqlite3.connect(tmp_path / "store" / "reviews.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN")
            other.execute("SELECT count(*) FROM reviews").fetchone()
            with pytest.raises(StoreError, match="database"):
                delete_cases(store, [CaseKey("q", f"E{MARKER}")])
        assert [case.key.case_id for case in store.list_cases("q", "local")] == [KEPT]
    assert main(["purge", "--older-than", "1d", "--store", str(tmp_path / "store")]) == 0
    assert _files_with(tmp_path, MARKER) == []


def _age(store: Store, case_id: str, days: int) -> None:
    when = datetime.now(UTC) - timedelta(days=days)
    with store._database.writing() as session:
        from magic_demo.reviews.store.rows.cases import find_case
        from magic_demo.reviews.store.tables import ReviewRow

        case = find_case(session, CaseKey("q", case_id))
        case.added_at = when
        for row in session.query(ReviewRow).filter_by(case_number=case.number):
            row.saved_at = when


@pytest.fixture
def aged(store: Store) -> Store:
    """Give cases: old and reviewed, old and added only, old but reviewed yesterday, of yesterday, without a
    date."""
    store.add_cases("q", [NewCase(name) for name in ("old", "unread", "reread", "new", "undated")])
    store.save(Review("old", "local", queue="q"))
    for name, days in (("old", 40), ("unread", 31), ("reread", 40), ("new", 1)):
        _age(store, name, days)
    store.save(Review("reread", "local", queue="q"))
    with store._database.writing() as session:
        session.connection().exec_driver_sql("UPDATE cases SET added_at = NULL WHERE case_id = 'undated'")
    return store


def test_purging_deletes_what_nobody_touched_for_so_long(
    aged: Store, store_place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["purge", "--older-than", "30d", "--store", store_place]
    assert main([*words, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert (
        said.splitlines()[:3] == ["q old", "q unread", "2 cases would be deleted"]
        and "1 cases without a review or a date" in said
    )
    assert len(aged.list_cases("q", "local")) == 5
    aged.add_cases("another", [NewCase("young")])
    assert main([*words, "--queue", "another"]) == 0
    assert "0 cases deleted" in capsys.readouterr().out and len(aged.list_cases("q", "local")) == 5
    assert main(words) == 0
    assert "2 cases deleted, with 1 reviews" in capsys.readouterr().out
    assert [case.key.case_id for case in aged.list_cases("q", "local")] == ["reread", "new", "undated"]
    assert main(["delete-case", "q", "undated", "--store", store_place]) == 0
    assert main(["delete-case", "q", "undated", "--store", store_place]) == 1
    assert "there is no case 'undated'" in capsys.readouterr().err
    assert main([*words, "--queue", "nowhere"]) == 1
    assert "the queues are: another, q" in capsys.readouterr().err


def test_a_case_that_a_reader_saves_in_while_purge_runs_stays(
    aged: Store, store_place: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    delete = Store.delete_case

    def delete_while_somebody_reads(store: Store, case: CaseKey, **named: Any) -> int:
        aged.save(Review("unread", "local", queue="q"))
        return delete(store, case, **named)

    monkeypatch.setattr(Store, "delete_case", delete_while_somebody_reads)
    assert main(["purge", "--older-than", "30d", "--store", store_place]) == 0
    assert "1 cases deleted" in capsys.readouterr().out
    assert "unread" in [case.key.case_id for case in aged.list_cases("q", "local")]


@pytest.mark.parametrize(("text", "hours"), [("30d", 720), ("12h", 12), ("2w", 336)])
def test_an_age_is_days_hours_or_weeks(text: str, hours: int) -> None:
    assert read_age(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "30", "0d", "-1d", "1.5d", "30 d", "d", "１d", "999999d", "30d "])
def test_an_age_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(StoreError, match="such as 30d"):
        read_age(text)
