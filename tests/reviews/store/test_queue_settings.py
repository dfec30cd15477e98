"""An order of the cases for each reader, and a second reading after a wash-out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey, Review
from magic_demo.page.session.desk.desk import Desk
from magic_demo.reviews.backups import restore_backup, write_backup
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from magic_demo.reviews.store.rows import queue_settings

CASES = [f"ENC{number:02d}" for number in range(12)]


@pytest.fixture
def filled(store: Store) -> Store:
    """Return a store with a queue of twelve cases for ann, bo and chen."""
    for name in ("ann", "bo", "chen"):
        store.add_reader(name)
    store.add_cases("q", [NewCase(case_id, "/photos", photos=()) for case_id in CASES])
    return store


def _listed(store: Store, reader: str, queue: str = "q") -> list[str]:
    return [case.key.case_id for case in store.list_cases(queue, reader)]


def test_each_reader_has_an_order_of_their_own_which_a_seed_draws_and_the_store_keeps(filled: Store) -> None:
    assert _listed(filled, "ann") == CASES
    filled.shuffle("q", "7")
    ann, bo = _listed(filled, "ann"), _listed(filled, "bo")
    assert sorted(ann) == sorted(bo) == CASES and ann != CASES and ann != bo
    assert _listed(filled, "ANN") == ann
    every = filled.list_cases("q", LOCAL_READER, all_assigned=True)
    assert [case.key.case_id for case in every] == CASES
    filled.add_cases("q", [NewCase("ENC99")])
    assert [case_id for case_id in _listed(filled, "ann") if case_id != "ENC99"] == ann
    filled.shuffle("q", "8")
    assert [case_id for case_id in _listed(filled, "ann") if case_id != "ENC99"] != ann
    filled.shuffle("q", "7")
    filled.save(Review("ENC00", "ann", queue="q"))
    with pytest.raises(StoreError, match="keep the order they began with"):
        filled.shuffle("q", "8")
    filled.shuffle("q", "7")


def test_the_same_seed_draws_the_same_order_in_a_restored_store(
    filled: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    filled.shuffle("q", "7")
    folder = tmp_path_factory.mktemp("backup")
    file = folder / "file.zip"
    write_backup(filled, file)
    with Store.open(folder / "other") as other:
        restore_backup(file, other)
        assert _listed(other, "bo") == _listed(filled, "bo")


def test_a_second_reading_has_the_same_cases_readers_and_questions_and_another_order(filled: Store) -> None:
    filled.shuffle("q", "7")
    filled.share_out("q", CASES, ["ann", "bo"], each=1)
    assert filled.repeat("q", "q again", 28) == 12
    for reader in ("ann", "bo"):
        first, second = _listed(filled, reader), _listed(filled, reader, "q again")
        assert sorted(first) == sorted(second) and len(first) == 6 and first != second
    assert _listed(filled, "chen", "q again") == []
    assert filled.questions_of("q again") is filled.questions_of("q")
    repeated = filled.repeated("q again")
    assert (
        repeated is not None and (repeated.queue, repeated.days) == ("q", 28) and filled.repeated("q") is None
    )
    with pytest.raises(StoreError, match="there is a queue 'q again' already"):
        filled.repeat("q", "q again", 28)
    with pytest.raises(StoreError, match="0 to 3650 are expected"):
        filled.repeat("q", "third", -1)


def test_a_first_reading_is_ones_own_and_finished_and_no_consensus(filled: Store) -> None:
    filled.set_role("ann", "adjudicator")
    filled.repeat("q", "q again", 0)
    key = CaseKey("q again", "ENC00")
    filled.save(Review("ENC00", "bo", "blind", "done", queue="q"))
    filled.save(Review("ENC00", "ann", "consensus", "done", queue="q"))
    filled.save(Review("ENC00", "ann", "assisted", queue="q"))
    filled.save(Review("ENC01", "ann", "assisted", "done", queue="q"))
    with pytest.raises(StoreError, match="finish it in the queue 'q' first"):
        filled.check_washed_out(key, "ann")
    filled.check_washed_out(key, "bo")
    filled.check_washed_out(CaseKey("q again", "ENC01"), "ann")


def test_a_case_opens_again_when_the_wash_out_after_its_first_reading_ends(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.repeat("q", "q again", 28)
    desk, key = Desk(filled), CaseKey("q again", "ENC00")
    desk.check_assigned(filled.case(CaseKey("q", "ENC00"), "ann"), "ann")
    with pytest.raises(StoreError, match="finish it in the queue 'q' first"):
        desk.check_assigned(filled.case(key, "ann"), "ann")
    saved = filled.save(Review("ENC00", "ann", "blind", "done", queue="q"))
    with pytest.raises(StoreError, match=f"from {saved.saved_at + timedelta(days=28):%Y-%m-%d %H:%M} UTC on"):
        desk.check_assigned(filled.case(key, "ann"), "ann")
    later = datetime.now(UTC) + timedelta(days=28, minutes=1)
    monkeypatch.setattr(
        queue_settings, "timedelta", lambda **_: timedelta(days=28) - (later - datetime.now(UTC))
    )
    desk.check_assigned(filled.case(key, "ann"), "ann")
