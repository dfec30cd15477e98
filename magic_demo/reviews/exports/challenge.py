"""Readings as challenge files: one mask TIFF a reader and photo, answer files that every scorer reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from magic_demo.core.review_content import name_outline, outlines_of, split_outline
from magic_demo.core.review_types import MaskRuns, Outline, Review
from magic_demo.files.answers import write_answers
from magic_demo.files.masks.mask_files import mask_file_name, write_mask
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.reviews.exports.readings import (
    CaseReadings,
    Selection,
    agree_answers,
    annotator_of,
)
from magic_demo.reviews.store.rules import find_unanswered

MASKS = "masks"
ANSWERS = "answers.json"
OFFICIAL_ANNOTATORS = 4


def write_challenge(selection: Selection, folder: Path) -> int:
    """Write ``masks/<image id>_mask_ann<k>.tiff``, ``answers_ann<k>.json`` and ``answers.json``; returns how
    many masks.

    k counts from 0, as the organisers' annotators do. ``answers_ann<k>.json`` holds the encounters that
    reader k answered whole; ``answers.json`` one answer an encounter, what most readers chose, of encounters
    on which no family is tied. All are in the organisers' layout.
    """
    masks = write_masks(selection, folder / MASKS)
    write_answers(folder / ANSWERS, merge_answers(selection), selection.questions)
    for number, name in enumerate(selection.annotators):
        own = {
            case.case_id: dict(saved.review.answers)
            for case in selection.cases
            for saved in case.readings
            if annotator_of(saved.review) == name
            and not find_unanswered(saved.review.answers, selection.questions)
        }
        write_answers(folder / f"answers_ann{number}.json", own, selection.questions)
    if len(selection.annotators) > OFFICIAL_ANNOTATORS and masks:
        selection.left_out.add(
            "annotator whom the organisers' script does not read, only ann0 to ann3",
            ", ".join(selection.annotators[4:]),
        )
    return masks


def write_masks(selection: Selection, folder: Path) -> int:
    """Write every reader's masks and return how many."""
    written = 0
    for _case, review, photo_id, runs in walk_masks(selection):
        write_mask(folder / mask_file_name(photo_id, f"ann{selection.number(review)}"), decode_mask(runs))
        written += 1
    return written


def walk_masks(selection: Selection) -> Iterator[tuple[CaseReadings, Review, str, MaskRuns]]:
    """Yield every mask of the first label that is exported: case, review, photo id, runs.

    Photos have one an annotator; what is left out is noted.
    """
    for case, review, name, outline in walk_outlines(selection):
        label, photo_id = split_outline(name)
        if not label:
            yield case, review, photo_id, outline.runs


def walk_outlines(selection: Selection) -> Iterator[tuple[CaseReadings, Review, str, Outline]]:
    """Yield every outline that is exported, of all labels: case, review, its name (``name_outline``), the outline.

    A photo has one of each label an annotator; what is left out is noted.
    """
    owners = find_owners(selection)
    for case in selection.cases:
        for saved in case.readings:
            review = saved.review
            outlines = outlines_of(review)
            photo_ids = [photo.photo_id for photo in case.files.photo_files] if case.files else []
            for photo_id in dict.fromkeys([*photo_ids, *(split_outline(name)[1] for name in outlines)]):
                names = _name_outlines(review, photo_id, selection)
                if photo_id in review.unusable:
                    selection.left_out.add(
                        "photo that its reader called unusable", photo_id, annotator_of(review)
                    )
                elif not names:
                    selection.left_out.add("photo that was not outlined", photo_id, annotator_of(review))
                elif owners[photo_id] != case.case_id:
                    selection.left_out.add(
                        f"mask of a photo that {owners[photo_id]} has too, whose masks are taken",
                        photo_id,
                        case.case_id,
                    )
                else:
                    for name in names:
                        yield case, review, name, outlines[name]


def find_owners(selection: Selection) -> dict[str, str]:
    """Return photo id -> the one case that a photo of several is exported of: the first with a mask of it, else the
    first that has it."""
    owners: dict[str, str] = {}
    for case in selection.cases:
        for saved in case.readings:
            for photo_id in {split_outline(name)[1] for name in outlines_of(saved.review)}:
                if photo_id not in saved.review.unusable and _name_outlines(
                    saved.review, photo_id, selection
                ):
                    owners.setdefault(photo_id, case.case_id)
    for case in selection.cases:
        for photo in case.files.photo_files if case.files else ():
            owners.setdefault(photo.photo_id, case.case_id)
    return owners


def _name_outlines(review: Review, photo_id: str, selection: Selection) -> list[str]:
    """Return the names of a photo's outlines, in the order of the study's labels."""
    labels = ["", *(label.label_id for label in selection.questions.further_labels)]
    outlines = outlines_of(review)
    return [name for label in labels if (name := name_outline(photo_id, label)) in outlines]


def merge_answers(selection: Selection) -> dict[str, dict[str, int]]:
    """Return one answer set an encounter, of those that are answered whole and on which readers do not tie;
    what is left out is noted."""
    answers = {}
    for case in selection.cases:
        agreed, tied = agree_answers(case.readings, selection.questions)
        tied = [*dict.fromkeys([*tied, *selection.tied.get(case.case_id, ())])]
        unanswered = find_unanswered(agreed, selection.questions)
        missing = [family_id for family_id in unanswered if family_id not in tied]
        if undecided := [family_id for family_id in unanswered if family_id in tied]:
            selection.left_out.add(
                "answers of an encounter that are tied", case.case_id, ", ".join(undecided)
            )
        if missing:
            selection.left_out.add(
                "answers of an encounter with families that nobody answered", case.case_id, ", ".join(missing)
            )
        if not unanswered:
            answers[case.case_id] = agreed
    return answers
