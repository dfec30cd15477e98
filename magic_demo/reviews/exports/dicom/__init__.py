"""Reviews as DICOM: photos, readers' outlines as segmentations, answers as structured reports. Needs pydicom."""

from __future__ import annotations

from pathlib import Path

from magic_demo.reviews.exports.readings import ExportError, Selection

INSTALL = "pip install pydicom"


def write_dicom(selection: Selection, folder: Path) -> int:
    """Write ``photos``, ``segmentations`` and ``answers``; returns how many masks.

    Raises ExportError where pydicom is not installed.
    """
    try:
        from magic_demo.reviews.exports.dicom.files import write_files
    except ImportError as error:
        raise ExportError("DICOM files need pydicom; install it ({command})", command=INSTALL) from error
    return write_files(selection, folder)
