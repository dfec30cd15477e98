"""The nearest cases of an index, and what their answers say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class VectorSearch(Protocol):
    """The vectors of N cases; a vector database would stand here."""

    def compare(self, query: Floats) -> NDArray[np.float64]:
        """Return (N,) cosines with a vector (D,) of length 1; 0 for a case without a vector."""


@dataclass(frozen=True, eq=False)
class SparseVectors:
    """Vectors that are mostly 0, compared exactly.

    places, values: (Z,) of all cases one after another. rows: (Z,) whose they are. count: N.
    """

    places: NDArray[np.int32]
    values: Floats
    rows: NDArray[np.int32]
    count: int

    @classmethod
    def of(cls, vectors: Sequence[Floats]) -> SparseVectors:
        """Return dense vectors (D,), one a case, without their zeros."""
        places = [np.flatnonzero(vector).astype(np.int32) for vector in vectors]
        rows = np.repeat(np.arange(len(vectors), dtype=np.int32), [len(found) for found in places])
        values = [vector[found] for vector, found in zip(vectors, places, strict=True)]
        return cls(np.concatenate(places), np.concatenate(values), rows, len(vectors))

    def compare(self, query: Floats) -> NDArray[np.float64]:
        """Return (N,) cosines."""
        products = self.values.astype(np.float64) * query[self.places]
        return np.asarray(np.bincount(self.rows, products, self.count), np.float64)


@dataclass(frozen=True, eq=False)
class DenseVectors:
    """Vectors of a text encoder, (N, D) float32 of length 1 or 0, compared exactly."""

    vectors: Floats

    def compare(self, query: Floats) -> NDArray[np.float64]:
        """Return (N,) cosines."""
        return np.asarray(self.vectors @ query, np.float64)


def find_nearest(
    similarities: NDArray[np.float64], allowed: NDArray[np.bool_], count: int
) -> NDArray[np.intp]:
    """Return at most ``count`` rows of highest similarity among the ``allowed``, the nearest first; of a tie
    the earlier."""
    rows = np.flatnonzero(allowed)
    return np.asarray(rows[np.argsort(-similarities[rows], kind="stable")[:count]])


def weigh_neighbours(similarities: NDArray[np.float64], warmth: float) -> NDArray[np.float64]:
    """Return how much each neighbour counts, (K,): the nearest 1, another e times less for each ``warmth`` that
    it is less similar."""
    if not len(similarities):
        return np.zeros(0)
    return np.asarray(np.exp((similarities - similarities.max()) / warmth))


def vote(
    labels: NDArray[np.bool_], counts: NDArray[np.float64], rates: NDArray[np.float64], prior: float
) -> NDArray[np.float64]:
    """Return the share of each option, (O,) in 0..1: neighbours' labels (K, O) as they count (K,), with
    ``prior`` votes for the rates (O,) of all cases."""
    return np.asarray((counts @ labels + prior * rates) / (counts.sum() + prior))
