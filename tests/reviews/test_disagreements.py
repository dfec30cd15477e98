"""Where a reading differs from a model, and what changed after the reveal."""

from __future__ import annotations

import numpy as np
import pytest

from magic_demo.core.types import PhotoPrediction, Prediction
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.questions.decoding import fill_slots
from magic_demo.questions.families import load_challenge, load_families
from magic_demo.reviews import disagreements
from magic_demo.reviews.disagreements import count_changes, find_disagreements

FAMILIES = {family.family_id: family for family in load_families()}


def say(**labels: list[int]) -> dict[str, int]:
    """Return answers of families, by option indices."""
    answers: dict[str, int] = {}
    for family_id, chosen in labels.items():
        answers.update(fill_slots(FAMILIES[family_id], frozenset(chosen)))
    return answers


def disc(centre: int) -> np.ndarray:
    rows, columns = np.mgrid[:60, :60]
    return np.asarray((rows - 30) ** 2 + (columns - centre) ** 2 < 15**2)


def test_families_and_photos_that_differ_are_named_and_what_is_open_is_not() -> None:
    maps = tuple(
        PhotoPrediction(name, disc(30).astype(np.float32), (60, 60)) for name in ("near", "far", "untouched")
    )
    model = Prediction("ENC00001", maps, answers=say(CQID010=[0], CQID011=[1, 2], CQID015=[1], CQID025=[0]))
    mine = say(CQID010=[1], CQID011=[2, 1], CQID015=[1])
    found = find_disagreements(
        mine, {"near": encode_mask(disc(31)), "far": encode_mask(disc(44))}, model, load_challenge()
    )
    assert found == {"CQID010", "far"}


def test_changes_are_counted_with_their_direction() -> None:
    before = say(CQID010=[1], CQID015=[1], CQID025=[0], CQID034=[2])
    after = say(CQID010=[0], CQID015=[2], CQID025=[1], CQID034=[2], CQID035=[0])
    model = say(CQID010=[0], CQID015=[1], CQID025=[2], CQID034=[2])
    changes = count_changes(before, after, model, questions=load_challenge())
    assert (changes.changed, changes.of, changes.towards, changes.away) == (3, 4, 1, 1)
    assert changes.right_to_wrong is None and changes.wrong_to_right is None


def test_right_and_wrong_are_counted_where_there_is_a_reference() -> None:
    before, after = say(CQID010=[1], CQID015=[1], CQID025=[0]), say(CQID010=[0], CQID015=[2], CQID025=[0])
    changes = count_changes(
        before, after, {}, say(CQID010=[1], CQID015=[2], CQID025=[1]), questions=load_challenge()
    )
    assert (changes.right_to_wrong, changes.wrong_to_right) == (1, 1)


def test_outlines_that_were_drawn_changed_or_dropped_are_counted() -> None:
    one, other = encode_mask(disc(30)), encode_mask(disc(31))
    changes = count_changes(
        {},
        {},
        {},
        masks_before={"a": one, "b": one, "c": one},
        masks_after={"a": one, "b": other, "d": one},
        questions=load_challenge(),
    )
    assert changes.outlines == 3


def test_outlines_found_beforehand_are_not_found_again_at_a_save(monkeypatch: pytest.MonkeyPatch) -> None:
    lesion = np.zeros((8, 8), np.float32)
    lesion[2:6, 2:6] = 1.0
    prediction = Prediction("E1", (PhotoPrediction("a", lesion, (8, 8)),))
    disagreements.prepare_outlines(prediction)
    monkeypatch.setattr(disagreements, "lesion_mask", None)  # whoever asks for it now fails
    same, other = lesion > 0.5, lesion < 0.5
    for mask, expected in ((same, frozenset()), (other, frozenset({"a"}))):
        assert find_disagreements({}, {"a": encode_mask(mask)}, prediction, load_challenge()) == expected
