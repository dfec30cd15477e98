"""How systems differ on the same cases: credit, agreement, McNemar's test, intervals with authors drawn anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import Answers, Family
from magic_demo.questions.families import load_families
from magic_demo.questions.scoring import credit
from training.cases.sources import LearningCase

RESAMPLES = 2000


@dataclass(frozen=True)
class Difference:
    """How a system differs from another.

    gain: in official accuracy, low and high its 95% interval. better, worse: answers of a family that are
    wholly right in the one and not in the other. p: McNemar's exact test of these two. agreement: the official
    credit of the one's answers with the other's as reference, mean over cases and families.
    """

    gain: float
    low: float
    high: float
    better: int
    worse: int
    p: float
    agreement: float


def credit_rows(cases: Sequence[LearningCase], answers: Sequence[Answers]) -> NDArray[np.float64]:
    """Return the official credit, (N, F) in 0..1, of one answer sheet a case; 0 for a family without answer."""
    return np.array(
        [
            [credit(_values(case.answers, family), _values(given, family)) for family in load_families()]
            for case, given in zip(cases, answers, strict=True)
        ]
    )


def draw_groups(groups: Sequence[str], seed: int = 0) -> NDArray[np.float64]:
    """Return how often each case is held, (RESAMPLES, N), with all cases of an author drawn together."""
    names = sorted(set(groups))
    place = np.array([names.index(group) for group in groups])
    drawn = np.random.default_rng(seed).multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=RESAMPLES
    )
    return drawn[:, place].astype(np.float64)


def interval(values: NDArray[np.float64], held: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95% interval of the mean of (N,) values over resamples (R, N)."""
    low, high = np.percentile(held @ values / held.sum(axis=1), [2.5, 97.5])
    return float(low), float(high)


def compare_pair(
    first: tuple[NDArray[np.float64], Sequence[Answers]],
    second: tuple[NDArray[np.float64], Sequence[Answers]],
    held: NDArray[np.float64],
) -> Difference:
    """Return how the first system differs from the second: credits (N, F), averaged over dealings where there
    are several, and answers of one dealing. held: of ``draw_groups``."""
    gains = (first[0] - second[0]).mean(axis=1)
    right, other = (np.isclose(credits, 1.0) for credits, _ in (first, second))
    better, worse = int((right & ~other).sum()), int((other & ~right).sum())
    low, high = interval(gains, held)
    agreement = np.mean(
        [
            credit(_values(one, family), _values(two, family)) if _values(one, family) else 0.0
            for one, two in zip(first[1], second[1], strict=True)
            for family in load_families()
        ]
    )
    return Difference(
        float(gains.mean()), low, high, better, worse, mcnemar_p(better, worse), float(agreement)
    )


def mcnemar_p(better: int, worse: int) -> float:
    """Return the two-sided exact p, 0..1, of so many changes for the better and the worse if both were as
    likely. Answers to one case are taken as independent, which makes it too small rather than too large."""
    count = better + worse
    tail = sum(comb(count, times) for times in range(min(better, worse) + 1))
    return min(1.0, float(2 * tail / 2**count))


def _values(answers: Answers, family: Family) -> frozenset[int]:
    return frozenset(answers[question.qid] for question in family.questions if question.qid in answers)
