"""How far each system counts: weights on the simplex that earn most on a labelled split, and what they earn on
cases that they were not chosen by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from magic_demo.challenge.systems.answer_fusion import hold_beliefs, read_labels
from magic_demo.core.errors import FormatError
from magic_demo.core.types import Answers, Family, Prediction
from magic_demo.questions.decoding import SetPriors
from magic_demo.questions.scoring import credit

MOST_POINTS = 70
"""Weights that are tried: the finest grid on the simplex with no more."""
FINEST = 10


@dataclass(frozen=True, eq=False)
class FittedWeights:
    """Weights, family id -> one a system, and their official accuracy on the N labelled cases.

    kind: "alike", "shared" (one choice for all families) or "by family", whichever earns most left one out.
    fitted: accuracy on the very cases; held_out: each case answered by the weights that the others choose;
    both by kind. single: accuracy of each system alone; what it does not answer earns nothing.
    """

    weights: Mapping[str, tuple[float, ...]]
    kind: str
    cases: int
    fitted: Mapping[str, float]
    held_out: Mapping[str, float]
    single: tuple[float, ...]


def list_points(systems: int) -> NDArray[np.float64]:
    """Return (P, S) weights on a grid of the simplex, those nearest to alike first."""
    steps = next(
        count
        for count in range(FINEST, 0, -1)
        if comb(count + systems - 1, systems - 1) <= MOST_POINTS or count == 1
    )
    points = [np.full(systems, 1 / systems)]
    for bars in combinations(range(steps + systems - 1), systems - 1):
        edges = np.array([-1, *bars, steps + systems - 1])
        points.append((np.diff(edges) - 1) / steps)
    rows = np.unique(np.round(points, 9), axis=0)
    return np.asarray(rows[np.lexsort((*rows.T, np.round(((rows - 1 / systems) ** 2).sum(axis=1), 9)))])


def fit_weights(
    references: Mapping[str, Answers],
    predictions: Mapping[str, Sequence[Prediction]],
    families: Sequence[Family],
    priors: SetPriors,
) -> FittedWeights:
    """Choose the weights of pooled scores on labelled cases.

    references, predictions: encounter id -> answers to every question, and one prediction a system. Raises FormatError where no
    case has both.
    """
    cases = [case for case in references if case in predictions]
    if not cases:
        raise FormatError("no labelled encounter is among the systems' own; name answers of theirs")
    points = list_points(len(predictions[cases[0]]))
    earned = np.array(
        [
            [earn_family(predictions[case], references[case], family, points, priors) for family in families]
            for case in cases
        ]
    )  # (N, F, P)
    alike = 0  # the grid's first point
    chosen = {
        "alike": [alike] * earned.shape[1],
        "shared": [int(earned.mean(axis=(0, 1)).argmax())] * earned.shape[1],
        "by family": earned.mean(axis=0).argmax(axis=1).tolist(),
    }
    fitted = {
        kind: float(np.mean([earned[:, place, point].mean() for place, point in enumerate(of_families)]))
        for kind, of_families in chosen.items()
    }
    held_out = {
        "alike": fitted["alike"],
        "shared": float(_leave_one_out(earned.mean(axis=1))),
        "by family": float(np.mean([_leave_one_out(earned[:, place]) for place in range(earned.shape[1])])),
    }
    kind = max(held_out, key=lambda name: (round(held_out[name], 9), -list(held_out).index(name)))
    return FittedWeights(
        {
            family.family_id: tuple(float(weight) for weight in points[point])
            for family, point in zip(families, chosen[kind], strict=True)
        },
        kind,
        len(cases),
        fitted,
        held_out,
        _earn_alone(references, predictions, cases, families, priors),
    )


def earn_family(
    predictions: Sequence[Prediction],
    reference: Answers,
    family: Family,
    points: NDArray[np.float64],
    priors: SetPriors,
) -> NDArray[np.float64]:
    """Return the official credit, (P,) in 0..1, of a family's fused answer under each of the weights (P, S).

    predictions: one a system.
    """
    beliefs = hold_beliefs(predictions, family, "mean", priors.get(family.family_id))
    if beliefs is None:
        return np.zeros(len(points))
    gold = read_labels(reference, family)
    credits = np.array([credit(set(gold), set(answer)) for answer in beliefs.answers])
    return np.asarray(credits[beliefs.choose(beliefs.share_out(points))])


def _earn_alone(
    references: Mapping[str, Answers],
    predictions: Mapping[str, Sequence[Prediction]],
    cases: Sequence[str],
    families: Sequence[Family],
    priors: SetPriors,
) -> tuple[float, ...]:
    """Return the accuracy of each system by what it says itself."""
    alone = np.ones((1, 1))
    return tuple(
        float(
            np.mean(
                [
                    earn_family([predictions[case][system]], references[case], family, alone, priors)
                    for case in cases
                    for family in families
                ]
            )
        )
        for system in range(len(predictions[cases[0]]))
    )


def _leave_one_out(earned: NDArray[np.float64]) -> float:
    """Return the mean credit of each case under the point that is best on the others; earned: (N, P)."""
    others = np.round(earned.sum(axis=0) - earned, 9)
    return float(earned[np.arange(len(earned)), others.argmax(axis=1)].mean())
