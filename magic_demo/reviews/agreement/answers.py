"""How far voices agree on each family of questions, in pairs and together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from magic_demo.reviews.agreement.coefficients import alphas, intraclass, kappas, means, pair_values
from magic_demo.reviews.agreement.panel import MODEL, CodedFamily, Panel
from magic_demo.reviews.agreement.resampling import as_measured, draw_cases
from magic_demo.reviews.agreement.results import Agreed, FamilyNumbers, Measured, PairAgreement

Values = NDArray[np.float64]
"""(1 + resamples,) of one number, the first of the cases as they are; NaN where there is none."""
Pair = tuple[str, str]


class _Compared:
    """One pair of voices on one family: which cases both answered, and each number over all resamples.

    within: cases that count, all of them where it is None.
    """

    def __init__(
        self,
        coded: CodedFamily,
        pair: Pair,
        counts: NDArray[np.float64],
        within: NDArray[np.bool_] | None = None,
    ) -> None:
        first, second = (coded.codes[voice] for voice in pair)
        if within is not None:
            first, second = np.where(within, first, -1), np.where(within, second, -1)
        self.pair = pair
        self.both = (first >= 0) & (second >= 0)
        self.weight = counts @ self.both.astype(np.float64)
        self.same = means(pair_values(first, second, coded.same), counts)
        self.credit = means(pair_values(first, second, coded.credit), counts)
        self.kappa = kappas(first, second, coded.weights, counts)


def measure_families(
    panel: Panel, families: Sequence[CodedFamily], *, resamples: int
) -> tuple[FamilyNumbers, tuple[FamilyNumbers, ...]]:
    """Return the numbers of all families together, and of each; families that nobody can be compared on are
    absent.

    Together, answers are pooled for ``same`` and ``credit``; kappa and alpha are means over the families. The
    model's side and the readers' are of the same cases, those in which both can be compared, where there are
    any; each pair is of all of its own.
    """
    counts = draw_cases(len(panel.cases), resamples)
    pairs = list(combinations(panel.voices, 2))
    by_family: list[tuple[str, list[_Compared]]] = []
    sides: list[list[_Compared]] = []
    found: list[FamilyNumbers] = []
    every_alpha: list[Values] = []
    alpha_cases = np.zeros(len(panel.cases), np.bool_)
    for coded in families:
        compared = [
            pair_numbers
            for pair_numbers in (_Compared(coded, pair, counts) for pair in pairs)
            if pair_numbers.both.any()
        ]
        if not compared:
            continue
        answers = np.array([coded.codes[reader] for reader in panel.readers], np.int64).reshape(
            -1, len(panel.cases)
        )
        several = (answers >= 0).sum(axis=0) >= 2
        values = alphas(answers, 1 - coded.weights, counts)
        every_alpha.append(values)
        alpha_cases |= several
        alpha = as_measured(values, int(several.sum()), int(several.sum()))
        by_family.append((coded.family.family_id, compared))
        shared = _keep_shared(coded, compared, counts)
        sides.append(shared)
        found.append(
            FamilyNumbers(
                coded.family.family_id,
                _agreed([[pair_numbers for pair_numbers in shared if MODEL in pair_numbers.pair]]),
                _agreed([[pair_numbers for pair_numbers in shared if MODEL not in pair_numbers.pair]]),
                alpha,
                tuple(
                    PairAgreement(*pair_numbers.pair, _agreed([[pair_numbers]])) for pair_numbers in compared
                ),
                _measure_icc(coded, panel.readers, counts),
            )
        )
    return _overall(pairs, by_family, sides, every_alpha, alpha_cases), tuple(found)


def _keep_shared(
    coded: CodedFamily, compared: list[_Compared], counts: NDArray[np.float64]
) -> list[_Compared]:
    """Return the pairs over the cases in which the model is compared and readers are too; all of them as they
    are where there is no such case."""
    nowhere = np.zeros(counts.shape[1], np.bool_)
    beside_model, among_readers = (
        np.logical_or.reduce([nowhere, *(one.both for one in compared if (MODEL in one.pair) == model)])
        for model in (True, False)
    )
    shared = beside_model & among_readers
    if not shared.any():
        return compared
    kept = (
        one if (shared | ~one.both).all() else _Compared(coded, one.pair, counts, shared) for one in compared
    )
    return [one for one in kept if one.both.any()]


def _measure_icc(coded: CodedFamily, readers: Sequence[str], counts: NDArray[np.float64]) -> Measured | None:
    """Return the ICC of a family that asks for numbers, over the cases that every reader answered."""
    if coded.family.scale is None or not coded.family.scale.typed or len(readers) < 2:
        return None
    values = np.array([coded.values(reader) for reader in readers])
    whole = ~np.isnan(values).any(axis=0)
    if not whole.any():
        return None
    count = int(whole.sum())
    return as_measured(intraclass(values[:, whole], counts[:, whole]), count, count)


def _overall(
    pairs: Iterable[Pair],
    by_family: Sequence[tuple[str, list[_Compared]]],
    sides: Sequence[list[_Compared]],
    every_alpha: Sequence[Values],
    alpha_cases: NDArray[np.bool_],
) -> FamilyNumbers:
    lists = [compared for _, compared in by_family]
    cases = int(alpha_cases.sum())
    alpha: Measured | None = as_measured(_mean_of(every_alpha), cases, cases) if every_alpha else None
    each = []
    for pair in pairs:
        of_pair = [
            [pair_numbers for pair_numbers in compared if pair_numbers.pair == pair] for compared in lists
        ]
        if any(of_pair):
            each.append(PairAgreement(*pair, _agreed(of_pair)))
    return FamilyNumbers(
        "",
        _agreed(
            [[pair_numbers for pair_numbers in compared if MODEL in pair_numbers.pair] for compared in sides]
        ),
        _agreed(
            [
                [pair_numbers for pair_numbers in compared if MODEL not in pair_numbers.pair]
                for compared in sides
            ]
        ),
        alpha,
        tuple(each),
    )


def _agreed(by_family: Sequence[Sequence[_Compared]]) -> Agreed:
    """Return the numbers of groups of pairs, one group a family: pooled answers, and the mean over families
    of the mean kappa."""
    groups = [group for group in by_family if group]
    if not groups:
        return Agreed()
    everyone = [pair_numbers for group in groups for pair_numbers in group]
    cases = int(np.logical_or.reduce([pair_numbers.both for pair_numbers in everyone]).sum())
    count = sum(int(pair_numbers.both.sum()) for pair_numbers in everyone)
    kappa = _mean_of(
        [
            _weighted(
                [pair_numbers.kappa for pair_numbers in group],
                [pair_numbers.weight for pair_numbers in group],
            )
            for group in groups
        ]
    )
    with_kappa = sum(
        int(pair_numbers.both.sum()) for pair_numbers in everyone if not np.isnan(pair_numbers.kappa[0])
    )
    weights = [pair_numbers.weight for pair_numbers in everyone]
    return Agreed(
        as_measured(_weighted([pair_numbers.same for pair_numbers in everyone], weights), count, cases),
        as_measured(_weighted([pair_numbers.credit for pair_numbers in everyone], weights), count, cases),
        as_measured(kappa, with_kappa, cases),
    )


def _weighted(values: Sequence[Values], weights: Sequence[Values]) -> Values:
    """Return the mean of several numbers in every resample, each with its weight there; those that a resample
    lacks are left out of it."""
    stacked, heavy = np.array(values), np.array(weights)
    there = ~np.isnan(stacked)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(
            np.where(there, stacked * heavy, 0.0).sum(axis=0) / np.where(there, heavy, 0.0).sum(axis=0)
        )


def _mean_of(values: Sequence[Values]) -> Values:
    return _weighted(values, [np.ones_like(part) for part in values])
