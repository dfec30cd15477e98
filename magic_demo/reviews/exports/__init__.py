"""Reviews leave as data: challenge files, COCO, CVAT, Label Studio, CSV, Parquet, a training set; one file of this
folder a format, an entry of ``formats.FORMATS`` each."""

from __future__ import annotations

from magic_demo.reviews.exports.formats import (
    FORMATS,
    LABEL_STUDIO,
    PLAIN_CSV,
    REPORT,
    Format,
    Offer,
    find_format,
)
from magic_demo.reviews.exports.readings import ExportError
from magic_demo.reviews.exports.training_sets.data_set import MANIFEST, DataSetVersion, read_data_set
from magic_demo.reviews.exports.writing import ExportReport, write_export

__all__ = [
    "FORMATS",
    "LABEL_STUDIO",
    "MANIFEST",
    "PLAIN_CSV",
    "REPORT",
    "DataSetVersion",
    "ExportError",
    "ExportReport",
    "Format",
    "Offer",
    "find_format",
    "read_data_set",
    "write_export",
]
