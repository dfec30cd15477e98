"""Readers: names, roles, passwords. On SQLite and on PostgreSQL."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from argon2 import DEFAULT_MEMORY_COST, DEFAULT_TIME_COST, PasswordHasher, extract_parameters

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey, Review
from magic_demo.reviews.store import LOCAL_READER, NewCase, Reader, Store
from magic_demo.reviews.store.rows import readers
from magic_demo.reviews.store.tables import ReaderRow


@pytest.fixture(autouse=True)
def nobodys_hash_as_quick() -> None:
    """Forget the hash that stands for nobody's: another test may have made it with more work."""
    readers._nobodys_hash.cache_clear()


def test_a_hash_takes_as_much_work_as_the_library_recommends() -> None:
    found = importlib.util.find_spec(readers.__name__)
    assert found is not None and found.loader is not None
    as_shipped = importlib.util.module_from_spec(found)  # not that of the tests, which hashes in a moment
    found.loader.exec_module(as_shipped)
    hashed = as_shipped.hash_password("a long password")
    work = extract_parameters(hashed)
    assert (work.time_cost, work.memory_cost) == (DEFAULT_TIME_COST, DEFAULT_MEMORY_COST)
    assert work.time_cost >= 3 and work.memory_cost >= 64 * 1024, "RFC 9106's second recommended option"


def test_a_new_store_has_the_local_reader_and_asks_nobody_to_sign_in(store: Store) -> None:
    (local,) = store.readers()
    assert (local.name, local.role, local.has_password) == (LOCAL_READER, "reader", False)
    assert not store.needs_sign_in()


def test_the_first_password_makes_everybody_sign_in_until_the_last_goes(store: Store) -> None:
    store.add_reader("ann")
    assert not store.needs_sign_in()
    store.set_password("ann", "long enough")
    assert store.needs_sign_in()
    store.remove_reader("ann")
    assert not store.needs_sign_in()


def test_readers_are_listed_by_name_after_the_local_one(store: Store) -> None:
    for name in ("Zoe", "bo", "Ann", "李明"):
        store.add_reader(name)
    store.remove_reader("bo")
    assert [reader.name for reader in store.readers()] == [LOCAL_READER, "Ann", "Zoe", "李明"]
    assert [reader.name for reader in store.readers(removed=True)] == [
        LOCAL_READER,
        "Ann",
        "bo",
        "Zoe",
        "李明",
    ]


def test_a_password_opens_for_its_reader_alone(store: Store) -> None:
    store.add_reader("Ann", role="adjudicator", password="correct horse")
    store.add_reader("bo", password="battery staple")
    found = store.check_password("ANN", "correct horse")
    assert found == store.reader("Ann") and found is not None and found.role == "adjudicator"
    for name, password in (
        ("Ann", "battery staple"),
        ("bo", "correct horse"),
        ("Ann", ""),
        ("Ann", "correct horse "),
        ("zoe", "correct horse"),
        ("\0", "x"),
        ("\ud800", "\ud800"),
    ):
        assert store.check_password(name, password) is None


def test_without_a_password_nobody_signs_in(store: Store) -> None:
    store.add_reader("ann")
    for password in ("", "nobody has this password, and nobody is signed in by it"):
        assert store.check_password("ann", password) is None
        assert store.check_password(LOCAL_READER, password) is None
        assert store.check_password("zoe", password) is None


def test_one_password_may_be_typed_in_two_ways(store: Store) -> None:
    store.add_reader("ann", password="pässwörter")
    assert store.check_password("ann", "pa\u0308sswo\u0308rter") is not None


def test_a_new_password_ends_the_old_one(store: Store) -> None:
    store.add_reader("ann", password="the first one")
    store.set_password("ann", "the second one")
    assert store.check_password("ann", "the first one") is None
    assert store.check_password("ann", "the second one") is not None


