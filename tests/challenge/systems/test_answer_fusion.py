"""Several systems' answers become one: cases whose answer was worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from magic_demo.challenge.systems.answer_fusion import fuse_family, read_labels
from magic_demo.challenge.systems.weights import earn_family, fit_weights, list_points
from magic_demo.core.errors import FormatError
from magic_demo.core.types import Prediction
from magic_demo.questions.decoding import fill_slots
from magic_demo.questions.families import load_challenge

ITCH, SITES = load_challenge().family("CQID025"), load_challenge().family("CQID011")
HEAD, NECK, NO_SITE = 0, 1, 7


def _itch(option: int) -> Prediction:
    return Prediction("ENC1", answers={"CQID025-001": option})


def _itch_shares(*shares: float) -> Prediction:
    return Prediction("ENC1", scores={"CQID025-001": np.log(np.array(shares, np.float32))})


def _sites(*labels: int) -> Prediction:
    return Prediction("ENC1", answers=fill_slots(SITES, frozenset(labels)))


def _fuse_sites(predictions: Sequence[Prediction]) -> set[int]:
    fused = fuse_family(predictions, SITES, "majority")
    assert fused is not None and len(fused.answers) == 6
    return set(read_labels(fused.answers, SITES)) - {NO_SITE}


def _fuse_itch(predictions: Sequence[Prediction], how: str, weights: Sequence[float] = ()) -> int:
    fused = fuse_family(predictions, ITCH, "majority" if how == "majority" else "mean", weights)
    assert fused is not None
    return fused.answers["CQID025-001"]


def test_the_option_of_most_systems_is_the_majoritys() -> None:
    assert _fuse_itch([_itch(0), _itch(1), _itch(1)], "majority") == 1


def test_of_a_tie_the_first_systems_answer_counts() -> None:
    assert _fuse_itch([_itch(1), _itch(0)], "majority") == 1
    assert _fuse_itch([_itch(0), _itch(1)], "majority") == 0


def test_the_votes_are_the_fused_scores() -> None:
    fused = fuse_family([_itch(0), _itch(1), _itch(1), _itch(1)], ITCH, "majority")
    assert fused is not None
    assert np.exp(fused.scores) == pytest.approx([0.25, 0.75, 0], abs=1e-3)


def test_siblings_are_fused_as_a_set_that_earns_most() -> None:
    """{head}, {head, neck}, {neck}, each beside "Not mentioned": {head} earns 1 + 2/3 + 1/2, {neck} the same,
    {head, neck} earns 2/3 + 1 + 2/3 = 2.33 and is best."""
    assert _fuse_sites([_sites(HEAD), _sites(HEAD, NECK), _sites(NECK)]) == {HEAD, NECK}
    # two against one: {head} earns 1 + 1 + 1/2 = 2.5, {head, neck} 2/3 + 2/3 + 2/3
    assert _fuse_sites([_sites(HEAD), _sites(HEAD), _sites(NECK)]) == {HEAD}


def test_a_set_that_no_system_gave_can_earn_most() -> None:
    """Of {head, neck}, {head, chest} and {head, back} each earns 1 + 2/3 + 2/3, {head} 2/3 three times: the first
    system's answer stands."""
    assert _fuse_sites([_sites(0, 1), _sites(0, 4), _sites(0, 5)]) == {0, 1}
    # {head, neck, chest}, {head, neck, back}, {head, other}, {neck, other}: {head, neck, other} earns 3/4 four
    # times, {head, neck} 3/4 + 3/4 + 2/3 + 2/3; the best of those given, {head, neck, chest}, 1 + 3/4 + 1/2 + 1/2
    assert _fuse_sites([_sites(0, 1, 4), _sites(0, 1, 5), _sites(0, 6), _sites(1, 6)]) == {0, 1, 6}


def test_pooled_scores_outweigh_the_number_of_votes() -> None:
    sure, unsure = _itch_shares(0.9, 0.05, 0.05), _itch_shares(0.3, 0.4, 0.3)
    assert _fuse_itch([unsure, unsure, sure], "mean") == 0  # 0.5 against 0.283
    # a system without scores is believed by 0.9: 0.9 + 0.05 + 0.05 against 0.05 + 0.475 + 0.475
    told = _itch_shares(0.05, 0.475, 0.475)
    assert _fuse_itch([told, told, _itch(0)], "mean") == 0


