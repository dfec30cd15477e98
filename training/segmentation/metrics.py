"""What an evaluation during training says: mean per-photo Dice of every source, and the threshold that is
best on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

THRESHOLDS = np.arange(0.2, 0.81, 0.05)


def keep_probability(logits: Tensor | tuple[Tensor, ...], _labels: Tensor) -> Tensor:
    """Shrink what the Trainer collects: logits become the probability in 1/255, uint8."""
    first = logits if isinstance(logits, Tensor) else logits[0]
    return (first.float().sigmoid() * 255).round().to(torch.uint8)


def measure_dice(
    probability: NDArray[np.uint8], reference: NDArray[np.bool_], threshold: float
) -> NDArray[np.float64]:
    """Return the Dice of each photo: (N, h, w) probability in 1/255 and mask; both empty is 1."""
    system = probability >= threshold * 255
    both = (system & reference).sum(axis=(1, 2))
    either = system.sum(axis=(1, 2)) + reference.sum(axis=(1, 2))
    return np.asarray(np.where(either == 0, 1.0, 2 * both / np.maximum(either, 1)), dtype=np.float64)


def make_metrics(sources: Sequence[str]) -> Callable[[Any], dict[str, float]]:
    """Return the Trainer's ``compute_metrics`` for photos of these sources, in order.

    dice: the mean over sources of the mean per-photo Dice at 0.5; dice_NAME: one source's; best_dice,
    threshold: at the threshold that is best for ``dice``.
    """
    names = list(dict.fromkeys(sources))
    rows = {name: np.array([source == name for source in sources]) for name in names}

    def measure(evaluation: Any) -> dict[str, float]:
        probability, reference = evaluation.predictions, evaluation.label_ids >= 0.5

        def mean(threshold: float) -> tuple[float, dict[str, float]]:
            dice = measure_dice(probability, reference, threshold)
            each = {f"dice_{name}": float(dice[rows[name]].mean()) for name in names}
            return float(np.mean(list(each.values()))), each

        at_half, each = mean(0.5)
        best, threshold = max((mean(float(value))[0], float(value)) for value in THRESHOLDS)
        return {"dice": at_half, **each, "best_dice": best, "threshold": round(threshold, 2)}

    return measure
