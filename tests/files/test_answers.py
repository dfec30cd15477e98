"""Answers in the organisers' JSON: what is read and written, what is refused and how it is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from magic_demo.core.errors import FormatError
from magic_demo.files.answers import read_answers, write_answers
from magic_demo.questions.families import load_challenge


def full_answers(index: int = 0) -> dict[str, int]:
    return {question.qid: index for question in load_challenge().questions}


class TestAnswers:
    def test_what_is_written_is_what_the_organisers_write(self, shared_data: Path, tmp_path: Path) -> None:
        source = shared_data / "dermavqa" / "train_cvqa.json"
        write_answers(tmp_path / "copy.json", read_answers(source))
        assert (tmp_path / "copy.json").read_bytes() == source.read_bytes()

    def test_questions_are_written_in_the_challenges_order(self, tmp_path: Path) -> None:
        write_answers(
            tmp_path / "a.json", {"ENC2": dict(reversed(full_answers(1).items())), "ENC1": full_answers(2)}
        )
        rows = json.loads((tmp_path / "a.json").read_text())
        assert [row["encounter_id"] for row in rows] == ["ENC2", "ENC1"]
        assert list(rows[0]) == ["encounter_id", *full_answers()]

    def read(self, tmp_path: Path, rows: Any) -> dict[str, dict[str, int]]:
        (tmp_path / "a.json").write_text(json.dumps(rows))
        return read_answers(tmp_path / "a.json")

    @pytest.mark.parametrize(
        ("value", "says"),
        [
            (True, "true"),
            ("1", "a text"),
            (1.0, "a number"),
            (None, "null"),
            ([1], "a list"),
            (-1, "is -1; its options go from 0 to"),
            (99, "is 99; its options go from 0 to"),
        ],
    )
    def test_an_answer_that_is_no_index_is_named_by_encounter_and_question(
        self, tmp_path: Path, value: Any, says: str
    ) -> None:
        row = {"encounter_id": "ENC1", **full_answers(), "CQID010-001": value}
        with pytest.raises(FormatError, match=f"ENC1 CQID010-001.*{says}"):
            self.read(tmp_path, [row])

    def test_range_is_each_questions_own(self, tmp_path: Path) -> None:
        for question in load_challenge().questions:
            last = question.option_count - 1
            assert (
                self.read(tmp_path, [{"encounter_id": "E", **full_answers(), question.qid: last}])["E"][
                    question.qid
                ]
                == last
            )
            with pytest.raises(FormatError, match=question.qid):
                self.read(tmp_path, [{"encounter_id": "E", **full_answers(), question.qid: last + 1}])

    @pytest.mark.parametrize(
        ("rows", "says"),
        [
            ({}, "holds an object; a JSON list of answer objects is expected"),
            ([1], "entry 1 is 1"),
            ([full_answers()], "entry 1 has no 'encounter_id'"),
            ([{"encounter_id": 7.5, **full_answers()}], "entry 1 has no 'encounter_id'"),
            ([{"encounter_id": "E", **full_answers()}] * 2, "E comes twice"),
            (
                [{"encounter_id": "E", **full_answers(), "CQID011-007": 1}],
                "E answers CQID011-007, which is no question",
            ),
            ([{"encounter_id": "E", "CQID010-001": 1}], "E has no answer to CQID011-001"),
        ],
    )
    def test_a_file_that_is_not_whole_is_refused(self, tmp_path: Path, rows: Any, says: str) -> None:
        with pytest.raises(FormatError, match=says):
            self.read(tmp_path, rows)

    @pytest.mark.parametrize("change", [{"CQID010-001": 9}, {"CQID010-001": True}, {"CQID999-001": 0}])
    def test_a_wrong_answer_is_never_written(self, tmp_path: Path, change: dict[str, Any]) -> None:
        with pytest.raises(FormatError, match=next(iter(change))):
            write_answers(tmp_path / "a.json", {"ENC1": {**full_answers(), **change}})
        missing = full_answers()
        del missing["CQID036-001"]
        with pytest.raises(FormatError, match="CQID036-001"):
            write_answers(tmp_path / "a.json", {"ENC1": missing})
        assert not (tmp_path / "a.json").exists()