def test_weights_shift_the_pool_and_the_silent_have_none() -> None:
    first, second = _itch_shares(0.6, 0.3, 0.1), _itch_shares(0.1, 0.8, 0.1)
    assert _fuse_itch([first, second], "mean") == 1  # 0.35 against 0.55
    assert _fuse_itch([first, second], "mean", [0.9, 0.1]) == 0  # 0.55 against 0.35
    silent = Prediction("ENC1")
    assert _fuse_itch([silent, first], "mean", [1, 0]) == 0
    assert fuse_family([silent, silent], ITCH, "mean") is None


def test_the_grid_of_weights_covers_the_simplex_and_begins_with_alike() -> None:
    for systems in range(1, 8):
        points = list_points(systems)
        assert points[0] == pytest.approx(1 / systems) and np.allclose(points.sum(axis=1), 1)
        assert all((points[:, system] == 1).any() for system in range(systems))


def test_weights_follow_the_system_that_is_right() -> None:
    references = {f"ENC{number}": {"CQID025-001": number % 2} for number in range(6)}
    wrong_and_right = {
        case: [_itch(1 - answer["CQID025-001"]), _itch(answer["CQID025-001"])]
        for case, answer in references.items()
    }
    fitted = fit_weights(references, wrong_and_right, [ITCH], {})
    assert fitted.kind == "shared" and fitted.weights["CQID025"][1] > fitted.weights["CQID025"][0]
    assert list(fitted.single) == [0, 1]
    assert fitted.held_out == {"alike": 0, "shared": 1, "by family": 1}


def test_a_case_is_left_out_of_the_choice_that_answers_it() -> None:
    """Each system is right on one of two cases: whatever the other case chooses is wrong on this one."""
    references = {"ENC1": {"CQID025-001": 0}, "ENC2": {"CQID025-001": 1}}
    predictions = {"ENC1": [_itch(0), _itch(1)], "ENC2": [_itch(0), _itch(1)]}
    fitted = fit_weights(references, predictions, [ITCH], {})
    assert fitted.held_out == {"alike": 0.5, "shared": 0, "by family": 0}
    assert fitted.kind == "alike"
    with pytest.raises(FormatError, match="no labelled encounter"):
        fit_weights({"ENC9": {}}, predictions, [ITCH], {})


def test_a_system_alone_earns_nothing_by_what_others_answer() -> None:
    references = {f"ENC{number}": {"CQID025-001": number % 2} for number in range(4)}
    predictions = {
        case: [
            _itch(answer["CQID025-001"]) if case == "ENC0" else Prediction(case),
            _itch(answer["CQID025-001"]),
        ]
        for case, answer in references.items()
    }
    assert fit_weights(references, predictions, [ITCH], {}).single == (0.25, 1)


def test_weights_are_tried_on_the_answers_that_they_give_where_the_weighed_system_is_silent() -> None:
    """Two systems without a weight outvote the one that is named first, as ``fuse_family`` has it."""
    said = [_itch(0), Prediction("ENC1"), _itch(1), _itch(1)]
    for weights in ((0.0, 1.0, 0.0, 0.0), (0.1, 0.9, 0.0, 0.0)):
        fused = fuse_family(said, ITCH, "mean", weights)
        assert fused is not None
        earned = earn_family(said, fused.answers, ITCH, np.array([weights]), {})
        assert earned.tolist() == [1], weights


@pytest.mark.parametrize(("share", "fused"), [(0.98, 1), (0.9, 0)])
def test_an_answer_without_scores_counts_as_nine_tenths_sure(share: float, fused: int) -> None:
    """0.9 and an even part of the rest, 0.933, against what the other system gives to the second option."""
    assert _fuse_itch([_itch(0), _itch_shares((1 - share) / 2, share, (1 - share) / 2)], "mean") == fused


def test_scores_of_some_of_a_familys_slots_are_no_scores_of_the_family() -> None:
    answered = _sites(HEAD)
    partly = Prediction(
        "ENC1", answers=answered.answers, scores={SITES.questions[0].qid: np.zeros(8, np.float32)}
    )
    fused, alone = (fuse_family([one], SITES, "mean") for one in (partly, answered))
    assert fused is not None and alone is not None and fused.answers == alone.answers


def test_a_set_that_the_priors_do_not_list_can_be_answered_where_a_system_gives_it() -> None:
    """Two sites in all six slots, as a system may write them: no slot holds "Not mentioned"."""
    full = dict(zip((question.qid for question in SITES.questions), [HEAD, NECK] * 3, strict=True))
    fused = fuse_family([Prediction("ENC1", answers=full)] * 2, SITES, "mean")
    assert fused is not None and read_labels(fused.answers, SITES) - {NO_SITE} == {HEAD, NECK}
