"""One mask from several readers': by majority, or weighted by how reliable each reader is estimated to be
(STAPLE)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import Mask

MOST_ROUNDS = 100
SETTLED = 1e-7
"""The sum of squared changes of sensitivities and specificities below which STAPLE has settled."""
_NEAR = 1e-6


@dataclass(frozen=True, eq=False)
class Staple:
    """What STAPLE estimates. probability: (H, W) float64, of each pixel being lesion. sensitivity,
    specificity: (R,) float64, one a reader."""

    probability: NDArray[np.float64]
    sensitivity: NDArray[np.float64]
    specificity: NDArray[np.float64]
    rounds: int

    @property
    def mask(self) -> Mask:
        """Return the pixels that are lesion at least as likely as not."""
        return np.asarray(self.probability >= 0.5, dtype=np.bool_)


def take_majority(masks: Sequence[Mask]) -> Mask:
    """Return the pixels that more than half of one or more (H, W) bool masks mark: a tie is no lesion, as
    nobody decided it.

    Raises ValueError without masks or for masks of several sizes.
    """
    votes = _stack(masks).sum(axis=0)
    return np.asarray(2 * votes > len(masks), dtype=np.bool_)


def estimate_staple(masks: Sequence[Mask]) -> Staple:
    """Estimate the hidden true mask and every reader's sensitivity and specificity from two or more (H, W)
    bool masks.

    Expectation-maximisation of Warfield, Zou and Wells (IEEE Transactions on Medical Imaging 23(7), 2004),
    binary labels, without a spatial prior; the prior of lesion is the readers' mean share, and is taken over
    the rectangle that all masks' lesions lie in with one pixel around it, so that a large empty background
    does not make everybody look specific. Readers begin at 0.99. Raises ValueError for fewer than two masks
    or masks of several sizes.
    """
    if len(masks) < 2:
        raise ValueError(f"{len(masks)} masks came; STAPLE compares two or more")
    stack = _stack(masks)
    probability = np.zeros(stack.shape[1:], dtype=np.float64)
    window = _find_window(stack)
    readers = len(masks)
    if window is None:
        return Staple(probability, np.ones(readers), np.ones(readers), 0)
    # pixels that all readers label alike have the same probability: each pattern of labels is computed once
    patterns, inverse, counts = np.unique(
        stack[:, *window].reshape(readers, -1), axis=1, return_inverse=True, return_counts=True
    )
    prior = float((patterns * counts).sum() / (readers * counts.sum()))
    sensitivity, specificity = np.full(readers, 0.99), np.full(readers, 0.99)
    weight = _weigh(patterns, prior, sensitivity, specificity)
    rounds, moved = 0, 1.0
    while moved >= SETTLED and rounds < MOST_ROUNDS:
        rounds += 1
        lesion, skin = weight * counts, (1 - weight) * counts
        before = np.concatenate([sensitivity, specificity])
        sensitivity = np.clip((patterns * lesion).sum(axis=1) / max(lesion.sum(), _NEAR), _NEAR, 1 - _NEAR)
        specificity = np.clip((~patterns * skin).sum(axis=1) / max(skin.sum(), _NEAR), _NEAR, 1 - _NEAR)
        weight = _weigh(patterns, prior, sensitivity, specificity)
        moved = float(((np.concatenate([sensitivity, specificity]) - before) ** 2).sum())
    inside = probability[window]
    inside[:] = weight[inverse.ravel()].reshape(inside.shape)
    return Staple(probability, sensitivity, specificity, rounds)


def _weigh(
    patterns: NDArray[np.bool_],
    prior: float,
    sensitivity: NDArray[np.float64],
    specificity: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return (P,) the probability of lesion under each pattern of the readers' labels, (R, P) bool."""
    lesion = np.where(patterns, sensitivity[:, None], 1 - sensitivity[:, None]).prod(axis=0) * prior
    skin = np.where(patterns, 1 - specificity[:, None], specificity[:, None]).prod(axis=0) * (1 - prior)
    return np.asarray(lesion / np.maximum(lesion + skin, 1e-300))


def _find_window(stack: NDArray[np.bool_]) -> tuple[slice, slice] | None:
    marked: NDArray[np.bool_] = np.asarray(stack.any(axis=0), dtype=np.bool_)
    rows, columns = np.flatnonzero(marked.any(axis=1)), np.flatnonzero(marked.any(axis=0))
    if not rows.size:
        return None
    return slice(max(0, int(rows[0]) - 1), int(rows[-1]) + 2), slice(
        max(0, int(columns[0]) - 1), int(columns[-1]) + 2
    )


def _stack(masks: Sequence[Mask]) -> NDArray[np.bool_]:
    if not masks or len({mask.shape for mask in masks}) > 1:
        raise ValueError(
            f"masks of the sizes {sorted({mask.shape for mask in masks})} came; one or more of one size "
            "are expected"
        )
    return np.stack([np.asarray(mask, dtype=np.bool_) for mask in masks])
