"""What is kept is found again, takes no more bytes than are allowed, and goes when it is told to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from magic_demo.core.types import Photo
from magic_demo.imaging.measure import LesionMeasures
from magic_demo.models.answers.photo_evidence import PhotoEvidence
from magic_demo.models.feature_cache import ENTRY_BYTES, FeatureCache, count_bytes


class Maker:
    """Makes arrays of so many bytes, and counts."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.made = 0

    def __call__(self) -> NDArray[np.uint8]:
        self.made += 1
        return np.zeros(self.size, np.uint8)


@pytest.fixture
def room_for_three() -> FeatureCache:
    return FeatureCache(3 * (1000 + ENTRY_BYTES + 4))


def test_what_is_kept_is_made_once(room_for_three: FeatureCache) -> None:
    make = Maker(1000)
    assert room_for_three.get("a", make) is room_for_three.get("a", make)
    assert make.made == 1


def test_the_bytes_never_pass_the_most_allowed_and_what_was_used_longest_ago_goes_first(
    room_for_three: FeatureCache,
) -> None:
    make = Maker(1000)
    for key in "abc":
        room_for_three.get(key, make)
    room_for_three.get("a", make)
    room_for_three.get("d", make)
    assert (make.made, len(room_for_three)) == (4, 3) and room_for_three.bytes == 3 * (1000 + ENTRY_BYTES + 4)
    for key in "acd":
        room_for_three.get(key, make)
    assert make.made == 4
    room_for_three.get("b", make)
    assert make.made == 5


def test_what_would_not_fit_is_made_anew_and_pushes_nothing_out(room_for_three: FeatureCache) -> None:
    small, large = Maker(1000), Maker(5000)
    room_for_three.get("a", small)
    for _ in range(2):
        assert len(room_for_three.get("large", large)) == 5000
    room_for_three.get("a", small)
    assert (small.made, large.made, len(room_for_three)) == (1, 2, 1)


def test_a_photo_is_known_by_itself_and_not_by_its_name(room_for_three: FeatureCache) -> None:
    make = Maker(10)
    for _ in range(2):
        room_for_three.get(("features", Photo("arm", np.zeros((20, 20, 3), np.uint8))), make)
    assert make.made == 2


def test_nothing_is_left_when_it_is_cleared(room_for_three: FeatureCache) -> None:
    room_for_three.get("a", Maker(1000))
    room_for_three.clear()
    assert (len(room_for_three), room_for_three.bytes) == (0, 0)


def test_a_value_that_could_not_be_made_is_asked_for_again(room_for_three: FeatureCache) -> None:
    def fail() -> Callable[[], None]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        room_for_three.get("a", fail)
    make = Maker(1)
    room_for_three.get("a", make)
    assert make.made == 1


def test_the_bytes_of_features_of_a_photos_evidence_and_of_scores_are_counted() -> None:
    features = (torch.zeros(2, 3, 4), torch.zeros(5, dtype=torch.float16))
    assert count_bytes(features) == 2 * 3 * 4 * 4 + 10
    evidence = PhotoEvidence(np.zeros((8, 8), np.float32), LesionMeasures(0, 0.0), torch.zeros(7))
    assert 8 * 8 * 4 + 7 * 4 <= count_bytes(evidence) <= 8 * 8 * 4 + 7 * 4 + 100
    assert count_bytes({"CQID010-001": np.zeros(3, np.float32)}) == 4 * 11 + 12
    assert count_bytes(("features", Photo("arm", np.zeros((20, 20, 3), np.uint8)))) == 4 * 8
