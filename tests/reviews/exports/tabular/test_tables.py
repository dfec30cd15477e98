"""Tables hold every answer, mask and reading; both kinds of file the same."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from pyarrow import parquet

from magic_demo.core.review_types import MaskRuns
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.reviews.exports import write_export
from magic_demo.reviews.exports.tabular.csv_files import read_csv_table
from magic_demo.reviews.exports.tabular.tables import COLUMNS
from tests.support.store.reviewed_cases import ReadQueue, make_queue


@pytest.fixture
def queue(tmp_path: Path) -> ReadQueue:
    return make_queue(tmp_path / "data")


def _read_csv(path: Path) -> list[dict[str, Any]]:
    kinds: Mapping[str, Any] = {
        **COLUMNS[path.stem],
        "saved_at": datetime.fromisoformat,
    }

    def read(name: str, text: str) -> Any:
        if kinds[name] in (int, float) and not text:  # no ruler, or a comment on no lesion
            return None
        return text == "True" if kinds[name] is bool else kinds[name](text)

    return [{name: read(name, text) for name, text in row.items()} for row in read_csv_table(path)]


def test_csv_and_parquet_hold_the_same_rows(queue: ReadQueue, tmp_path: Path) -> None:
    write_export(queue.reviews, queue.cases, "csv", tmp_path / "csv")
    write_export(queue.reviews, queue.cases, "parquet", tmp_path / "parquet")
    for name in COLUMNS:
        rows = _read_csv(tmp_path / "csv" / f"{name}.csv")
        assert rows and rows == parquet.read_table(tmp_path / "parquet" / f"{name}.parquet").to_pylist()


def test_every_finished_reading_of_every_kind_has_its_rows(queue: ReadQueue, tmp_path: Path) -> None:
    write_export(queue.reviews, queue.cases, "csv", tmp_path / "out")
    finished = {saved.number: saved.review for saved in queue.reviews if saved.review.state == "done"}
    readings = _read_csv(tmp_path / "out" / "readings.csv")
    assert {row["number"]: (row["case_id"], row["reader"], row["kind"]) for row in readings} == {
        number: (review.case_id, review.reader, review.kind) for number, review in finished.items()
    }
    first = readings[0]
    review = queue.reviews[0].review
    assert (first["comment"], first["flagged"], first["difficulty"], first["seconds"]) == (
        review.comment,
        True,
        "hard",
        12.5,
    )
    assert (
        json.loads(first["models"]) == review.models
        and first["compared"]
        and first["disagreements"] == "CQID011"
    )
    assert {row["number"]: row["complete"] for row in readings} == {
        number: review.complete for number, review in finished.items()
    }
    assert {row["complete"] for row in readings} == {True, False}


def test_spreadsheets_see_that_a_table_is_utf_8(queue: ReadQueue, tmp_path: Path) -> None:
    """Excel reads Chinese as something else where a file does not begin with the mark."""
    write_export(queue.reviews, queue.cases, "csv", tmp_path / "out")
    assert all((tmp_path / "out" / f"{name}.csv").read_bytes().startswith(BOM_UTF8) for name in COLUMNS)


def test_answers_and_masks_come_back_equal(queue: ReadQueue, tmp_path: Path) -> None:
    report = write_export(queue.reviews, queue.cases, "csv", tmp_path / "out")
    answers = _read_csv(tmp_path / "out" / "answers.csv")
    masks = _read_csv(tmp_path / "out" / "masks.csv")
    assert report.masks == len(masks)
    for saved in queue.reviews:
        if saved.review.state != "done":
            continue
        own = [row for row in answers if row["number"] == saved.number]
        assert {row["qid"]: row["option"] for row in own} == saved.review.answers
        assert {row["qid"]: row["specified"] for row in own if row["specified"]} == saved.review.specified
        found = {row["photo_id"]: row for row in masks if row["number"] == saved.number}
        assert found.keys() == saved.review.masks.keys() - saved.review.unusable
        for photo_id, row in found.items():
            mask = decode_mask(MaskRuns((row["height"], row["width"]), row["counts"]))
            assert (
                np.array_equal(mask, decode_mask(saved.review.masks[photo_id]))
                and row["lesion_pixels"] == mask.sum()
            )


def test_an_option_is_told_in_both_languages(queue: ReadQueue, tmp_path: Path) -> None:
    write_export(queue.reviews, queue.cases, "csv", tmp_path / "out")
    row = next(
        row
        for row in _read_csv(tmp_path / "out" / "answers.csv")
        if row["qid"] == "CQID025-001" and row["option"] == 0
    )
    assert (row["option_en"], row["option_zh"]) == ("yes", "是")


def test_parquet_holds_times_as_times(queue: ReadQueue, tmp_path: Path) -> None:
    write_export(queue.reviews, queue.cases, "parquet", tmp_path / "out")
    for name in COLUMNS:
        kind = parquet.read_schema(tmp_path / "out" / f"{name}.parquet").field("saved_at").type
        assert str(kind) == "timestamp[us, tz=UTC]"


def test_the_card_names_each_table_and_its_file(queue: ReadQueue, tmp_path: Path) -> None:
    write_export(queue.reviews, queue.cases, "parquet", tmp_path / "out")
    _, head, _ = (tmp_path / "out" / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    configs = yaml.safe_load(head)["configs"]
    assert {config["config_name"]: config["data_files"] for config in configs} == {
        name: [{"split": "train", "path": f"{name}.parquet"}] for name in COLUMNS
    }
