"""The quality of a case's photos, as a reader calls it: in the drawer, in the store, in tables and tasks, and
back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey, PhotoQuality, Review, SavedReview
from magic_demo.page.panels.review.choices import write_choice
from magic_demo.page.panels.review.readings_panel import render_readings
from magic_demo.page.panels.review.review_form import read_note
from magic_demo.page.texts.i18n import fill
from magic_demo.questions.families import load_challenge
from magic_demo.reviews.exports import write_export
from magic_demo.reviews.exports.tabular.csv_files import read_csv_table
from magic_demo.reviews.imports import read_reviews
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from tests.support.store.reviewed_cases import answer


def _review(quality: PhotoQuality | None) -> Review:
    return Review(
        "ENC1", LOCAL_READER, "assisted", "done", answer(1), queue="q", unusable=frozenset({"IMG_ENC1_1"}),
        photo_quality=quality,
    )  # fmt: skip


@pytest.mark.parametrize("quality", ["good", "usable", "poor", None])
def test_it_is_stored_and_comes_back(store: Store, quality: PhotoQuality | None) -> None:
    store.add_cases("q", [NewCase("ENC1")])
    store.save(_review(quality))
    saved = store.latest(CaseKey("q", "ENC1"), LOCAL_READER)
    assert saved is not None and saved.review.photo_quality == quality


def test_no_other_quality_is_stored(store: Store) -> None:
    store.add_cases("q", [NewCase("ENC1")])
    with pytest.raises(StoreError, match="photo_quality 'blurred'; expected one of"):
        store.save(_review("blurred"))  # type: ignore[arg-type]


def test_the_drawer_offers_it_in_both_languages_and_takes_what_is_pressed() -> None:
    buttons = fill(write_choice("photo_quality"))
    for word in ("Photo quality", "照片质量", "Good", "良好", "Usable", "可用", "Poor", "较差"):
        assert f">{word}<" in buttons
    assert read_note({"photo_quality": "poor"}, ()).photo_quality == "poor"
    assert read_note({"comment": "of a page that does not have it"}, ()).photo_quality is None


@pytest.mark.parametrize("quality", ["poor", None])
def test_tables_and_tasks_hold_it_and_tasks_bring_it_back(
    tmp_path: Path, quality: PhotoQuality | None
) -> None:
    saved = SavedReview(1, datetime.now(UTC), _review(quality))
    write_export([saved], (), "csv", tmp_path / "csv")
    (row,) = read_csv_table(tmp_path / "csv" / "readings.csv")
    assert row["photo_quality"] == (quality or "")
    write_export([saved], (), "label-studio", tmp_path / "tasks")
    interface = ElementTree.parse(tmp_path / "tasks" / "label_studio.xml")
    values = [choice.get("value") for choice in interface.findall(".//Choices[@name='photo_quality']/Choice")]
    assert values == ["good", "usable", "poor"]
    tasks = json.loads((tmp_path / "tasks" / "label_studio.json").read_text(encoding="utf-8"))
    named = [result["from_name"] for result in tasks[0]["annotations"][0]["result"]]
    assert ("photo_quality" in named) == (quality is not None)
    (back,) = read_reviews(tmp_path / "tasks", "q").reviews
    assert back.photo_quality == quality


def test_all_readings_show_it_beside_each_other() -> None:
    table = render_readings(
        "open",
        [
            SavedReview(1, datetime.now(UTC), _review("poor")),
            SavedReview(2, datetime.now(UTC), _review(None)),
        ],
        None,
        load_challenge(),
        may_build=False,
    )
    assert "照片质量" in table and "较差" in table and "良好" not in table
