"""Mask TIFFs of the challenge, read and written: one 2-D page of 0 and 1 a mask, at the photo's own size."""

from __future__ import annotations

import io
import lzma
import os
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from isal import igzip_lib
from numpy.typing import NDArray
from PIL import Image

from magic_demo.core.errors import FormatError, one_line
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message, chain
from magic_demo.core.types import Mask
from magic_demo.core.user_files import open_user_file, read_user_head
from magic_demo.core.whole_files import write_whole
from magic_demo.files.mask_values import read_values
from magic_demo.files.photos.heads import read_head
from magic_demo.files.photos.reading import PHOTO_SUFFIXES
from magic_demo.files.pillow import own_bounds
from magic_demo.imaging.packed_masks import PackedMask, pack_mask, pack_rows
from magic_demo.imaging.turning import turn_size

MASK_SUFFIXES = (".tiff", ".tif")
SYSTEM_NAME = "sys"
MASK_KINDS = ("TIFF", "PNG", "BMP", "GIF", "JPEG", "WEBP")
"""What a file may be whose name says TIFF and that tifffile cannot read."""
ORIENTATION = 0x0112
LARGEST_MASK = 4 * LIMITS.photo_bytes
"""Bytes of a mask's file: a mask may lie there unpacked."""
PLAIN_COMPRESSIONS = (
    tifffile.COMPRESSION.NONE,
    tifffile.COMPRESSION.ADOBE_DEFLATE,
    tifffile.COMPRESSION.DEFLATE,
)
_REFERENCE_NAME = re.compile(r"(?P<photo_id>.+)_mask_(?P<annotator>ann\d+)\.tiff?", re.IGNORECASE)


UNPACKING: dict[int, Callable[[bytes, int], bytes]] = {
    tifffile.COMPRESSION.ADOBE_DEFLATE: lambda data, most: zlib.decompressobj().decompress(data, most),
    tifffile.COMPRESSION.DEFLATE: lambda data, most: zlib.decompressobj().decompress(data, most),
    tifffile.COMPRESSION.LZMA: lambda data, most: lzma.LZMADecompressor().decompress(data, most),
}
"""Compressions that tifffile unpacks by itself and without a limit: how to unpack so many bytes and no
more."""


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
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        mask.astype(np.uint8),
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
        stored = _read_tiff(path)
    except FormatError as problem:
        try:
            stored = _read_with_pillow(path)
        except FormatError as second:
            raise (problem if _is_tiff(path) else second) from second
        repairs.append(
            Message("is packed in a way that tifffile cannot read without imagecodecs; read with Pillow")
            if _is_tiff(path)
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
        with _open_tiff(path) as tiff:
            page: Any = tiff.pages.first
            return LoosePackedMask(pack_rows(_read_strips(path, tiff, highest=1), page.shape))
    except (_NotPlainError, FormatError):
        loose = read_loose_mask(path, as_numbers=True)
        return LoosePackedMask(pack_mask(loose.mask), loose.repairs)


def read_mask_size(path: Path) -> tuple[int, int] | None:
    """Return a mask's (height, width) by its header, turned as a tag of its own says; None where that cannot
    be read."""
    try:
        with _open_tiff(path) as tiff:
            page: Any = tiff.pages.first
            height, width = int(page.imagelength), int(page.imagewidth)
            return turn_size((height, width), _orientation(page))
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


class _NotPlainError(Exception):
    """A page that is not bytes in strips as they should be: tifffile reads it, or says what is wrong."""


@contextmanager
def _open_tiff(path: Path) -> Iterator[tifffile.TiffFile]:
    """Open a TIFF; what is wrong with it comes out as FormatError."""
    try:
        with open_user_file(path, LARGEST_MASK) as file, tifffile.TiffFile(file) as tiff:
            yield tiff
    except (FormatError, _NotPlainError):
        raise
    except OSError as error:
        raise FormatError(
            "{path}: cannot be read ({reason})", path=path, reason=error.strerror or error
        ) from error
    except Exception as error:
        # tifffile raises TiffFileError, ValueError, KeyError, struct.error, zlib.error on broken files
        raise FormatError(
            "{path}: not a TIFF mask that can be read ({reason}); save it as uint8 with zlib",
            path=path,
            reason=one_line(error),
        ) from error


@dataclass(frozen=True, eq=False)
class _Stored:
    """Values as they lie in a file, (H, W) or (H, W, C), and what the file says of them."""

    values: NDArray[Any]
    orientation: int = 1
    white_is_zero: bool = False


def _is_tiff(path: Path) -> bool:
    return read_user_head(path, 2) in (b"II", b"MM")


def _read_tiff(path: Path) -> _Stored:
    with _open_tiff(path) as tiff:
        page: Any = tiff.pages.first
        if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
            return _read_with_pillow(path)
        try:
            values: NDArray[Any] = np.concatenate(list(_read_strips(path, tiff)))
        except _NotPlainError:
            _check_count(path, int(tiff.series[0].size))
            _check_packed(path, tiff)
            values = np.asarray(tiff.asarray())
        stored = _Stored(values, _orientation(page), page.photometric == tifffile.PHOTOMETRIC.MINISWHITE)
    if stored.values.size == 0:
        raise FormatError("{path}: the mask holds no pixel", path=path)
    return stored


def _orientation(page: Any) -> int:
    tag = page.tags.get("Orientation")
    return int(tag.value) if tag is not None and isinstance(tag.value, int) else 1


def _read_strips(path: Path, tiff: Any, *, highest: int = 255) -> Iterator[NDArray[np.uint8]]:
    """Yield the only page a strip at a time, (h, W) uint8, where it is bytes up to ``highest`` in strips,
    bare or zlib, as masks are.

    tifffile reads the same values through many copies, which is most of what scoring a folder of masks costs.
    Whatever is not exactly as expected is left to it (_NotPlainError), so that errors are its own too.
    """
    page = tiff.pages.first
    plain = (
        len(tiff.pages) == 1
        and page.ndim == 2
        and page.dtype == np.uint8
        and page.bitspersample == 8
        and not page.is_tiled
    )
    packed = page.compression != tifffile.COMPRESSION.NONE
    if (
        not plain
        or page.compression not in PLAIN_COMPRESSIONS
        or page.predictor != tifffile.PREDICTOR.NONE
        or page.fillorder != 1
    ):
        raise _NotPlainError
    if highest < 255 and _orientation(page) != 1:
        raise _NotPlainError
    height, width = page.shape
    _check_count(path, height * width)
    for number, (offset, length) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
        size = width * min(page.rowsperstrip, height - number * page.rowsperstrip)
        tiff.filehandle.seek(offset)
        content = tiff.filehandle.read(length)
        if packed:
            try:
                # not more than a strip's own bytes and one: a bomb stops here
                content = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_ZLIB).decompress(
                    content, size + 1
                )
            except igzip_lib.error as error:  # type: ignore[misc]  # an alias that its stub gives no type
                raise _NotPlainError from error
        if len(content) != size or size <= 0:
            raise _NotPlainError
        strip = np.frombuffer(content, np.uint8).reshape(-1, width)
        if highest < 255 and strip.max() > highest:
            raise _NotPlainError
        yield strip
    if len(page.dataoffsets) * page.rowsperstrip < height:
        raise _NotPlainError


