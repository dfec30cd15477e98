"""Which cases are disagreed on most, and what on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.review_types import CaseKey
from magic_demo.reviews.agreement.masks import Overlaps
from magic_demo.reviews.agreement.panel import MODEL, CodedFamily, Panel
from magic_demo.reviews.agreement.results import CaseDifference, FamilyDifference


def rank_cases(
    panel: Panel, overlaps: Overlaps, families: Sequence[CodedFamily]
) -> tuple[CaseDifference, ...]:
    """Return the cases that anybody differs on, most disputed first; of equal ones in the panel's order.

    dispute: the mean number of families on which a reader differs from the model, plus the same mean over
    pairs of readers, plus what masks lack in Dice with the model, plus what they lack among readers, each a
    mean over pairs (and photos). A whole family counts as much as masks that do not meet.
    """
    disputes, differing = _count_differing(panel, families), _find_differing(panel, families)
    by_case: dict[CaseKey, Overlaps] = {}
    for (case, photo_id), pairs in overlaps.items():
        by_case.setdefault(case, {})[case, photo_id] = pairs
    found = []
    for number, case in enumerate(panel.cases):
        outlines = by_case.get(case, {})
        dispute = float(disputes[number]) + _count_lacking(outlines)
        if dispute > 0:
            of_case = [family for family, there in zip(families, differing[:, number], strict=True) if there]
            found.append(_describe(panel, number, dispute, outlines, of_case))
    return tuple(sorted(found, key=lambda case: -case.dispute))


def _count_differing(panel: Panel, coded: Sequence[CodedFamily]) -> NDArray[np.float64]:
    """Return (N,) of the panel's cases: mean number of families that a pair differs on, of pairs with the
    model, plus of pairs of readers."""
    found = np.zeros(len(panel.cases))
    for of_model in (True, False):
        pairs = [pair for pair in combinations(panel.voices, 2) if (MODEL in pair) == of_model]
        differing, compared = np.zeros(len(panel.cases)), np.zeros(len(panel.cases))
        for first, second in pairs:
            both = [(family.codes[first] >= 0) & (family.codes[second] >= 0) for family in coded]
            differing += sum(
                there & (family.codes[first] != family.codes[second])
                for there, family in zip(both, coded, strict=True)
            )
            compared += np.logical_or.reduce(both) if both else 0
        found += differing / np.maximum(compared, 1)
    return found


def _find_differing(panel: Panel, families: Sequence[CodedFamily]) -> NDArray[np.bool_]:
    """Return (F, N) of families and the panel's cases: whether any two voices' answers differ."""
    found = np.zeros((len(families), len(panel.cases)), np.bool_)
    for row, family in zip(found, families, strict=True):
        codes = np.array([family.codes[voice] for voice in panel.voices])
        if codes.size:
            row[:] = np.where(codes < 0, codes.max(), codes).min(axis=0) < codes.max(axis=0)
    return found


def _count_lacking(overlaps: Overlaps) -> float:
    lacking = [(pair, 1 - both[0]) for pairs in overlaps.values() for pair, both in pairs.items()]
    return sum(
        _mean([value for pair, value in lacking if (MODEL in pair) == of_model]) for of_model in (True, False)
    )


def _describe(
    panel: Panel, number: int, dispute: float, overlaps: Overlaps, differing: Sequence[CodedFamily]
) -> CaseDifference:
    differences = []
    for family in differing:
        labels_by_voice = [
            (voice, family.sets[family.codes[voice][number]])
            for voice in panel.voices
            if family.codes[voice][number] >= 0
        ]
        differences.append(FamilyDifference(family.family.family_id, tuple(labels_by_voice)))
    worst = min(
        overlaps, key=lambda photo: _mean([both[0] for both in overlaps[photo].values()]), default=None
    )
    dice = (
        sorted(((*pair, both[0]) for pair, both in overlaps[worst].items()), key=lambda entry: entry[2])
        if worst
        else []
    )
    return CaseDifference(
        panel.cases[number], dispute, tuple(differences), worst[1] if worst else None, tuple(dice)
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
