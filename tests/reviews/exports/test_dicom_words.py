"""What a DICOM export says of a reading beside its outlines: its words, how far it went, what its reader had seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from pydicom import dcmread

from magic_demo.core.review_types import Review
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.reviews.exports import write_export
from tests.support.store.reviewed_cases import QUEUE, make_queue, save_all

PHOTO = "IMG_ENC00001_00001"


def test_a_report_says_what_its_reader_wrote_and_whether_the_reading_is_whole(tmp_path: Path) -> None:
    queue = make_queue(tmp_path / "data")
    write_export([queue.reviews[0], queue.reviews[7]], queue.cases, "dicom", tmp_path / "out")
    whole, part = (
        dcmread(tmp_path / "out" / "answers" / f"{name}_ann0.dcm") for name in ("ENC00001", "ENC00003")
    )
    texts = [item.TextValue for item in whole.ContentSequence if item.ValueType == "TEXT"]
    review = queue.reviews[0].review
    assert texts == [review.specified["CQID011-001"], review.comment]
    assert (whole.CompletionFlag, part.CompletionFlag) == ("COMPLETE", "PARTIAL")


def test_a_segment_says_what_its_reader_had_been_shown(tmp_path: Path) -> None:
    queue = make_queue(tmp_path / "data")
    write_export(queue.reviews[:2], queue.cases, "dicom", tmp_path / "out")
    segments = dcmread(tmp_path / "out" / "segmentations" / f"{PHOTO}.dcm").SegmentSequence
    assert [segment.SegmentDescription for segment in segments] == [
        "assisted reading; the reader had been shown: model",
        "blind reading; the reader had been shown: nothing",
    ]


def test_masks_of_another_size_and_reviews_without_an_answer_are_named(tmp_path: Path) -> None:
    queue = make_queue(tmp_path / "data")
    masks = {PHOTO: encode_mask(np.ones((9, 9), np.bool_))}
    report = write_export(save_all([Review("ENC00001", "Li", "blind", "done", masks=masks)]), queue.cases, "dicom", tmp_path / "out")  # fmt: skip
    assert report.masks == 0 and not (tmp_path / "out" / "segmentations").exists()
    assert f"mask of another size than its photo (1): {PHOTO} [Li]" in report.left_out
    assert "review without an answer (1): ENC00001 [Li]" in report.left_out


def test_cases_of_two_queues_that_share_an_id_are_two_studies(tmp_path: Path) -> None:
    queue = make_queue(tmp_path / "data")
    studies = set()
    for name in (QUEUE, "another"):
        saved = queue.reviews[0]
        rows = [replace(saved, review=replace(saved.review, queue=name))]
        write_export(rows, queue.cases, "dicom", tmp_path / name)
        studies.add(dcmread(tmp_path / name / "photos" / f"{PHOTO}.dcm").StudyInstanceUID)
    assert len(studies) == 2
