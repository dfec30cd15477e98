"""Cases dealt to folds, those of one patient kept together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.cases.sources import LearningCase


def split_folds(cases: Sequence[LearningCase], folds: int, seed: int) -> list[list[int]]:
    """Deal cases into ``folds`` lists of indices of about one size, groups kept together, by chance as
    ``seed`` says."""
    groups: dict[str, list[int]] = {}
    for index, case in enumerate(cases):
        groups.setdefault(case.group, []).append(index)
    order = np.random.default_rng(seed).permutation(len(groups))
    members = list(groups.values())
    dealt: list[list[int]] = [[] for _ in range(folds)]
    for group in sorted((members[place] for place in order), key=len, reverse=True):
        min(dealt, key=len).extend(group)
    return [sorted(fold) for fold in dealt]
