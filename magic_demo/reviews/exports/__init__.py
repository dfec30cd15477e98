"""Reviews leave as data: challenge files, COCO, Label Studio, CSV, Parquet, a training set; one file of this
folder a format."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

import magic_demo
from magic_demo.core.types import EncounterFiles, SavedReview
from magic_demo.core.whole_files import whole_folder, write_json
from magic_demo.reviews.exports.challenge import write_challenge
from magic_demo.reviews.exports.coco import write_coco
from magic_demo.reviews.exports.label_studio import write_label_studio
from magic_demo.reviews.exports.readings import ExportError, Selection, select_readings
from magic_demo.reviews.exports.tables import write_csv, write_parquet, write_plain_csv
from magic_demo.reviews.exports.training_set import write_training_set

__all__ = ["FORMATS", "MANIFEST", "ExportError", "ExportFormat", "ExportReport", "write_export"]

ExportFormat = Literal["challenge", "coco", "label-studio", "csv", "parquet", "training"]
FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)
MANIFEST = "export.json"

_WRITERS: dict[ExportFormat, Callable[[Selection, Path], int]] = {
    "challenge": write_challenge,
    "coco": write_coco,
    "label-studio": write_label_studio,
    "csv": write_csv,
    "parquet": write_parquet,
    "training": write_training_set,
}
_EVERY_KIND: frozenset[ExportFormat] = frozenset({"csv", "parquet"})


@dataclass(frozen=True)
class ExportReport:
    """What was exported: numbers of cases, readings and masks, the annotators in the order of their
    ``ann<k>``, and what was left out and why.

    files: below the folder, with ``/`` between their parts.
    """

    format: ExportFormat
    queue: str
    annotators: tuple[str, ...]
    cases: int
    readings: int
    masks: int
    left_out: tuple[str, ...]
    files: tuple[str, ...]


def write_export(
    reviews: Iterable[SavedReview],
    cases: Iterable[EncounterFiles],
    format: ExportFormat,
    folder: Path,
    *,
    readers: Collection[str] = (),
    consensus: bool = False,
    plain_cells: bool = False,
    damaged: Iterable[str] = (),
) -> ExportReport:
    """Write finished readings to a new or empty ``folder`` in one of ``FORMATS``, with what was done in
    ``export.json``.

    reviews: rows of the store, of one queue; of each reader and case the newest finished one is taken
    (tables: of each kind).
    cases: where photos and words lie; only the training set needs them. readers: these alone, all where
    empty.
    consensus: a case that has a consensus is exported with it in place of its readers.
    plain_cells: CSV without the apostrophe before texts that a spreadsheet would run as formulas, for
    programs.
    damaged: a line for each review that the store could not give.
    The folder is there whole or not at all. Raises ExportError, one line, when there is nothing to export or
    the folder is not empty.
    """
    if format not in _WRITERS:
        raise ExportError(f"format {format!r} is not known; one of {', '.join(FORMATS)} is expected")
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise ExportError(
            f"{folder}: is {'a file' if folder.is_file() else 'not empty'}; name a new or an empty folder "
            "to export to"
        )
    selection = select_readings(
        reviews, cases, readers=readers, consensus=consensus, every_kind=format in _EVERY_KIND
    )
    with whole_folder(folder) as part:
        write = write_plain_csv if plain_cells and format == "csv" else _WRITERS[format]
        masks = write(selection, part)
        report = ExportReport(
            format=format,
            queue=selection.queue,
            annotators=selection.annotators,
            cases=len(selection.cases),
            readings=sum(len(case.readings) for case in selection.cases),
            masks=masks,
            left_out=(*damaged, *selection.left_out.lines()),
            files=tuple(
                sorted(path.relative_to(part).as_posix() for path in part.rglob("*") if path.is_file())
            ),
        )
        about = {
            "program": f"magic-demo {magic_demo.__version__}",
            "note": "Research use only. Not a medical device.",
            "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "annotators": {f"ann{number}": name for number, name in enumerate(report.annotators)},
            "provenance": [
                _describe(saved, selection) for case in selection.cases for saved in case.readings
            ],
            "tied": {case_id: list(families) for case_id, families in selection.tied.items()},
        }
        # As files name them: ann<k> -> name, in place of the report's tuple.
        write_json(part / MANIFEST, {**asdict(report), **about}, indent=1)
    return report


def _describe(saved: SavedReview, selection: Selection) -> dict[str, object]:
    """Return how a reading that is exported came about: what its reader had been shown, and what it left
    open."""
    review = saved.review
    return {
        "annotator": f"ann{selection.number(review)}",
        "case_id": review.case_id,
        "number": saved.number,
        "kind": review.kind,
        "known": sorted(review.known),
        "complete": review.complete,
        "missing": sorted(review.missing),
    }
