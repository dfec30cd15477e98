"""Questions of one's own: a short YAML, options with an order, numbers with a unit; what is off is one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from magic_demo.core.errors import FormatError
from magic_demo.questions.families import (
    load_challenge,
    pack_questions,
    read_questions,
    unpack_questions,
    write_questions,
)
from tests.support.own_questions import THREE


def _write(folder: Path, text: str, name: str = "questions.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_short_file_is_questions_with_an_order_a_number_and_several_labels(tmp_path: Path) -> None:
    asked = read_questions(_write(tmp_path, THREE))
    itch, size, signs = asked.families
    assert [family.family_id for family in asked.families] == ["ITCH", "SIZE", "SIGNS"]
    assert itch.options["en"] == ("none", "mild", "severe") and itch.options["zh"][0] == "无"
    assert itch.scale is not None and list(itch.scale.values) == [0, 1, 2] and not itch.scale.typed
    assert size.scale is not None and size.scale.typed and list(size.scale.values)[:3] == [0, 0.5, 1]
    assert size.options["en"][25] == "12.5 mm" and len(size.options["en"]) == 101
    assert len(signs.questions) == 2 and signs.padding == 3
    assert signs.options["en"] == ("scale", "crust", "other (please specify)", "Not mentioned")


@pytest.mark.parametrize("source", ["short", "challenge"])
def test_a_written_file_is_read_as_the_same_questions(tmp_path: Path, source: str) -> None:
    asked = read_questions(_write(tmp_path, THREE)) if source == "short" else load_challenge()
    write_questions(tmp_path / "again.json", asked)
    again = read_questions(tmp_path / "again.json")
    assert again.digest == asked.digest
    assert [family.scale for family in again.families] == [family.scale for family in asked.families]


def test_keys_may_be_named_and_stay_in_the_written_file(tmp_path: Path) -> None:
    text = "- {id: A, options: [x, y, w], keys: [q, '', W], specify: true}\n- {id: B, options: [x, y], several: 2, keys: [t]}"
    asked = read_questions(_write(tmp_path, text))
    assert [family.keys for family in asked.families] == [("q", "", "w", ""), ("t", "", "")]
    write_questions(tmp_path / "again.json", asked)
    assert read_questions(tmp_path / "again.json").families == asked.families
    assert unpack_questions(pack_questions(asked), "kept").families == asked.families


def test_the_short_form_may_be_json_too(tmp_path: Path) -> None:
    entries = [{"id": "PAIN", "options": [True, False]}, {"id": "N", "number": {"min": 0, "max": 3}}]
    asked = read_questions(_write(tmp_path, json.dumps(entries), "q.json"))
    assert [family.options["en"] for family in asked.families] == [("yes", "no"), ("0", "1", "2", "3")]


@pytest.mark.parametrize(
    ("several", "options", "slots", "expected"),
    [
        ("true", "[a, b, c]", 3, ("a", "b", "c", "Not mentioned")),
        ("2", "[a, b, c]", 2, ("a", "b", "c", "Not mentioned")),
        ("2", "[not Mentioned, a, b]", 2, ("not Mentioned", "a", "b")),
        ("1", "[a, b]", 1, ("a", "b")),
        ("false", "[a, b]", 1, ("a", "b")),
    ],
)
def test_a_question_of_several_answers_has_its_slots_and_not_mentioned_once(
    tmp_path: Path, several: str, options: str, slots: int, expected: tuple[str, ...]
) -> None:
    text = f"- {{id: A, options: {options}, several: {several}}}"
    (family,) = read_questions(_write(tmp_path, text)).families
    assert (len(family.questions), family.options["en"]) == (slots, expected)


def test_texts_in_yaml_are_what_is_written(tmp_path: Path) -> None:
    options = ["yes", "No", "on", "010", "1.10", "1_000", "12:30", "2020-01-01", "1e3", "=", "0x1F"]
    text = (
        f"- id: 010\n  text: off\n  options: [{', '.join(options)}]\n  options_zh: [{', '.join(options)}]\n"
    )
    (family,) = read_questions(_write(tmp_path, text)).families
    assert family.family_id == "010" and family.questions[0].text["en"] == "off"
    assert [*family.options["en"]] == [*family.options["zh"]] == options
    long = (
        text.replace("id: 010", "qid: 010-001")
        .replace("text:", "question_en:")
        .replace("options:", "options_en:")
    )
    (whole,) = read_questions(_write(tmp_path, long)).families
    assert [*whole.options["en"]] == options and whole.questions[0].text["en"] == "off"


def test_labels_in_yaml_are_named_as_it_is_written(tmp_path: Path) -> None:
    asked = read_questions(_write(tmp_path, "labels: [{id: lesion}, {id: no, name: 010}]"))
    assert [(label.label_id, label.name["en"]) for label in asked.labels] == [
        ("lesion", "Lesion"),
        ("no", "010"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- &a {id: A, options: [x, y]}\n- *a", "has an alias"),
        ("- {id: A, options: [x, y], colour: red}", "A has colour; expected are id"),
        ("- {id: A, options: [x, y], scale: big}", "'big'; 'ordered' is expected"),
        ("- {id: A, options: [x, Not mentioned], scale: ordered}", "without 'Not mentioned'"),
        ("- {id: A, options: [x, y], several: 99}", "several: 99"),
        ("- {id: A, number: {min: 0, max: 1.0e+9, step: 0.1}}", "at most 1001 values"),
        ("- {id: A, number: {min: 0, max: 10, step: 3}}", "a step that leads"),
        ("- {id: A, number: {min: 0, max: 10, step: 0}}", "a step that leads"),
        ("- {id: A, number: {min: .nan, max: 10}}", "a step that leads"),
        ("- {id: A, number: 7}", "a step that leads"),
        ("- {id: A, options: [x, y], keys: [b, b]}", "a list of different letters"),
        ("- {id: A, options: [x, y], keys: [n]}", "a list of different letters"),
        ("- {id: A, options: [x, y], keys: [bc]}", "a list of different letters"),
        ("- {id: A, options: [x, y], keys: [b, c, d]}", "a list of different letters"),
        ("- {id: A, options: [x, y], keys: 7}", "a list of different letters"),
        ("- {id: A}", "at least two texts"),
        ("- {id: A, options: [x, y, ]}\n- id: B\n  options:\n  - x\n  -\n", "B has an empty text in options"),
        ("- {id: A, options: [x, ~]}", "A has an empty text in options"),
        ("- {id: A, text: , options: [x, y]}", "A has an empty text in text"),
        ("- {id: A, options: [x, !!python/name:os.system y]}", "questions cannot be read"),
        ("- {id: 'a b', options: [x, y]}", "needs a 'qid'"),
        ("a: [", "questions cannot be read"),
        ("- {? [id] : A}", "questions cannot be read"),
        ("- !!python/object/apply:os.system [ls]", "questions cannot be read"),
        ("just text", "a JSON list"),
    ],
)
def test_what_is_off_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(FormatError) as raised:
        read_questions(_write(tmp_path, text))
    assert said in str(raised.value) and "\n" not in str(raised.value)
