"""Writing an export: the folder is there whole or not at all, with an account of it in ``export.json``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from magic_demo.core.disk.whole_files import whole_folder, write_json
from magic_demo.core.messages import Message
from magic_demo.core.review_content import outlines_of, split_outline
from magic_demo.core.review_types import SavedReview
from magic_demo.core.types import EncounterFiles, Prediction
from magic_demo.core.version import __version__
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.exports.challenge import find_owners
from magic_demo.reviews.exports.formats import Format, find_format
from magic_demo.reviews.exports.readings import ExportError, Selection, select_readings
from magic_demo.reviews.exports.training_sets.data_set import MANIFEST, digest_files, name_version


@dataclass(frozen=True)
class ExportReport:
    """What was exported: numbers of cases, readings and masks, the annotators in the order of their
    ``ann<k>``, and what was left out and why.

    files: below the folder, with ``/`` between their parts.
    """

    format: str
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
    format: Format | str,
    folder: Path,
    *,
    readers: Collection[str] = (),
    consensus: bool = False,
    damaged: Iterable[str] = (),
    questions: QuestionSet | None = None,
    predictions: Mapping[str, Prediction] | None = None,
    apart: bool = False,
) -> ExportReport:
    """Write finished readings to a new or empty ``folder``, with what was done in ``export.json``.

    format: one of ``FORMATS`` or its name, or a format of one's own.
    reviews: rows of the store, of one queue; of each reader and case the newest finished one is taken
    (tables: of each kind).
    cases: where photos and words lie; only the training set needs them. readers: these alone, all where
    empty.
    consensus: a case that has a consensus is exported with it in place of its readers.
    damaged: a line for each review that the store could not give. questions: what the reviews answer, the
    challenge's when None. predictions: case id -> what the models said, for a format that takes it.
    apart: each lesion by itself (COCO an object each, tables a row each).
    The folder is there whole or not at all. Raises ExportError, one line, when there is nothing to export or
    the folder is not empty.
    """
    format = find_format(format) if isinstance(format, str) else format
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise ExportError(
            "{folder}: is {what}; name a new or an empty folder to export to",
            folder=folder,
            what=Message("a file") if folder.is_file() else Message("not empty"),
        )
    selection = select_readings(
        reviews,
        cases,
        readers=readers,
        consensus=consensus,
        every_kind=format.kinds == "every",
        questions=questions,
    )
    selection = replace(selection, predictions=predictions or {}, apart=apart)
    with whole_folder(folder) as part:
        masks = format.write(selection, part)
        _name_labels(selection, format)
        report = ExportReport(
            format=format.name,
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
        digests = digest_files(part)
        about = {
            "program": f"magic-demo {__version__}",
            "note": "Research use only. Not a medical device.",
            "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "questions": selection.questions.digest,
            "digests": digests,
            "version": name_version(digests, selection.questions.digest),
            "annotators": {f"ann{number}": name for number, name in enumerate(report.annotators)},
            "provenance": [
                _describe(saved, selection) for case in selection.cases for saved in case.readings
            ],
            "photos": _name_cases(selection),
            "tied": {case_id: list(families) for case_id, families in selection.tied.items()},
        }
        # As files name them: ann<k> -> name, in place of the report's tuple.
        write_json(part / MANIFEST, {**asdict(report), **about}, indent=1)
    return report


def _name_labels(selection: Selection, format: Format) -> None:
    """Note the masks of further labels that are left out: all by a format of one label, else those that the questions do
    not name."""
    held = {label.label_id for label in selection.questions.further_labels} if format.labels else set()
    why = (
        "label that the questions do not name"
        if format.labels
        else "further label, which this format does not hold"
    )
    for case in selection.cases:
        for saved in case.readings:
            for label, photos in saved.review.label_masks.items():
                for photo_id in photos if label not in held else ():
                    selection.left_out.add(f"mask of a {why}", photo_id, label)


def _name_cases(selection: Selection) -> dict[str, str]:
    """Return outlined photo id -> the case that it is exported of: files are named by photos alone, and cases may share
    one."""
    owners = find_owners(selection)
    readings = (saved.review for case in selection.cases for saved in case.readings)
    return {
        photo_id: owners[photo_id]
        for photo_id in sorted(
            {split_outline(name)[1] for review in readings for name in outlines_of(review)}
        )
        if photo_id in owners
    }


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
