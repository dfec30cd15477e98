"""A folder of mask pictures: one a photo, or one a photo and reader; which is which their names say."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from magic_demo.core.errors import FormatError
from magic_demo.files.masks.mask_files import read_loose_mask
from magic_demo.reviews.imports.gathering import Gathering, SourceError

SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".gif")
_KIND = r"segmentation|mask|seg|lesion|label|labels|groundtruth|gt"
_READER = r"(?:ann|annotator|reader|rater|[a-z]{1,2})\d{1,3}"
_NAME = re.compile(
    rf"(?P<photo>.+?)(?:[_-](?:{_KIND}))?(?:[_-](?P<reader>{_READER}))?(?:[_-](?:{_KIND}))?", re.IGNORECASE
)
"""A photo's name, then what kind of file it is and whose, in either order: ``ISIC_x_segmentation``, ``x_A03``,
``x_mask_ann1``."""


def find_mask_folder(path: Path) -> bool:
    """Tell whether a folder holds pictures that could be masks."""
    return path.is_dir() and any(True for _ in list_pictures(path))


def says_mask(stem: str) -> bool:
    """Tell whether a file's name says that it is a mask, or whose."""
    match = _NAME.fullmatch(stem)
    return match is not None and match["photo"] != stem


def list_pictures(folder: Path) -> Iterator[Path]:
    """Yield every picture below a folder that could be a mask, sorted."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file():
            yield path


def read_mask_folder(folder: Path, gathering: Gathering) -> None:
    """Read every picture as a mask: 0 and another value, or labels, of which every one is lesion.

    The reader is what a name ends with (``_A03``), else the folder below ``folder`` that a file lies in, else the one
    that was named. With cases at hand a name begins with a photo's; a picture of no photo is left out.
    """
    files = list(list_pictures(folder)) if folder.is_dir() else []
    if not files:
        raise SourceError("{folder}: holds no PNG or TIFF of a mask", folder=folder)
    for path in files:
        photo_id, reader = split_name(path.stem, gathering)
        if gathering.owners and photo_id not in gathering.owners:
            gathering.left_out.add("picture of no photo of the cases", path.name)
            continue
        folders = path.relative_to(folder).parts[:-1]
        whose = reader or (folders[0] if folders else gathering.reader)
        try:
            loose = read_loose_mask(path)
            review = gathering.review(gathering.name_case(photo_id), whose)
            gathering.add_mask(review, photo_id, loose.mask)
        except FormatError as error:
            gathering.left_out.add("mask that cannot be read", path.name, str(error))
            continue
        for repair in loose.repairs:
            gathering.notes.add(f"mask {repair}", path.name)


def split_name(stem: str, gathering: Gathering) -> tuple[str, str]:
    """Return the photo's id and the reader that a file's name says, "" where it says none.

    Of the photos that are known, the one with the longest name that it begins with.
    """
    known = gathering.name_photo(f"{stem}.png")
    if known in gathering.owners:
        return known, ""
    ahead = {name: len(name) for name in gathering.owners if stem.startswith((f"{name}_", f"{name}-"))}
    if not ahead:  # letters' case and accents' codes do not count, where no name fits as it is written
        stem = unicodedata.normalize("NFC", stem)
        spelled = {name: unicodedata.normalize("NFC", name) for name in gathering.owners}
        ahead = {
            name: len(text)
            for name, text in spelled.items()
            if stem.casefold().startswith((f"{text.casefold()}_", f"{text.casefold()}-"))
        }
    longest = [name for name, length in ahead.items() if length == max(ahead.values())]
    if len(longest) == 1:
        match = _NAME.fullmatch(f"x{stem[ahead[longest[0]] :]}")
        return longest[0], (match["reader"] or "") if match and match["photo"] == "x" else ""
    match = _NAME.fullmatch(stem)
    return (match["photo"], match["reader"] or "") if match else (stem, "")
