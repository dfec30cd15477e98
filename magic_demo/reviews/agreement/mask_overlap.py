"""Dice and Jaccard of masks, from their run lengths: no pixel is decoded, so that hundreds of masks of large
photos take milliseconds each."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.errors import FormatError
from magic_demo.core.review_types import MaskRuns
from magic_demo.imaging.run_lengths import column_lengths
from magic_demo.questions.scoring import Counts

Places = NDArray[np.int64]
Compare = Callable[[MaskRuns, MaskRuns], Counts]
"""``compare_runs``, or what remembers its results."""


def compare_runs(reference: MaskRuns, system: MaskRuns) -> Counts:
    """Count the pixels of two masks of one size, as ``scoring.count_pixels`` does of decoded ones.

    Raises FormatError for two sizes.
    """
    if reference.size != system.size:
        raise FormatError(
            "masks of {first} and {second} pixels cannot be compared; outline the same photo",
            first=str(reference.size),
            second=str(system.size),
        )
    (ends, lesion), (its_ends, its_lesion) = _find_runs(reference), _find_runs(system)
    both = 0
    if ends.size and its_ends.size:
        # what lies before each end of the other's runs; a lesion run of its goes from the end of a background
        # run to its own
        run = np.searchsorted(ends, its_ends)
        before = lesion[run] - np.where(run % 2 == 1, ends[run] - its_ends, 0)
        both = int((before[1::2] - before[0::2][: before.size // 2]).sum())
    return Counts(tp=both, fp=int(its_lesion[-1]) - both, fn=int(lesion[-1]) - both)


@lru_cache(maxsize=64)  # those of one photo follow each other
def _find_runs(runs: MaskRuns) -> tuple[Places, Places]:
    """Return where each run ends, in pixels from the first column's top, background and lesion in turn; and
    how many lesion pixels lie before that."""
    lengths = np.array(column_lengths(runs), np.int64)
    ends = lengths.cumsum()
    lengths[0::2] = 0
    lesion = lengths.cumsum()
    for places in (ends, lesion):
        places.setflags(write=False)
    return ends, lesion
