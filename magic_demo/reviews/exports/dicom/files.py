"""The files of a DICOM export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydicom import Dataset

from magic_demo.core.review_content import split_outline
from magic_demo.core.types import PhotoFile
from magic_demo.reviews.exports.challenge import find_owners, walk_outlines
from magic_demo.reviews.exports.dicom.answers import make_report
from magic_demo.reviews.exports.dicom.objects import Case, write_object
from magic_demo.reviews.exports.dicom.outlines import Outline, make_photo, make_segmentation
from magic_demo.reviews.exports.images import list_own_photos, read_for_export
from magic_demo.reviews.exports.readings import CaseReadings, Selection, annotator_of

PHOTOS, SEGMENTATIONS, ANSWERS = "photos", "segmentations", "answers"


def write_files(selection: Selection, folder: Path) -> int:
    """Write each case's photos, a segmentation of each that was outlined, and a report of each review; returns how
    many masks."""
    outlines: dict[str, list[Outline]] = {}
    labels = {label.label_id: label for label in selection.questions.labels}
    labels[""] = selection.questions.labels[0]
    for case, review, name, outline in walk_outlines(selection):
        label, photo_id = split_outline(name)
        saved = next(one for one in case.readings if one.review is review)
        outlines.setdefault(photo_id, []).append((saved, labels[label], outline.runs))
    owners = find_owners(selection)
    return sum(
        _write_case(case, list_own_photos(case, owners, selection), outlines, selection, folder)
        for case in selection.cases
    )


def _write_case(
    readings: CaseReadings,
    files: Sequence[PhotoFile],
    outlines: dict[str, list[Outline]],
    selection: Selection,
    folder: Path,
) -> int:
    case, photos, masks = Case(selection.queue, readings.case_id), [], 0
    for file in files:
        photo = read_for_export(file, selection)
        if photo is None:
            continue
        made = make_photo(case, photo)
        photos.append(made)
        write_object(made, folder / PHOTOS / f"{photo.photo_id}.dcm")
        masks += _write_outlines(case, made, outlines.get(photo.photo_id, []), selection, folder)
    for saved in readings.readings:
        if not saved.review.answers:
            selection.left_out.add("review without an answer", readings.case_id, annotator_of(saved.review))
            continue
        name = f"{readings.case_id}_ann{selection.number(saved.review)}.dcm"
        write_object(make_report(case, saved, photos, selection.questions), folder / ANSWERS / name)
    return masks


def _write_outlines(
    case: Case, photo: Dataset, outlines: list[Outline], selection: Selection, folder: Path
) -> int:
    photo_id, size = str(photo.ImageComments), (photo.Rows, photo.Columns)
    fitting = [outline for outline in outlines if outline[2].size == size]
    for saved, _label, runs in outlines:
        if runs.size != size:
            selection.left_out.add(
                "mask of another size than its photo", photo_id, annotator_of(saved.review)
            )
    if fitting:
        write_object(make_segmentation(case, photo, fitting), folder / SEGMENTATIONS / f"{photo_id}.dcm")
    return len(fitting)
