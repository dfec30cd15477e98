"""A short soak: four readers at once, faster than any, real models, the server stopped while they save."""

from __future__ import annotations

import pytest

from tests.robustness.load.soak import find_faults, soak


@pytest.mark.long
def test_readers_at_once_lose_nothing_and_see_nothing_of_each_other() -> None:
    result = soak(4, 4, pace=0.5, cases=3)
    assert find_faults(result, short=True) == [], result
    assert result["saved"] > 5 and result["analyses"] > 0
    assert result["longest_line"] >= 1, "who waits for the models is told how many come first"
