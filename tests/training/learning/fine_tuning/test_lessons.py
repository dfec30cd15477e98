"""How several readers become one, and which of a reader's reviews counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from magic_demo.reviews.learning.learnt import LearntError
from tests.support.store.reviewed_cases import QUEUE, make_queue
from training.learning.fine_tuning.lessons import Lessons, check_enough, settle_masks
from training.learning.gathering import put_blind_first


def test_a_blind_review_counts_before_one_that_saw_the_model(tmp_path: Path) -> None:
    rows = make_queue(tmp_path / "data").reviews
    kept = [(one.review.case_id, one.review.reader, one.review.kind) for one in put_blind_first(rows)]
    assert ("ENC00001", "Wang", "blind") in kept and ("ENC00001", "Wang", "consensus") in kept
    assert ("ENC00001", "Wang", "revealed") not in kept
    assert ("ENC00001", "Li", "assisted") in kept, "who wrote nothing blind is heard all the same"
    assert {one.review.queue for one in rows} == {QUEUE}


def test_outlines_become_one_by_majority_or_by_staple() -> None:
    careful, sloppy = np.zeros((40, 40), np.bool_), np.zeros((40, 40), np.bool_)
    careful[10:30, 10:30], sloppy[10:30, 10:32] = True, True
    masks = [careful, careful, sloppy]
    assert (settle_masks(masks, "majority") == careful).all()
    assert settle_masks(masks, "staple")[12:28, 12:28].all()
    tie = settle_masks([careful, ~careful], "consensus")
    assert not tie.any(), "nobody decided it"


def test_without_a_case_to_judge_on_nothing_is_learnt() -> None:
    with pytest.raises(LearntError, match="0 cases have a finished reading with an outline or an answer"):
        check_enough(Lessons((), ()), 1)
    with pytest.raises(LearntError, match="no case can be held out to judge on"):
        check_enough(Lessons((), ()), 0)
