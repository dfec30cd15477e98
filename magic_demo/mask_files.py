"""Mask TIFFs of the challenge, read and written: one 2-D page of 0 and 1 a mask, at the photo's own size."""

from __future__ import annotations

import io
import lzma
import re
import warnings
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

from magic_demo.errors import FormatError, one_line
from magic_demo.limits import LIMITS
from magic_demo.packed_masks import PackedMask, pack_mask, pack_rows
from magic_demo.photos import PHOTO_KINDS, PHOTO_SUFFIXES
from magic_demo.types import Mask
from magic_demo.whole_files import write_whole

MASK_SUFFIXES = (".tiff", ".tif")
SYSTEM_NAME = "sys"
PLAIN_COMPRESSIONS = (tifffile.COMPRESSION.NONE, tifffile.COMPRESSION.ADOBE_DEFLATE, tifffile.COMPRESSION.DEFLATE)
_REFERENCE_NAME = re.compile(r"(?P<photo_id>.+)_mask_(?P<annotator>ann\d+)\.tiff?", re.IGNORECASE)


UNPACKING: dict[int, Callable[[bytes, int], bytes]] = {
    tifffile.COMPRESSION.ADOBE_DEFLATE: lambda data, most: zlib.decompressobj().decompress(data, most),
    tifffile.COMPRESSION.DEFLATE: lambda data, most: zlib.decompressobj().decompress(data, most),
    tifffile.COMPRESSION.LZMA: lambda data, most: lzma.LZMADecompressor().decompress(data, most),
}
"""Compressions that tifffile unpacks by itself and without a limit: how to unpack so many bytes and no more."""


@dataclass(frozen=True, eq=False)
class LooseMask:
    """A mask that was read leniently: (H, W) bool, and a few words for each thing that had to be put right."""

    mask: Mask
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class LoosePackedMask:
    """The same with the mask in bits."""

    mask: PackedMask
    repairs: tuple[str, ...] = ()


def mask_file_name(photo_id: str, system_name: str = SYSTEM_NAME) -> str:
    """Return the file name that the organisers expect of a system's mask, ``IMG_ENC00001_00001_mask_sys.tiff``."""
    return f"{photo_id}_mask_{system_name}.tiff"


def write_mask(path: Path, mask: Mask) -> None:
    """Write an (H, W) bool mask as uint8 0 and 1, zlib TIFF, whole or not at all.

    zlib at level 1 is what tifffile reads back without further packages (LZW, zstd and G4 need imagecodecs) and a quarter of the
    default level's time. Raises FormatError for another shape or dtype.
    """
    if mask.ndim != 2 or mask.dtype != np.bool_ or mask.size == 0:
        raise FormatError(f"{path.name}: a mask to write is (height, width) bool, not {mask.shape} {mask.dtype}")
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer, mask.astype(np.uint8), photometric="minisblack", compression="zlib", compressionargs={"level": 1}, metadata=None
    )
    write_whole(path, buffer.getvalue())


def read_mask(path: Path) -> Mask:
    """Read a mask strictly: one 2-D page of bool or whole numbers, 0 and 1 alone. Returns (H, W) bool.

    Raises FormatError naming the file, what it holds and the cure.
    """
    values = _read_values(path)
    if values.ndim != 2:
        raise FormatError(f"{path}: shape {values.shape}; a mask is one page of (height, width), save it without channels or pages")
    if values.dtype.kind not in "bui":
        raise FormatError(f"{path}: {values.dtype} values; a mask holds 0 and 1, threshold it and save it as uint8")
    if values.min() < 0 or values.max() > 1:
        raise FormatError(f"{path}: values from {values.min()} to {values.max()}; a mask holds 0 and 1, save (mask > 0) as uint8")
    return values.astype(np.bool_)


