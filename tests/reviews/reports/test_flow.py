"""The flow of a study's cases: a table, and a picture in which every case is counted once."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from magic_demo.core.review_types import Review, ReviewState
from magic_demo.core.types import LANGUAGES, Language
from magic_demo.questions.families import load_challenge
from magic_demo.reviews.exports.tabular.csv_files import read_csv_table
from magic_demo.reviews.reports.flow import Flow, draw_flow, measure_flow, write_flow
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from tests.support.store.reviewed_cases import answer

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    """Return the flow of six cases: C5 is assigned to bo, who has not begun it."""
    with Store.open(tmp_path / "store", questions=load_challenge()) as store:
        for name in ("ann", "bo & co"):
            store.add_reader(name)
        store.add_cases("q", [NewCase(f"C{number}", photos=("P",)) for number in range(6)])
        store.share_out("q", ["C5"], ["bo & co"], each=1)
        whole = {"answers": answer(1), "unusable": frozenset({"P"}), "queue": "q"}
        readings: tuple[tuple[str, str, ReviewState, dict[str, Any]], ...] = (
            ("C0", "ann", "done", whole),
            ("C0", "bo & co", "done", whole),
            ("C1", "ann", "done", whole),
            ("C1", "ann", "in progress", whole),
            ("C1", "bo & co", "done", {"answers": answer(1), "queue": "q"}),
            ("C2", "ann", "done", {**whole, "answers": {}}),
            ("C3", "ann", "in progress", {"queue": "q"}),
        )
        for case_id, reader, state, says in readings:
            store.save(Review(case_id, reader, "blind", state, **says))
        return measure_flow(store.list_cases("q", LOCAL_READER, all_assigned=True), store.all_reviews("q"))


def test_every_case_is_counted_once_as_far_as_the_reader_who_is_furthest(flow: Flow) -> None:
    assert flow.reached == {"complete": 2, "left open": 1, "unfinished": 1, "not begun": 2}
    assert flow.shared == 1
    assert flow.of_reader("ann") == {"complete": 2, "left open": 1, "unfinished": 1, "not begun": 1}
    assert flow.of_reader("bo & co") == {"complete": 1, "left open": 1, "not begun": 4}


def test_the_table_says_of_every_case_and_reader_why_it_does_not_count(flow: Flow, tmp_path: Path) -> None:
    write_flow(tmp_path, flow, LANGUAGES)
    rows = {(row["case"], row["reader"]): row for row in read_csv_table(tmp_path / "flow.csv")}
    assert ("C5", "ann") not in rows and rows["C5", "bo & co"]["standing"] == "not begun"
    assert rows["C1", "bo & co"]["left_open"] == "P" and rows["C0", "ann"]["unusable_photos"] == "P"
    assert rows["C2", "ann"]["left_open"].split()[0] == "CQID010"
    assert sorted(path.name for path in tmp_path.glob("*.svg")) == ["flow_en.svg", "flow_zh.svg"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_picture_holds_the_numbers_in_boxes_that_do_not_overlap(flow: Flow, language: Language) -> None:
    root = ET.fromstring(draw_flow(flow, language))
    texts = [str(text.text) for text in root.iter(f"{SVG}text")]
    assert "bo & co" in texts and any(text.endswith("6") or "6" in text for text in texts[:1])
    boxes = [
        tuple(float(box.attrib[name]) for name in ("x", "y", "width", "height"))
        for box in root.iter(f"{SVG}rect")
        if "x" in box.attrib
    ]
    assert len(boxes) == 5
    for number, (x, y, width, height) in enumerate(boxes):
        for left, top, wide, high in boxes[number + 1 :]:
            assert x + width <= left or left + wide <= x or y + height <= top or top + high <= y
