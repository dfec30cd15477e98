"""What every DICOM object of an export has: whose it is, its numbers, codes, and how it is written."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydicom import Dataset, FileMetaDataset, dcmwrite
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID, ExplicitVRLittleEndian, generate_uid

from magic_demo.core.disk.whole_files import write_whole
from magic_demo.core.version import __version__

SCHEME = "99MAGICDEMO"
"""Of codes that are ours: questions by qid, options by qid and index, labels by ``label.`` and their id."""
LONGEST_CODE, LONGEST_MEANING = 16, 64
_ONE_TEXT = str.maketrans({"\\": "＼"})
_ONE_NAME = str.maketrans({"\\": "＼", "^": "＾", "=": "＝"})
"""DICOM parts several texts by a backslash, and the parts of a person's name by ^ and =; their wide forms part nothing."""


@dataclass(frozen=True)
class Case:
    """Whose an object is: a case of a queue, which becomes the patient and the study; no name of anybody."""

    queue: str
    case_id: str

    def number(self, *parts: str) -> str:
        """Return a UID that depends on the case and these words alone, so that two exports agree."""
        return str(generate_uid(entropy_srcs=["magic-demo", self.queue, self.case_id, *parts]))


def begin(case: Case, kind: str, modality: str, *name: str) -> Dataset:
    """Return an object of a SOP class with patient, study, series and maker. name: what tells it from others of
    its series."""
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 192"
    made.SOPClassUID, made.SOPInstanceUID = kind, case.number(modality, *name)
    made.PatientID, made.PatientName = write_text(case.case_id), write_name(case.case_id)
    made.PatientBirthDate = made.PatientSex = ""
    made.PatientIdentityRemoved, made.DeidentificationMethod = (
        "YES",
        "Pixels alone are kept of a photo's file",
    )
    made.StudyInstanceUID, made.StudyID = case.number("study"), ""
    made.StudyDate = made.StudyTime = made.AccessionNumber = made.ReferringPhysicianName = ""
    made.SeriesInstanceUID, made.Modality = case.number("series", modality), modality
    made.SeriesNumber, made.InstanceNumber = "1", "1"
    made.Manufacturer = made.ManufacturerModelName = "Magic Demo"
    made.DeviceSerialNumber, made.SoftwareVersions = "none", __version__
    return made


def date(made: Dataset, when: datetime) -> None:
    """Say when an object's content was made, in UTC."""
    made.ContentDate, made.ContentTime = f"{when:%Y%m%d}", f"{when:%H%M%S}"
    made.TimezoneOffsetFromUTC = "+0000"


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Return a code; one that is too long for the usual field stands in the field for long ones."""
    item = Dataset()
    if len(value) > LONGEST_CODE:
        item.LongCodeValue = value
    else:
        item.CodeValue = value
    item.CodingSchemeDesignator, item.CodeMeaning = scheme, write_text(meaning)
    return item


def write_text(text: str) -> str:
    """Return a text as one value of DICOM's short texts (LO): at most 64 characters, none that parts values."""
    return text.translate(_ONE_TEXT)[:LONGEST_MEANING]


def write_name(name: str) -> str:
    """Return a name as one value of a person's name (PN), in one part."""
    return name.translate(_ONE_NAME)[:LONGEST_MEANING]


def point_at(made: Dataset) -> Dataset:
    """Return a reference to an object."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = made.SOPClassUID, made.SOPInstanceUID
    return item


def name_series(objects: Sequence[Dataset]) -> Dataset:
    """Return the series of objects, at least one, to which references to them are added."""
    item = Dataset()
    item.SeriesInstanceUID = objects[0].SeriesInstanceUID
    return item


def write_object(made: Dataset, path: Path) -> None:
    """Write a file, whole or not at all."""
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.file_meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    buffer = io.BytesIO()
    dcmwrite(buffer, made, enforce_file_format=True)
    write_whole(path, buffer.getvalue())
