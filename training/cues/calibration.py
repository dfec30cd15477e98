"""How scores become probabilities: temperatures, expected credits and the margin of "does not know", fitted
on cases held out of a fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import Answers, Family
from magic_demo.questions.calibration import expect_credit, find_chances
from magic_demo.questions.decoding import FamilyPriors, Labels, choose_labels
from magic_demo.questions.families import load_families
from magic_demo.questions.scoring import credit

TEMPERATURES = np.geomspace(0.5, 3.0, 19)
MARGINS = tuple(round(0.01 * step, 2) for step in range(21))
MOST_GAIN = 0.035
"""An answer that is called unsure may, on average, earn so much more than the most frequent one."""
BINS = 10
ERRORS = ("error before", "error after")

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ScoredFamily:
    """One family of cases that the models had not seen, under one model of sets.

    scores: (N, O) float64. references: what is known of the N cases, the values in the slots as sets.
    weights: (N,) how far each counts.
    priors: the decoding's, in families of several slots.
    """

    family: Family
    scores: Floats
    references: Sequence[Labels]
    weights: Floats
    priors: FamilyPriors | None

    @property
    def labels(self) -> NDArray[np.bool_]:
        """Return (N, O): which options each reference holds."""
        return np.array(
            [[option in held for option in range(self.scores.shape[1])] for held in self.references], np.bool_
        )


@dataclass(frozen=True, eq=False)
class JudgedFamily:
    """What was answered to one family of N cases and how likely it was said to be, beside what is right.

    answers, constants, references: sets of the values in the slots; constants: the most frequent answer of
    the cases fitted on.
    before, after: (N, O) probabilities at temperature 1 and as calibrated. expected: (N,) expected official
    credit of the answers.
    prior_credits: (N,) what the most frequent answer earned on the cases fitted on. weights: (N,) how far
    each case counts.
    """

    family: Family
    references: tuple[Labels, ...]
    answers: tuple[Labels, ...]
    constants: tuple[Labels, ...]
    before: Floats
    after: Floats
    expected: Floats
    prior_credits: Floats
    weights: Floats

    @property
    def credits(self) -> Floats:
        """Return (N,) the answers' official credit."""
        return np.array(
            [credit(gold, given) for gold, given in zip(self.references, self.answers, strict=True)],
            np.float64,
        )

    @property
    def constant_credits(self) -> Floats:
        """Return (N,) the most frequent answer's official credit."""
        return np.array(
            [credit(gold, given) for gold, given in zip(self.references, self.constants, strict=True)],
            np.float64,
        )


@dataclass(frozen=True)
class ReliabilityBin:
    """Probabilities of one bin: their mean, the share that came true, and the share of all probabilities that
    lie here."""

    said: float
    true: float
    share: float


@dataclass(frozen=True)
class Knowing:
    """What a margin divides answers into: the share that is unsure, and the mean credit of answers and
    constants inside and outside."""

    unsure: float
    inside: float
    inside_constant: float
    outside: float
    outside_constant: float


def values_of(answers: Answers, family: Family) -> Labels:
    """Return the values in a family's slots as a set, which is what the official metric compares."""
    return frozenset(answers[question.qid] for question in family.questions)


def fit_temperature(parts: Sequence[ScoredFamily]) -> float:
    """Return the temperature, among ``TEMPERATURES``, that makes the known answers of all parts of one family
    likeliest."""
    labels = [part.labels for part in parts]
    losses = [
        sum(_weigh_loss(part, known, temperature) for part, known in zip(parts, labels, strict=True))
        for temperature in TEMPERATURES.tolist()
    ]
    return round(float(TEMPERATURES[int(np.argmin(losses))]), 4)


def most_frequent_answer(references: Sequence[Labels], weights: Floats) -> tuple[Labels, float]:
    """Return the reference that occurs most, cases counted by their weights, and the official credit that
    always giving it earns."""
    counts: dict[Labels, float] = {}
    for held, weight in zip(references, weights.tolist(), strict=True):
        counts[held] = counts.get(held, 0.0) + weight
    best = max(sorted(counts, key=sorted), key=lambda held: counts[held])
    return best, float(weights @ [credit(held, best) for held in references] / weights.sum())


def judge_family(
    part: ScoredFamily, temperature: float, constant: Labels, prior_credit: float
) -> JudgedFamily:
    """Decode a part and say how likely its options are, as the Predictor does."""
    answers = tuple(_decode(row, part.family, part.priors) for row in part.scores)
    count = len(answers)
    return JudgedFamily(
        part.family,
        tuple(part.references),
        answers,
        (constant,) * count,
        find_chances(part.scores, part.family, part.priors, 1.0),
        find_chances(part.scores, part.family, part.priors, temperature),
        expect_credit(part.scores, answers, part.family, part.priors, temperature),
        np.full(count, prior_credit),
        part.weights,
    )


def join(parts: Sequence[JudgedFamily]) -> JudgedFamily:
    """Return the parts of one family one after another."""
    first = parts[0]
    changes: dict[str, Any] = {}
    for name, value in vars(first).items():
        if isinstance(value, tuple):
            changes[name] = tuple(held for part in parts for held in getattr(part, name))
        elif isinstance(value, np.ndarray):
            changes[name] = np.concatenate([getattr(part, name) for part in parts])
    return replace(first, **changes)


