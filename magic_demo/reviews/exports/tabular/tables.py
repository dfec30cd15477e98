"""Readings as tables, CSV or Parquet: one row an answer, one a mask, one a click, one a measured line, one a lesion, one a reading."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from magic_demo.core.disk.whole_files import write_whole
from magic_demo.core.review_content import CHOICES, split_outline
from magic_demo.core.review_types import Mark, MaskRuns, SavedReview
from magic_demo.core.ruler import Ruler, length
from magic_demo.imaging.diameter import longest_diameter
from magic_demo.imaging.pieces import find_piece, split_pieces
from magic_demo.imaging.run_lengths import area, decode_mask, encode_mask
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.exports.challenge import walk_masks, walk_outlines
from magic_demo.reviews.exports.readings import Selection
from magic_demo.reviews.exports.tabular.csv_files import write_csv_table
from magic_demo.reviews.exports.training_sets.dataset_card import write_card

Rows = list[dict[str, Any]]
_QUOTED = re.compile(r'"(?:[^"\\]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"')
_NAME = re.compile(rf"{_QUOTED.pattern}(?!\S)|\S+")
CONTENTS = """`load_dataset(FOLDER, "answers")` gives one row an answer; `masks`, `clicks`, `lengths`, `lesions` and `readings` are the other tables, of which one without a row is left out.
`number` joins them, times are UTC, and `counts` are COCO's compressed run lengths (pycocotools reads them with `height`
and `width`). All rows are in the split `train`, which is the one that `datasets` gives by itself."""

COLUMNS: Mapping[str, Mapping[str, type]] = {
    "answers": {
        "number": int, "queue": str, "case_id": str, "reader": str, "kind": str, "known": str, "saved_at": datetime, "qid": str, "family": str, "option": int,
        "option_en": str, "option_zh": str, "specified": str,
    },
    "masks": {
        "number": int, "queue": str, "case_id": str, "reader": str, "kind": str, "known": str, "saved_at": datetime, "photo_id": str, "label": str, "height": int, "width": int,
        "lesion_pixels": int, "area_mm2": float, "diameter_mm": float, "counts": str,
    },
    "clicks": {
        "number": int, "queue": str, "case_id": str, "reader": str, "kind": str, "known": str, "saved_at": datetime, "photo_id": str, "label": str, "click": int,
        "marks": str, "x": float, "y": float, "right": float, "bottom": float,
    },
    "lengths": {
        "number": int, "queue": str, "case_id": str, "reader": str, "kind": str, "known": str, "saved_at": datetime, "photo_id": str, "line": int,
        "x": float, "y": float, "to_x": float, "to_y": float, "pixels": float, "mm": float,
    },
    "lesions": {
        "number": int, "queue": str, "case_id": str, "reader": str, "kind": str, "known": str, "saved_at": datetime, "photo_id": str, "lesion": int, "lesions": int,
        "x": int, "y": int, "lesion_pixels": int, "diameter_px": float, "area_mm2": float, "diameter_mm": float, "border": str, "comment": str,
    },
    "readings": {
        "number": int, "queue": str, "case_id": str, "reader": str, "kind": str, "known": str, "saved_at": datetime, "flagged": bool,
        **dict.fromkeys(CHOICES, str), "unusable": str, "comment": str, "seconds": float, "models": str, "compared": bool, "disagreements": str, "complete": bool, "missing": str,
        "tied": str,
    },
}  # fmt: skip
"""Table -> column -> type. ``number`` is the reading's row in the store and joins the tables; times are UTC, in
CSV as ISO 8601. ``click`` counts those that a mask was made from, ``marks`` is lesion, skin or box; ``x`` and ``y`` are
shares of the photo's width and height, of a box its left top corner, and ``right``, ``bottom`` the other one, of a click the same.
``line`` counts what was measured with the ruler, in pixels of the photo; line 0 is the one of known length. ``mm``, ``area_mm2``
and ``diameter_mm`` (of the largest part) are empty where the reader has not calibrated the photo.
``lesion`` is the number of a part of a mask, of ``lesions``; 0: a comment on no part. Those of a mask are listed where lesions
are taken one by one, and where its reader has commented on one of them; ``x``, ``y`` is a pixel of the part.
``label`` is the id of what is outlined, ``counts`` are COCO's compressed run lengths; ``compared``: whether a model spoke; ``disagreements``
where the reader differs from it; these, ``unusable``, ``missing`` (left open by a finished reading) and
``tied`` (what a consensus leaves undecided) are ids joined by spaces, one that holds a space in quotes, ``known`` (what its reader had been
shown: "model", "others") are words, ``models`` is JSON."""


def write_csv(selection: Selection, folder: Path) -> int:
    """Write ``answers.csv``, ``masks.csv``, ``clicks.csv``, ``lengths.csv``, ``lesions.csv`` and ``readings.csv``; returns how many masks."""
    return _write_csv(selection, folder, quoted=True)


def write_plain_csv(selection: Selection, folder: Path) -> int:
    """Write the same with every cell as it is, for programs: a spreadsheet may run a comment that begins with
    ``=``."""
    return _write_csv(selection, folder, quoted=False)


def _write_csv(selection: Selection, folder: Path, *, quoted: bool) -> int:
    tables = make_tables(selection)
    for name, rows in tables.items():
        texts = ({**row, "saved_at": row["saved_at"].isoformat()} for row in rows)
        write_csv_table(folder / f"{name}.csv", list(COLUMNS[name]), texts, quoted=quoted)
    return len(tables["masks"])


def write_parquet(selection: Selection, folder: Path) -> int:
    """Write those of the same tables that have a row as Parquet, and a card that names them for ``datasets``; returns how
    many masks."""
    import pyarrow  # 50 MB that nothing else needs
    from pyarrow import parquet

    kinds = {
        int: pyarrow.int64(),
        float: pyarrow.float64(),
        str: pyarrow.string(),
        bool: pyarrow.bool_(),
        datetime: pyarrow.timestamp("us", tz="UTC"),
    }
    every = make_tables(selection)
    tables = {name: rows for name, rows in every.items() if rows}  # ``datasets`` opens no table without a row
    for name, rows in tables.items():
        schema = pyarrow.schema([(column, kinds[kind]) for column, kind in COLUMNS[name].items()])
        stream = io.BytesIO()
        parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), stream)
        write_whole(folder / f"{name}.parquet", stream.getvalue())
    write_card(folder, selection, CONTENTS, {name: {"train": f"{name}.parquet"} for name in tables})
    return len(every["masks"])


def make_tables(selection: Selection) -> dict[str, Rows]:
    """Return the rows of each table, in the order of cases, readings and questions."""
    numbers = {id(saved.review): saved for case in selection.cases for saved in case.readings}
    answers: Rows = []
    lengths: Rows = []
    readings: Rows = []
    for case in selection.cases:
        for saved in case.readings:
            tied = selection.tied.get(case.case_id, ()) if saved.review.kind == "consensus" else ()
            readings.append({**_reading_row(saved), "tied": join_names(tied)})
            answers += _answer_rows(saved, selection.questions)
            lengths += _length_rows(saved)
    masks: Rows = []
    clicks: Rows = []
    for _case, review, name, outline in walk_outlines(selection):
        label, photo_id = split_outline(name)
        about = {
            **_common(numbers[id(review)]),
            "photo_id": photo_id,
            "label": label or selection.questions.labels[0].label_id,
        }
        masks.append({**about, **_mask_row(outline.runs, review.rulers.get(photo_id))})
        clicks += [{**about, **row} for row in _click_rows(outline.clicks)]
    lesions = [
        row
        for _case, review, photo_id, runs in walk_masks(selection)
        for row in _lesion_rows(numbers[id(review)], photo_id, runs, all_parts=selection.apart)
    ]
    return {
        "answers": answers,
        "masks": masks,
        "clicks": clicks,
        "lengths": lengths,
        "lesions": lesions,
        "readings": readings,
    }


def _mask_row(runs: MaskRuns, ruler: Ruler | None) -> dict[str, Any]:
    return {
        "height": runs.size[0],
        "width": runs.size[1],
        "lesion_pixels": area(runs),
        **measure_mask(runs, ruler),
        "counts": runs.counts,
    }


def _click_rows(clicks: Sequence[Mark]) -> Rows:
    rows = []
    for number, mark in enumerate(clicks, start=1):
        x, y, right, bottom = mark.at if mark.kind == "box" else (*mark.at, *mark.at)
        place = {"x": x, "y": y, "right": right, "bottom": bottom}
        rows.append({"click": number, "marks": mark.kind, **place})
    return rows


def _length_rows(saved: SavedReview) -> Rows:
    rows = []
    for photo_id, ruler in sorted(saved.review.rulers.items()):
        known = [(0, ruler.known)] if ruler.known is not None else []
        for number, line in [*known, *enumerate(ruler.lines, start=1)]:
            ends = dict(zip(("x", "y", "to_x", "to_y"), line, strict=True))
            pixels = length(line)
            mm = ruler.mm if number == 0 else ruler.measure(pixels)
            about = {**_common(saved), "photo_id": photo_id, "line": number}
            rows.append({**about, **ends, "pixels": pixels, "mm": mm})
    return rows


def _lesion_rows(saved: SavedReview, photo_id: str, runs: MaskRuns, *, all_parts: bool) -> Rows:
    """Return a row for each part of a mask, another one for a second comment on it, and one for each comment on no
    part; all_parts: also where nothing was said of any."""
    remarks = saved.review.remarks.get(photo_id, ())
    if not (remarks or all_parts):
        return []
    about = {**_common(saved), "photo_id": photo_id}
    pieces = split_pieces(decode_mask(runs))
    rows: Rows = []
    found = [(remark, find_piece(pieces, remark.at)) for remark in remarks]
    for piece in pieces:
        said = [remark for remark, where in found if where is piece]
        measures = {
            "lesion_pixels": piece.area,
            "diameter_px": piece.diameter,
            **measure_mask(encode_mask(piece.draw(runs.size)), saved.review.rulers.get(photo_id)),
            "border": piece.border,
        }
        which = {**about, "lesion": piece.number, "lesions": len(pieces), **measures}
        for at, comment in [(remark.at, remark.comment) for remark in said] or [(piece.at, "")]:
            rows.append({**which, "x": at[0], "y": at[1], "comment": comment})
    for remark, where in found:
        if where is None:
            nowhere = dict.fromkeys(("lesion_pixels", "diameter_px", "area_mm2", "diameter_mm"))
            which = {**about, "lesion": 0, "lesions": len(pieces), **nowhere, "border": ""}
            rows.append({**which, "x": remark.at[0], "y": remark.at[1], "comment": remark.comment})
    return rows


def measure_mask(runs: MaskRuns, ruler: Ruler | None) -> dict[str, float | None]:
    """Return a mask's area and longest diameter in millimetres, None where the photo is not calibrated."""
    if ruler is None or ruler.mm_per_pixel is None:
        return {"area_mm2": None, "diameter_mm": None}
    return {
        "area_mm2": ruler.measure_area(area(runs)),
        "diameter_mm": ruler.measure(longest_diameter(decode_mask(runs))),
    }


