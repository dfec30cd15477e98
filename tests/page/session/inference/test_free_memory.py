"""Memory that the models have done with goes back to the system, and not more often than it should."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.memory import read_resident
from magic_demo.page.session.inference import free_memory
from magic_demo.page.session.inference.free_memory import REST, FreeMemory
from magic_demo.page.session.inference.turns import Turns


class Trims:
    """Stands in for the C library's call and counts."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, keep: int) -> int:
        assert keep == 0
        self.asked += 1
        return 1


@pytest.fixture
def trims(monkeypatch: pytest.MonkeyPatch) -> Trims:
    trims = Trims()
    monkeypatch.setattr(free_memory, "_find_trim", lambda: trims)
    return trims


def test_it_goes_back_at_once_and_then_after_a_rest(trims: Trims) -> None:
    times = iter((10.0, 10.0, 10.0 + REST / 2, 10.0 + REST, 10.0 + REST))
    memory = FreeMemory(clock=lambda: next(times))
    assert [memory.give_back() for _ in range(3)] == [True, False, True]
    assert trims.asked == 2


def test_every_turn_ends_with_it_the_failed_ones_too(trims: Trims) -> None:
    with Turns().take():
        assert trims.asked == 0
    with pytest.raises(ValueError, match="the model"), Turns().take():
        raise ValueError("the model")
    assert trims.asked == 2, "each line of readers has its own rest"


def test_where_the_library_has_no_such_call_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_memory, "_find_trim", lambda: None)
    assert FreeMemory().give_back()


def test_small_pieces_that_live_on_do_not_hold_large_ones() -> None:
    large = [np.ones(100_000, np.uint8) for _ in range(2000)]
    held = read_resident() or 0.0
    living = large[::50]
    del large
    FreeMemory().give_back()
    freed = held - (read_resident() or 0.0)
    assert freed > (150 if free_memory._find_trim() else -1) and len(living) == 40