def read_loose_mask(path: Path) -> LooseMask:
    """Read a mask leniently, for scoring: what is not 0 and 1 in one page is put right where only one reading makes sense, and said.

    0 and another value (255): the other is lesion. Fractions of 0..1: lesion from 0.5. Other grey values: lesion from half the
    largest. Equal colour channels: one of them. A compression that tifffile does not read: Pillow does. Raises FormatError for
    several pages, channels that differ, negative values, and what cannot be read at all.
    """
    repairs: list[str] = []
    try:
        values = _read_values(path)
    except FormatError:
        values = _read_with_pillow(path)
        repairs.append("is packed in a way that tifffile cannot read without imagecodecs; read with Pillow")
    while values.ndim > 2 and 1 in (values.shape[0], values.shape[-1]):  # one page or one channel, written as an axis of its own
        values = values[0] if values.shape[0] == 1 else values[..., 0]
    if values.ndim == 3 and values.shape[2] in (3, 4):
        if not (np.array_equal(values[..., 0], values[..., 1]) and np.array_equal(values[..., 0], values[..., 2])):
            raise FormatError(f"{path.name}: {values.shape[2]} colour channels that differ are not a mask")
        values = np.ascontiguousarray(values[..., 0])
        repairs.append("has colour channels; the first is read, they are equal")
    if values.ndim != 2:
        raise FormatError(f"{path.name}: shape {values.shape} is not one page of (height, width)")
    if values.dtype.kind not in "buif":
        raise FormatError(f"{path.name}: {values.dtype} values are not a mask")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise FormatError(f"{path.name}: not a number in a mask")
    if values.dtype.kind in "if" and values.min() < 0:
        raise FormatError(f"{path.name}: negative values are not a mask")
    return LooseMask(_binarize(values, repairs), tuple(repairs))


def read_loose_packed(path: Path) -> LoosePackedMask:
    """Read a mask leniently into bits: what ``read_loose_mask`` reads, a few rows at a time where the file is as it should be."""
    try:
        with _open_tiff(path) as tiff:
            page: Any = tiff.pages.first
            return LoosePackedMask(pack_rows(_read_strips(path, tiff, highest=1), page.shape))
    except (_NotPlainError, FormatError):
        loose = read_loose_mask(path)
        return LoosePackedMask(pack_mask(loose.mask), loose.repairs)


def find_reference_masks(folder: Path) -> dict[str, list[Path]]:
    """Find ``<image id>_mask_ann<k>.tiff`` anywhere below a folder: image id -> its masks, both sorted, the least deep first.

    Raises FormatError when the folder is not there.
    """
    found: dict[str, list[Path]] = {}
    for path in list_mask_files(folder):
        match = _REFERENCE_NAME.fullmatch(path.name)
        if match:
            found.setdefault(strip_photo_suffix(match["photo_id"]), []).append(path)
    return {photo_id: sorted(paths, key=lambda path: (path.name, len(path.parts), str(path))) for photo_id, paths in sorted(found.items())}


def annotator_of(path: Path) -> str:
    """Return ``ann3`` for ``IMG_ENC00863_00009_mask_ann3.tiff``. Raises FormatError for another kind of name."""
    match = _REFERENCE_NAME.fullmatch(path.name)
    if not match:
        raise FormatError(f"{path.name}: a reference mask is named <image id>_mask_ann<number>.tiff")
    return match["annotator"].lower()


def strip_photo_suffix(photo_id: str) -> str:
    """Return the id without a photo's ending: some write ``IMG_ENC00001_00001.jpg_mask_sys.tiff``."""
    stem, dot, suffix = photo_id.rpartition(".")
    return stem if stem and f"{dot}{suffix}".lower() in PHOTO_SUFFIXES else photo_id


def list_mask_files(folder: Path) -> Iterator[Path]:
    """Yield every TIFF below a folder, sorted. Raises FormatError when the folder is not there."""
    if not folder.is_dir():
        raise FormatError(f"{folder}: no such folder; a folder of mask TIFFs is expected")
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in MASK_SUFFIXES and not path.name.startswith(".") and path.is_file():
            yield path


