"""Mask TIFFs of the challenge, read and written: one 2-D page of 0 and 1 a mask, at the photo's own size."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from magic_demo.core.disk.whole_files import write_whole
from magic_demo.core.errors import FormatError
from magic_demo.core.messages import Message, chain
from magic_demo.core.types import Mask
from magic_demo.files.masks.decoding import (
    NotPlainError,
    is_tiff,
    open_tiff,
    read_orientation,
    read_strips,
    read_tiff,
    read_with_pillow,
)
from magic_demo.files.masks.values import read_values
from magic_demo.files.photos.heads import read_head
from magic_demo.files.photos.reading import PHOTO_SUFFIXES
from magic_demo.imaging.packed_masks import PackedMask, pack_mask, pack_rows
from magic_demo.imaging.turning import turn_size

MASK_SUFFIXES = (".tiff", ".tif")
SYSTEM_NAME = "sys"
_REFERENCE_NAME = re.compile(r"(?P<photo_id>.+)_mask_(?P<annotator>ann\d+)\.tiff?", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class LooseMask:
    """A mask that was read leniently: (H, W) bool, and a few words for each thing that had to be put
    right."""

    mask: Mask
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class LoosePackedMask:
    """The same with the mask in bits."""

    mask: PackedMask
    repairs: tuple[str, ...] = ()


def mask_file_name(photo_id: str, system_name: str = SYSTEM_NAME) -> str:
    """Return the file name that the organisers expect of a system's mask,
    ``IMG_ENC00001_00001_mask_sys.tiff``."""
    return f"{photo_id}_mask_{system_name}.tiff"


def write_mask(path: Path, mask: Mask) -> None:
    """Write an (H, W) bool mask as uint8 0 and 1, zlib TIFF, whole or not at all.

    zlib at level 1 is what tifffile reads back without further packages (LZW, zstd and G4 need imagecodecs)
    and a quarter of the default level's time. Raises FormatError for another shape or dtype.
    """
    if mask.ndim != 2 or mask.dtype != np.bool_ or mask.size == 0:
        raise FormatError(
            "{name}: a mask to write is (height, width) bool, not {shape} {kind}",
            name=path.name,
            shape=str(mask.shape),
            kind=mask.dtype,
        )
    _write_values(path, mask.astype(np.uint8))


def write_label_image(path: Path, labels: NDArray[np.uint8]) -> None:
    """Write (H, W) uint8 values, one a label, as ``write_mask`` writes a mask."""
    _write_values(path, labels)


def _write_values(path: Path, values: NDArray[np.uint8]) -> None:
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        values,
        photometric="minisblack",
        compression="zlib",
        compressionargs={"level": 1},
        metadata=None,
    )
    write_whole(path, buffer.getvalue())


def read_mask(path: Path) -> Mask:
    """Read a mask that needs nothing put right: one page of 0 and 1.

    Returns (H, W) bool. Raises FormatError naming the file, what it holds and the cure.
    """
    loose = read_loose_mask(path)
    if loose.repairs:
        raise FormatError(
            "{path}: {repairs}; a mask holds 0 and 1, save (mask > 0) as uint8 with zlib",
            path=path,
            repairs=chain(loose.repairs),
        )
    return loose.mask


def read_loose_mask(path: Path, *, as_numbers: bool = False) -> LooseMask:
    """Read a mask of any kind of file: what is not 0 and 1 in one page is put right where only one reading
    makes sense, and said.

    0 and another value (255): the other is lesion. Fractions of 0..1: lesion from 0.5. Labels up to 31: every
    one is lesion. Other grey values: lesion from half the largest. Palettes and colours: all but black.
    Transparency of one colour: where it is opaque. Zero that is white, an orientation: turned. A compression
    that tifffile does not read: Pillow does. as_numbers: see ``read_values``. Raises FormatError for several
    pages, negative values, what could be two masks, and what cannot be read at all.
    """
    repairs: list[str] = []
    try:
        stored = read_tiff(path)
    except FormatError as problem:
        try:
            stored = read_with_pillow(path)
        except FormatError as second:
            raise (problem if is_tiff(path) else second) from second
        repairs.append(
            Message("is packed in a way that tifffile cannot read without imagecodecs; read with Pillow")
            if is_tiff(path)
            else Message("is no TIFF, whatever its name says; read all the same")
        )
        if path.suffix.lower() not in MASK_SUFFIXES:
            repairs.clear()
    mask = read_values(
        path.name,
        stored.values,
        repairs,
        orientation=stored.orientation,
        white_is_zero=stored.white_is_zero,
        as_numbers=as_numbers,
    )
    return LooseMask(mask, tuple(repairs))


def read_loose_packed(path: Path) -> LoosePackedMask:
    """Read a mask into bits for scoring: what ``read_loose_mask(path, as_numbers=True)`` reads, a few rows at
    a time where the file is as it should be."""
    try:
        with open_tiff(path) as tiff:
            page: Any = tiff.pages.first
            return LoosePackedMask(pack_rows(read_strips(path, tiff, highest=1), page.shape))
    except (NotPlainError, FormatError):
        loose = read_loose_mask(path, as_numbers=True)
        return LoosePackedMask(pack_mask(loose.mask), loose.repairs)


def read_mask_size(path: Path) -> tuple[int, int] | None:
    """Return a mask's (height, width) by its header, turned as a tag of its own says; None where that cannot
    be read."""
    try:
        with open_tiff(path) as tiff:
            page: Any = tiff.pages.first
            height, width = int(page.imagelength), int(page.imagewidth)
            return turn_size((height, width), read_orientation(page))
    except FormatError:
        head = read_head(path)
        return head.upright if head is not None else None


def find_reference_masks(folder: Path) -> dict[str, list[Path]]:
    """Find ``<image id>_mask_ann<k>.tiff`` anywhere below a folder: image id -> its masks, both sorted, the
    least deep first.

    Raises FormatError when the folder is not there.
    """
    found: dict[str, list[Path]] = {}
    for path in list_mask_files(folder):
        match = _REFERENCE_NAME.fullmatch(path.name)
        if match:
            found.setdefault(strip_photo_suffix(match["photo_id"]), []).append(path)
    return {
        photo_id: sorted(paths, key=lambda path: (path.name, len(path.parts), str(path)))
        for photo_id, paths in sorted(found.items())
    }


def annotator_of(path: Path) -> str:
    """Return ``ann3`` for ``IMG_ENC00863_00009_mask_ann3.tiff``.

    Raises FormatError for another kind of name.
    """
    match = _REFERENCE_NAME.fullmatch(path.name)
    if not match:
        raise FormatError(
            "{name}: a reference mask is named <image id>_mask_ann<number>.tiff", name=path.name
        )
    return match["annotator"].lower()


def strip_photo_suffix(photo_id: str) -> str:
    """Return the id without a photo's ending: some write ``IMG_ENC00001_00001.jpg_mask_sys.tiff``."""
    stem, dot, suffix = photo_id.rpartition(".")
    return stem if stem and f"{dot}{suffix}".lower() in PHOTO_SUFFIXES else photo_id


def list_mask_files(folder: Path) -> Iterator[Path]:
    """Yield every TIFF below a folder, sorted. Raises FormatError when the folder is not there."""
    if not folder.is_dir():
        raise FormatError("{folder}: no such folder; a folder of mask TIFFs is expected", folder=folder)
    found = [
        Path(top, name)
        for top, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith(MASK_SUFFIXES) and not name.startswith(".")
    ]
    yield from (path for path in sorted(found) if path.is_file())
