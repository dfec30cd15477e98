"""Scores as shares and back."""

from __future__ import annotations

import numpy as np
import pytest

from magic_demo.questions.shares import as_scores, as_shares, log_odds, log_softmax, softmax


def test_options_of_one_slot_compete_and_labels_of_several_stand_for_themselves() -> None:
    scores = np.log(np.array([1.0, 3.0]))
    assert as_shares(scores, True) == pytest.approx([0.25, 0.75])
    assert as_shares(scores, False) == pytest.approx([0.5, 0.75])
    assert softmax(np.stack([scores, scores + 1000]))[1] == pytest.approx([0.25, 0.75])


@pytest.mark.parametrize("single", [True, False])
def test_shares_become_the_scores_that_say_the_same(single: bool) -> None:
    shares = np.array([0.2, 0.8])
    assert as_shares(as_scores(shares, single), single) == pytest.approx(shares)
    bounded = as_scores(np.array([0.0, 1.0]), single, 0.01)
    assert np.isfinite(bounded).all() and bounded[1] > bounded[0]
    assert log_softmax(np.log(shares) + 7) == pytest.approx(np.log(shares))
    assert log_odds(shares) == pytest.approx([-np.log(4), np.log(4)])
