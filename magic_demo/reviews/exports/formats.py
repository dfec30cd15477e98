"""THE FORMATS THAT REVIEWS ARE EXPORTED IN: one entry each, which the command, the page's menu and
docs/exports.md read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from magic_demo.core.types import LANGUAGES, Language
from magic_demo.reviews.exports.challenge import write_challenge
from magic_demo.reviews.exports.coco import write_coco
from magic_demo.reviews.exports.cvat import write_cvat
from magic_demo.reviews.exports.dicom import write_dicom
from magic_demo.reviews.exports.label_images import write_label_images
from magic_demo.reviews.exports.label_studio.tasks import write_label_studio
from magic_demo.reviews.exports.readings import ExportError, Selection
from magic_demo.reviews.exports.tabular.tables import write_csv, write_parquet, write_plain_csv
from magic_demo.reviews.exports.training_sets.data_set import TRAINING_SET
from magic_demo.reviews.exports.training_sets.training_set import write_training_set

Kinds = Literal["newest", "every"]
"""Which finished reviews a format takes of each reader and case: the newest, or the newest of every kind."""

_NAME = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True)
class Offer:
    """What can be exported, as it is offered. name: on the command line and in URLs, ``[a-z0-9-]``.

    titles: in the page's menu, one in every language. contents: what it holds, in one line of English, for
    the command's help and the table of docs/exports.md. Raises ValueError where one of them is lacking.
    """

    name: str
    titles: Mapping[Language, str]
    contents: str

    def __post_init__(self) -> None:
        """Refuse an entry that the command, the menu or the docs could not show."""
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"an export is named {self.name!r}; use small letters, digits and hyphens")
        lacking = [language for language in LANGUAGES if not self.titles.get(language, "").strip()]
        if lacking:
            raise ValueError(f"export {self.name!r} lacks a title in {', '.join(lacking)}; give one")
        if not self.contents.strip() or "\n" in self.contents:
            raise ValueError(f"export {self.name!r} needs one line that says what it holds")


@dataclass(frozen=True)
class Format(Offer):
    """A format. write: writes a selection into a folder and returns how many masks it wrote; it adds what it
    leaves out to ``selection.left_out``. kinds: which reviews of a reader and case it takes. predictions: whether
    it takes what the models said. labels: whether it holds the masks of a study's further labels. differences:
    whether it says where a review differs from the model."""

    write: Callable[[Selection, Path], int]
    kinds: Kinds
    predictions: bool = False
    labels: bool = False
    differences: bool = False


CSV = Format(
    name="csv",
    titles={"en": "CSV tables", "zh": "CSV 表格"},
    contents="one row per answer, per mask (run lengths), per click that a mask was made from, per measured line, per review (comment, flag, difficulty, photo quality, "
    "time, models)",
    write=write_csv,
    kinds="every",
    labels=True,
    differences=True,
)
PLAIN_CSV = replace(CSV, write=write_plain_csv)
"""CSV for programs, without the apostrophe before texts that a spreadsheet would run as formulas."""

LABEL_STUDIO = Format(
    name="label-studio",
    titles={"en": "Label Studio", "zh": "Label Studio 格式"},
    contents="everything: masks of every label as brush regions, answers as choices, what the models said as predictions",
    write=write_label_studio,
    kinds="newest",
    predictions=True,
    labels=True,
    differences=True,
)

FORMATS: tuple[Format, ...] = (
    Format(
        name="challenge",
        titles={"en": "Challenge files", "zh": "挑战赛文件"},
        contents="the organisers' layout; `magic_demo score` reads it as reference",
        write=write_challenge,
        kinds="newest",
    ),
    Format(
        name="coco",
        titles={"en": "COCO", "zh": "COCO 格式"},
        contents="masks, one annotation per reader, photo and label, as compressed run lengths, clicks as keypoints, and the photos",
        write=write_coco,
        kinds="newest",
        labels=True,
    ),
    Format(
        name="cvat",
        titles={"en": "CVAT for images", "zh": "CVAT 图像格式"},
        contents="masks, one per reader, photo and label, clicks as points and boxes, and the photos",
        write=write_cvat,
        kinds="newest",
        labels=True,
    ),
    LABEL_STUDIO,
    CSV,
    Format(
        name="parquet",
        titles={"en": "Parquet tables", "zh": "Parquet 表格"},
        contents="the tables of `csv`, with typed columns",
        write=write_parquet,
        kinds="every",
        labels=True,
        differences=True,
    ),
    Format(
        name="dicom",
        titles={"en": "DICOM", "zh": "DICOM 格式"},
        contents="photos, masks as segmentations with one segment per reader and label, answers as structured reports",
        write=write_dicom,
        kinds="newest",
        labels=True,
    ),
    Format(
        name="labels",
        titles={"en": "Label images", "zh": "标签图像"},
        contents="masks of every label: TIFFs whose values are the labels, and each mask in a TIFF of its own",
        write=write_label_images,
        kinds="newest",
        labels=True,
    ),
    Format(
        name=TRAINING_SET,
        titles={"en": "Training set", "zh": "训练集"},
        contents="the challenge's layout with photos and words, which `python -m training` takes as `--data`",
        write=write_training_set,
        kinds="newest",
    ),
)

REPORT = Offer(
    name="report",
    titles={"en": "Disagreement report", "zh": "分歧报告"},
    contents="two pages, HTML and PDF, of where readers and model differ",
)
"""Offered beside the formats; ``reviews.reports`` writes it, from the models' predictions too."""


def find_format(name: str, formats: Iterable[Format] = FORMATS) -> Format:
    """Return the format of this name. Raises ExportError where there is none."""
    known = {format.name: format for format in formats}
    if name not in known:
        raise ExportError(
            "format {name!r} is not known; one of {known} is expected", name=name, known=list(known)
        )
    return known[name]