def judge_fold(
    held: ScoredFamily,
    others: Sequence[ScoredFamily],
    more: Sequence[ScoredFamily] = (),
    *,
    least: float = 0.0,
) -> JudgedFamily:
    """Judge a fold of one family, at the temperature and against the most frequent answer of the other folds.

    more: the other folds again, as scored from other texts; they count where the temperature is fitted.
    least: no temperature below it.
    """
    known = [answer for part in others for answer in part.references]
    constant, prior_credit = most_frequent_answer(known, np.concatenate([part.weights for part in others]))
    return judge_family(held, max(least, fit_temperature([*others, *more])), constant, prior_credit)


def divide(families: Sequence[JudgedFamily], margin: float) -> Knowing:
    """Divide the answers to some families into unsure ones and the others; means are NaN where there are
    none."""
    weights, expected, prior, credits, constants = (
        np.concatenate([getattr(family, name) for family in families])
        for name in ("weights", "expected", "prior_credits", "credits", "constant_credits")
    )
    unsure = expected < prior + margin

    def mean(values: Floats, chosen: NDArray[np.bool_]) -> float:
        total = weights[chosen].sum()
        return float(weights[chosen] @ values[chosen] / total) if total > 0 else float("nan")

    return Knowing(
        float(weights[unsure].sum() / weights.sum()),
        mean(credits, unsure),
        mean(constants, unsure),
        mean(credits, ~unsure),
        mean(constants, ~unsure),
    )


def choose_margin(families: Sequence[JudgedFamily]) -> float:
    """Return the largest margin at which the unsure answers earn at most ``MOST_GAIN`` more than the most
    frequent ones; 0 without one."""
    divided = {margin: divide(families, margin) for margin in MARGINS}
    return max(
        (margin for margin, known in divided.items() if known.inside - known.inside_constant <= MOST_GAIN),
        default=0.0,
    )


def measure_reliability(chances: Floats, judged: JudgedFamily) -> list[ReliabilityBin]:
    """Return the bins, ``BINS`` of equal width, that hold probabilities: of every label, or of the likeliest
    option in one slot."""
    labels = np.array(
        [[option in held for option in range(chances.shape[1])] for held in judged.references], np.bool_
    )
    if len(judged.family.questions) == 1:
        best = chances.argmax(axis=1)
        rows = np.arange(len(best))
        said, true, weights = chances[rows, best], labels[rows, best], judged.weights
    else:
        named = [option for option in range(chances.shape[1]) if option != judged.family.not_mentioned]
        said, true = chances[:, named].ravel(), labels[:, named].ravel()
        weights = np.repeat(judged.weights, len(named))
    place = np.minimum((said * BINS).astype(int), BINS - 1)
    bins = []
    for number in range(BINS):
        inside = place == number
        total = float(weights[inside].sum())
        if total > 0:
            mean_said, mean_true = (
                float(weights[inside] @ values[inside] / total) for values in (said, true)
            )
            bins.append(ReliabilityBin(mean_said, mean_true, total / float(weights.sum())))
    return bins


def calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """Return the expected calibration error, 0..1: how far what was said lies from what came true, over all
    probabilities."""
    return sum(entry.share * abs(entry.said - entry.true) for entry in bins)


def summarise(judged: Sequence[JudgedFamily], margin: float) -> dict[str, dict[str, float | None]]:
    """Return family id (and "all") -> calibration error before and after, and what the margin divides; None
    where nothing is there."""
    table: dict[str, dict[str, float | None]] = {}
    names = [family.family_id for family in load_families()]
    for family_id in [name for name in names if any(entry.family.family_id == name for entry in judged)]:
        mine = join([entry for entry in judged if entry.family.family_id == family_id])
        errors: list[float | None] = [
            calibration_error(measure_reliability(chances, mine)) for chances in (mine.before, mine.after)
        ]
        table[family_id] = dict(zip(ERRORS, errors, strict=True)) | _present(divide([mine], margin))
    means: dict[str, float | None] = {
        name: float(np.mean([row[name] or 0.0 for row in table.values()])) for name in ERRORS
    }
    table["all"] = means | _present(divide(judged, margin))
    return table


def _present(known: Knowing) -> dict[str, float | None]:
    return {name: None if np.isnan(value) else value for name, value in vars(known).items()}


def _weigh_loss(part: ScoredFamily, labels: NDArray[np.bool_], temperature: float) -> float:
    chances = np.clip(find_chances(part.scores, part.family, part.priors, temperature), 1e-6, 1 - 1e-6)
    if len(part.family.questions) == 1:
        return float(part.weights @ np.where(labels, -np.log(chances), 0.0).sum(axis=1))
    named = [option for option in range(labels.shape[1]) if option != part.family.not_mentioned]
    return float(
        part.weights @ np.where(labels, -np.log(chances), -np.log(1 - chances))[:, named].sum(axis=1)
    )


def _decode(row: Floats, family: Family, priors: FamilyPriors | None) -> Labels:
    if len(family.questions) == 1:
        return frozenset({int(row.argmax())})
    chosen = choose_labels(row, family, priors)
    return chosen | {family.padding} if len(chosen) < len(family.questions) else chosen
