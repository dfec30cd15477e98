"""TIFF photos of every kind: which page is the photo, and which reader brings out its right pixels; or one
line that says what it is."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from magic_demo.core.errors import PhotoError
from magic_demo.core.messages import Message
from magic_demo.files.photos.bounds import (
    MOST_FRAMES,
    MOST_SCAN_PIXELS,
    MakeRoom,
    PhotoLimits,
    check_size,
    no_room,
)
from magic_demo.files.photos.formats.tiff_pages import (
    COMPRESSION,
    COUNTS,
    EXTRA_SAMPLES,
    FORMAT,
    LENGTH,
    MAX_VALUE,
    OFFSETS,
    ORIENTATION,
    PHOTOMETRIC,
    PLANAR,
    ROWS,
    SAMPLES,
    SUBSAMPLING,
    TILE_COUNTS,
    TILE_LENGTH,
    TILE_OFFSETS,
    TILE_WIDTH,
    WIDTH,
    TiffPage,
    bits_of,
    read_layout,
)
from magic_demo.files.photos.pictures import BAND, Picture, picture_of_image, picture_of_values

NONE, LZW, JPEG, DEFLATE, OLD_DEFLATE, PACKBITS = 1, 5, 7, 8, 32946, 32773
_PACKINGS = {NONE, 2, 3, 4, LZW, JPEG, DEFLATE, OLD_DEFLATE, PACKBITS}
_PACKING_NAMES = {
    6: "old-style JPEG",
    34712: "JPEG 2000",
    34925: "LZMA",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
}
_BARE = {NONE, DEFLATE, OLD_DEFLATE}
"""What tifffile unpacks by itself."""
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8
_SHOWN = {WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, LAB}
_NOT_SHOWN = {
    4: Message("a mask"),
    9: Message("{mode} colours", mode="ICCLab"),
    10: Message("{mode} colours", mode="ITULab"),
}


def open_tiff(
    data: bytes,
    limits: PhotoLimits,
    notes: list[Message],
    list_removed: Callable[[Image.Image], list[Message]],
    make_room: MakeRoom = no_room,
) -> Picture:
    """Open a TIFF's photo; what is done to it is noted. list_removed: says what an image's file holds beside
    it.

    Raises PhotoError (without a name) for kinds that cannot be read right, and whatever the libraries raise
    on broken files.
    """
    layout = read_layout(data)
    page = layout.choose()
    height, width = page.size
    check_size(width, height, limits)
    _check_kind(page)
    _check_pieces(data, page)
    make_room(len(data) + width * height * (8 + 3 * page.get(SAMPLES, 1) * max(bits_of(page)) // 8))
    alone = layout.alone(data, page)
    count = len(layout.pages)
    deep = max(bits_of(page)) > 8
    by_values = (
        (deep and page.get(COMPRESSION, 1) in _BARE)
        or (layout.big and layout.order == ">")
        or _is_plain_ycbcr(page)
    )
    orientation = page.get(ORIENTATION, 1) if 1 <= page.get(ORIENTATION, 1) <= 8 else 1
    removed: list[Message] = [Message("colour profile")] if page.profile else []
    before: list[Message] = []
    if orientation != 1:
        before.append(Message("turned upright as its {source} says", source=Message("TIFF tag")))
    if page.offset != layout.pages[0].offset:
        before.append(
            Message(
                "the full picture of {width}x{height} is used; the first frame is a preview of it",
                width=width,
                height=height,
            )
        )
    elif count > 1:
        before.append(
            Message("the first of more than {count} frames is used", count=MOST_FRAMES)
            if layout.more
            else Message("the first of {count} frames is used", count=count)
        )
    if page.reduced:
        before.append(Message("it is marked as a preview, of a picture that the file does not hold"))
    if by_values:
        notes.extend([Message("removed: {kinds}", kinds=removed)] if removed else [])
        return _open_values(alone, page, orientation, [*notes, *before])
    with Image.open(io.BytesIO(alone), formats=("TIFF",)) as image:
        removed = list_removed(image)
        notes.extend([Message("removed: {kinds}", kinds=removed)] if removed else [])
        if deep and image.mode == "RGB":
            before.append(Message("{bits}-bit colours brought to 8 bits", bits=max(bits_of(page))))
        if deep and page.get(PHOTOMETRIC, 0) == WHITE_IS_ZERO:
            image.load()
            return picture_of_values(np.asarray(image), [*notes, *before], inverted=True)
        # of a TIFF's, Pillow turns the pixels itself
        return picture_of_image(image, [*notes, *before], profile=page.profile)


def _check_kind(page: TiffPage) -> None:
    packing, kind, samples, bits = (
        page.get(COMPRESSION, 1),
        page.get(PHOTOMETRIC, 0),
        page.get(SAMPLES, 1),
        bits_of(page),
    )
    if kind in (32803, 34892):
        raise PhotoError(
            "this is a camera's raw file (DNG), whose picture is not developed; export it as JPEG or PNG"
        )
    if packing not in _PACKINGS:
        name = _PACKING_NAMES.get(packing, f"number {packing}")
        raise PhotoError(
            "the TIFF is compressed in a way that is not read ({compression}); save it with LZW, "
            "deflate or none, or as JPEG or PNG",
            compression=name,
        )
    if kind not in _SHOWN:
        raise PhotoError(
            "the TIFF holds {what}, which is not read; save it as JPEG or PNG",
            what=_NOT_SHOWN.get(kind, Message("colours of kind {kind}", kind=kind)),
        )
    most = 5 if kind == CMYK else 4
    if not 1 <= samples <= most or len(bits) > most:
        raise PhotoError(
            "the TIFF has {count} values a pixel, a photo has up to four; save it as JPEG or PNG",
            count=samples,
        )
    if len(set(bits)) > 1 or bits[0] not in (1, 2, 4, 8, 12, 16, 32, 64):
        raise PhotoError(
            "the TIFF has {bits} bits a pixel, which is not read; save it as JPEG or PNG",
            bits="+".join(map(str, bits)),
        )
    whole_16 = bits[0] == 16 and page.get(FORMAT, 1) == 1
    if bits[0] > 8 and kind in (CMYK, YCBCR, LAB) and (kind == YCBCR or not whole_16):
        raise PhotoError(
            "the TIFF has {bits} bits of colours other than RGB, which is not read; save it as JPEG or PNG",
            bits=bits[0],
        )
    if page.get(FORMAT, 1) not in (1, 3, 4) or (page.get(FORMAT, 1) == 3 and bits[0] not in (16, 32, 64)):
        raise PhotoError(
            "the TIFF holds signed or complex numbers, which are no colours; save it as JPEG or PNG"
        )
    deep_plane = bits[0] > 8 and (
        page.get(PLANAR, 1) == 2 or page.get(FORMAT, 1) == 3 or bits[0] > 16 or kind in (CMYK, LAB)
    )
    if deep_plane and packing not in _BARE:
        raise PhotoError(
            "the TIFF has {bits} bits a colour, packed in a way that is not read; save it with "
            "deflate or none, or as PNG",
            bits=bits[0],
        )


def _check_pieces(data: bytes, page: TiffPage) -> None:
    """Raise PhotoError where strips or tiles hold more than their share of the picture."""
    height, width = page.size
    tiled = bool(page.tags.get(TILE_OFFSETS))
    rows = page.get(TILE_LENGTH, 1) if tiled else min(page.get(ROWS, height), height)
    columns = page.get(TILE_WIDTH, 1) if tiled else width
    samples = 1 if page.get(PLANAR, 1) == 2 else page.get(SAMPLES, 1)
    if rows <= 0 or columns <= 0 or rows * columns > 4 * (height + 512) * (width + 512):
        raise PhotoError("the TIFF's strips or tiles are larger than the picture; export it again")
    most = rows * ((columns * samples * max(bits_of(page)) + 7) // 8)
    packing = page.get(COMPRESSION, 1)
    offsets, counts = (
        page.tags.get(tag, ()) for tag in ((TILE_OFFSETS, TILE_COUNTS) if tiled else (OFFSETS, COUNTS))
    )
    if packing == JPEG and data.count(b"\xff\xda") * rows * columns > MOST_SCAN_PIXELS:
        raise PhotoError("the TIFF's JPEG data have more scans than a photo's; save it as a plain JPEG")
    if packing in (DEFLATE, OLD_DEFLATE):
        for offset, count in zip(offsets, counts, strict=False):
            unpacking = zlib.decompressobj()
            try:
                unpacked = unpacking.decompress(data[offset : offset + count], most + 1)
            except zlib.error:
                return  # its reader says what is wrong
            if len(unpacked) > most:
                raise PhotoError("the TIFF holds more than the size that it says; export it again")


def _is_plain_ycbcr(page: TiffPage) -> bool:
    if page.get(PHOTOMETRIC, 0) != YCBCR or page.get(COMPRESSION, 1) == JPEG:
        return False
    if page.get(COMPRESSION, 1) not in _BARE or tuple(page.tags.get(SUBSAMPLING, (2, 2))) != (1, 1):
        raise PhotoError(
            "the TIFF has YCbCr colours without JPEG, which are not read; save it as JPEG or PNG"
        )
    return True


def _open_values(data: bytes, page: TiffPage, orientation: int, notes: list[Message]) -> Picture:
    """Open what Pillow reads wrong or not at all, by tifffile."""
    import tifffile  # here, as few photos need it and it takes a while to load

    kind, bits = page.get(PHOTOMETRIC, 0), bits_of(page)[0]
    if kind == PALETTE or (kind in (CMYK, LAB) and bits <= 8):
        raise PhotoError(
            "the big-endian BigTIFF has colours other than grey and RGB, which are not read; "
            "save it as JPEG or PNG"
        )
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        values: NDArray[Any] = tiff.pages.first.asarray()
    if page.get(PLANAR, 1) == 2 and values.ndim == 3:
        values = np.moveaxis(values, 0, -1)
    if values.ndim not in (2, 3) or values.shape[:2] != (page.tags[LENGTH][0], page.tags[WIDTH][0]):
        raise PhotoError(
            "the TIFF holds {count} dimensions of values, a photo has two and its colours; save "
            "it as JPEG or PNG",
            count=values.ndim,
        )
    if kind == YCBCR:
        return picture_of_image(
            Image.fromarray(np.ascontiguousarray(values), "YCbCr"),
            notes,
            orientation=orientation,
            profile=page.profile,
        )
    if kind in (CMYK, LAB):
        return _open_deep_inks(values, "CMYK" if kind == CMYK else "LAB", page, orientation, notes)
    if bits > 8:
        notes.append(_say_depth(bits, grey=values.ndim == 2, floating=values.dtype.kind == "f"))
    elif values.ndim == 2:
        notes.append(Message("grey values converted to RGB"))
    if values.dtype == np.bool_:
        values = values.astype(np.uint8) * 255
    alpha = (
        {1: "premultiplied", 2: "straight"}.get(page.get(EXTRA_SAMPLES, 0), "unknown")
        if values.ndim == 3 and values.shape[2] in (2, 4)
        else ""
    )
    if alpha:
        notes.append(
            Message("a fourth value of each pixel is left out")
            if alpha == "unknown"
            else Message("transparency laid on white")
        )
    whole = None if values.dtype.kind == "f" else (bits if bits < 8 else None)
    if page.get(MAX_VALUE, 0) in (1023, 4095, 16383):
        whole = page.get(MAX_VALUE, 0).bit_length()
    return picture_of_values(
        values,
        notes,
        orientation=orientation,
        bits=whole,
        inverted=kind == WHITE_IS_ZERO,
        alpha=alpha,
        profile=page.profile,
    )


def _say_depth(bits: int, *, grey: bool, floating: bool) -> Message:
    if not grey:
        return Message("{bits}-bit colours brought to 8 bits", bits=bits)
    if floating:
        return Message("floating point grey values brought to 8 bits")
    return Message("{bits}-bit grey values brought to 8 bits", bits=bits)


def _open_deep_inks(
    values: NDArray[Any], mode: str, page: TiffPage, orientation: int, notes: list[Message]
) -> Picture:
    """Open (H, W, C) uint16 values of inks or CIELab: no library converts them, so they are brought to 8 bits
    first."""
    count = len(mode)
    if values.ndim != 3 or values.shape[2] < count:
        raise PhotoError(
            "the TIFF has too few values a pixel for {mode} colours; save it as JPEG or PNG", mode=mode
        )
    notes.append(Message("{bits}-bit colours brought to 8 bits", bits=16))
    if values.shape[2] > count:
        notes.append(Message("values of each pixel beyond its colours are left out"))
    shown = np.empty((*values.shape[:2], count), np.uint8)
    # a band at a time, as it takes several times the memory in between
    for top in range(0, len(shown), BAND):
        part = values[top : top + BAND, :, :count].astype(np.uint32)
        shown[top : top + BAND] = (part * 255 + 32767) // 65535
        if mode == "LAB":  # a and b are signed, in 256ths
            signed = part[:, :, 1:].astype(np.uint16).view(np.int16).astype(np.int32)
            shown[top : top + BAND, :, 1:] = np.minimum((signed + 128) >> 8, 127) & 255
    image = Image.frombuffer(mode, (shown.shape[1], shown.shape[0]), shown, "raw", mode, 0, 1)
    return picture_of_image(image, notes, orientation=orientation, profile=page.profile)