def test_a_removed_reader_cannot_sign_in_and_comes_back_with_their_reviews(store: Store) -> None:
    store.add_cases("q", [NewCase("E1")])
    store.add_reader("ann", password="the first one")
    saved = store.save(Review("E1", "ann", queue="q"))
    assert store.remove_reader("ann") == 1
    assert store.check_password("ann", "the first one") is None
    assert store.reader("ann").removed
    store.add_reader("ann", role="adjudicator", password="the second one")
    assert store.check_password("ann", "the first one") is None
    back = store.check_password("ann", "the second one")
    assert back is not None and back.role == "adjudicator" and not back.removed
    assert store.history(CaseKey("q", "E1"), "ann") == [saved]


def test_an_unknown_name_is_checked_with_as_much_work_as_a_wrong_password(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]
            hashes.append(str(hash))
            return bool(super().verify(hash, password))

    monkeypatch.setattr(readers, "_hasher", Counting(time_cost=1, memory_cost=8, parallelism=1))
    store.add_reader("ann", password="long enough")
    for name in ("ann", "zoe", LOCAL_READER, "\0"):
        store.check_password(name, "wrong password")
    costs = {text.rpartition("$")[0].rpartition("$")[0] for text in hashes}
    assert len(hashes) == 4 and len(costs) == 1


def test_passwords_are_kept_as_hashes_only(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.add_reader("ann", password="plain as day")
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"$argon2id$" in content and b"plain as day" not in content


def test_a_name_is_free_once(store: Store) -> None:
    store.add_reader(" Ann ")
    assert store.reader("ann").name == "Ann"
    for taken in ("ann", "ＡＮＮ", "local"):
        with pytest.raises(StoreError, match="already"):
            store.add_reader(taken)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\0", "\ud800", "x" * 61])
def test_a_name_that_cannot_be_one_is_refused(store: Store, name: str) -> None:
    with pytest.raises(StoreError, match="name"):
        store.add_reader(name)


@pytest.mark.parametrize("password", ["", "seven77", "x" * 1001])
def test_a_password_that_is_too_short_or_too_long_is_refused_and_not_repeated(
    store: Store, password: str
) -> None:
    with pytest.raises(StoreError, match="8 to 1000") as caught:
        store.add_reader("ann", password=password)
    assert not password or password not in str(caught.value)
    with pytest.raises(StoreError, match="no reader"):
        store.reader("ann")


def test_an_unknown_role_is_refused(store: Store) -> None:
    store.add_reader("ann")
    with pytest.raises(StoreError, match="'boss' is no role"):
        store.add_reader("bo", role="boss")  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="'boss' is no role"):
        store.set_role("ann", "boss")  # type: ignore[arg-type]


def test_the_local_reader_stays_and_has_no_password(store: Store) -> None:
    with pytest.raises(StoreError, match="local reader"):
        store.remove_reader("local")
    with pytest.raises(StoreError, match="local reader"):
        store.set_password("local", "long enough")
    store.set_role("local", "adjudicator")
    assert store.reader("local").role == "adjudicator"


def test_a_reader_is_remembered_until_a_reader_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    as_reader = readers.as_reader

    def ask(row: ReaderRow) -> Reader:
        asked.append(row.name)
        return as_reader(row)

    with Store.open(tmp_path) as store:
        store.add_reader("ann")
        store.add_cases("q", [NewCase("E1")])
        monkeypatch.setattr(readers, "as_reader", ask)
        for turn in range(3):
            assert store.reader("ann").role == "reader"
            store.save(Review("E1", "ann", queue="q", comment=str(turn)))
        assert asked == ["ann"]
        store.set_role("ann", "adjudicator")
        assert store.reader("ann").role == "adjudicator"
        store.remove_reader("ann")
        assert store.reader("ann").removed


def test_what_another_program_changes_of_a_reader_is_seen_at_once(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store, Store.open(tmp_path) as other:
        store.add_reader("ann")
        assert not store.reader("ann").has_password
        other.set_password("ann", "a long password")
        assert store.reader("ann").has_password
        with other.together():
            other.set_role("ann", "adjudicator")
            assert other.reader("ann").role == "adjudicator"  # within a transaction it is asked anew
        assert store.reader("ann").role == "adjudicator"
