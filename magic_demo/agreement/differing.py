"""Which cases are disagreed on most, and what on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from magic_demo.agreement.masks import Overlaps
from magic_demo.agreement.panel import MODEL, Panel, labels_of
from magic_demo.agreement.results import CaseDifference, FamilyDifference
from magic_demo.types import CaseKey, Family


def rank_cases(panel: Panel, overlaps: Overlaps, families: Sequence[Family]) -> tuple[CaseDifference, ...]:
    """Return the cases that anybody differs on, most disputed first; of equal ones in the panel's order.

    dispute: the mean number of families on which a reader differs from the model, plus the same mean over pairs of readers, plus what masks lack in
    Dice with the model, plus what they lack among readers, each a mean over pairs (and photos). A whole family counts as much as masks that do not meet.
    """
    by_case: dict[CaseKey, Overlaps] = {}
    for (case, photo_id), pairs in overlaps.items():
        by_case.setdefault(case, {})[case, photo_id] = pairs
    found = [_describe(panel, case, by_case.get(case, {}), families) for case in panel.cases]
    return tuple(sorted((case for case in found if case.dispute > 0), key=lambda case: -case.dispute))


def _describe(panel: Panel, case: CaseKey, overlaps: Overlaps, families: Sequence[Family]) -> CaseDifference:
    differing: dict[tuple[str, str], int] = {}
    told = []
    for family in families:
        said = [(voice, labels) for voice in panel.voices if (labels := labels_of(panel.answers[voice].get(case), family)) is not None]
        for (one, first), (other, second) in combinations(said, 2):
            differing[one, other] = differing.get((one, other), 0) + (first != second)
        if len({labels for _, labels in said}) > 1:
            told.append(FamilyDifference(family.family_id, tuple(said)))
    lacking = [(pair, 1 - both[0]) for pairs in overlaps.values() for pair, both in pairs.items()]
    dispute = sum(
        _mean([value for pair, value in values if (MODEL in pair) == model])
        for values in (list(differing.items()), lacking)
        for model in (True, False)
    )
    worst = min(overlaps, key=lambda photo: float(np.mean([both[0] for both in overlaps[photo].values()])), default=None)
    dice = sorted(((*pair, both[0]) for pair, both in overlaps[worst].items()), key=lambda entry: entry[2]) if worst else []
    return CaseDifference(case, dispute, tuple(told), worst[1] if worst else None, tuple(dice))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