def _common(saved: SavedReview) -> dict[str, Any]:
    review = saved.review
    return {
        "number": saved.number,
        "queue": review.queue,
        "case_id": review.case_id,
        "reader": review.reader,
        "kind": review.kind,
        "known": join_names(sorted(review.known)),
        "saved_at": saved.saved_at,
    }


def _answer_rows(saved: SavedReview, questions: QuestionSet) -> Rows:
    review = saved.review
    return [
        {
            **_common(saved),
            "qid": question.qid,
            "family": question.family,
            "option": review.answers[question.qid],
            "option_en": question.options["en"][review.answers[question.qid]],
            "option_zh": question.options["zh"][review.answers[question.qid]],
            "specified": review.specified.get(question.qid, ""),
        }
        for question in questions.questions
        if question.qid in review.answers
    ]


def _reading_row(saved: SavedReview) -> dict[str, Any]:
    review = saved.review
    return {
        **_common(saved),
        "flagged": review.flagged,
        **{name: getattr(review, name) or "" for name in CHOICES},
        "unusable": join_names(sorted(review.unusable)),
        "comment": review.comment,
        "seconds": review.seconds,
        "models": json.dumps(dict(review.models), ensure_ascii=False),
        "compared": review.disagreements is not None,
        "disagreements": join_names(sorted(review.disagreements or ())),
        "complete": review.complete,
        "missing": join_names(sorted(review.missing)),
    }


def join_names(names: Iterable[str]) -> str:
    """Return names as one text with spaces between; one that holds a space is quoted as in JSON."""
    return " ".join(
        json.dumps(name, ensure_ascii=False) if name.startswith('"') or len(name.split()) != 1 else name
        for name in names
    )


def split_names(text: str) -> frozenset[str]:
    """Return the names that ``join_names`` joined."""
    found = (match[0] for match in _NAME.finditer(text))
    return frozenset(json.loads(name) if _QUOTED.fullmatch(name) else name for name in found)
