"""Several processes that show one store know the same sign-ins; each process here has its own ``SignIns``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from magic_demo.core.errors import StoreError
from magic_demo.page.session.sign_in import kept_sign_ins
from magic_demo.page.session.sign_in.kept_sign_ins import CHECKED_SECONDS, IDLE_SECONDS, KEPT_SECONDS
from magic_demo.page.session.sign_in.sign_ins import COOKIE, SignIns, digest_text
from magic_demo.reviews.store import SignIn, Store

PASSWORD = "a long password"


class Processes:
    """Two that opened the store each for itself, and a clock for both."""

    def __init__(self, first: Store, second: Store) -> None:
        self.now = 1000.0
        self.stores = first, second
        self.first, self.second = (SignIns(store, clock=lambda: self.now) for store in self.stores)

    def who(self, sign_ins: SignIns, cookies: dict[str, str]) -> str | None:
        reader = sign_ins.find_reader(cookies)
        return reader.name if reader is not None else None


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Processes]:
    with Store.open(tmp_path) as first, Store.open(tmp_path) as second:
        first.add_reader("Ann", password=PASSWORD)
        yield Processes(first, second)


def enter(sign_ins: SignIns) -> dict[str, str]:
    return {COOKIE: str(sign_ins.enter("ann", PASSWORD))}


def test_who_signed_in_at_one_is_known_at_the_other_and_after_a_restart(both: Processes) -> None:
    ann = enter(both.first)
    assert both.who(both.second, ann) == "Ann"
    assert both.who(SignIns(both.stores[1], clock=lambda: both.now), ann) == "Ann"


def test_signing_out_at_one_signs_out_at_the_other(both: Processes) -> None:
    ann = enter(both.first)
    assert both.who(both.second, ann) == "Ann"
    both.second.leave(ann, "192.0.2.9")
    assert both.who(both.second, ann) is None
    both.now += CHECKED_SECONDS
    assert both.who(both.first, ann) is None
    assert both.stores[0].trail()[0].what == "sign-out"


@pytest.mark.parametrize("looked_up", [False, True], ids=["known", "looked up"])
@pytest.mark.parametrize("kept", [True, False], ids=["in the store", "in memory alone"])
def test_signing_out_while_a_request_asks_who_it_is_signs_out_all_the_same(
    both: Processes, monkeypatch: pytest.MonkeyPatch, looked_up: bool, kept: bool
) -> None:
    store, sign_ins = both.stores[0], both.first
    if not kept:
        monkeypatch.setattr(store, "add_sign_in", refuse)
    ann = enter(sign_ins)
    if looked_up:
        both.now += CHECKED_SECONDS
    lasts, asked = kept_sign_ins._lasts, list[SignIn]()

    def lasts_until_asked(entry: SignIn, now: float) -> bool:
        if not asked:
            asked.append(entry)
            sign_ins.leave(ann, "192.0.2.9")
        return lasts(entry, now)

    monkeypatch.setattr(kept_sign_ins, "_lasts", lasts_until_asked)
    both.who(sign_ins, ann)
    assert asked and both.who(sign_ins, ann) is None


def test_who_signs_out_in_between_signs_nobody_else_out(
    both: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, other = enter(both.first), enter(both.first)
    both.now += CHECKED_SECONDS
    find, left = both.stores[1].find_sign_in, list[str]()

    def find_once_another_left(digest: str) -> SignIn | None:
        found = find(digest)
        if not left:
            left.append(digest)
            both.second.leave(other)
        return found

    monkeypatch.setattr(both.stores[1], "find_sign_in", find_once_another_left)
    assert both.who(both.second, ann) == "Ann" and left


def refuse(*_: object) -> None:
    raise StoreError("the disk is full")


def test_an_older_use_that_comes_late_takes_nothing_back(both: Processes) -> None:
    store, digest = both.stores[0], digest_text(enter(both.first)[COOKIE])
    for used in (both.now + 500, both.now + 100):
        store.note_sign_in_use(digest, used)
    kept = store.find_sign_in(digest)
    assert kept is not None and kept.used == both.now + 500


def test_use_at_one_counts_at_the_other(both: Processes) -> None:
    ann = enter(both.first)
    assert both.who(both.second, ann) == "Ann"
    for _ in range(4):
        both.now += IDLE_SECONDS / 2
        both.second.note_use(ann)
        assert both.who(both.second, ann) == "Ann"
    assert both.who(both.first, ann) == "Ann"
    both.now += IDLE_SECONDS
    assert both.who(both.first, ann) is None and both.who(both.second, ann) is None


def test_a_long_day_and_another_password_end_it_everywhere(both: Processes) -> None:
    ann = enter(both.first)
    both.stores[0].set_password("ann", "another password")
    assert both.who(both.second, ann) is None and both.who(both.first, ann) is None
    again = {COOKIE: str(both.second.enter("ann", "another password"))}
    both.now += KEPT_SECONDS
    assert both.who(both.first, again) is None


def test_the_store_holds_no_key_and_forgets_what_is_over(both: Processes) -> None:
    first = enter(both.first)
    rows = _rows(both.stores[0])
    assert len(rows) == 1 and first[COOKIE] not in str(rows)
    both.now += KEPT_SECONDS + 1
    enter(both.first)
    assert len(_rows(both.stores[0])) == 1


def test_a_store_that_cannot_be_written_keeps_the_sign_in_in_this_process(
    both: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(both.stores[0]), "read_only", property(lambda store: True))
    ann = enter(both.first)
    both.now += 10 * CHECKED_SECONDS
    assert both.who(both.first, ann) == "Ann" and both.who(both.second, ann) is None


def _rows(store: Store) -> list[object]:
    with store._database.reading() as session:
        return list(session.connection().exec_driver_sql("SELECT * FROM sign_ins"))
