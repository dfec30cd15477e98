"""Cohen's kappa and Krippendorff's alpha, each for many resamples of the cases at once.

Answers come as numbers of categories, below 0 where there is none. A family of several slots has sets of
options for categories, and how alike two sets are is their official partial credit, |both| / max(|one|,
|other|): kappa is then Cohen's weighted kappa (Cohen, Psychological Bulletin 70:213-220, 1968) and alpha has
the distance 1 - credit, as Passonneau (LREC 2006) does with other measures of sets. With one slot credit is 1
or 0, and both are the plain coefficients: Cohen, Educational and Psychological Measurement 20:37-46, 1960;
Krippendorff, Content Analysis, and "Computing Krippendorff's Alpha-Reliability", 2011.

Where everybody gives one and the same answer, both coefficients divide zero by zero. They are None (NaN among
resamples) then, not 1: agreement that could not have been otherwise says nothing of reliability. ``same`` and
``credit`` say it was complete.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
"""Categories, 0..K-1; below 0: no answer."""
Matrix = NDArray[np.float64]

_NOTHING = 1e-12
"""What is left of a chance-expected disagreement of 0 after rounding."""


def cohens_kappa(first: Codes, second: Codes, weights: Matrix | None = None) -> float | None:
    """Return Cohen's kappa of two voices, -1..1; None without a common case, or where chance alone would give
    complete agreement.

    one, other: (N,) categories of N cases. weights: (K, K) agreement of two categories, 0..1, 1 on the
    diagonal; None: the same or nothing.
    """
    return _single(kappas(first, second, _or_identity(weights, first, second), _once(first.shape[0])))


def krippendorffs_alpha(answers: Codes, distances: Matrix | None = None) -> float | None:
    """Return Krippendorff's alpha of M voices, at most 1; None without a case that two answered, or where all
    their answers are the same.

    answers: (M, N) categories. distances: (K, K), 0 on the diagonal; None: nominal, 1 between any two
    categories.
    """
    apart = 1 - _or_identity(None, answers) if distances is None else distances
    return _single(alphas(answers, apart, _once(answers.shape[1])))


def kappas(first: Codes, second: Codes, weights: Matrix, counts: Matrix) -> Matrix:
    """Return (B,) kappas, one a resample, NaN where there is none. counts: (B, N), how often each resample
    holds each case."""
    shared = counts * ((first >= 0) & (second >= 0))
    total = shared.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = shared @ _look_up(weights, first, second) / total
        row_shares, column_shares = (
            shared @ _one_hot(codes, weights.shape[0]) / total[:, None] for codes in (first, second)
        )
        expected = ((row_shares @ weights) * column_shares).sum(axis=1)
        found = (observed - expected) / (1 - expected)
    return np.where((total > 0) & (1 - expected > _NOTHING), found, np.nan)


def alphas(answers: Codes, distances: Matrix, counts: Matrix) -> Matrix:
    """Return (B,) alphas, one a resample, NaN where there is none.

    A case that fewer than two answered counts for nothing.
    """
    each = sum(
        (_one_hot(row, distances.shape[0]) for row in answers),
        np.zeros((answers.shape[1], distances.shape[0])),
    )
    voices = each.sum(axis=1)
    each = np.where(voices[:, None] >= 2, each, 0.0)
    within = ((each @ distances) * each).sum(axis=1) / np.maximum(voices - 1, 1)
    values = counts @ each
    total = values.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = ((values @ distances) * values).sum(axis=1) / (total - 1)
        found = 1 - (counts @ within) / expected
    return np.where((total > 1) & (expected > _NOTHING), found, np.nan)


def intraclass(values: Matrix, counts: Matrix) -> Matrix:
    """Return (B,) intraclass correlations ICC(2,1), one a resample, NaN where there is none.

    Two-way random, absolute agreement, single rater (Shrout and Fleiss, Psychological Bulletin 86:420-428, 1979). values:
    (M, N) of M raters, none missing. counts: (B, N).
    """
    raters = values.shape[0]
    cases = counts.sum(axis=1)
    values = values - values.mean()  # squares of small numbers keep their digits
    with np.errstate(invalid="ignore", divide="ignore"):
        of_case = values.mean(axis=0)
        of_rater = counts @ values.T / cases[:, None]
        grand = of_rater.mean(axis=1)
        total = counts @ (values**2).sum(axis=0) - cases * raters * grand**2
        between_cases = raters * (counts @ of_case**2 - cases * grand**2)
        between_raters = cases * ((of_rater - grand[:, None]) ** 2).sum(axis=1)
        rows = between_cases / (cases - 1)
        columns = between_raters / (raters - 1)
        rest = (total - between_cases - between_raters) / ((cases - 1) * (raters - 1))
        below = rows + (raters - 1) * rest + raters * (columns - rest) / cases
        found = (rows - rest) / below
    return np.where((cases > 1) & (np.abs(below) > _NOTHING), found, np.nan)


def means(values: Matrix, counts: Matrix) -> Matrix:
    """Return (B,) means of (N,) values over resamples of N cases, NaN values left out; NaN where nothing is
    left."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((counts @ np.where(there, values, 0.0)) / (counts @ there.astype(np.float64)))


def pair_values(first: Codes, second: Codes, weights: Matrix) -> Matrix:
    """Return (N,) weights of what two voices answered, NaN where one of them did not."""
    return np.where((first >= 0) & (second >= 0), _look_up(weights, first, second), np.nan)


def _look_up(weights: Matrix, first: Codes, second: Codes) -> Matrix:
    return np.asarray(weights[np.maximum(first, 0), np.maximum(second, 0)])


def _one_hot(codes: Codes, size: int) -> Matrix:
    return np.asarray(codes[:, None] == np.arange(size), np.float64)


def _or_identity(weights: Matrix | None, *codes: Codes) -> Matrix:
    return np.eye(max(int(part.max(initial=-1)) for part in codes) + 1 or 1) if weights is None else weights


def _once(cases: int) -> Matrix:
    return np.ones((1, cases))


def _single(values: Matrix) -> float | None:
    return None if np.isnan(values[0]) else float(values[0])
