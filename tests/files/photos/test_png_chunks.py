"""A PNG is read whatever is packed beside its picture; floods of chunks are one line, in far less time and
memory than they ask for."""

from __future__ import annotations

import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from magic_demo.core.errors import PhotoError
from magic_demo.files.photos.formats.png_chunks import MOST_CHUNKS, MOST_TEXTS, thin_png
from magic_demo.files.photos.reading import decode_photo

PICTURE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
SECONDS = 10


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _png(before: bytes = b"", after: bytes = b"") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(PICTURE).save(stream, "PNG")
    plain = stream.getvalue()
    begin, end = plain.index(b"IDAT") - 4, plain.index(b"IEND") - 4
    return plain[:begin] + before + plain[begin:end] + after + plain[end:]


BOMB = zlib.compress(bytes(60_000_000), 9)
SMALL_BOMB = zlib.compress(bytes(900_000), 9)
FLOODS = {
    "texts": _chunk(b"tEXt", b"k\0x"),
    "packed texts": _chunk(b"zTXt", b"k\0\0" + SMALL_BOMB[:20]),
    "profiles": _chunk(b"iCCP", b"k\0\0" + SMALL_BOMB[:20]),
    "EXIF": _chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\0"),
    "unknown": _chunk(b"abCd", b""),
    "pieces of the picture": _chunk(b"IDAT", b""),
}
BESIDE = {
    "a text that unpacks to 60 MB": _chunk(b"zTXt", b"k\0\0" + BOMB),
    "an international one": _chunk(b"iTXt", b"k\0\1\0\0\0" + BOMB),
    "a text of 2 MB": _chunk(b"tEXt", b"k\0" + b"x" * 2**21),
    "a thousand texts of 1 MB": _chunk(b"zTXt", b"k\0\0" + SMALL_BOMB) * 1000,
    "a profile that unpacks to 60 MB": _chunk(b"iCCP", b"k\0\0" + BOMB),
    "two profiles": _chunk(b"iCCP", b"k\0\0" + BOMB) * 2,
}


@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("place", ["before", "after"])
def test_a_flood_of_chunks_is_one_line(flood: str, place: str) -> None:
    data = _png(**{place: FLOODS[flood] * (MOST_CHUNKS + 1)})
    start = time.process_time()
    with pytest.raises(PhotoError, match=r"x\.png: the PNG has more than 65536 chunks"):
        decode_photo(data, photo_id="x", name="x.png")
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize("place", ["before", "after"])
def test_the_picture_comes_out_whatever_is_packed_beside_it(beside: str, place: str) -> None:
    start = time.process_time()
    photo = decode_photo(_png(**{place: BESIDE[beside]}), photo_id="x", name="x.png")
    assert np.array_equal(photo.pixels, PICTURE) and time.process_time() - start < SECONDS
    assert any("not read" in note or "cannot be read" in note for note in photo.notes)


def test_a_plain_photo_is_not_copied_and_loses_nothing() -> None:
    stream = io.BytesIO()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(PICTURE).save(stream, "PNG", icc_profile=profile)
    data = stream.getvalue()
    thinned, notes = thin_png(data)
    assert thinned is data and notes == []
    assert thin_png(_png(_chunk(b"tEXt", b"k\0x") * MOST_TEXTS))[1] == []


@pytest.mark.parametrize("cut", [8, 20, 33, 60, 200])
def test_a_png_that_ends_early_is_left_to_its_reader(cut: int) -> None:
    assert thin_png(_png()[:cut]) == (_png()[:cut], [])
