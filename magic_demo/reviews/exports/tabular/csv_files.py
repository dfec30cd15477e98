"""Tables as CSV files that no spreadsheet takes for formulas: the one place that writes and reads them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from magic_demo.core.disk.user_files import read_user_text
from magic_demo.core.disk.whole_files import write_whole
from magic_demo.core.errors import FormatError, one_line
from magic_demo.core.limits import LIMITS

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet run a text as a formula, when a cell begins with it."""


def quote_cell(value: Any) -> Any:
    """Return a cell with an apostrophe before a text that a spreadsheet would run; numbers, negative ones
    too, stay numbers."""
    return f"'{value}" if isinstance(value, str) and _is_formula(value) else value


def unquote_cell(text: str) -> str:
    """Return what ``quote_cell`` was given for a text."""
    return text[1:] if text.startswith("'") and _is_formula(text) else text


def write_csv_table(
    path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, quoted: bool = True
) -> None:
    """Write a table whole, UTF-8 with the mark that spreadsheets look for.

    quoted: put an apostrophe before texts that a spreadsheet would run as formulas; False writes every cell
    as it is, for programs alone.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        cells = (row[column] for column in columns)
        writer.writerow([quote_cell(cell) if quoted else cell for cell in cells])
    write_whole(path, text.getvalue().encode("utf-8-sig"))


def read_csv_table(path: Path) -> list[dict[str, str]]:
    """Read a table that ``write_csv_table`` wrote quoted, cells as they were before, all as texts.

    Raises OSError, UnicodeDecodeError, and FormatError for rows of another length than the first.
    """
    text = read_user_text(path, LIMITS.json_bytes)
    before = csv.field_size_limit(
        len(text) + 1
    )  # run lengths of a large mask are longer than its usual limit
    try:
        rows = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise FormatError("{path}: not a table ({reason})", path=path, reason=one_line(error)) from error
    finally:
        csv.field_size_limit(before)
    columns, *cells = rows or [[]]
    if any(len(row) != len(columns) for row in cells):
        raise FormatError("{path}: rows of another length than the first", path=path)
    return [dict(zip(columns, map(unquote_cell, row), strict=True)) for row in cells]


def _is_formula(text: str) -> bool:
    """Return whether a text begins as a formula, apostrophes before it aside: so that what was quoted once
    can be told from what was not."""
    return text.lstrip("'").startswith(FORMULA_STARTS)
