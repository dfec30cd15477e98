"""Photos that cost much more than their bytes say: of scans, directories, strips and pixels without end."""

from __future__ import annotations

import io
import lzma
import struct
import zlib

from PIL import Image


def many_scans(count: int, side: int) -> bytes:
    """Return a progressive JPEG whose last scan comes ``count`` times; of its size alone is there more than
    its pixels need."""
    buffer = io.BytesIO()
    Image.new("L", (64, 64), 90).save(buffer, "JPEG", progressive=True)
    data = bytearray(buffer.getvalue())
    last = data.rfind(b"\xff\xda")
    scan, frame = bytes(data[last:-2]), data.find(b"\xff\xc2")
    data[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    return bytes(data[:-2]) + scan * count + b"\xff\xd9"


def strip_bomb(*, packed_by_lzma: bool, mebibytes: int = 256) -> bytes:
    """Return a TIFF of 16 x 16 pixels whose one strip unpacks to so many zeros."""
    zeros = bytes(mebibytes * 2**20)
    strip = lzma.compress(zeros, preset=0) if packed_by_lzma else zlib.compress(zeros)
    tags = [
        (256, 4, 1, 16), (257, 4, 1, 16), (258, 3, 1, 8), (259, 3, 1, 34925 if packed_by_lzma else 8), (262, 3, 1, 1),
        (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, 16), (279, 4, 1, len(strip)),
    ]  # fmt: skip
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(strip)) + strip + directory


def one_colour(side: int) -> bytes:
    """Return a PNG of ``side`` x ``side`` pixels of one colour: megapixels by the dozen in a few
    kilobytes."""
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), (200, 160, 140)).save(buffer, "PNG", compress_level=9)
    return buffer.getvalue()
