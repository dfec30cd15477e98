"""Probabilities that hold together, and a calibration that belongs to its models alone."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from magic_demo.core.errors import CheckpointError
from magic_demo.core.types import Encounter, Family, Narrative
from magic_demo.cues.cue_model import CueModel
from magic_demo.models.loading.predictors import DEFAULT_CUES
from magic_demo.models.predictor import Predictor
from magic_demo.questions.calibration import (
    Calibration,
    FamilyCalibration,
    digest_of,
    expect_credit,
    find_chances,
    read_calibration,
    write_calibration,
)
from magic_demo.questions.combining import Weights
from magic_demo.questions.decoding import FamilyPriors, choose_labels, count_priors, list_sets
from magic_demo.questions.families import load_families
from magic_demo.questions.scoring import credit
from tests.questions.test_decoding import make_family, scored_families
from tests.support.stand_ins import stand_in_predictor

FAMILIES = load_families()
SINGLE = make_family(3, 1)


@pytest.fixture(scope="module")
def cues(repository: Path) -> CueModel:
    return CueModel.load(repository / "checkpoints" / "cue-model")


@given(st.lists(st.floats(-30, 30), min_size=4, max_size=4), st.floats(0.3, 5))
def test_in_one_slot_the_chances_add_up_to_one_and_keep_the_order(
    scores: list[float], temperature: float
) -> None:
    rows = np.array([scores])
    chances = find_chances(rows, SINGLE, None, temperature)
    assert chances.sum() == pytest.approx(1) and chances.min() >= 0
    assert chances[0, rows[0].argmax()] == chances.max()


def test_a_higher_temperature_says_less() -> None:
    scores = np.array([[2.0, 0.0, -1.0, 0.5]])
    assert find_chances(scores, SINGLE, None, 3.0).max() < find_chances(scores, SINGLE, None, 1.0).max()


@given(scored_families(), st.floats(0.5, 3))
@settings(max_examples=40)
def test_chances_and_expected_credit_are_those_of_the_model_of_sets(
    drawn: tuple[Family, NDArray[np.float64], FamilyPriors], temperature: float
) -> None:
    family, scores, priors = drawn
    sets = list_sets(scores, family, priors)
    possible, logs = sets.possible, sets.weigh(scores, priors.weight / temperature)
    shares = np.exp(logs - logs.max()) / np.exp(logs - logs.max()).sum()
    chances = find_chances(scores[None], family, priors, temperature)[0]
    for option in range(len(scores)):
        assert chances[option] == pytest.approx(
            sum(share for labels, share in zip(possible, shares, strict=True) if option in labels), abs=1e-9
        )
    for answer in (possible[0], possible[-1], frozenset({0})):
        expected = sum(share * credit(labels, answer) for labels, share in zip(possible, shares, strict=True))
        assert expect_credit(scores[None], [answer], family, priors, temperature)[0] == pytest.approx(
            expected, abs=1e-9
        )


@given(scored_families(), st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_permuting_the_options_permutes_the_chances(
    drawn: tuple[Family, NDArray[np.float64], FamilyPriors], random: object
) -> None:
    family, scores, priors = drawn
    order = list(range(len(scores)))
    random.shuffle(order)  # type: ignore[attr-defined]
    moved = {old: new for new, old in enumerate(order)}
    other = dataclasses.replace(family, not_mentioned=moved[family.padding])
    other_priors = FamilyPriors(
        {frozenset(moved[label] for label in labels): count for labels, count in priors.sets.items()},
        tuple(priors.rates[old] for old in order),
        priors.smoothing,
        priors.weight,
    )
    before = find_chances(scores[None], family, priors, 1.3)[0]
    assert find_chances(scores[order][None], other, other_priors, 1.3)[0] == pytest.approx(
        before[order], abs=1e-9
    )


@given(
    st.lists(st.floats(-6, 6), min_size=5, max_size=5),
    st.lists(st.lists(st.integers(0, 3), max_size=3), min_size=1, max_size=8),
)
@settings(max_examples=40)
def test_no_set_that_breaks_the_rules_is_expected_to_earn_more(
    scores: list[float], cases: list[list[int]]
) -> None:
    family = make_family(4, 6)
    filled = [[*case, *[4] * (6 - len(case))] for case in cases]
    priors = count_priors(
        [{q.qid: v for q, v in zip(family.questions, case, strict=True)} for case in filled], [family]
    )["CQID900"]
    rows = np.array([scores])
    chosen = choose_labels(rows[0], family, priors)
    best = expect_credit(rows, [chosen | {4}], family, priors, 1.0)[0]
    # no padding, out of range
    for broken in (chosen or frozenset({0}), chosen | {4, 5}, frozenset({0, 1, 2, 3}), frozenset({5})):
        assert expect_credit(rows, [broken], family, priors, 1.0)[0] <= best + 1e-9


def test_one_answer_of_one_slot_earns_its_chance() -> None:
    scores = np.array([[1.0, 0.0, 0.0, 2.0], [0.0, 3.0, 0.0, 0.0]])
    expected = expect_credit(scores, [frozenset({3}), frozenset({1})], SINGLE, None, 2.0)
    assert expected == pytest.approx(find_chances(scores, SINGLE, None, 2.0)[[0, 1], [3, 1]])


def test_a_family_of_several_slots_needs_priors_to_expect_a_credit() -> None:
    with pytest.raises(ValueError, match="CQID900"):
        expect_credit(np.zeros((1, 4)), [frozenset({0})], make_family(3, 2), None, 1.0)


def test_a_calibration_survives_the_file(tmp_path: Path) -> None:
    calibration = Calibration(
        "abc",
        "def",
        0.06,
        {"CQID010": FamilyCalibration(1.25, 0.5)},
        {"CQID012": FamilyCalibration(2, 0.7, 0.4)},
        "x",
    )
    write_calibration(tmp_path, calibration)
    assert read_calibration(tmp_path) == calibration
    assert calibration.of("CQID012", 0.4, photos=True) is not None
    assert (
        calibration.of("CQID012", 0.5, photos=True) is None
        and calibration.of("CQID012", 0.4, photos=False) is None
    )


def test_a_kind_of_photos_that_nothing_was_fitted_on_has_no_calibration() -> None:
    fitted, of_kind = FamilyCalibration(2, 0.7, 0.4), FamilyCalibration(3, 0.7, 0.4)
    table = {"CQID012": fitted}
    calibration = Calibration("a", "b", 0, {}, table, kinds={"close-ups": {"CQID012": of_kind}})
    assert calibration.of("CQID012", 0.4, photos=True) == fitted
    assert calibration.of("CQID012", 0.4, photos=True, kind="close-ups") == of_kind
    assert calibration.of("CQID012", 0.4, photos=True, kind="dermoscopy") is None
    assert calibration.of("CQID012", 0.4, photos=False, kind="close-ups") is None


@pytest.mark.parametrize("folder", ["", "cue-model@", "me@lab/cue-model@"])
def test_a_models_digest_is_the_same_whatever_its_folder_is_called(folder: str) -> None:
    assert digest_of(f"{folder}1a2b") == "1a2b"


def test_a_checkpoint_without_calibration_has_none(tmp_path: Path) -> None:
    assert read_calibration(tmp_path) is None


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "{}",
        '{"cues": "a", "answerer": "", "margin": 0, "fitted_on": "", "text_only": {"CQID010": {}}, '
        '"with_photos": {}}',
    ],
)
def test_a_broken_calibration_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "calibration.json").write_text(content, encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"calibration\.json") as caught:
        read_calibration(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_temperature_of_zero_is_refused(tmp_path: Path) -> None:
    write_calibration(tmp_path, Calibration("abc", "", 0.06, {"CQID010": FamilyCalibration(1.0, 0.5)}))
    path = tmp_path / "calibration.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["text_only"]["CQID010"]["temperature"] = 0
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(CheckpointError, match="CQID010"):
        read_calibration(tmp_path)


def test_the_shipped_calibration_belongs_to_the_shipped_heads(cues: CueModel) -> None:
    calibration = read_calibration(DEFAULT_CUES)
    assert calibration is not None and calibration.cues == digest_of(cues.model_id)
    assert set(calibration.text_only) == {family.family_id for family in FAMILIES}


def test_a_clear_text_gives_sure_answers_and_an_empty_one_none(cues: CueModel) -> None:
    calibration = read_calibration(DEFAULT_CUES)
    assert calibration is not None
    predictor = Predictor(None, None, cues, None, [calibration])
    clear = predictor.predict(Encounter("a", Narrative(en="Itchy red rash on my left hand for three weeks.")))
    assert set(clear.chances) == {family.family_id for family in FAMILIES}
    assert (
        clear.chances["CQID025"][0] > 0.8
        and clear.chances["CQID015"].argmax() == clear.answers["CQID015-001"]
    )
    assert not clear.unsure & {"CQID015", "CQID025"}
    assert predictor.predict(Encounter("b")).unsure == {family.family_id for family in FAMILIES}


def test_scores_of_other_heads_stay_scores(cues: CueModel) -> None:
    calibration = read_calibration(DEFAULT_CUES)
    assert calibration is not None
    other = Predictor(
        None, None, dataclasses.replace(cues, model_id="cues@000000000000"), None, [calibration]
    )
    prediction = other.predict(Encounter("a", Narrative(en="itchy")))
    assert prediction.answers and not prediction.chances and not prediction.unsure


def test_an_answerer_that_nobody_calibrated_leaves_its_families_scores(cues: CueModel) -> None:
    calibration = read_calibration(DEFAULT_CUES)
    assert calibration is not None
    scorer = stand_in_predictor(segmentation=False).answerer
    weights = Weights(
        {"CQID010": 0.5} | {family.family_id: 0.0 for family in FAMILIES if family.family_id != "CQID010"}, {}
    )
    prediction = Predictor(None, scorer, cues, weights, [calibration]).predict(
        Encounter("a", Narrative(en="itchy"))
    )
    assert set(prediction.chances) == {family.family_id for family in FAMILIES} - {"CQID010"}
    ours = Calibration(digest_of(cues.model_id), "0", 0.06, {"CQID010": FamilyCalibration(1.0, 0.5, 0.5)})
    prediction = Predictor(None, scorer, cues, weights, [calibration, ours]).predict(
        Encounter("a", Narrative(en="itchy"))
    )
    assert set(prediction.chances) == {family.family_id for family in FAMILIES}
    changed = Weights({**weights.text_only, "CQID010": 0.4}, {})
    prediction = Predictor(None, scorer, cues, changed, [calibration, ours]).predict(
        Encounter("a", Narrative(en="itchy"))
    )
    assert "CQID010" not in prediction.chances


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n\t",
        "itchy red spots for two weeks " * 334,
        "<script>alert(1)</script><b>itchy</b> &amp; red for <i>3 weeks</i>",
        "Desde hace tres semanas tengo manchas rojas que pican en la mano.",
        "Уже третью неделю чешется рука",
        "手上长红斑三周，约二十个，有点痒",
        "十二天前起疹，直径一点五厘米",
        "\U0001f600\u200d\u2764 123 \u0660\u0661",
    ],
)
def test_any_text_gets_answers_and_probabilities_that_hold(cues: CueModel, text: str) -> None:
    calibration = read_calibration(DEFAULT_CUES)
    assert calibration is not None
    predictor = Predictor(None, None, cues, None, [calibration])
    for narrative in (Narrative(en=text), Narrative(zh=text), Narrative(text, text)):
        prediction = predictor.predict(Encounter("a", narrative))
        assert len(prediction.answers) == 27 and not prediction.failures
        for family in FAMILIES:
            chances = prediction.chances[family.family_id]
            assert chances.shape == (len(family.options["en"]),) and chances.min() >= 0 and chances.max() <= 1
            if len(family.questions) == 1:
                assert chances.sum() == pytest.approx(1)


def test_chinese_numbers_are_read_as_numbers(cues: CueModel) -> None:
    predictor = Predictor(None, None, cues)
    words, digits = (
        predictor.predict(Encounter("a", Narrative(zh=text))).answers
        for text in ("手上红斑三周", "手上红斑3周")
    )
    assert words["CQID015-001"] == digits["CQID015-001"]
    assert (
        "week"
        in FAMILIES[[f.family_id for f in FAMILIES].index("CQID015")]
        .options["en"][words["CQID015-001"]]
        .lower()
    )
