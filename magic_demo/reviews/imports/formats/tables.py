"""The tables that this program exports, CSV or Parquet: every answer, mask, click, measured line, comment on a lesion and note."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from magic_demo.core.disk.user_files import read_user_file
from magic_demo.core.errors import FormatError, one_line
from magic_demo.core.limits import LIMITS
from magic_demo.core.remark import read_remarks
from magic_demo.core.review_content import CHOICES, read_mark
from magic_demo.core.review_types import MaskRuns, Review
from magic_demo.core.ruler import Ruler, read_line, read_ruler, write_ruler
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.exports.tabular.csv_files import read_csv_table
from magic_demo.reviews.exports.tabular.tables import COLUMNS, split_names
from magic_demo.reviews.imports.formats.coco import MALFORMED
from magic_demo.reviews.imports.gathering import Gathering, SourceError, read_kind, read_known

Row = Mapping[str, Any]
MOST_ROWS = 10_000_000
_TRUTHS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False, "": False}


def find_csv(path: Path) -> bool:
    """Tell whether a folder holds the table of readings as CSV."""
    return (path / "readings.csv").is_file()


def find_parquet(path: Path) -> bool:
    """Tell whether a folder holds the table of readings as Parquet."""
    return (path / "readings.parquet").is_file()


def read_csv(path: Path, gathering: Gathering) -> None:
    """Read ``answers.csv``, ``masks.csv``, ``clicks.csv``, ``lengths.csv``, ``lesions.csv`` and ``readings.csv``."""
    _read_tables(path, "csv", read_csv_table, gathering)


def read_parquet(path: Path, gathering: Gathering) -> None:
    """Read the same as Parquet."""
    _read_tables(path, "parquet", _read_parquet_table, gathering)


def _read_parquet_table(path: Path) -> list[dict[str, Any]]:
    import pyarrow  # 50 MB that nothing else needs
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(io.BytesIO(read_user_file(path, LIMITS.json_bytes)))
        if file.metadata.num_rows > MOST_ROWS:
            raise FormatError(
                "{path}: {count} rows; {limit} is the most",
                path=path,
                count=file.metadata.num_rows,
                limit=MOST_ROWS,
            )
        rows: list[dict[str, Any]] = file.read().to_pylist()
    except pyarrow.ArrowException as error:
        raise FormatError(
            "{path}: no Parquet that can be read ({reason})", path=path, reason=one_line(error)
        ) from error
    return rows


def _read_tables(
    folder: Path, ending: str, read: Callable[[Path], list[dict[str, Any]]], gathering: Gathering
) -> None:
    if not (folder / f"readings.{ending}").is_file():
        raise SourceError("{folder}: holds no table readings.{ending}", folder=folder, ending=ending)
    tables: dict[str, list[dict[str, Any]]] = {}
    for name in COLUMNS:
        path = folder / f"{name}.{ending}"
        try:
            tables[name] = read(path) if path.is_file() else []
        except (OSError, UnicodeDecodeError) as error:
            raise FormatError(
                "{path}: cannot be read ({reason})", path=path, reason=one_line(error)
            ) from error
    reviews: dict[str, Review] = {}
    for name, add in (
        ("readings", _add_reading),
        ("answers", _add_answer),
        ("masks", _add_mask),
        ("clicks", _add_click),
        ("lengths", _add_length),
        ("lesions", _add_lesion),
    ):
        for place, row in enumerate(tables[name], start=1):
            try:
                number = str(row["number"])
                if name != "readings" and number not in reviews:
                    gathering.left_out.add("row of a reading that is not listed", f"{name}, row {place}")
                    continue
                reviews[number] = add(row, reviews.get(number), gathering)
            except (FormatError, *MALFORMED) as error:
                gathering.left_out.add(
                    "row that cannot be read", f"{name}, row {place}", str(error) or type(error).__name__
                )


def _add_reading(row: Row, _: Review | None, gathering: Gathering) -> Review:
    differs = split_names(_text(row["disagreements"])) if _is_true(row["compared"]) else None
    chosen = {
        name: next((value for value in values if value == row[name]), None)
        for name, values in CHOICES.items()
    }
    models = _read_models(row["models"])
    kind = read_kind(row["kind"])
    review = replace(
        gathering.review(str(row["case_id"]), str(row["reader"]), kind),
        flagged=_is_true(row["flagged"]),
        unusable=split_names(_text(row["unusable"])),
        comment=_text(row["comment"]),
        seconds=float(row["seconds"]),
        models=models,
        disagreements=differs,
        known=read_known(row["known"]),
        missing=split_names(_text(row["missing"])),
        **chosen,  # type: ignore[arg-type]
    )
    gathering.keep(review)
    return review


def _read_models(text: Any) -> dict[str, str]:
    value = json.loads(_text(text) or "{}")
    return {str(task): str(model) for task, model in value.items()}


def _add_answer(row: Row, review: Review | None, gathering: Gathering) -> Review:
    assert review is not None
    qid, option = str(row["qid"]), int(row["option"])
    _check_answer(qid, option, str(row["option_en"]), gathering.questions)
    specified = {**review.specified, **({qid: str(row["specified"])} if row["specified"] else {})}
    review = replace(review, answers={**review.answers, qid: option}, specified=specified)
    gathering.keep(review)
    return review


def _check_answer(qid: str, option: int, text: str, questions: QuestionSet) -> None:
    question = next((question for question in questions.questions if question.qid == qid), None)
    if question is None:
        raise FormatError("there is no question {qid}; name its file with --questions", qid=qid[:40])
    options = question.options["en"]
    if not 0 <= option < len(options) or options[option] != text:
        raise FormatError("{qid} has no option {option} '{text}'", qid=qid, option=option, text=text[:80])


def _add_mask(row: Row, review: Review | None, gathering: Gathering) -> Review:
    assert review is not None
    runs = MaskRuns((int(row["height"]), int(row["width"])), str(row["counts"]))
    return gathering.add_mask(review, str(row["photo_id"]), runs, _read_label(row, gathering))


def _read_label(row: Row, gathering: Gathering) -> str:
    """Return the label of a mask or click, "" for the first, of which alone older tables are. Raises FormatError."""
    told = str(row.get("label") or "")
    label = gathering.find_label(told) if told else ""
    if label is None:
        raise FormatError("the queue has no label {label}; name its file with --questions", label=told[:40])
    return label


def _add_click(row: Row, review: Review | None, gathering: Gathering) -> Review:
    assert review is not None
    kind = str(row["marks"])
    sides = ("x", "y", "right", "bottom") if kind == "box" else ("x", "y")
    mark = read_mark([kind, *(float(row[side]) for side in sides)])
    return gathering.add_click(review, str(row["photo_id"]), mark, _read_label(row, gathering))


def _add_length(row: Row, review: Review | None, gathering: Gathering) -> Review:
    assert review is not None
    line = read_line([float(row[end]) for end in ("x", "y", "to_x", "to_y")])
    photo_id = str(row["photo_id"])
    ruler = review.rulers.get(photo_id, Ruler())
    if int(row["line"]) == 0:
        ruler = replace(ruler, known=line, mm=float(row["mm"]))
    else:
        ruler = replace(ruler, lines=(*ruler.lines, line))
    return gathering.add_ruler(review, photo_id, read_ruler(write_ruler(ruler)))


def _add_lesion(row: Row, review: Review | None, gathering: Gathering) -> Review:
    assert review is not None
    if not row["comment"]:
        return review
    said = [[int(row["x"]), int(row["y"]), str(row["comment"])]]
    return gathering.add_remarks(review, str(row["photo_id"]), read_remarks(said))


def _is_true(value: Any) -> bool:
    """Return what a cell says, however a spreadsheet or another program writes it. Raises FormatError."""
    told = str("" if value is None else value).casefold()
    if told not in _TRUTHS:
        raise FormatError("'{value}' is neither True nor False", value=told[:40])
    return _TRUTHS[told]


def _text(value: Any) -> str:
    """Return a cell's text; an empty one is nothing to some programs, which write it so into a Parquet file."""
    return "" if value is None else str(value)
