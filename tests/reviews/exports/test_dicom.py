"""Outlines leave as DICOM segmentations and answers as structured reports, which pydicom reads back."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset

from magic_demo.core.review_types import Outline, Review
from magic_demo.core.types import EncounterFiles, PhotoFile
from magic_demo.files.photos.reading import read_photo
from magic_demo.imaging.run_lengths import decode_mask, encode_mask
from magic_demo.questions.families import load_challenge, unpack_questions
from magic_demo.reviews.exports import write_export
from magic_demo.reviews.exports.readings import ExportError
from tests.support.store.reviewed_cases import SIZES, ReadQueue, make_queue, save_all


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> ReadQueue:
    return make_queue(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def folder(queue: ReadQueue, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("export") / "out"
    write_export(queue.reviews, queue.cases, "dicom", place)
    return place


def _read(folder: Path, part: str) -> dict[str, Dataset]:
    return {path.stem: pydicom.dcmread(path) for path in sorted((folder / part).glob("*.dcm"))}


def test_photos_are_read_back_by_the_program_and_name_nobody(folder: Path, queue: ReadQueue) -> None:
    photos = _read(folder, "photos")
    files = {photo.photo_id: photo.path for case in queue.cases for photo in case.photo_files}
    assert photos
    for photo_id, made in photos.items():
        path = files[photo_id]
        assert path is not None
        back = read_photo(folder / "photos" / f"{photo_id}.dcm").pixels
        assert np.array_equal(back, read_photo(path).pixels)
        assert (
            made.PatientName == made.PatientID
            and made.PatientBirthDate == ""
            and made.PatientIdentityRemoved == "YES"
        )


def test_a_segmentation_holds_each_readers_mask_as_a_segment_of_its_photo(
    folder: Path, queue: ReadQueue
) -> None:
    photos, found = _read(folder, "photos"), {}
    for photo_id, made in _read(folder, "segmentations").items():
        frames = made.pixel_array.reshape(-1, made.Rows, made.Columns).astype(bool)
        assert len(frames) == len(made.SegmentSequence) == len(made.PerFrameFunctionalGroupsSequence)
        source = made.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence[0]
        assert source.ReferencedSOPInstanceUID == photos[photo_id].SOPInstanceUID
        assert made.StudyInstanceUID == photos[photo_id].StudyInstanceUID
        for segment, frame in zip(made.SegmentSequence, frames, strict=True):
            reader = segment.SegmentLabel.removeprefix("lesion, ")
            found[photo_id, reader] = frame
            assert (segment.SegmentAlgorithmType == "MANUAL") == ("SegmentAlgorithmName" not in segment)
    assert found and any(not frame.any() for frame in found.values()), "an empty mask is a segment too"
    newest = {}
    for saved in queue.reviews:
        if saved.review.state == "done" and saved.review.kind != "consensus":
            newest[saved.review.case_id, saved.review.reader] = saved.review
    for (photo_id, reader), frame in found.items():
        (runs,) = [
            review.masks[photo_id]
            for (_, name), review in newest.items()
            if name == reader and photo_id in review.masks
        ]
        assert np.array_equal(frame, decode_mask(runs))


def test_a_further_label_is_a_segment_of_its_own_with_a_code_of_its_own(
    queue: ReadQueue, tmp_path: Path
) -> None:
    long, reader = "a" * 40, "R" * 30
    labels = ["lesion", {"id": "ulcer", "name": "Open ulcer"}, "scar", long]
    asked = unpack_questions(json.dumps({"labels": labels}), "labels.json")
    photo_id = "IMG_ENC00001_00001"
    ulcer = np.zeros(SIZES[photo_id], np.bool_)
    ulcer[5:9, 7:20] = True
    drawn = {"ulcer": ulcer, "scar": ulcer & False, long: ~ulcer}
    further = {label: {photo_id: Outline(encode_mask(mask))} for label, mask in drawn.items()}
    saved = queue.reviews[0]
    review = replace(saved.review, reader=reader, label_masks=further)
    rows = [replace(saved, review=review), queue.reviews[1]]
    report = write_export(rows, queue.cases, "dicom", tmp_path / "out", questions=asked)
    assert report.masks == 7 and not [line for line in report.left_out if "label" in line]
    made = _read(tmp_path / "out", "segmentations")[photo_id]
    assert [int(one.SegmentNumber) for one in made.SegmentSequence] == [1, 2, 3, 4, 5]
    frames = made.pixel_array.astype(bool)
    found = {one.SegmentLabel: frame for one, frame in zip(made.SegmentSequence, frames, strict=True)}
    assert list(found) == [
        *(f"{label}, {reader}" for label in ("lesion", "ulcer", "scar", "a" * 32)),
        "lesion, Wang",
    ]
    for label, mask in drawn.items():
        np.testing.assert_array_equal(found[f"{label[:32]}, {reader}"], mask)
    kinds = [one.SegmentedPropertyTypeCodeSequence[0] for one in made.SegmentSequence]
    codes = [(kind.get("CodeValue", kind.get("LongCodeValue")), kind.CodeMeaning) for kind in kinds]
    assert codes[:2] == [("52988006", "Lesion"), ("label.ulcer", "Open ulcer")]
    assert codes[3][0] == f"label.{long}" and codes[4] == codes[0]


def test_a_report_codes_every_answer_and_says_who_gave_it(folder: Path, queue: ReadQueue) -> None:
    reports = _read(folder, "answers")
    questions = {q.qid: q for family in load_challenge().families for q in family.questions}
    assert reports
    for name, made in reports.items():
        items = [
            item
            for item in made.ContentSequence
            if item.ValueType == "CODE" and item.RelationshipType == "CONTAINS"
        ]
        answers = {item.ConceptNameCodeSequence[0].CodeValue: item.ConceptCodeSequence[0] for item in items}
        for qid, answer in answers.items():
            option = int(answer.CodeValue.removeprefix(f"{qid}."))
            assert answer.CodeMeaning == questions[qid].options["en"][option][:64]
        (person,) = [item.PersonName for item in made.ContentSequence if item.ValueType == "PNAME"]
        reviews = [saved.review for saved in queue.reviews if saved.review.reader == person]
        assert any(
            {qid: int(a.CodeValue.split(".")[1]) for qid, a in answers.items()} == dict(review.answers)
            for review in reviews
        )
        assert made.CompletionFlag in ("COMPLETE", "PARTIAL") and made.VerificationFlag == "UNVERIFIED"
        assert name.startswith(f"{made.PatientID}_ann")


def test_masks_whose_photos_are_not_at_hand_are_named(queue: ReadQueue, tmp_path: Path) -> None:
    report = write_export(queue.reviews[:1], (), "dicom", tmp_path / "out")
    assert report.masks == 0
    assert "photo whose file is not there (2): IMG_ENC00001_00001, IMG_ENC00001_00002" in report.left_out, (
        report.left_out
    )


def test_a_photo_of_two_cases_is_the_one_whose_masks_are_exported(queue: ReadQueue, tmp_path: Path) -> None:
    photo_id, (first, second) = "IMG_1", (case.photo_files[0] for case in queue.cases[:2])
    cases = [
        EncounterFiles(name, photo_files=(PhotoFile(photo_id, photo.place),))
        for name, photo in (("A", first), ("B", second))
    ]
    drawn = {
        name: {photo_id: encode_mask(np.ones(read_photo(photo.path).size, np.bool_))}
        for name, photo in (("A", first), ("B", second))
        if photo.path is not None
    }
    for unusable, owner in ((frozenset[str](), "A"), (frozenset({photo_id}), "B")):
        rows = save_all(
            [
                Review("A", "Li", "blind", "done", {"CQID010-001": 1}, masks=drawn["A"], unusable=unusable),
                Review("B", "Li", "blind", "done", {"CQID010-001": 1}, masks=drawn["B"]),
            ]
        )
        out = tmp_path / owner
        report = write_export(rows, cases, "dicom", out)
        assert report.masks == 1, report.left_out
        assert any(f"photo that {owner} has too, of which it is" in line for line in report.left_out), (
            report.left_out
        )
        for part in ("photos", "segmentations"):
            assert [(name, made.PatientID) for name, made in _read(out, part).items()] == [(photo_id, owner)]
        (photo,) = _read(out, "photos").values()
        for name, made in _read(out, "answers").items():
            seen = [item for item in made.ContentSequence if item.ValueType == "IMAGE"]
            own = [item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in seen]
            assert own == ([photo.SOPInstanceUID] if name == f"{owner}_ann0" else [])


def test_names_with_odd_characters_stay_one_value(queue: ReadQueue, tmp_path: Path) -> None:
    reader, photo_id = "DOM\\li^Dr=李", f"{'photo ' * 20}1"
    file = queue.cases[0].photo_files[0]
    case = EncounterFiles("A", photo_files=(PhotoFile(photo_id, file.place),))
    masks = {photo_id: queue.reviews[0].review.masks[file.photo_id]}
    rows = save_all([Review("A", reader, "blind", "done", {"CQID010-001": 1}, masks=masks)])
    write_export(rows, [case], "dicom", tmp_path / "out")
    (report,) = _read(tmp_path / "out", "answers").values()
    (person,) = [item.PersonName for item in report.ContentSequence if item.ValueType == "PNAME"]
    assert str(person) == str(person.family_name) == "DOM＼li＾Dr＝李"
    (made,) = _read(tmp_path / "out", "segmentations").values()
    assert made.SegmentSequence[0].SegmentLabel == "lesion, DOM＼li^Dr=李"
    assert made.ContentDescription == photo_id[:64].strip()


def test_two_exports_agree_in_every_byte(folder: Path, queue: ReadQueue, tmp_path: Path) -> None:
    write_export(queue.reviews, queue.cases, "dicom", tmp_path / "again")
    for path in folder.rglob("*.dcm"):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(folder)).read_bytes()


def test_without_pydicom_the_export_says_what_to_install(
    queue: ReadQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "magic_demo.reviews.exports.dicom.files", None)
    with pytest.raises(ExportError, match="pip install pydicom"):
        write_export(queue.reviews, queue.cases, "dicom", tmp_path / "out")
    assert not (tmp_path / "out").exists()
