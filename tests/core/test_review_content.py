"""What a review says is written and read in one place, by this version, older ones and newer ones."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from magic_demo.core.remark import Remark
from magic_demo.core.review_content import CHOICES, FIELDS, find_fault, from_json, parts_of, to_json
from magic_demo.core.review_types import Mark, MaskRuns, Outline, Review, ReviewContent
from magic_demo.core.ruler import Ruler

PROGRAM = Path(__file__).resolve().parents[2] / "magic_demo"
FULL = ReviewContent(
    answers={"CQID010-001": 2},
    specified={"CQID020-001": "oozing"},
    masks={"A": MaskRuns((3, 4), "0c0")},
    clicks={"A": (Mark("lesion", (0.5, 0.25)), Mark("box", (0.1, 0.2, 0.3, 0.4)))},
    label_masks={"ulcer": {"A": Outline(MaskRuns((3, 4), "0c0"), (Mark("skin", (0.5, 0.5)),))}},
    remarks={"A": (Remark((1, 2), "old scar"),)},
    rulers={"A": Ruler((0.0, 0.0, 3.0, 4.0), 10.0, ((1.0, 1.0, 2.0, 1.0),))},
    unusable=frozenset({"B", "C"}),
    comment="edge unclear",
    flagged=True,
    unknown={"tone": "IV"},
    **{name: values[-1] for name, values in CHOICES.items()},  # type: ignore[arg-type]
)


@pytest.mark.parametrize("content", [FULL, ReviewContent()])
def test_content_comes_back_from_json_as_it_was(content: ReviewContent) -> None:
    assert from_json(json.loads(json.dumps(to_json(content)))) == content


def test_a_mask_is_written_as_the_caller_writes_masks() -> None:
    written = to_json(FULL, lambda runs: runs.counts)
    assert written["masks"] == {"A": "0c0"}
    assert from_json(written, lambda counts: MaskRuns((3, 4), counts)) == FULL


def test_json_holds_every_field_and_no_field_but_those_of_the_record() -> None:
    assert to_json(ReviewContent()).keys() == set(FIELDS)
    assert {one.name for one in fields(ReviewContent)} == {*FIELDS, "unknown"}
    assert ReviewContent() != FULL and all(to_json(FULL)[name] for name in FIELDS)


@pytest.mark.parametrize("lacking", FIELDS)
def test_json_of_a_version_without_a_field_is_read_with_its_default(lacking: str) -> None:
    written = to_json(FULL)
    del written[lacking]
    assert getattr(from_json(written), lacking) == getattr(ReviewContent(), lacking)


def test_a_field_of_a_newer_version_is_handed_on() -> None:
    read = from_json({**to_json(ReviewContent()), "tone": "IV"})
    review = Review("A", "ann", **parts_of(read))
    assert review.unknown == {"tone": "IV"} and to_json(review)["tone"] == "IV"


@pytest.mark.parametrize("name", CHOICES)
def test_a_value_that_is_no_choice_is_found(name: str) -> None:
    assert find_fault(FULL) is None
    assert find_fault(from_json({name: "so so"})) == (name, "so so", CHOICES[name])


def test_a_choice_is_named_where_it_is_declared_and_where_its_words_stand() -> None:
    named = {
        path.relative_to(PROGRAM).as_posix()
        for path in PROGRAM.rglob("*")
        if path.suffix in (".py", ".mjs", ".js")
        for name in CHOICES
        if re.search(rf"['\".]{name}\b", path.read_text(encoding="utf-8"))
    }
    # the store names the first of them, which its rows hold as null
    assert named <= {"core/review_types.py", "reviews/store/rows/review_values.py"}
