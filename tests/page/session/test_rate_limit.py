"""How often somebody may ask."""

from __future__ import annotations

from magic_demo.page.session.rate_limit import RateLimit


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_let_through_and_then_as_much_as_time_brings() -> None:
    clock = Clock()
    limit = RateLimit(3, 2.0, clock=clock)
    assert [limit.allows("one") for _ in range(4)] == [True, True, True, False]
    clock.now = 0.5
    assert [limit.allows("one") for _ in range(2)] == [True, False]
    clock.now = 100.0
    assert [limit.allows("one") for _ in range(4)] == [True, True, True, False], (
        "no more than a burst is saved up"
    )


def test_one_does_not_use_up_what_is_anothers_and_names_are_bounded() -> None:
    limit = RateLimit(1, 0.0, names=2, clock=Clock())
    assert limit.allows("one") and not limit.allows("one")
    assert limit.allows("two")
    assert limit.allows("three")
    assert limit.allows("one"), "heard of longest ago and forgotten"
