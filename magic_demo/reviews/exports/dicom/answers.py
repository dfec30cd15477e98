"""A review's answers as a DICOM structured report: who, of which photos, one coded item an answered question."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydicom import Dataset
from pydicom.uid import ComprehensiveSRStorage

from magic_demo.core.review_types import SavedReview
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.exports.dicom.objects import (
    SCHEME,
    Case,
    begin,
    code,
    date,
    name_series,
    point_at,
    write_name,
)
from magic_demo.reviews.exports.readings import annotator_of

TITLE = ("answers", SCHEME, "Answers to closed questions about a skin case")


def make_report(case: Case, saved: SavedReview, photos: Sequence[Dataset], questions: QuestionSet) -> Dataset:
    """Return the report of a review. photos: what ``make_photo`` returned of the case's photos."""
    review, reader = saved.review, annotator_of(saved.review)
    made = begin(case, ComprehensiveSRStorage, "SR", reader, review.kind)
    date(made, saved.saved_at)
    made.CompletionFlag = "COMPLETE" if review.complete else "PARTIAL"
    made.VerificationFlag = "UNVERIFIED"
    made.PerformedProcedureCodeSequence, made.ReferencedPerformedProcedureStepSequence = [], []
    if photos:
        evidence = Dataset()
        evidence.StudyInstanceUID = made.StudyInstanceUID
        series = name_series(photos)
        series.ReferencedSOPSequence = [point_at(photo) for photo in photos]
        evidence.ReferencedSeriesSequence = [series]
        made.CurrentRequestedProcedureEvidenceSequence = [evidence]
    made.ValueType, made.ContinuityOfContent = "CONTAINER", "SEPARATE"
    made.ConceptNameCodeSequence = [code(*TITLE)]
    made.ContentSequence = [
        *_observe(reader),
        *(_image(photo) for photo in photos),
        *_answer(saved, questions),
        *([_text("CONTAINS", ("121106", "DCM", "Comment"), review.comment)] if review.comment else []),
    ]
    return made


def _observe(reader: str) -> Iterator[Dataset]:
    kind = _item("HAS OBS CONTEXT", "CODE", ("121005", "DCM", "Observer Type"))
    kind.ConceptCodeSequence = [code("121006", "DCM", "Person")]
    yield kind
    person = _item("HAS OBS CONTEXT", "PNAME", ("121008", "DCM", "Person Observer Name"))
    person.PersonName = write_name(reader)
    yield person


def _image(photo: Dataset) -> Dataset:
    item = _item("CONTAINS", "IMAGE", ("121112", "DCM", "Source of Measurement"))
    item.ReferencedSOPSequence = [point_at(photo)]
    return item


def _answer(saved: SavedReview, questions: QuestionSet) -> Iterator[Dataset]:
    for family in questions.families:
        for question in family.questions:
            if question.qid not in saved.review.answers:
                continue
            option = saved.review.answers[question.qid]
            item = _item("CONTAINS", "CODE", (question.qid, SCHEME, question.text["en"]))
            item.ConceptCodeSequence = [
                code(f"{question.qid}.{option}", SCHEME, question.options["en"][option])
            ]
            yield item
            if specified := saved.review.specified.get(question.qid):
                yield _text("CONTAINS", (f"{question.qid}.t", SCHEME, "As the reader specified"), specified)


def _text(relation: str, name: tuple[str, str, str], text: str) -> Dataset:
    item = _item(relation, "TEXT", name)
    item.TextValue = text
    return item


def _item(relation: str, kind: str, name: tuple[str, str, str]) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = relation, kind
    item.ConceptNameCodeSequence = [code(*name)]
    return item