def _binarize(values: NDArray[Any], repairs: list[str]) -> Mask:
    top = values.max()
    if values.dtype.kind == "b":
        return values.astype(np.bool_)
    if values.dtype.kind == "f" and top <= 1:
        lesion = values >= 0.5
        if not np.array_equal(values, lesion):  # 0.0 and 1.0 are exact, the organisers read them right
            repairs.append("holds fractions; 0.5 and more is read as lesion")
        return np.asarray(lesion, dtype=np.bool_)
    if top <= 1:
        # Of bytes that are 0 and 1, True and False need no copy.
        return values.view(np.bool_) if values.dtype == np.uint8 and values.flags.c_contiguous else values.astype(np.bool_)
    not_zero = values != 0
    if np.array_equal(values, not_zero * top):
        repairs.append(f"holds 0 and {top:g} in place of 0 and 1; read as 0 and 1")
        return np.asarray(not_zero, dtype=np.bool_)
    repairs.append(f"holds grey values up to {top:g}; half of that and more is read as lesion")
    return np.asarray(values >= top / 2, dtype=np.bool_)


class _NotPlainError(Exception):
    """A page that is not bytes in strips as they should be: tifffile reads it, or says what is wrong."""


@contextmanager
def _open_tiff(path: Path) -> Iterator[tifffile.TiffFile]:
    """Open a TIFF; what is wrong with it comes out as FormatError."""
    try:
        with path.open("rb") as file, tifffile.TiffFile(file) as tiff:
            yield tiff
    except (FormatError, _NotPlainError):
        raise
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # tifffile raises TiffFileError, ValueError, KeyError, struct.error, zlib.error on broken files
        raise FormatError(f"{path}: not a TIFF mask that can be read ({one_line(error)}); save it as uint8 with zlib") from error


def _read_values(path: Path) -> NDArray[Any]:
    with _open_tiff(path) as tiff:
        try:
            values: NDArray[Any] = np.concatenate(list(_read_strips(path, tiff)))
        except _NotPlainError:
            _check_count(path, int(tiff.series[0].size))
            _check_packed(path, tiff)
            values = np.asarray(tiff.asarray())
    if values.size == 0:
        raise FormatError(f"{path}: the mask holds no pixel")
    return values


def _read_strips(path: Path, tiff: Any, *, highest: int = 255) -> Iterator[NDArray[np.uint8]]:
    """Yield the only page a strip at a time, (h, W) uint8, where it is bytes up to ``highest`` in strips, bare or zlib, as masks are.

    tifffile reads the same values through many copies, which is most of what scoring a folder of masks costs. Whatever is not exactly as
    expected is left to it (_NotPlainError), so that errors are its own too.
    """
    page = tiff.pages.first
    plain = len(tiff.pages) == 1 and page.ndim == 2 and page.dtype == np.uint8 and page.bitspersample == 8 and not page.is_tiled
    packed = page.compression != tifffile.COMPRESSION.NONE
    if not plain or page.compression not in PLAIN_COMPRESSIONS or page.predictor != tifffile.PREDICTOR.NONE or page.fillorder != 1:
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
                content = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_ZLIB).decompress(content, size + 1)
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
    """Raise FormatError where a strip or tile unpacks to more than its share of the image: tifffile would unpack all of it."""
    for page in tiff.series[0].pages:
        unpack = UNPACKING.get(page.compression) if page is not None else None
        if unpack is None:
            continue
        most = int(np.prod(page.chunks)) * max(1, page.bitspersample // 8)
        for offset, length in zip(page.dataoffsets, page.databytecounts, strict=True):
            tiff.filehandle.seek(offset)
            if len(unpack(tiff.filehandle.read(length), most + 1)) > most:
                raise FormatError(f"{path}: holds more than the size that it says; save it as uint8 with zlib")


def _read_with_pillow(path: Path) -> NDArray[Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about tags and size: a mask is as large as its photo
            with Image.open(path, formats=PHOTO_KINDS) as image:
                _check_count(path, image.width * image.height)
                if getattr(image, "n_frames", 1) > 1:
                    raise FormatError(f"{path.name}: several pages are not a mask")
                return np.asarray(image)
    except FormatError:
        raise
    except Exception as error:  # Pillow's plugins raise OSError, SyntaxError, ValueError, struct.error and more
        raise FormatError(f"{path.name}: not a TIFF that can be read ({one_line(error)})") from error


def _check_count(path: Path, count: int) -> None:
    """Raise FormatError where a mask would have more values than a photo of the largest size with four channels, before any is decoded."""
    if count > 4 * LIMITS.photo_pixels:
        raise FormatError(f"{path}: a mask of {count} values; the limit is {LIMITS.photo_pixels} pixels, as for photos")
