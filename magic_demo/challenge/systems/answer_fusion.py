"""One answer from several systems': what each believes of a family is pooled, and the answer is the one that
earns most official credit under the pool.

A belief is a share for each possible reference: an option for families of one slot, a set of labels for the
others, where siblings are one answer and their order says nothing. With votes a system believes in its own
answer alone, so the pool is the shares of votes; with scores it believes in each option, or set, as far as
its scores say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import Answers, Family, Prediction
from magic_demo.questions.decoding import (
    MAX_CANDIDATES,
    FamilyPriors,
    Labels,
    average_siblings,
    credit_matrix,
    fill_slots,
    list_sets,
)
from magic_demo.questions.shares import as_scores, softmax

Pooling = Literal["majority", "mean"]
SURE = 0.9
"""How far a system that gives an answer and no scores is believed where scores are pooled; the rest is spread
as the priors say, or evenly."""
TIE = 1e-9
"""Far below any difference of expected credit; of ties the answer of the system named first counts."""


@dataclass(frozen=True, eq=False)
class Beliefs:
    """What S systems believe of one family in one case.

    possible: K references. shares: (S, K) float64, each row adds up to 1. answers: A answers that may be
    given. credits: (K, A) in 0..1. preferred: (A,) float64, far below any credit, decides ties.
    """

    possible: tuple[Labels, ...]
    shares: NDArray[np.float64]
    answers: tuple[Labels, ...]
    credits: NDArray[np.float64]
    preferred: NDArray[np.float64]

    def share_out(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (P, S) weights that add up to 1 in each row: those of systems that do not answer are shared out. Where
        only systems without a weight answer, they count alike."""
        held = np.asarray(self.shares.any(axis=1), np.float64)
        given = held * weights
        given = np.where(given.any(axis=1, keepdims=True), given, held)
        return np.asarray(given / given.sum(axis=1, keepdims=True))

    def choose(self, weights: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return which answer earns most, (P,) indices, for (P, S) weights as ``share_out`` returns them."""
        expected = np.round(weights @ self.shares @ self.credits, 8) + self.preferred
        return np.asarray(expected.argmax(axis=1))


@dataclass(frozen=True, eq=False)
class FusedFamily:
    """answers: qid -> option index. scores: (O,) float32 of the pool, log-probabilities or log-odds."""

    answers: Answers
    scores: NDArray[np.float32]


def hold_beliefs(
    predictions: Sequence[Prediction], family: Family, how: Pooling, priors: FamilyPriors | None = None
) -> Beliefs | None:
    """Return what systems believe of a family, one prediction a system; None where none answers it.

    A system that does not answer it has a row of zeros. priors: of a family of several slots, where scores
    are pooled; without any, its labels are independent.
    """
    own = [read_labels(prediction.answers, family) for prediction in predictions]
    scores = [_read_scores(prediction, family) if how == "mean" else None for prediction in predictions]
    if not any(own) and all(values is None for values in scores):
        return None
    if len(family.questions) == 1:
        possible = tuple(frozenset({option}) for option in range(len(family.options["en"])))
        rows = [_believe_option(values, labels, possible) for values, labels in zip(scores, own, strict=True)]
        if how == "majority":
            rows = [_believe_alone(labels, possible) for labels in own]
        answers, credits = possible, credit_matrix(possible, possible)
    elif how == "majority":
        possible = tuple(dict.fromkeys(labels for labels in own if labels))
        rows = [_believe_alone(labels, possible) for labels in own]
        answers = _list_answers(possible, family)
        credits = credit_matrix(possible, answers)
    else:
        possible, answers, credits, rows = _believe_sets(own, scores, family, priors)
    preferred = np.array([_prefer(answer, own) for answer in answers])
    return Beliefs(possible, np.array(rows), answers, credits, preferred)


def fuse_family(
    predictions: Sequence[Prediction],
    family: Family,
    how: Pooling,
    weights: Sequence[float] = (),
    priors: FamilyPriors | None = None,
) -> FusedFamily | None:
    """Return the fused answer to a family; None where no system answers it.

    weights: one a system, alike where there are none; those of systems that do not answer are shared out.
    """
    beliefs = hold_beliefs(predictions, family, how, priors)
    if beliefs is None:
        return None
    asked = np.asarray(weights if len(weights) else np.ones(len(predictions)), np.float64)
    given = beliefs.share_out(asked[None])[0]
    answer = beliefs.answers[int(beliefs.choose(given[None])[0])]
    pool = given @ beliefs.shares
    marginals = np.zeros(len(family.options["en"]))
    for labels, share in zip(beliefs.possible, pool, strict=True):
        marginals[list(labels)] += share
    single = len(family.questions) == 1
    scores = as_scores(marginals, single)
    slots = answer if single else answer - {family.padding}
    return FusedFamily(fill_slots(family, slots), scores.astype(np.float32))


def read_labels(answers: Answers, family: Family) -> Labels:
    """Return the values in a family's slots, "Not mentioned" among them, as the scorer compares them."""
    return frozenset(answers[question.qid] for question in family.questions if question.qid in answers)


def _read_scores(prediction: Prediction, family: Family) -> NDArray[np.float64] | None:
    known = all(question.qid in prediction.scores for question in family.questions)
    return average_siblings(prediction.scores, family) if known else None


def _believe_alone(labels: Labels, possible: Sequence[Labels]) -> NDArray[np.float64]:
    return np.array([float(bool(labels) and labels == one) for one in possible])


def _believe_option(
    values: NDArray[np.float64] | None, labels: Labels, possible: Sequence[Labels]
) -> NDArray[np.float64]:
    if values is not None:
        return softmax(values)
    if not labels:
        return np.zeros(len(possible))
    return SURE * _believe_alone(labels, possible) + (1 - SURE) / len(possible)


def _believe_sets(
    own: Sequence[Labels],
    scores: Sequence[NDArray[np.float64] | None],
    family: Family,
    priors: FamilyPriors | None,
) -> tuple[tuple[Labels, ...], tuple[Labels, ...], NDArray[np.float64], list[NDArray[np.float64]]]:
    """Return possible sets, answers, credits and a row of shares a system."""
    count = len(family.options["en"])
    known = priors or FamilyPriors({}, (0.5,) * count, smoothing=1.0)
    given = [values for values in scores if values is not None]
    votes = np.array([sum(label in labels for labels in own) for label in range(count)], np.float64)
    sets = list_sets(np.mean(given, axis=0) if given else votes, family, known)
    extra = tuple(dict.fromkeys(labels for labels in own if labels and labels not in set(sets.possible)))
    possible, answers = (*sets.possible, *extra), (*sets.systems, *extra)
    credits = sets.credits if not extra else credit_matrix(possible, answers)
    prior = softmax(sets.log_prior)
    rows = []
    for values, labels in zip(scores, own, strict=True):
        if values is None:
            listed = np.concatenate([(1 - SURE) * prior, np.zeros(len(extra))])
            rows.append(SURE * _believe_alone(labels, possible) + listed if labels else 0 * listed)
        else:
            rows.append(np.concatenate([softmax(sets.weigh(values, known.weight)), np.zeros(len(extra))]))
    return possible, answers, credits, rows


def _list_answers(voted: Sequence[Labels], family: Family) -> tuple[Labels, ...]:
    """Return every set that can be written into a family's slots and holds nothing that no system named, with
    those that the systems gave."""
    labels = {label for one in voted for label in one} - {family.padding}
    ranked = sorted(labels, key=lambda label: (-sum(label in one for one in voted), label))
    return _list_subsets(
        tuple(sorted(ranked[:MAX_CANDIDATES])), len(family.questions), family.padding, tuple(voted)
    )


@lru_cache(maxsize=256)
def _list_subsets(
    labels: tuple[int, ...], slots: int, padding: int, voted: tuple[Labels, ...]
) -> tuple[Labels, ...]:
    sets = [
        frozenset(chosen) | ({padding} if size < slots else frozenset())
        for size in range(min(slots, len(labels)) + 1)
        for chosen in combinations(labels, size)
    ]
    return tuple(dict.fromkeys((*sets, *voted)))


def _prefer(answer: Labels, own: Sequence[Labels]) -> float:
    """Return how an answer fares in a tie: as the first systems gave it, then the fewer labels the better."""
    first = sum(TIE / 2.0 ** (place + 1) for place, labels in enumerate(own) if labels == answer)
    return first - TIE / 2.0 ** (len(own) + 4) * len(answer) / 8
