"""Bootstrap intervals by case: whole cases are drawn again, with all that everybody said of them, since what
is said of one case hangs together.

The interval is the percentile one (Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13, 1993).
The draws are the same every time, so that the same readings give the same interval.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from magic_demo.reviews.agreement.results import Measured

RESAMPLES = 1000
SEED = 20_25
FEWEST_CASES = 5
"""With fewer cases the percentiles are those of a handful of values, and no interval is given."""


MOST_DRAWN = 2_000_000
"""Cases drawn in all: with more than 2,000 the resamples become fewer, as their table has to be multiplied
with every number."""
FEWEST_RESAMPLES = 200


@lru_cache(maxsize=2)
def draw_cases(cases: int, resamples: int = RESAMPLES) -> NDArray[np.float64]:
    """Return (1 + resamples, cases) float64, read-only: how often each case is held.

    The first row is the cases as they are; with few, the only one.
    """
    once = np.ones((1, cases))
    if cases < FEWEST_CASES or resamples == 0:
        return once
    resamples = min(resamples, max(FEWEST_RESAMPLES, MOST_DRAWN // cases))
    drawn = np.random.default_rng(SEED).multinomial(cases, np.full(cases, 1 / cases), size=resamples)
    table = np.concatenate((once, drawn.astype(np.float64)))
    table.setflags(write=False)
    return table


def as_measured(values: NDArray[np.float64], count: int, cases: int) -> Measured | None:
    """Make a number of (1 + resamples,) values, the first the number itself; None where that is NaN.

    count: of what it was computed. cases: with any of it; the interval needs ``FEWEST_CASES`` of them, and
    half of the resamples to have a value.
    """
    if np.isnan(values[0]):
        return None
    drawn = values[1:][~np.isnan(values[1:])]
    if cases < FEWEST_CASES or 2 * drawn.size < values.size - 1 or not drawn.size:
        return Measured(float(values[0]), count=count)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Measured(float(values[0]), float(low), float(high), count)
