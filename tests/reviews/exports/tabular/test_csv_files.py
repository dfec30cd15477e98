"""What is written as a table comes back as it was, and no spreadsheet takes a text of it for a formula."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magic_demo.reviews.exports import PLAIN_CSV, write_export
from magic_demo.reviews.exports.tabular.csv_files import (
    quote_cell,
    read_csv_table,
    unquote_cell,
    write_csv_table,
)
from magic_demo.reviews.exports.tabular.tables import COLUMNS
from tests.support.store.reviewed_cases import make_queue

REPOSITORY = Path(__file__).resolve().parents[4]
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "－1", "=cmd|' /C calc'!A0"]


@pytest.mark.parametrize("text", FORMULAS, ids=range(len(FORMULAS)))
def test_a_text_that_would_run_has_an_apostrophe_before_it_and_comes_back_without(
    text: str, tmp_path: Path
) -> None:
    write_csv_table(tmp_path / "t.csv", ["a", "b"], [{"a": text, "b": "x"}])
    with (tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert list(csv.reader(stream))[1] == [f"'{text}", "x"]
    assert read_csv_table(tmp_path / "t.csv") == [{"a": text, "b": "x"}]


@given(st.text(alphabet=st.sampled_from("'=+-@\t\r\nab ＝1"), max_size=6))
def test_every_text_comes_back_also_one_that_begins_with_apostrophes(text: str) -> None:
    quoted = quote_cell(text)
    assert unquote_cell(quoted) == text
    assert not quoted.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))


@pytest.mark.parametrize("number", [-1, -0.5, 0, 7, True])
def test_numbers_stay_numbers_negative_ones_too(number: float) -> None:
    assert quote_cell(number) is number


def test_plain_cells_are_what_they_are(tmp_path: Path) -> None:
    write_csv_table(tmp_path / "t.csv", ["a"], [{"a": "=1"}], quoted=False)
    assert (tmp_path / "t.csv").read_text("utf-8-sig").split() == ["a", "=1"]


def test_an_export_quotes_every_text_and_no_column_of_numbers_and_the_option_quotes_none(
    tmp_path: Path,
) -> None:
    queue = make_queue(tmp_path / "data")
    write_export(queue.reviews, queue.cases, "csv", tmp_path / "quoted")
    write_export(queue.reviews, queue.cases, PLAIN_CSV, tmp_path / "plain")
    for name in COLUMNS:
        with (tmp_path / "plain" / f"{name}.csv").open(encoding="utf-8-sig", newline="") as stream:
            assert read_csv_table(tmp_path / "quoted" / f"{name}.csv") == list(csv.DictReader(stream))


def test_nothing_else_in_the_program_writes_tables() -> None:
    writers = re.compile(r"csv\.(writer|DictWriter)|to_csv|to_excel|openpyxl|xlsxwriter|write_csv\(.*pyarrow")
    sources = [
        path
        for folder in ("magic_demo", "training", "benchmarks")
        for path in (REPOSITORY / folder).rglob("*.py")
    ]
    assert [path.name for path in sources if writers.search(path.read_text(encoding="utf-8"))] == [
        "csv_files.py"
    ]