def _check_packed(path: Path, tiff: Any) -> None:
    """Raise FormatError where a strip or tile unpacks to more than its share of the image: tifffile would
    unpack all of it."""
    for page in tiff.series[0].pages:
        unpack = UNPACKING.get(page.compression) if page is not None else None
        if unpack is None:
            continue
        most = int(np.prod(page.chunks)) * max(1, page.bitspersample // 8)
        for offset, length in zip(page.dataoffsets, page.databytecounts, strict=True):
            tiff.filehandle.seek(offset)
            if len(unpack(tiff.filehandle.read(length), most + 1)) > most:
                raise FormatError(
                    "{path}: holds more than the size that it says; save it as uint8 with zlib", path=path
                )


def _read_with_pillow(path: Path) -> _Stored:
    try:
        with (
            own_bounds(),
            open_user_file(path, LARGEST_MASK) as file,
            Image.open(file, formats=MASK_KINDS) as image,
        ):
            _check_count(path, image.width * image.height)
            if getattr(image, "n_frames", 1) > 1:
                raise FormatError("{name}: several pages are not a mask", name=path.name)
            orientation = (
                1 if image.format == "TIFF" else image.getexif().get(ORIENTATION, 1)
            )  # of a TIFF Pillow turns the pixels itself
            coloured: Image.Image = image
            if image.mode in ("P", "PA", "CMYK", "YCbCr", "LAB", "HSV"):
                coloured = image.convert(
                    "RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB"
                )
            return _Stored(np.asarray(coloured), orientation if isinstance(orientation, int) else 1)
    except FormatError:
        raise
    except OSError as error:
        raise FormatError(
            "{name}: cannot be read ({reason}); save it as uint8 TIFF or PNG",
            name=path.name,
            reason=error.strerror or one_line(error),
        ) from error
    except Exception as error:
        # Pillow's plugins raise OSError, SyntaxError, ValueError, struct.error and more
        raise FormatError(
            "{name}: not a mask that can be read ({reason}); save it as uint8 TIFF or PNG",
            name=path.name,
            reason=one_line(error),
        ) from error


def _check_count(path: Path, count: int) -> None:
    """Raise FormatError where a mask would have more values than a photo of the largest size with four
    channels, before any is decoded."""
    if count > 4 * LIMITS.photo_pixels:
        raise FormatError(
            "{path}: a mask of {count} values; the limit is {limit} pixels, as for photos",
            path=path,
            count=count,
            limit=LIMITS.photo_pixels,
        )
