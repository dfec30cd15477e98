"""A training set is named by its files: whoever reads it gets what was exported, or one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from magic_demo.questions.families import load_challenge
from magic_demo.reviews.exports import MANIFEST, ExportError, read_data_set, write_export
from tests.support.store.reviewed_cases import make_queue


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    queue = make_queue(tmp_path / "data")
    write_export(queue.reviews, queue.cases, "training-set", tmp_path / "out")
    return tmp_path / "out"


def test_a_set_says_how_many_reviews_of_which_kind_it_holds_and_of_which_questions(exported: Path) -> None:
    version = read_data_set(exported)
    assert (version.cases, version.readings, version.masks) == (3, 4, 5)
    assert version.kinds == {"assisted": 3, "revealed": 1} and version.annotators == ("Li", "Wang")
    assert version.numbers == (1, 3, 5, 8) and version.questions == load_challenge().digest


def test_the_same_reviews_are_the_same_version_wherever_and_whenever_they_are_exported(
    exported: Path, tmp_path: Path
) -> None:
    queue = make_queue(tmp_path / "other")
    write_export(queue.reviews, queue.cases, "training-set", tmp_path / "again")
    write_export(queue.reviews[:3], queue.cases, "training-set", tmp_path / "fewer")
    one, other, fewer = (
        read_data_set(place).digest for place in (exported, tmp_path / "again", tmp_path / "fewer")
    )
    assert one == other != fewer


@pytest.mark.parametrize("how", ["changed", "missing", "new"])
def test_a_file_that_is_not_as_it_was_exported_is_named(exported: Path, how: str) -> None:
    path = exported / "train" / "train.json"
    if how == "changed":
        path.write_text(path.read_text(encoding="utf-8") + " ", encoding="utf-8")
    elif how == "missing":
        path.unlink()
    else:
        path = exported / "more.txt"
        path.write_text("x", encoding="utf-8")
    with pytest.raises(ExportError, match=f"{path.name} is missing, new or changed since the export"):
        read_data_set(exported)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"format": "coco"}', "'coco' was exported here"),
        ('{"format": "training-set"}', "is not whole"),
        ("[]", "None was exported here"),
        ("{", "cannot be read"),
    ],
)
def test_what_is_no_training_set_is_refused_in_one_line(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / MANIFEST).write_text(content, encoding="utf-8")
    with pytest.raises(ExportError, match=said) as raised:
        read_data_set(tmp_path)
    assert "\n" not in str(raised.value)


def test_a_manifest_that_names_another_version_is_refused(exported: Path) -> None:
    content = json.loads((exported / MANIFEST).read_text(encoding="utf-8"))
    (exported / MANIFEST).write_text(json.dumps({**content, "version": "0" * 64}), encoding="utf-8")
    with pytest.raises(ExportError, match="names another version than its files have"):
        read_data_set(exported)
