"""A question file of one's own is used as given: its order, its options, its qids; what the models do not
know is named, and answered without them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from magic_demo.__main__ import main
from magic_demo.core.types import LANGUAGES, Family, Question
from magic_demo.files.answers import read_answers
from magic_demo.files.bundles import read_prediction
from magic_demo.questions.answering import AnswerSheet, Statistics
from magic_demo.questions.calibration import FamilyCalibration
from magic_demo.questions.coverage import Coverage, match_families
from magic_demo.questions.decoding import FamilyPriors, SetPriors, count_priors, decode_answers
from magic_demo.questions.families import QuestionSet, load_challenge, load_families, read_questions
from tests.support.own_questions import list_entries, write_file, write_ten

FAMILIES = load_families()


def _shuffle(family: Family, places: list[int]) -> Family:
    options = {language: tuple(family.options[language][place] for place in places) for language in LANGUAGES}
    questions = tuple(Question(question.qid, question.text, options) for question in family.questions)
    return Family(family.family_id, family.title, questions, places.index(family.padding))


def _scores(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    by_family = {
        family.family_id: rng.normal(0, 2, len(family.options["en"])).astype(np.float32)
        for family in FAMILIES
    }
    return {question.qid: by_family[question.family] for question in load_challenge().questions}


def _options(family_id: str) -> dict[str, list[str]]:
    family = next(family for family in FAMILIES if family.family_id == family_id)
    return {f"options_{language}": list(family.options[language]) for language in LANGUAGES}


def _answer(coverage: Coverage, scores: dict[str, Any]) -> AnswerSheet:
    statistics = coverage.translate_statistics(Statistics(_priors()))
    return coverage.asked.answer(coverage.translate_scores(scores), statistics)


def _priors() -> SetPriors:
    rng = np.random.default_rng(1)
    cases = [
        {question.qid: int(rng.integers(question.option_count)) for question in load_challenge().questions}
        for _ in range(30)
    ]
    return count_priors(cases, FAMILIES)


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_another_order_of_options_answers_the_same_texts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    families = [_shuffle(family, rng.permutation(len(family.options["en"])).tolist()) for family in FAMILIES]
    asked = QuestionSet(tuple(families))
    ours = decode_answers(_scores(seed), FAMILIES, _priors())
    sheet = _answer(match_families(asked, FAMILIES), _scores(seed))
    assert not sheet.fallback
    for family, shuffled in zip(FAMILIES, asked.families, strict=True):
        texts = {family.options["en"][ours[question.qid]] for question in family.questions}
        assert texts == {
            shuffled.options["en"][sheet.answers[question.qid]] for question in shuffled.questions
        }


def test_fewer_options_and_questions_are_answered_from_what_is_left(tmp_path: Path) -> None:
    entries = [
        entry
        for entry in list_entries({"CQID025": [2, 0], "CQID011": [7, 2, 0]})
        if entry["qid"] in ("CQID025-001", "CQID011-001", "CQID011-002")
    ]
    coverage = match_families(read_questions(write_file(tmp_path / "few.json", entries)), FAMILIES)
    scores = _scores(0)
    translated = coverage.translate_scores(scores)
    assert translated["CQID025-001"].tolist() == [scores["CQID025-001"][2], scores["CQID025-001"][0]]
    answers = _answer(coverage, scores).answers
    assert set(answers) == {"CQID025-001", "CQID011-001", "CQID011-002"}
    assert all(0 <= index < 3 for index in answers.values())
    sets = coverage.translate_statistics(Statistics(_priors())).priors["CQID011"].sets
    assert sum(sets.values()) == 30 and all(max(labels, default=0) < 3 for labels in sets)


@pytest.mark.parametrize(("slots", "holds"), [(6, True), (5, False)])
def test_a_calibration_holds_only_where_all_slots_are_asked(slots: int, holds: bool) -> None:
    (site,) = [family for family in FAMILIES if family.family_id == "CQID011"]
    asked = QuestionSet((Family(site.family_id, site.title, site.questions[:slots], site.not_mentioned),))
    fitted = Statistics(calibrations={"CQID011": (FamilyCalibration(1, 0.5), 0.1)})
    assert bool(match_families(asked, FAMILIES).translate_statistics(fitted).calibrations) == holds


def test_a_family_of_which_no_option_that_was_answered_is_asked_is_left_open() -> None:
    (itch,) = [family for family in FAMILIES if family.family_id == "CQID025"]
    options = {language: itch.options[language][:2] for language in LANGUAGES}
    (question,) = itch.questions
    asked = QuestionSet(
        (Family("CQID025", itch.title, (Question(question.qid, question.text, options),), None),)
    )
    coverage = match_families(asked, FAMILIES)
    assert coverage.translate_answers({question.qid: 1}) == {question.qid: 1}
    assert coverage.translate_answers({question.qid: 2}) == {}


def test_not_mentioned_stands_where_a_label_that_is_not_asked_stood(tmp_path: Path) -> None:
    entries = [
        entry
        for entry in list_entries({"CQID011": [7, 2, 0]})
        if entry["qid"] in ("CQID011-001", "CQID011-002")
    ]
    asked = read_questions(write_file(tmp_path / "few.json", entries))
    priors = FamilyPriors({frozenset({2, 5}): 3, frozenset({5, 6}): 2, frozenset({2, 0}): 1}, (0.5,) * 8)
    coverage = match_families(asked, FAMILIES)
    (translated,) = coverage.translate_statistics(Statistics({"CQID011": priors})).priors.values()
    assert translated.sets == {frozenset({0, 1}): 3, frozenset({0}): 2, frozenset({1, 2}): 1}


def test_options_are_matched_whatever_their_case_and_blanks(tmp_path: Path) -> None:
    entries = [
        {**entry, "options_en": [f" {option.upper()} " for option in entry["options_en"]]}
        for entry in list_entries()
    ]
    coverage = match_families(read_questions(write_file(tmp_path / "loud.json", entries)), FAMILIES)
    assert coverage.indices["CQID034"] == tuple(range(12)) and not coverage.unknown


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"qid": "CQID099-001"}, "CQID099 is no family of theirs"),
        (
            {"options_en": ["teal", "Not mentioned"], "options_zh": ["青", "无法得知"]},
            "their CQID010 has no option 'teal'",
        ),
        ({"qid": "CQID012-001", **_options("CQID012")}, "their CQID012 has 6 slots, not 1"),
    ],
)
def test_what_the_models_do_not_know_is_named_and_not_scored(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    asked = read_questions(
        write_file(tmp_path / "own.json", [list_entries()[-1], {**list_entries()[0], **change}])
    )
    coverage = match_families(asked, FAMILIES)
    assert list(coverage.unknown.values()) == [reason]
    scores = coverage.translate_scores(_scores(0))
    assert set(scores) == {"CQID036-001"}
    sheet = _answer(coverage, _scores(0))
    assert set(sheet.answers) == {"CQID036-001"} and len(sheet.fallback) == 1
    (line,) = coverage.describe_fallback(sheet, "the models do not score")
    assert reason in line and "'Not mentioned'" in line and "no statistics" in line


def test_a_calibration_holds_only_where_all_options_are_asked() -> None:
    fitted = (FamilyCalibration(1.0, 0.5), 0.02)
    statistics = Statistics(calibrations={"CQID025": fitted, "CQID036": fitted})
    itch, texture = (family for family in FAMILIES if family.family_id in ("CQID025", "CQID036"))
    asked = QuestionSet((_shuffle(itch, [2, 0, 1]), _shuffle(texture, [0, 2])))
    assert set(match_families(asked, FAMILIES).translate_statistics(statistics).calibrations) == {"CQID025"}


def test_predict_and_score_use_the_file_as_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order = {family.family_id: list(range(len(family.options["en"])))[::-1] for family in FAMILIES}
    questions = write_file(tmp_path / "reversed.json", list_entries(order))
    folder = tmp_path / "data" / "valid"
    folder.mkdir(parents=True)
    case = {
        "encounter_id": "ENC1",
        "image_ids": [],
        "query_title_en": "Itchy hands",
        "query_content_en": "Red bumps for three weeks.",
    }
    (folder / "valid.json").write_text(
        json.dumps([case | {"query_title_zh": "", "query_content_zh": ""}]), encoding="utf-8"
    )
    words = ["predict", str(tmp_path / "data"), "--split", "valid", "--task", "cvqa", "--quiet"]
    assert main([*words, "--out", str(tmp_path / "plain")]) == 0
    assert main([*words, "--out", str(tmp_path / "own"), "--questions", str(questions)]) == 0
    plain = read_answers(tmp_path / "plain" / "data_cvqa_sys.json")["ENC1"]
    own = read_answers(tmp_path / "own" / "data_cvqa_sys.json", read_questions(questions))["ENC1"]
    assert plain["CQID025-001"] == 0 and own["CQID025-001"] == 2
    assert plain["CQID015-001"] == 2 and own["CQID015-001"] == 4
    assert json.loads((tmp_path / "own" / "manifest.json").read_text())["settings"]["questions"][
        "CQID025"
    ] == [
        "Not mentioned",
        "no",
        "yes",
    ]
    answers = str(tmp_path / "own" / "data_cvqa_sys.json")
    assert (
        main(
            [
                "score",
                "--answers-reference",
                answers,
                "--answers-system",
                answers,
                "--questions",
                str(questions),
            ]
        )
        == 0
    )
    assert "1.0000" in capsys.readouterr().out
    assert main([*words, "--out", str(tmp_path / "own")]) == 1
    assert "another questions" in capsys.readouterr().err


def test_predict_answers_a_tenth_family_and_says_how(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = write_ten(tmp_path)
    data = tmp_path / "data"
    words = [str(data), "--count", "1", "--longest", "96", "--questions", str(questions)]
    assert main(["cases", *words]) == 0
    assert "the drawn cases do not answer PAIN" in capsys.readouterr().err
    asked = read_questions(questions)
    drawn = read_answers(data / "train" / "train_cvqa.json", asked)["ENC00001"]
    assert len(drawn) == 28 and drawn["PAIN-001"] == 0
    out = tmp_path / "out"
    words = [str(data), "--split", "train", "--task", "cvqa", "--bundle", "--out", str(out), "--quiet"]
    assert main(["predict", *words, "--questions", str(questions)]) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "PAIN" in line]
    assert "'never' (no statistics are known)" in line
    assert json.loads((out / "manifest.json").read_text())["results"]["unscored"] == [
        line.removeprefix("note: ")
    ]
    answers = read_answers(out / "data_cvqa_sys.json", asked)["ENC00001"]
    assert len(answers) == 28 and answers["PAIN-001"] == 0
    prediction = read_prediction(out / "bundle", "ENC00001", asked)
    assert len(prediction.answers) == 27 and "PAIN-001" not in {*prediction.scores, *prediction.answers}
