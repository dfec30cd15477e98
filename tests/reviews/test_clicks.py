"""What an outline was clicked from: stored with the review, brought back, exported, and of the outline that it
belongs to."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from magic_demo.core.review_content import from_json, read_mark, to_json
from magic_demo.core.review_types import CaseKey, Mark, Review, ReviewContent, SavedReview
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.page.session.merging import gather, merge, spread
from magic_demo.questions.families import load_challenge
from magic_demo.reviews.exports import write_export
from magic_demo.reviews.exports.tabular.csv_files import read_csv_table
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from magic_demo.reviews.store.rows.review_values import write_content

MARKS = (Mark("box", (0.1, 0.2, 0.75, 0.5)), Mark("lesion", (0.5, 0.25)), Mark("skin", (1.0, 0.0)))
MASK = encode_mask(np.eye(8, dtype=np.bool_))


def review(clicks: tuple[Mark, ...] = MARKS) -> Review:
    return Review(
        "ENC1", LOCAL_READER, "assisted", "done", masks={"arm": MASK}, clicks={"arm": clicks}, queue="q"
    )


def test_they_are_stored_and_come_back(store: Store) -> None:
    store.add_cases("q", [NewCase("ENC1")])
    store.save(review())
    saved = store.latest(CaseKey("q", "ENC1"), LOCAL_READER)
    assert saved is not None and saved.review.clicks == {"arm": MARKS}


def test_json_holds_them_as_kinds_and_shares_and_an_older_review_has_none() -> None:
    written = json.loads(json.dumps(to_json(review())))
    assert written["clicks"]["arm"][1:] == [["lesion", 0.5, 0.25], ["skin", 1.0, 0.0]]
    assert from_json(written).clicks == {"arm": MARKS}
    del written["clicks"]
    assert from_json(written).clicks == {}


def test_a_row_without_them_is_written_as_before_they_were_kept() -> None:
    content = json.loads(write_content(replace(review(), clicks={}), load_challenge()))
    assert "clicks" not in content


@pytest.mark.parametrize(
    "value",
    [
        None,
        "lesion",
        ["lesion"],
        ["lesion", 0.5],
        ["lesion", 0.5, 2],
        ["nose", 0.5, 0.5],
        ["box", 0.5, 0.5, 0.4, 0.6],
    ],
)
def test_what_is_no_mark_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        read_mark(value)


def test_they_are_merged_with_the_outline_that_they_belong_to() -> None:
    before = spread(ReviewContent())
    mine, theirs = spread(review()), spread(replace(review(), comment="theirs", masks={}, clicks={}))
    merged, conflicts = merge(mine, theirs, before)
    assert gather(merged)["clicks"] == {"arm": MARKS} and gather(merged)["comment"] == "theirs"
    assert conflicts == []
    _, conflicts = merge(mine, spread(review(MARKS[:1])), before)
    assert [conflict.field for conflict in conflicts] == [("masks", "arm")], "told once, as an outline"


def test_a_table_lists_them_in_their_order(tmp_path: Path) -> None:
    write_export([SavedReview(1, datetime.now(UTC), review())], (), "csv", tmp_path / "csv")
    rows = read_csv_table(tmp_path / "csv" / "clicks.csv")
    places = [(row["click"], row["marks"], row["x"], row["y"], row["right"], row["bottom"]) for row in rows]
    assert places == [
        ("1", "box", "0.1", "0.2", "0.75", "0.5"),
        ("2", "lesion", "0.5", "0.25", "0.5", "0.25"),
        ("3", "skin", "1.0", "0.0", "1.0", "0.0"),
    ]
    assert {row["photo_id"] for row in rows} == {"arm"} and rows[0]["reader"] == LOCAL_READER
