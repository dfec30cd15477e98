"""Answer files: the golden numbers, and every trap of the organisers' script by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from magic_demo.challenge.scoring.answer_scoring import score_answer_files
from magic_demo.core.errors import FormatError
from magic_demo.questions.families import load_challenge, load_families
from magic_demo.questions.scoring import Scores

GOLDEN = Path(__file__).resolve().parents[2] / "data" / "golden" / "cvqa_made"
SITE = [f"CQID011-00{slot}" for slot in range(1, 7)]


def answers(encounter_id: str = "ENC1", **changes: Any) -> dict[str, Any]:
    """Return all 27 answers: the first option everywhere, but for ``changes``, written with '_' in place of
    '-'."""
    row: dict[str, Any] = {
        "encounter_id": encounter_id,
        **{question.qid: 0 for question in load_challenge().questions},
    }
    return {**row, **{key.replace("_", "-"): value for key, value in changes.items()}}


def without(row: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in keys}


@pytest.fixture
def score(tmp_path: Path) -> Any:
    """Return a function that scores rows against rows."""

    def score_rows(reference: Any, system: Any) -> Scores:
        for name, rows in (("reference", reference), ("system", system)):
            (tmp_path / f"{name}.json").write_text(json.dumps(rows))
        return score_answer_files(tmp_path / "reference.json", tmp_path / "system.json")

    return score_rows


def one_line(scores: Scores) -> str:
    (line,) = scores.findings
    assert "\n" not in line
    return line


def test_golden_made_up_answers_score_as_the_organisers_script_says() -> None:
    scores = score_answer_files(GOLDEN / "references.json", GOLDEN / "predictions.json")
    assert scores.values == json.loads((GOLDEN / "expected.json").read_text())
    assert scores.findings == ()
    assert scores.notes == ()


@pytest.mark.parametrize("case", ["half_wrong", "mostly_right", "siblings_shuffled"])
def test_golden_real_answers_score_as_the_organisers_script_says(shared_data: Path, case: str) -> None:
    folder = shared_data / "golden" / "cvqa"
    scores = score_answer_files(folder / "references.json", folder / f"{case}.json")
    assert scores.values == json.loads((folder / f"{case}_expected.json").read_text())
    assert scores.findings == ()


def test_the_reference_scores_one_against_itself_in_any_order_of_slots(score: Any) -> None:
    gold = answers(CQID011_001=3, CQID011_002=5)
    shuffled = answers(CQID011_006=3, CQID011_001=5)
    scores = score([gold], [shuffled])
    assert scores.values["accuracy_all"] == 1.0
    assert scores.findings == ()


class TestTraps:
    """One test a row of docs/scoring.md."""

    def test_indices_as_texts_are_read_as_numbers_and_named(self, score: Any) -> None:
        texts = {key: str(value) for key, value in answers().items()}
        scores = score([answers()], [texts])
        assert scores.values["accuracy_all"] == 1.0
        assert one_line(scores).startswith("system answer is a text in place of a number")
        assert one_line(scores).endswith("ENC1 [27 places]")

    @pytest.mark.parametrize("value", [False, 0.0])
    def test_numbers_of_another_kind_are_read_as_python_compares_them(self, score: Any, value: Any) -> None:
        scores = score([answers()], [answers(CQID010_001=value)])
        assert scores.values["accuracy_all"] == 1.0
        assert "ENC1 [CQID010-001]" in one_line(scores)

    @pytest.mark.parametrize("value", [None, "arm", 0.5, [0], {"index": 0}, "1" * 5000], ids=str)
    def test_what_is_no_index_is_a_wrong_label_and_named(self, score: Any, value: Any) -> None:
        scores = score([answers()], [answers(CQID010_001=value)])
        assert scores.values["accuracy_CQID010"] == 0.0
        assert "ENC1 [CQID010-001]" in one_line(scores)

    @pytest.mark.parametrize("value", [-1, 99])
    def test_an_index_out_of_range_is_a_wrong_label_and_named(self, score: Any, value: int) -> None:
        scores = score([answers()], [answers(CQID011_002=value)])
        assert scores.values["accuracy_CQID011"] == 1 / 2
        assert f"ENC1 [CQID011-002 = {value}]" in one_line(scores)

    @pytest.mark.parametrize("value", [None, "arm", 0.5, 99, -1], ids=str)
    def test_what_is_wrong_in_both_files_alike_is_no_common_label(self, score: Any, value: Any) -> None:
        scores = score([answers(CQID010_001=value)], [answers(CQID010_001=value)])
        assert scores.values["accuracy_CQID010"] == 0.0 and scores.values["accuracy_CQID012"] == 1.0
        assert [line.partition(" ")[0] for line in scores.findings] == ["reference", "system"]

    def test_ids_are_joined_up_to_their_hyphen_and_counted_whole(self, score: Any) -> None:
        scores = score([answers("ENC1-a"), answers("ENC1-b", CQID010_001=1)], [answers("ENC1")])
        assert scores.values["number_cvqa_instances"] == 2
        assert scores.values["accuracy_CQID010"] == 1 / 2 and scores.values["accuracy_CQID012"] == 1

    def test_a_missing_encounter_scores_zero_and_is_named(self, score: Any) -> None:
        scores = score([answers("ENC1"), answers("ENC2")], [answers("ENC1")])
        assert scores.values["accuracy_all"] == 0.5
        assert scores.values["number_cvqa_instances"] == 2
        assert one_line(scores).endswith(": ENC2")

    def test_a_missing_family_scores_zero_and_is_named(self, score: Any) -> None:
        scores = score([answers()], [without(answers(), *SITE)])
        assert scores.values["accuracy_CQID011"] == 0.0
        assert scores.values["accuracy_CQID010"] == 1.0
        assert "system lacks a family" in one_line(scores)
        assert "ENC1 [CQID011]" in one_line(scores)

    def test_missing_slots_keep_the_others_score_and_are_named(self, score: Any) -> None:
        gold = answers(
            CQID011_001=3, CQID011_002=7, CQID011_003=7, CQID011_004=7, CQID011_005=7, CQID011_006=7
        )
        scores = score([gold], [without({**gold, "CQID011-001": 3}, *SITE[1:])])
        assert scores.values["accuracy_CQID011"] == 1 / 2
        assert "lacks a slot" in one_line(scores)
        assert "ENC1 [5 places]" in one_line(scores)

    def test_a_family_that_the_reference_lacks_is_left_out_and_named(self, score: Any) -> None:
        scores = score(
            [without(answers("ENC1"), *SITE), answers("ENC2")],
            [answers("ENC1", CQID011_001=5), answers("ENC2")],
        )
        assert scores.values["accuracy_all"] == 1.0
        assert "reference lacks a family" in one_line(scores)

    def test_an_encounter_twice_is_united_as_by_the_organisers_and_named(self, score: Any) -> None:
        scores = score([answers("ENC1")], [answers("ENC1"), answers("ENC1", CQID010_001=1)])
        assert scores.values["accuracy_CQID010"] == 1 / 2
        assert one_line(scores).endswith(": ENC1")

    def test_a_slot_that_there_is_not_counts_as_by_the_organisers_and_is_named(self, score: Any) -> None:
        scores = score([answers()], [{**answers(), "CQID011-007": 4, "CQID099-001": 1}])
        assert scores.values["accuracy_CQID011"] == 1 / 2
        assert "CQID011-007" in " ".join(scores.findings)
        assert "CQID099-001" in " ".join(scores.findings)

    @pytest.mark.parametrize("key", ["description", "a-b-cdefghi"])
    def test_another_key_of_eleven_characters_is_passed_over_and_named(self, score: Any, key: str) -> None:
        scores = score([answers()], [{**answers(), key: "x", "note": "shorter keys mean nothing"}])
        assert scores.values["accuracy_all"] == 1.0
        assert key in one_line(scores)

    def test_an_entry_without_an_id_is_left_out_and_named(self, score: Any) -> None:
        scores = score([answers()], [answers(), {"CQID010-001": 1}, "text", None, answers(7)])  # type: ignore[arg-type]
        assert scores.values["accuracy_all"] == 1.0
        assert one_line(scores).endswith("entry 2, entry 3, entry 4, entry 5")

    def test_an_empty_system_file_scores_zero_of_no_encounter(self, score: Any) -> None:
        scores = score([answers()], [])
        assert set(scores.values.values()) == {0}
        assert len(scores.values) == 11
        assert "holds no encounter" in one_line(scores)

    def test_ids_are_joined_up_to_their_first_hyphen_as_by_the_organisers(self, score: Any) -> None:
        scores = score([answers("ENC1-run2")], [answers("ENC1")])
        assert scores.values["accuracy_all"] == 1.0
        assert scores.findings == ()

    def test_an_encounter_without_reference_is_noted_and_changes_nothing(self, score: Any) -> None:
        scores = score([answers("ENC1")], [answers("ENC1"), answers("ENC9")])
        assert scores.values["number_cvqa_instances"] == 1
        assert scores.findings == ()
        assert scores.notes[0].endswith(": ENC9")

    @pytest.mark.parametrize("rows", [{}, None, 3, {"ENC1": {}}])
    def test_a_file_that_is_no_list_is_refused(self, score: Any, rows: Any) -> None:
        for pair in ((rows, [answers()]), ([answers()], rows)):
            with pytest.raises(FormatError, match="a JSON list of answer objects is expected"):
                score(*pair)

    def test_a_reference_without_encounters_is_refused(self, score: Any) -> None:
        with pytest.raises(FormatError, match="holds no encounter with answers"):
            score([], [answers()])


def test_every_family_has_its_key(score: Any) -> None:
    values = score([answers()], [answers()]).values
    assert set(values) == {
        "accuracy_all",
        "number_cvqa_instances",
        *(f"accuracy_{family.family_id}" for family in load_families()),
    }


def test_a_byte_order_mark_is_a_finding_since_the_organisers_script_stops_there() -> None:
    reported = Path(__file__).resolve().parents[2] / "data" / "reported"
    line = one_line(
        score_answer_files(reported / "answers_reference.json", reported / "answers_with_bom.json")
    )
    assert (
        line.startswith("system file begins with a byte order mark")
        and "the organisers' script stops" in line
    )
    assert "answers_with_bom.json" in line
    assert (
        score_answer_files(reported / "answers_reference.json", reported / "answers_reference.json").findings
        == ()
    )
