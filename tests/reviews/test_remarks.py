"""Comments on single lesions: kept with the review, merged between tabs, exported an object or a row each, read back; and
where nobody asks for lesions one by one, nothing of it is anywhere."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from magic_demo.__main__ import main
from magic_demo.core.errors import FormError
from magic_demo.core.remark import Remark, read_remarks, write_remarks
from magic_demo.core.review_content import from_json, to_json
from magic_demo.core.review_types import CaseKey, Review, ReviewContent, SavedReview
from magic_demo.core.ruler import Ruler
from magic_demo.imaging.run_lengths import decode_mask, encode_mask
from magic_demo.page.events.drafts.changes import read_change
from magic_demo.page.events.drafts.in_step import step_value
from magic_demo.page.panels.viewer.remark_form import read_photo_remarks
from magic_demo.page.session.merging import Conflict, gather, merge, spread
from magic_demo.page.session.review import ReviewDraft
from magic_demo.questions.families import load_challenge
from magic_demo.reviews.exports import write_export
from magic_demo.reviews.exports.coco import INSTANCES
from magic_demo.reviews.exports.tabular.csv_files import read_csv_table
from magic_demo.reviews.imports import read_reviews
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from magic_demo.reviews.store.rows.review_values import write_content
from tests.support.store.reviewed_cases import make_queue

PHOTO = "IMG_ENC00001_00001"
SCAR, RED, STRAY = Remark((4, 3), "old scar"), Remark((25, 12), "red, =new"), Remark((0, 32), "gone")


def review(*remarks: Remark) -> Review:
    """Return a review of a photo of 64 x 48 pixels with two lesions, calibrated to 0.5 mm a pixel."""
    mask = np.zeros((48, 64), np.bool_)
    mask[2:6, 2:12] = mask[10:20, 20:40] = True
    return Review(
        "ENC00001",
        LOCAL_READER,
        "assisted",
        "done",
        masks={PHOTO: encode_mask(mask)},
        rulers={PHOTO: Ruler((0.0, 0.0, 20.0, 0.0), 10.0)},
        remarks={PHOTO: remarks} if remarks else {},
        queue="q",
    )


def saved(one: Review) -> list[SavedReview]:
    return [SavedReview(1, datetime.now(UTC), one)]


def test_they_are_stored_come_back_and_a_row_without_has_no_word_of_them(store: Store) -> None:
    store.add_cases("q", [NewCase("ENC00001")])
    store.save(review(SCAR, RED))
    found = store.latest(CaseKey("q", "ENC00001"), LOCAL_READER)
    assert found is not None and found.review.remarks == {PHOTO: (SCAR, RED)}
    assert from_json(json.loads(json.dumps(to_json(review(SCAR))))).remarks == {PHOTO: (SCAR,)}
    assert "remarks" not in json.loads(write_content(replace(review(), masks={}), load_challenge()))


@pytest.mark.parametrize(
    "value",
    [{}, [[1, 2]], [[1, 2, " "]], [[-1, 2, "a"]], [[1.5, 2, "a"]], [[True, 2, "a"]], [[1, 2, "a" * 501]], [[1, 2, "a"]] * 101],
)  # fmt: skip
def test_what_is_no_remark_is_refused_in_one_line(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        read_remarks(value)
    with pytest.raises(FormError, match="arm: the comments on its lesions cannot be read"):
        read_photo_remarks(value, "arm", (33, 47))


def test_a_change_of_the_page_is_a_field_of_its_own_and_within_its_photo() -> None:
    sizes = {"arm": (33, 47)}
    change = read_change({"photo": "arm", "comments": write_remarks([SCAR])}, sizes, load_challenge())
    assert (change.part, dict(change.fields)) == ("remarks arm", {("remarks", "arm"): (SCAR,)})
    nothing: list[Any] | None
    for nothing in (None, []):
        gone = read_change({"photo": "arm", "comments": nothing}, sizes, load_challenge())
        assert dict(gone.fields) == {("remarks", "arm"): None}
    with pytest.raises(FormError, match="outside of the photo of 47 x 33 pixels"):
        read_photo_remarks([[47, 0, "a"]], "arm", (33, 47))


def test_two_tabs_are_merged_photo_by_photo_and_the_reader_chooses_where_both_wrote() -> None:
    before = spread(ReviewContent())
    mine, theirs = (spread(ReviewContent(remarks={name: (SCAR,)})) for name in ("arm", "leg"))
    merged, conflicts = merge(mine, theirs, before)
    assert gather(merged)["remarks"] == {"arm": (SCAR,), "leg": (SCAR,)} and conflicts == []
    _, conflicts = merge(mine, spread(ReviewContent(remarks={"arm": (RED,)})), before)
    assert [conflict.field for conflict in conflicts] == [("remarks", "arm")]
    draft = ReviewDraft("open", remarks={"arm": (RED,)})
    step = step_value(draft, 3, [Conflict(("remarks", "arm"), (SCAR,), (RED,), 4)], load_challenge())
    assert step["merged"]["remarks"] == {"arm": write_remarks([RED])}
    assert [(one["part"], one["mine"], one["theirs"]) for one in step["conflicts"]] == [
        ("remarks", True, True)
    ]


def test_coco_has_an_object_a_lesion_with_measures_and_comment_and_one_of_no_lesion_is_not_lost(
    tmp_path: Path,
) -> None:
    queue = make_queue(tmp_path / "data")
    one = review(RED, SCAR, STRAY)
    write_export(saved(one), queue.cases, "coco", tmp_path / "out", apart=True)
    written = json.loads((tmp_path / "out" / INSTANCES).read_text(encoding="utf-8"))["annotations"]
    about = [annotation["attributes"] for annotation in written]
    assert [(one["lesion"], one["lesions"], one["comment"]) for one in about] == [
        (1, 2, "old scar"),
        (2, 2, "red, =new"),
    ]
    assert about[1]["border"] == "regular" and "border" not in about[0]  # 40 pixels say nothing
    assert [one["area_mm2"] for one in written] == [pytest.approx(10), pytest.approx(50)]
    assert [one["remarks"] for one in written] == [write_remarks([SCAR, STRAY]), write_remarks([RED])]
    (back,) = read_reviews(tmp_path / "out", "q", queue.cases).reviews
    assert set(back.remarks[PHOTO]) == {SCAR, RED, STRAY}
    assert np.array_equal(decode_mask(back.masks[PHOTO]), decode_mask(one.masks[PHOTO]))
    write_export(saved(one), queue.cases, "coco", tmp_path / "whole")
    (back,) = read_reviews(tmp_path / "whole", "q", queue.cases).reviews
    assert back.remarks[PHOTO] == (RED, SCAR, STRAY)


def test_a_comment_that_another_program_gave_an_object_is_read_as_one_on_its_lesion(tmp_path: Path) -> None:
    queue = make_queue(tmp_path / "data")
    write_export(saved(review()), queue.cases, "coco", tmp_path / "out", apart=True)
    file = tmp_path / "out" / INSTANCES
    content = json.loads(file.read_text(encoding="utf-8"))
    content["annotations"][1]["attributes"]["comment"] = "scaly"
    file.write_text(json.dumps(content), encoding="utf-8")
    (back,) = read_reviews(tmp_path / "out", "q", queue.cases).reviews
    assert back.remarks == {PHOTO: (Remark((29, 10), "scaly"),)}


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_tables_have_a_row_a_lesion_and_give_every_comment_back(format: str, tmp_path: Path) -> None:
    queue = make_queue(tmp_path / "data")
    second = Remark((5, 5), "and flat")
    write_export(saved(review(SCAR, second, STRAY)), queue.cases, format, tmp_path / "out")
    (back,) = read_reviews(tmp_path / "out", "q", queue.cases).reviews
    assert set(back.remarks[PHOTO]) == {SCAR, second, STRAY}
    if format == "parquet":
        return
    rows = read_csv_table(tmp_path / "out" / "lesions.csv")
    assert [(row["lesion"], row["lesions"], row["lesion_pixels"], row["comment"]) for row in rows] == [
        ("1", "2", "40", "old scar"),
        ("1", "2", "40", "and flat"),
        ("2", "2", "200", ""),
        ("0", "2", "", "gone"),
    ]
    assert float(rows[2]["area_mm2"]) == pytest.approx(50) and rows[2]["border"] == "regular"


def test_without_a_comment_lesions_are_listed_only_where_they_are_asked_for(tmp_path: Path) -> None:
    write_export(saved(review()), (), "csv", tmp_path / "plain")
    assert read_csv_table(tmp_path / "plain" / "lesions.csv") == []
    write_export(saved(review()), (), "csv", tmp_path / "apart", apart=True)
    rows = read_csv_table(tmp_path / "apart" / "lesions.csv")
    assert [(row["lesion"], row["x"], row["y"], row["comment"]) for row in rows] == [
        ("1", "6", "2", ""),
        ("2", "29", "10", ""),
    ]


def test_a_queue_that_asks_for_lesions_one_by_one_says_so_hands_it_on_and_exports_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place, data = tmp_path / "store", tmp_path / "data"
    make_queue(data)
    with Store.open(place) as store:
        store.add_cases("q", [NewCase("ENC00001", str(data))])
        assert store.takes_lesions_apart("q") is False
    store_option = ["--store", str(place)]
    assert main(["queues", *store_option, "lesions", "q", "apart"]) == 0
    assert main(["queues", *store_option, "list"]) == 0
    assert "q: 1 case, one object a lesion" in capsys.readouterr().out
    with Store.open(place) as store:
        assert store.takes_lesions_apart("q") is True and store.takes_lesions_apart("other") is False
        store.repeat("q", "q again", 1)
        assert store.takes_lesions_apart("q again") is True
        store.save(review(SCAR))
    export = ["export", *store_option, "--queue", "q", "--format", "coco", "--to"]
    assert main([*export, str(tmp_path / "out")]) == 0
    written = json.loads((tmp_path / "out" / INSTANCES).read_text(encoding="utf-8"))
    assert len(written["annotations"]) == 2
    assert main(["queues", *store_option, "lesions", "q", "together"]) == 0
    with Store.open(place) as store:
        assert store.takes_lesions_apart("q") is False
        kept = store.latest(CaseKey("q", "ENC00001"), LOCAL_READER)
    assert kept is not None and kept.review.remarks == {PHOTO: (SCAR,)}
