"""Wrong passwords are counted, in bounded memory; checks wait for their turn, each source in its own line."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future

import pytest

from magic_demo.page.session.sign_in.password_pool import KNOWN, PasswordPool, TooManyWaitingError
from magic_demo.page.session.sign_in.wrong_tries import NAME, PAIR, SOURCE, Refusals, WrongTries, find_source


def use_up(tries: WrongTries, most: int, each: Callable[[int], tuple[str, str]]) -> int:
    """Guess until nothing is looked at any more; return how many were."""
    for number in range(most):
        source, name = each(number)
        if not tries.allows(source, name, None):
            return number
        tries.note_wrong(source, name, None)
    return most


def test_tries_are_counted_by_source_and_name_together_by_source_and_by_name() -> None:
    assert use_up(WrongTries(lambda: 0.0), 1000, lambda _: ("one", "ann")) == PAIR.burst
    assert use_up(WrongTries(lambda: 0.0), 1000, lambda number: ("one", f"name {number}")) == SOURCE.burst
    assert use_up(WrongTries(lambda: 0.0), 1000, lambda number: (f"source {number}", "ann")) == NAME.burst


def test_one_source_that_guesses_at_a_name_leaves_the_name_to_others() -> None:
    tries = WrongTries(lambda: 0.0)
    use_up(tries, 1000, lambda _: ("attacker", "ann"))
    assert not tries.allows("attacker", "ann", None)
    assert tries.allows("clinic", "ann", None) and tries.allows("attacker", "bo", None)


def test_tries_come_back_with_time_and_what_a_reader_mistyped_with_the_right_password() -> None:
    now = [0.0]
    tries = WrongTries(lambda: now[0])
    use_up(tries, 1000, lambda _: ("one", "ann"))
    now[0] = 1 / PAIR.per_second + 0.01
    assert tries.allows("one", "ann", None)
    tries.note_wrong("one", "ann", None)
    assert not tries.allows("one", "ann", None)
    tries.note_right("one", "ann", None)
    assert tries.allows("one", "ann", None)


def test_who_signs_in_well_between_guesses_at_others_wins_no_tries() -> None:
    tries = WrongTries(lambda: 0.0)
    for number in range(int(SOURCE.burst)):
        tries.note_wrong("one", f"name {number}", None)
        tries.note_right("one", "own", None)
    assert not tries.allows("one", "next", None)


def test_names_by_the_thousand_take_no_more_memory_and_make_nobodys_count_forgotten() -> None:
    tries = WrongTries(lambda: 0.0, most=50)
    for number in range(int(NAME.burst)):
        tries.note_wrong(f"source {number}", "ann", None)
    for number in range(1000):
        tries.note_wrong(f"other {number}", f"name {number}", None)
        assert len(tries) <= 103
    assert not tries.allows("new", "ann", None)


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9%eth0", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_a_network_that_one_household_is_given_is_one_source(address: str, source: str) -> None:
    assert find_source(address) == source


class Held:
    """A pool of one thread that is busy until it is let go."""

    def __init__(self, most: int = 100) -> None:
        self.pool, self.done, self.go = PasswordPool(1, most), list[str](), threading.Event()
        self.first = self.pool.add("held", lambda: self.go.wait(20))
        while len(self.pool):
            pass

    def add(self, source: str, name: str) -> Future[None]:
        return self.pool.add(source, lambda: self.done.append(name))


def test_sources_take_turns_and_known_devices_take_every_second_one() -> None:
    held = Held()
    waiting = [held.add("flood", f"flood {number}") for number in range(5)]
    waiting += [held.add("clinic", "clinic"), held.add(KNOWN, "known 1"), held.add(KNOWN, "known 2")]
    held.go.set()
    for one in waiting:
        one.result(20)
    assert (
        held.done.index("clinic") <= 3 and held.done.index("known 1") <= 1 and held.done.index("known 2") <= 3
    )


def test_how_many_wait_is_counted_while_others_come_and_go() -> None:
    pool = PasswordPool(threads=2, most=1000)
    waiting = []
    for number in range(400):
        waiting.append(pool.add(f"source {number % 50}", lambda: None))
        assert 0 <= len(pool) <= number + 1
    for one in waiting:
        one.result(20)
    assert len(pool) == 0


def test_where_too_many_wait_the_last_goes_of_who_has_most() -> None:
    held = Held(most=4)
    flood = [held.add("flood", "flood") for _ in range(4)]
    with pytest.raises(TooManyWaitingError, match="try again"):
        held.add("flood", "flood")
    clinic = held.add("clinic", "clinic")
    assert isinstance(flood[-1].exception(20), TooManyWaitingError)
    held.go.set()
    clinic.result(20)
    assert [one.exception(20) for one in flood[:-1]] == [None] * 3


def test_what_a_check_raises_is_heard_by_who_waits_and_the_thread_goes_on() -> None:
    def fail() -> None:
        raise ValueError("a fault")

    pool = PasswordPool(1)
    assert isinstance(pool.add("one", fail).exception(20), ValueError)
    assert pool.add("one", lambda: 3).result(20) == 3


def test_sixty_who_do_nothing_but_guess_are_refused_six_times_a_second_in_all() -> None:
    refusals = Refusals(1.0)
    asks = [(0.0, number) for number in range(60)]
    refused = 0
    while asks:  # each asks again as soon as it is refused
        now, number = asks.pop(asks.index(min(asks)))
        leaves = now + refusals.wait(now)
        assert leaves - now >= 1.0 - 1e-9
        if leaves < 100:
            asks.append((leaves, number))
            refused += 1
    assert 0.95 * 600 - 60 < refused <= 600


def test_who_guesses_alone_is_refused_after_a_second_and_nobody_waits_longer_than_half_a_minute() -> None:
    refusals = Refusals(1.0)
    assert refusals.wait(5.0) == pytest.approx(1.0) and refusals.wait(20.0) == pytest.approx(1.0)
    waits = [refusals.wait(20.0) for _ in range(1000)]
    assert max(waits) == pytest.approx(30.0) and waits == sorted(waits)
    assert refusals.wait(60.0) == pytest.approx(1.0), "once they have gone"
