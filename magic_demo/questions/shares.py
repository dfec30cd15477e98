"""Scores as shares and back: families of one slot have log-probabilities, in which the options compete; the others
log-odds, in which each label stands for itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def softmax(logits: Floats) -> Floats:
    """Return shares (..., O) that add up to 1 along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def log_softmax(logits: Floats) -> Floats:
    """Return (O,) log-probabilities of (O,) scores up to a constant."""
    top = logits.max()
    return np.asarray(logits - top - np.log(np.exp(logits - top).sum()), np.float64)


def log_odds(shares: Floats) -> Floats:
    """Return the log-odds of shares above 0 and below 1, of any shape."""
    return np.asarray(np.log(shares / (1 - shares)))


def as_shares(scores: Floats, single: bool) -> Floats:
    """Return scores (..., O) as shares: a softmax for families of one slot, each label by itself for the others."""
    return softmax(scores) if single else np.asarray(1 / (1 + np.exp(-np.clip(scores, -50, 50))))


def as_scores(shares: Floats, single: bool, least: float = 1e-4) -> Floats:
    """Return shares (O,) as log-probabilities where an answer is one option, else as log-odds. least: the smallest
    share that counts."""
    bounded = np.clip(shares, least, 1 - least)
    return np.asarray(np.log(bounded / bounded.sum())) if single else log_odds(bounded)
