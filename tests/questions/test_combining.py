"""Two models' scores become one, between the two and never worse defined than either."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from magic_demo.core.errors import CheckpointError
from magic_demo.core.types import OptionScores
from magic_demo.questions.combining import Weights, combine_scores, read_weights
from magic_demo.questions.families import load_challenge, load_families


def _scores(seed: int) -> OptionScores:
    rng = np.random.default_rng(seed)
    return {
        question.qid: rng.normal(size=question.option_count).astype(np.float32)
        for question in load_challenge().questions
    }


def _all(weight: float) -> Weights:
    table = {family.family_id: weight for family in load_families()}
    return Weights(table, table)


@pytest.mark.parametrize(("weight", "kept"), [(0.0, 0), (1.0, 1)])
def test_the_whole_weight_on_one_model_keeps_its_order(weight: float, kept: int) -> None:
    parts = _scores(1), _scores(2)
    combined = combine_scores(*parts, load_families(), partial(_all(weight).of, photos=True))
    for question in load_challenge().questions:
        assert np.array_equal(np.argsort(combined[question.qid]), np.argsort(parts[kept][question.qid]))


def test_single_slot_families_come_out_as_log_probabilities() -> None:
    combined = combine_scores(_scores(1), _scores(2), load_families(), partial(Weights().of, photos=False))
    for family in load_families():
        if len(family.questions) == 1:
            assert np.exp(combined[family.questions[0].qid].astype(float)).sum() == pytest.approx(
                1.0, abs=1e-5
            )


def test_log_odds_lie_between_the_two_models() -> None:
    one, other = _scores(1), _scores(2)
    combined = combine_scores(one, other, load_families(), partial(_all(0.3).of, photos=False))
    for qid in ("CQID011-002", "CQID020-009"):
        assert (combined[qid] >= np.minimum(one[qid], other[qid]) - 1e-6).all()
        assert (combined[qid] <= np.maximum(one[qid], other[qid]) + 1e-6).all()


def test_a_constant_added_to_a_models_logits_changes_nothing_for_one_slot() -> None:
    shifted = {qid: values + 7 for qid, values in _scores(1).items()}
    before = combine_scores(_scores(1), _scores(2), load_families(), partial(Weights().of, photos=False))
    after = combine_scores(shifted, _scores(2), load_families(), partial(Weights().of, photos=False))
    assert np.allclose(before["CQID034-001"], after["CQID034-001"], atol=1e-5)


def test_weights_come_with_the_checkpoint_and_differ_with_photos(tmp_path: Path) -> None:
    (tmp_path / "combination.json").write_text(
        json.dumps({"text_only": {"CQID010": 0.0}, "with_photos": {"CQID010": 0.4}})
    )
    weights = read_weights(tmp_path)
    assert weights.of("CQID010", photos=False) == 0.0 and weights.of("CQID010", photos=True) == 0.4
    assert weights.of("CQID036", photos=True) == 0.5


def test_photos_that_are_only_measured_have_the_weights_of_measures_whatever_their_kind() -> None:
    weights = Weights({"A": 0.1}, {"A": 0.2}, {"A": 0.3}, {"close-ups": {"A": 0.4}})
    assert (
        weights.of("A", photos=True, kind="close-ups") == 0.4
        and weights.of("A", photos=True, kind="x") == 0.2
    )
    measured = weights.measured()
    assert {measured.of("A", photos=True, kind=kind) for kind in ("", "x", "close-ups")} == {0.3}
    assert measured.of("A", photos=False) == 0.1


def test_a_checkpoint_without_weights_counts_as_much_as_the_cues(tmp_path: Path) -> None:
    assert read_weights(tmp_path).of("CQID010", photos=True) == 0.5


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "{}",
        '{"text_only": {"CQID010": 2}, "with_photos": {}}',
        '{"text_only": 1, "with_photos": {}}',
        '{"text_only": {}, "with_photos": {}, "kinds": {"close-ups": {"CQID010": 1.1}}}',
        '{"text_only": {}, "with_photos": {}, "with_measures": {"CQID010": -0.1}}',
    ],
)
def test_broken_weights_are_refused_by_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "combination.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"combination\.json"):
        read_weights(tmp_path)
