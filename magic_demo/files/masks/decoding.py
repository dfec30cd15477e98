"""What lies in a mask's file, decoded: strips of bytes as they should be, whatever else tifffile or Pillow reads."""

from __future__ import annotations

import lzma
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

from magic_demo.core.disk.user_files import open_user_file, read_user_head
from magic_demo.core.errors import FormatError, one_line
from magic_demo.core.limits import LIMITS
from magic_demo.files.pillow import own_bounds

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


UNPACKING: dict[int, Callable[[bytes, int], bytes]] = {
    tifffile.COMPRESSION.ADOBE_DEFLATE: lambda data, most: zlib.decompressobj().decompress(data, most),
    tifffile.COMPRESSION.DEFLATE: lambda data, most: zlib.decompressobj().decompress(data, most),
    tifffile.COMPRESSION.LZMA: lambda data, most: lzma.LZMADecompressor().decompress(data, most),
}
"""Compressions that tifffile unpacks by itself and without a limit: how to unpack so many bytes and no
more."""


class NotPlainError(Exception):
    """A page that is not bytes in strips as they should be: tifffile reads it, or says what is wrong."""


@contextmanager
def open_tiff(path: Path) -> Iterator[tifffile.TiffFile]:
    """Open a TIFF; what is wrong with it comes out as FormatError."""
    try:
        with open_user_file(path, LARGEST_MASK) as file, tifffile.TiffFile(file) as tiff:
            yield tiff
    except (FormatError, NotPlainError):
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
class StoredValues:
    """Values as they lie in a file, (H, W) or (H, W, C), and what the file says of them."""

    values: NDArray[Any]
    orientation: int = 1
    white_is_zero: bool = False


def is_tiff(path: Path) -> bool:
    return read_user_head(path, 2) in (b"II", b"MM")


def read_tiff(path: Path) -> StoredValues:
    with open_tiff(path) as tiff:
        page: Any = tiff.pages.first
        if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
            return read_with_pillow(path)
        try:
            values: NDArray[Any] = np.concatenate(list(read_strips(path, tiff)))
        except NotPlainError:
            _check_count(path, int(tiff.series[0].size))
            _check_packed(path, tiff)
            values = np.asarray(tiff.asarray())
        stored = StoredValues(
            values, read_orientation(page), page.photometric == tifffile.PHOTOMETRIC.MINISWHITE
        )
    if stored.values.size == 0:
        raise FormatError("{path}: the mask holds no pixel", path=path)
    return stored


def read_orientation(page: Any) -> int:
    tag = page.tags.get("Orientation")
    return int(tag.value) if tag is not None and isinstance(tag.value, int) else 1


def read_strips(path: Path, tiff: Any, *, highest: int = 255) -> Iterator[NDArray[np.uint8]]:
    """Yield the only page a strip at a time, (h, W) uint8, where it is bytes up to ``highest`` in strips,
    bare or zlib, as masks are.

    tifffile reads the same values through many copies, which is most of what scoring a folder of masks costs.
    Whatever is not exactly as expected is left to it (NotPlainError), so that errors are its own too.
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
        raise NotPlainError
    if highest < 255 and read_orientation(page) != 1:
        raise NotPlainError
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
                raise NotPlainError from error
        if len(content) != size or size <= 0:
            raise NotPlainError
        strip = np.frombuffer(content, np.uint8).reshape(-1, width)
        if highest < 255 and strip.max() > highest:
            raise NotPlainError
        yield strip
    if len(page.dataoffsets) * page.rowsperstrip < height:
        raise NotPlainError


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


def read_with_pillow(path: Path) -> StoredValues:
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
            return StoredValues(np.asarray(coloured), orientation if isinstance(orientation, int) else 1)
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
