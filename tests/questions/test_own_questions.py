"""A question file of one's own is used as given: its order, its options, its qids; what the models do not
know is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from magic_demo.__main__ import main
from magic_demo.core.errors import FormatError
from magic_demo.core.types import LANGUAGES, Family, Question
from magic_demo.files.encounters import read_answers
from magic_demo.questions.decoding import SetPriors, count_priors, decode_answers
from magic_demo.questions.families import load_families, load_questions, read_families
from magic_demo.questions.own_questions import match_families, read_question_map

FAMILIES = load_families()


def _entries(order: dict[str, list[int]] | None = None) -> list[dict[str, Any]]:
    """Return the challenge's questions as a file has them, the options of some families in another order or
    fewer."""
    rows = []
    for question in load_questions():
        places = (order or {}).get(question.family, list(range(question.option_count)))
        rows.append(
            {
                "qid": question.qid,
                **{f"question_{language}": question.text[language] for language in ("en", "zh")},
                **{
                    f"options_{language}": [question.options[language][place] for place in places]
                    for language in ("en", "zh")
                },
            }
        )
    return rows


def _write(path: Path, entries: list[dict[str, Any]]) -> Path:
    path.write_text(json.dumps(entries, ensure_ascii=False), encoding="utf-8")
    return path


def _shuffle(family: Family, places: list[int]) -> Family:
    options = {language: tuple(family.options[language][place] for place in places) for language in LANGUAGES}
    questions = tuple(Question(question.qid, question.text, options) for question in family.questions)
    return Family(family.family_id, family.title, questions, places.index(family.not_mentioned))


def _scores(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    by_family = {
        family.family_id: rng.normal(0, 2, len(family.options["en"])).astype(np.float32)
        for family in FAMILIES
    }
    return {question.qid: by_family[question.family] for question in load_questions()}


def _priors() -> SetPriors:
    rng = np.random.default_rng(1)
    cases = [
        {question.qid: int(rng.integers(question.option_count)) for question in load_questions()}
        for _ in range(30)
    ]
    return count_priors(cases, FAMILIES)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_another_order_of_options_answers_the_same_texts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    families = [_shuffle(family, rng.permutation(len(family.options["en"])).tolist()) for family in FAMILIES]
    shuffled = match_families(families, "own")
    ours, theirs = (
        decode_answers(_scores(seed), FAMILIES, _priors()),
        shuffled.decode(_scores(seed), _priors()),
    )
    for family, other in zip(FAMILIES, shuffled.families, strict=True):
        said = {family.options["en"][ours[question.qid]] for question in family.questions}
        assert said == {other.options["en"][theirs[question.qid]] for question in other.questions}


def test_fewer_options_and_questions_are_answered_from_what_is_left(tmp_path: Path) -> None:
    entries = [
        entry
        for entry in _entries({"CQID025": [2, 0], "CQID011": [7, 2, 0]})
        if entry["qid"] in ("CQID025-001", "CQID011-001", "CQID011-002")
    ]
    mapped = read_question_map(_write(tmp_path / "few.json", entries))
    scores = _scores(0)
    translated = mapped.translate_scores(scores)
    assert translated["CQID025-001"].tolist() == [scores["CQID025-001"][2], scores["CQID025-001"][0]]
    answers = mapped.decode(scores, _priors())
    assert set(answers) == {"CQID025-001", "CQID011-001", "CQID011-002"}
    assert all(0 <= index < 3 for index in answers.values())
    sets = mapped.translate_priors(_priors())["CQID011"].sets
    assert sum(sets.values()) == 30 and all(max(labels, default=0) < 3 for labels in sets)


def test_options_are_matched_whatever_their_case_and_blanks(tmp_path: Path) -> None:
    entries = [
        {**entry, "options_en": [f" {option.upper()} " for option in entry["options_en"]]}
        for entry in _entries()
    ]
    mapped = read_question_map(_write(tmp_path / "loud.json", entries))
    assert mapped.places["CQID034"] == tuple(range(12))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"qid": "CQID099-001"}, "cannot answer CQID099-001"),
        (
            {"options_en": ["teal", "Not mentioned"], "options_zh": ["青", "无法得知"]},
            "CQID010-001 has the option 'teal', which the models do not know",
        ),
        (
            {"options_en": ["widespread", "Widespread", "Not mentioned"], "options_zh": ["a", "b", "c"]},
            "'widespread' twice",
        ),
    ],
)
def test_what_the_models_do_not_know_is_refused_by_name(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    path = _write(tmp_path / "own.json", [{**_entries()[0], **change}])
    with pytest.raises(FormatError, match=says) as caught:
        read_question_map(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_predict_and_score_use_the_file_as_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order = {family.family_id: list(range(len(family.options["en"])))[::-1] for family in FAMILIES}
    questions = _write(tmp_path / "reversed.json", _entries(order))
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
    own = read_answers(tmp_path / "own" / "data_cvqa_sys.json", read_families(questions))["ENC1"]
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


def test_a_bundle_of_other_questions_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    questions = _write(tmp_path / "q.json", _entries())
    assert (
        main(
            [
                "predict",
                str(tmp_path),
                "--out",
                str(tmp_path / "out"),
                "--bundle",
                "--questions",
                str(questions),
            ]
        )
        == 1
    )
    assert "leave out --bundle or --questions" in capsys.readouterr().err
