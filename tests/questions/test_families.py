"""The 27 closed questions: ids, families and options as the challenge defines them, and question files of
others."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from magic_demo.core.errors import FormatError
from magic_demo.questions.families import load_challenge, load_families, read_questions, write_questions


def test_nine_families_hold_27_questions_and_194_question_option_pairs() -> None:
    questions = load_challenge().questions
    assert len(load_families()) == 9
    assert len({question.qid for question in questions}) == 27
    assert sum(question.option_count for question in questions) == 194


def test_ids_options_and_order_are_the_organisers(shared_data: Path) -> None:
    theirs = read_questions(shared_data / "dermavqa" / "closedquestions_definitions_imageclef2025.json")
    for ours, other in zip(load_families(), theirs.families, strict=True):
        assert ours.family_id == other.family_id
        assert [question.qid for question in ours.questions] == [question.qid for question in other.questions]
        assert ours.options == other.options
        assert ours.not_mentioned == other.not_mentioned


def test_every_family_ends_on_not_mentioned_in_both_languages() -> None:
    for family in load_families():
        assert family.options["en"][family.padding] == "Not mentioned"
        assert len(family.options["zh"]) == len(family.options["en"])
        assert family.title["zh"] != family.title["en"]


def _entry(qid: str = "CQID090-001", **changes: Any) -> dict[str, Any]:
    entry = {
        "qid": qid,
        "question_en": "Is it warm?",
        "question_zh": "热吗？",
        "options_en": ["Not mentioned", "yes", "no"],
        "options_zh": ["无法得知", "是", "否"],
    }
    return {**entry, **changes}


def _write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def test_a_question_file_with_another_order_is_used_as_given(tmp_path: Path) -> None:
    path = _write(tmp_path / "questions.json", [_entry(), _entry("CQID090-002")])
    (family,) = read_questions(path).families
    assert family.not_mentioned == 0 and len(family.questions) == 2
    assert family.options["en"] == ("Not mentioned", "yes", "no")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({}, "a JSON list"),
        ([], "a JSON list"),
        ([3], "needs a 'qid'"),
        ([_entry(options_en="yes")], "needs 'options_en'"),
        ([_entry(options_zh=["是", "否"])], "3 options in English and 2 in Chinese"),
        ([_entry(), _entry("CQID090-002", options_en=["Not mentioned", "no", "yes"])], "siblings"),
        (
            [_entry(qid, options_en=["maybe", "yes", "no"]) for qid in ("CQID090-001", "CQID090-002")],
            "Not mentioned",
        ),
        ([_entry('C"><script>')], "letters, digits"),
        ([_entry(options_en=["yes", " Yes ", "no"])], "'yes' twice"),
    ],
)
def test_a_question_file_that_is_off_is_refused_by_name(tmp_path: Path, content: Any, expected: str) -> None:
    with pytest.raises(FormatError, match=expected):
        read_questions(_write(tmp_path / "questions.json", content))


def test_a_question_file_that_is_not_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "questions.json").write_text("[{", encoding="utf-8")
    with pytest.raises(FormatError, match="cannot be read"):
        read_questions(tmp_path / "questions.json")


def test_a_family_of_one_slot_needs_no_not_mentioned(tmp_path: Path) -> None:
    path = _write(tmp_path / "questions.json", [_entry(options_en=["maybe", "yes", "no"])])
    (family,) = read_questions(path).families
    assert family.not_mentioned is None
    with pytest.raises(ValueError, match="CQID090"):
        _ = family.padding


def test_the_digest_follows_what_answers_mean_and_not_the_wording(tmp_path: Path) -> None:
    def digest(**changes: Any) -> str:
        return read_questions(_write(tmp_path / "questions.json", [_entry(**changes)])).digest

    plain = digest()
    assert len(plain) == 12
    assert digest(question_en="Does it feel warm?", question_zh="", options_zh=["甲", "乙", "丙"]) == plain
    assert digest(options_en=[" not  mentioned", "YES", "no"]) == plain
    assert digest(options_en=["Not mentioned", "no", "yes"]) != plain
    assert digest(qid="CQID091-001") != plain


def test_a_family_is_found_by_its_id_and_a_missing_one_is_named() -> None:
    challenge = load_challenge()
    assert challenge.family("CQID025").questions[0].qid == "CQID025-001"
    assert challenge.find("CQID099") is None
    with pytest.raises(KeyError, match=r"no family CQID099.*CQID010"):
        challenge.family("CQID099")


def test_a_question_file_that_is_written_reads_as_the_same_questions(tmp_path: Path) -> None:
    write_questions(tmp_path / "questions.json", load_challenge())
    assert read_questions(tmp_path / "questions.json").families == load_challenge().families


def test_the_page_and_the_reviews_are_handed_their_questions(repository: Path) -> None:
    """Only defaults, and what compares a set with the challenge's, ask for the challenge's."""
    program = repository / "magic_demo"
    asking = {
        path.relative_to(program).as_posix()
        for part in ("page", "reviews")
        for path in (program / part).rglob("*.py")
        if re.search(r"\bload_(challenge|families)\b", path.read_text(encoding="utf-8"))
    }
    assert asking <= {
        "page/session/desk/opened.py",
        "reviews/exports/readings.py",
        "reviews/library.py",
        "reviews/imports/gathering.py",
        "reviews/imports/sources.py",
        "reviews/store/checking.py",
        "reviews/store/rows/queue_settings.py",
        "reviews/store/methods/opened.py",
    }
