"""Which case teaches most: one definition, and the reason that it gives."""

from __future__ import annotations

import numpy as np
import pytest

from magic_demo.core.types import PhotoPrediction, Prediction
from magic_demo.questions.families import load_challenge
from magic_demo.reviews.gain import REASONS, Doubts, Gain, expect_gain, measure_doubts, rank_cases


@pytest.mark.parametrize(
    ("doubts", "reason"),
    [
        (Doubts(disagreement=0.6, abstained=0.1, variance=0.03, distance=0.4), "disagreement"),
        (Doubts(disagreement=0.0, abstained=0.9, variance=0.03, distance=0.4), "abstained"),
        (Doubts(disagreement=0.0, abstained=0.1, variance=0.29, distance=0.4), "variance"),
        (Doubts(abstained=0.1, variance=0.03, distance=1.9), "distance"),
    ],
)
def test_the_reason_is_what_counts_most(doubts: Doubts, reason: str) -> None:
    gain = expect_gain(doubts)
    assert gain.reason == reason and reason in REASONS and 0 < gain.value <= 1


@pytest.mark.parametrize("part", ["disagreement", "abstained", "variance", "distance"])
def test_more_doubt_of_any_kind_is_more_gain(part: str) -> None:
    def gain(value: float) -> float:
        values = {"disagreement": 0.2, "abstained": 0.2, "variance": 0.1, "distance": 0.5, part: value}
        return expect_gain(Doubts(**values)).value

    assert gain(0.05) < gain(0.15) < gain(0.25)


def test_a_case_that_nobody_has_read_is_not_behind_one_on_which_readers_agree() -> None:
    unread, agreed = (expect_gain(Doubts(said, 0.5, 0.1, 1.0)) for said in (None, 0.0))
    assert unread.value > agreed.value


def test_without_any_doubt_there_is_no_gain_and_no_reason() -> None:
    assert expect_gain(Doubts()) == expect_gain(Doubts(0.0, 0.0, 0.0, 0.0)) == Gain()


def test_cases_of_equal_gain_stay_in_their_order() -> None:
    assert rank_cases([Gain(0.2), Gain(0.7), Gain(0.2), Gain(0.0)]) == [1, 0, 2, 3]


def test_doubts_are_the_worst_photos_and_the_share_of_calibrated_families_that_abstain() -> None:
    maps = [PhotoPrediction(str(n), np.zeros((2, 2), np.float32), (2, 2), n / 10) for n in (1, 2)]
    chances = {name: np.array([0.5, 0.5]) for name in ("CQID015", "CQID025")}
    prediction = Prediction("a", tuple(maps), chances=chances, unsure=frozenset({"CQID025"}), distance=1.5)
    assert measure_doubts(prediction, load_challenge()) == Doubts(None, 0.5, 0.2, 1.5)
    assert measure_doubts(Prediction("a"), load_challenge()) == Doubts()
