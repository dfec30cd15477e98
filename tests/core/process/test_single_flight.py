"""What several threads ask for at once is made once, for all of them; a fault is theirs, and not of whoever asks
next."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from magic_demo.core.process import single_flight
from magic_demo.core.process.single_flight import SingleFlight

THREADS = 8
SECONDS = 20.0


def ask_at_once(
    monkeypatch: pytest.MonkeyPatch, make: Callable[[], object]
) -> tuple[list[Future[object]], int]:
    """Let THREADS ask for one value, which is made when all others wait for it; return what each got, and how often
    it was made."""
    flight, begun, waiting, times = SingleFlight[object](), threading.Event(), threading.Semaphore(0), []

    class Noted(Future[object]):
        def result(self, timeout: float | None = None) -> object:
            waiting.release()
            return super().result(timeout)

    def make_late() -> object:
        times.append(1)
        begun.set()
        for _ in range(THREADS - 1):
            assert waiting.acquire(timeout=SECONDS)
        return make()

    monkeypatch.setattr(single_flight, "Future", Noted)
    with ThreadPoolExecutor(THREADS) as pool:
        asked = [pool.submit(flight.do, "photo", make_late)]
        assert begun.wait(SECONDS)
        asked += [pool.submit(flight.do, "photo", make_late) for _ in range(THREADS - 1)]
    return asked, len(times)


def test_all_who_ask_while_it_is_made_get_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, times = ask_at_once(monkeypatch, object)
    assert times == 1 and len({one.result() for one in asked}) == 1


def test_a_fault_is_raised_to_all_who_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> object:
        raise ValueError("broken")

    asked, times = ask_at_once(monkeypatch, fail)
    assert times == 1 and {str(one.exception()) for one in asked} == {"broken"}


def test_another_key_does_not_wait() -> None:
    flight, begun, go = SingleFlight[int](), threading.Event(), threading.Event()

    def make() -> int:
        begun.set()
        assert go.wait(SECONDS)
        return 1

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(flight.do, "a", make)
        assert begun.wait(SECONDS)
        assert flight.do("b", lambda: 2) == 2 and not first.done()
        go.set()
    assert first.result() == 1


def test_nothing_is_kept_neither_a_value_nor_a_fault() -> None:
    flight, made = SingleFlight[int](), iter([1, 2])

    def fail() -> int:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        flight.do("a", fail)
    assert flight.do("a", made.__next__) == 1 and flight.do("a", made.__next__) == 2
