"""What a reader measures in a photo: in millimetres once it is calibrated and never before, stored, merged and
exported."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from magic_demo.core.errors import FormError
from magic_demo.core.review_content import from_json, to_json
from magic_demo.core.review_types import CaseKey, Review, ReviewContent, SavedReview
from magic_demo.core.ruler import Ruler, read_ruler, write_ruler
from magic_demo.imaging.diameter import longest_diameter
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.page.events.drafts.changes import read_change
from magic_demo.page.events.drafts.in_step import merged_value, step_value
from magic_demo.page.events.review.adjudication import choose_rulers
from magic_demo.page.panels.viewer.ruler_form import read_photo_ruler
from magic_demo.page.session.merging import Conflict, gather, merge, spread
from magic_demo.page.session.review import ReviewDraft
from magic_demo.questions.families import load_challenge
from magic_demo.reviews.exports import write_export
from magic_demo.reviews.exports.tabular.csv_files import read_csv_table
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from magic_demo.reviews.store.rows.review_values import write_content

RULER = Ruler((10.0, 20.0, 10.0, 120.0), 20.0, ((0.0, 0.0, 30.0, 40.0), (5.0, 5.0, 5.0, 10.0)))
"""20 mm are 100 pixels: a pixel is 0.2 mm."""
MASK = np.zeros((200, 100), np.bool_)
MASK[50:80, 10:50] = True
MASK[150, 90] = True


def review(ruler: Ruler = RULER) -> Review:
    return Review(
        "ENC1",
        LOCAL_READER,
        "assisted",
        "done",
        masks={"arm": encode_mask(MASK)},
        rulers={"arm": ruler},
        queue="q",
    )


def saved(*rulers: Ruler, unusable: frozenset[str] = frozenset()) -> list[SavedReview]:
    return [
        SavedReview(number, datetime.now(UTC), replace(review(ruler), unusable=unusable))
        for number, ruler in enumerate(rulers, start=1)
    ]


def test_lengths_and_areas_follow_the_known_line_and_there_are_none_without_one() -> None:
    assert RULER.measure(50) == pytest.approx(10) and RULER.measure_area(100) == pytest.approx(4)
    assert replace(RULER, mm=10.0).measure(50) == pytest.approx(5)
    bare = replace(RULER, known=None, mm=None)
    assert bare.measure(50) is None and bare.measure_area(100) is None
    assert bare and not Ruler()


def test_the_longest_diameter_is_that_of_the_largest_part() -> None:
    assert longest_diameter(MASK) == pytest.approx(50)  # the diagonal of 30 x 40
    assert longest_diameter(np.zeros((3, 4), np.bool_)) == 0
    assert longest_diameter(np.ones((1, 1), np.bool_)) == pytest.approx(2**0.5)


def test_it_is_stored_comes_back_and_an_older_row_has_none(store: Store) -> None:
    store.add_cases("q", [NewCase("ENC1")])
    store.save(review())
    found = store.latest(CaseKey("q", "ENC1"), LOCAL_READER)
    assert found is not None and found.review.rulers == {"arm": RULER}
    written = json.loads(json.dumps(to_json(review())))
    assert from_json(written).rulers == {"arm": RULER}
    del written["rulers"]
    assert from_json(written).rulers == {}
    assert "rulers" not in json.loads(write_content(replace(review(), rulers={}), load_challenge()))


@pytest.mark.parametrize(
    "change",
    [
        {"mm": None},
        {"known": None},
        {"mm": 0},
        {"mm": float("nan")},
        {"mm": "10"},
        {"known": [1, 1, 1, 1]},
        {"known": [1, 1, 1]},
        {"lines": [[0, 0, -1, 0]]},
        {"lines": [[0, 0, 1, True]]},
        {"lines": [[0, 0, 1, 1]] * 101},
        {"lines": None},
    ],
)
def test_what_is_no_ruler_is_refused_in_one_line(change: dict[str, Any]) -> None:
    value = {**write_ruler(RULER), **change}
    with pytest.raises((TypeError, ValueError)):
        read_ruler(value)
    with pytest.raises(FormError, match="arm: the measured lines cannot be read"):
        read_photo_ruler(value, "arm", (200, 100))


def test_a_line_outside_of_its_photo_is_refused_and_an_empty_ruler_is_none() -> None:
    with pytest.raises(FormError, match="outside of the photo of 100 x 30 pixels"):
        read_photo_ruler(write_ruler(RULER), "arm", (30, 100))
    assert read_photo_ruler(write_ruler(Ruler()), "arm", (30, 100)) is None


def test_a_change_of_the_page_is_a_field_of_its_own() -> None:
    payload = {"photo": "arm", "ruler": write_ruler(RULER), "turn": "t.1"}
    change = read_change(payload, {"arm": (200, 100)}, load_challenge())
    assert (change.part, dict(change.fields)) == ("ruler arm", {("rulers", "arm"): RULER})
    gone = read_change({"photo": "arm", "ruler": None}, {"arm": (200, 100)}, load_challenge())
    assert dict(gone.fields) == {("rulers", "arm"): None}
    with pytest.raises(FormError, match="no such photo"):
        read_change({"photo": "leg", "ruler": None}, {"arm": (200, 100)}, load_challenge())


def test_two_tabs_are_merged_photo_by_photo_and_differ_where_both_measured_one() -> None:
    before = spread(ReviewContent())
    mine = spread(ReviewContent(rulers={"arm": RULER}))
    merged, conflicts = merge(mine, spread(ReviewContent(rulers={"leg": RULER})), before)
    assert gather(merged)["rulers"] == {"arm": RULER, "leg": RULER} and conflicts == []
    _, conflicts = merge(mine, spread(ReviewContent(rulers={"arm": replace(RULER, mm=5.0)})), before)
    assert [conflict.field for conflict in conflicts] == [("rulers", "arm")]


def test_a_tab_is_told_what_another_one_measured_and_asked_where_both_did() -> None:
    told = merged_value({("rulers", "arm"): RULER, ("rulers", "leg"): None}, load_challenge())
    assert told["rulers"] == {"arm": write_ruler(RULER), "leg": None}
    draft = ReviewDraft("open", rulers={"arm": RULER})
    step = step_value(draft, 3, [Conflict(("rulers", "arm"), None, RULER, 4)], load_challenge())
    assert step["merged"]["rulers"] == {"arm": write_ruler(RULER)}
    assert step["conflicts"] == [
        {"part": "rulers", "name": "arm", "number": 4, "mine": False, "theirs": True}
    ]


def test_a_consensus_has_the_ruler_of_the_median_scale_and_none_that_is_not_calibrated() -> None:
    three = [replace(RULER, mm=mm) for mm in (30.0, 10.0, 20.0)]
    assert choose_rulers(saved(*three)) == {"arm": three[2]}
    assert choose_rulers(saved(*three[:2])) == {"arm": three[1]}
    assert choose_rulers(saved(replace(RULER, known=None, mm=None))) == {}
    assert choose_rulers(saved(RULER, unusable=frozenset({"arm"}))) == {}


def test_tables_hold_lines_areas_and_diameters_in_millimetres_only_where_calibrated(tmp_path: Path) -> None:
    write_export(saved(RULER), (), "csv", tmp_path / "csv")
    rows = read_csv_table(tmp_path / "csv" / "lengths.csv")
    assert [(row["line"], float(row["pixels"]), float(row["mm"])) for row in rows] == [
        ("0", 100, 20),
        ("1", 50, pytest.approx(10)),
        ("2", 5, pytest.approx(1)),
    ]
    (mask,) = read_csv_table(tmp_path / "csv" / "masks.csv")
    assert float(mask["area_mm2"]) == pytest.approx(1201 * 0.04)
    assert float(mask["diameter_mm"]) == pytest.approx(10)
    write_export(saved(replace(RULER, known=None, mm=None)), (), "csv", tmp_path / "bare")
    assert [row["mm"] for row in read_csv_table(tmp_path / "bare" / "lengths.csv")] == ["", ""]
    (mask,) = read_csv_table(tmp_path / "bare" / "masks.csv")
    assert (mask["area_mm2"], mask["diameter_mm"]) == ("", "")
