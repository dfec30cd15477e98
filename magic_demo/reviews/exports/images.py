"""Photos of an export with the masks drawn on them: written anew from their pixels, so that nothing of the
files they came from but the picture leaves."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from magic_demo.core.disk.whole_files import write_whole
from magic_demo.core.errors import PhotoError
from magic_demo.core.review_content import outlines_of, split_outline
from magic_demo.core.review_types import Outline, Review
from magic_demo.core.types import Photo, PhotoFile
from magic_demo.files.photos.processes.workers import read_photo_apart
from magic_demo.reviews.exports.challenge import walk_outlines
from magic_demo.reviews.exports.readings import CaseReadings, Selection, annotator_of

PNG_LEVEL = 3  # of zlib: quick, and little larger than its best


@dataclass
class ExportedImage:
    """A photo with its readers' outlines, each with its label's id, "" for the first. size: (height, width), the photo's own where its file is at hand, else the first
    mask's."""

    photo_id: str
    case_id: str
    size: tuple[int, int]
    outlines: list[tuple[Review, str, Outline]] = field(default_factory=list)

    @property
    def file_name(self) -> str:
        """Return the name of the photo's file in an export."""
        return f"{self.photo_id}.png"


def write_images(selection: Selection, folder: Path) -> list[ExportedImage]:
    """Write every photo that somebody outlined, and return them with their masks.

    A photo whose file is not at hand is returned all the same. A mask of another size than its photo is left
    out and noted.
    """
    images: dict[str, ExportedImage] = {}
    for case, review, name, outline in walk_outlines(selection):
        label, photo_id = split_outline(name)
        if photo_id not in images:
            size = _write_case_photo(case, photo_id, folder, selection)
            images[photo_id] = ExportedImage(photo_id, case.case_id, size or outline.runs.size)
        if outline.runs.size == images[photo_id].size:
            images[photo_id].outlines.append((review, label, outline))
        else:
            selection.left_out.add("mask of another size than its photo", photo_id, annotator_of(review))
    return [image for image in images.values() if image.outlines]


def _write_case_photo(
    case: CaseReadings, photo_id: str, folder: Path, selection: Selection
) -> tuple[int, int] | None:
    found = next((photo for photo in list_photo_files(case) if photo.photo_id == photo_id), None)
    return write_photo(found or PhotoFile(photo_id, None), folder, selection)


def list_photo_files(case: CaseReadings) -> tuple[PhotoFile, ...]:
    """Return where a case's photos lie, none where its files are not at hand."""
    return tuple(case.files.photo_files) if case.files else ()


def list_own_photos(
    case: CaseReadings, owners: Mapping[str, str], selection: Selection
) -> tuple[PhotoFile, ...]:
    """Return where the photos lie that are exported of a case. owners: what ``find_owners`` returned.

    Files are named by photos alone: one that is exported of another case is noted, and so is an outlined one whose
    file is not there.
    """
    files = list_photo_files(case)
    for photo in files:
        if owners[photo.photo_id] != case.case_id:
            kind = f"photo that {owners[photo.photo_id]} has too, of which it is exported"
            selection.left_out.add(kind, photo.photo_id, case.case_id)
    outlined = {split_outline(name)[1] for saved in case.readings for name in outlines_of(saved.review)}
    for photo_id in sorted(outlined - {photo.photo_id for photo in files}):
        if owners.get(photo_id) == case.case_id:
            selection.left_out.add("photo whose file is not there", photo_id)
    return tuple(photo for photo in files if owners[photo.photo_id] == case.case_id)


def write_photo(photo: PhotoFile, folder: Path, selection: Selection) -> tuple[int, int] | None:
    """Write ``<photo id>.png``, upright and without metadata, and return its (height, width).

    None, and noted, where the file is not there or cannot be read.
    """
    read = read_for_export(photo, selection)
    if read is None:
        return None
    buffer = io.BytesIO()
    Image.fromarray(read.pixels).save(buffer, "PNG", compress_level=PNG_LEVEL)
    write_whole(folder / f"{photo.photo_id}.png", buffer.getvalue())
    return read.size


def read_for_export(photo: PhotoFile, selection: Selection) -> Photo | None:
    """Return a photo's pixels; None, and noted, where the file is not there or cannot be read."""
    if photo.path is None:
        selection.left_out.add("photo whose file is not there", photo.photo_id)
        return None
    try:
        return read_photo_apart(photo.path, photo_id=photo.photo_id)
    except PhotoError as error:
        selection.left_out.add("photo that cannot be read", photo.photo_id, str(error))
        return None
