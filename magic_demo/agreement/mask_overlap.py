"""Dice and Jaccard of masks, from their run lengths: no pixel is decoded, so that hundreds of masks of large photos take milliseconds each."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from magic_demo.errors import FormatError
from magic_demo.mask_runs import column_lengths
from magic_demo.scoring import Counts
from magic_demo.types import MaskRuns

Places = NDArray[np.int64]


def compare_runs(reference: MaskRuns, system: MaskRuns) -> Counts:
    """Count the pixels of two masks of one size, as ``scoring.count_pixels`` does of decoded ones. Raises FormatError for two sizes."""
    if reference.size != system.size:
        raise FormatError(f"masks of {reference.size} and {system.size} pixels cannot be compared; outline the same photo")
    one, other = _find_ends(reference), _find_ends(system)
    ends = other[1::2]
    starts = other[0::2][: ends.size]  # lesion goes from the end of a background run to the end of its own
    both = int((_lesion_before(one, ends) - _lesion_before(one, starts)).sum())
    return Counts(tp=both, fp=_area(other) - both, fn=_area(one) - both)


@lru_cache(maxsize=512)
def _find_ends(runs: MaskRuns) -> Places:
    """Return where each run ends, in pixels from the first column's top; background and lesion in turn."""
    ends = np.cumsum(column_lengths(runs))
    ends.setflags(write=False)
    return ends


def _area(ends: Places) -> int:
    return int(_lesion_at_ends(ends)[-1])


def _lesion_at_ends(ends: Places) -> Places:
    lengths = np.diff(ends, prepend=0)
    lengths[0::2] = 0
    return np.cumsum(lengths)


def _lesion_before(ends: Places, places: Places) -> Places:
    """Return how many lesion pixels lie before each place."""
    run = np.searchsorted(ends, places, side="left")
    return np.asarray(_lesion_at_ends(ends)[run] - np.where(run % 2 == 1, ends[run] - places, 0))
