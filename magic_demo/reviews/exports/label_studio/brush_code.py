"""Label Studio's brush code: a mask as RGBA bytes, row by row, packed by runs.

The code is the one of the npm package @thi.ng/rle-pack, which Label Studio's brush uses (checked against
label-studio-sdk 2.1.2). Bits, highest first: 32 of the number of values; 5 of the bits of a value less one;
four times 4 of the bits of a chunk's length less one. Then chunks until all values are there: a bit that says
whether one value repeats, 2 that say which of the four lengths follows, the chunk's length less one, and the
value once or, where it does not repeat, as many values. Four values make a pixel; its last, alpha, is the
mask.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.errors import FormatError
from magic_demo.core.types import Mask
from magic_demo.imaging.run_lengths import row_lengths

LENGTH_BITS = (3, 4, 8, 16)
"""The four lengths that are written, as Label Studio writes them; others are read too."""
VALUE_BITS = 8
CHANNELS = 4
LONGEST = 1 << LENGTH_BITS[-1]


def encode_brush(mask: Mask) -> list[int]:
    """Encode an (H, W) bool mask as the bytes, 0..255, of a brush region's ``value.rle``.

    Raises FormatError for one without pixels.
    """
    runs = row_lengths(mask) * CHANNELS
    values = np.where(np.arange(runs.size) % 2 == 1, 255, 0)
    chunks = -(-runs // LONGEST)
    lengths = np.full(int(chunks.sum()), LONGEST, np.int64)
    lengths[np.cumsum(chunks)[chunks > 0] - 1] = (runs - (chunks - 1) * LONGEST)[chunks > 0]
    values = np.repeat(values, chunks)
    which = np.searchsorted(1 << np.array(LENGTH_BITS), lengths)
    length_bits = np.array(LENGTH_BITS)[which]
    widths = 3 + length_bits + VALUE_BITS
    codes = ((4 | which) << (length_bits + VALUE_BITS)) | ((lengths - 1) << VALUE_BITS) | values
    places = np.arange(int(widths.max()))
    shifts = widths[:, None] - 1 - places
    body = ((codes[:, None] >> np.maximum(shifts, 0)) & 1)[shifts >= 0]
    header = f"{mask.size * CHANNELS:032b}{VALUE_BITS - 1:05b}" + "".join(
        f"{bits - 1:04b}" for bits in LENGTH_BITS
    )
    bits = np.concatenate((np.array([int(bit) for bit in header], np.uint8), body.astype(np.uint8)))
    return [int(byte) for byte in np.packbits(bits)]


def decode_brush(code: Sequence[int], size: tuple[int, int]) -> Mask:
    """Decode a brush region's ``value.rle`` into an (H, W) bool mask.

    Raises FormatError for a code that is damaged or of another size.
    """
    height, width = size
    if not all(type(byte) is int and 0 <= byte <= 255 for byte in code):
        raise FormatError(
            "a brush region's rle holds something else than bytes; whole numbers from 0 to 255 are expected"
        )
    reader = _BitReader(bytes(code))
    count = reader.read(32)
    if count != height * width * CHANNELS:
        raise FormatError(
            "a brush region holds {count} values; {expected} are expected of a photo of "
            "{width}x{height} pixels",
            count=count,
            expected=height * width * CHANNELS,
            width=width,
            height=height,
        )
    value_bits = reader.read(5) + 1
    length_bits = [reader.read(4) + 1 for _ in range(4)]
    values: NDArray[np.bool_] = np.zeros(count, np.bool_)
    position = 0
    while position < count:
        repeats, bits = reader.read(1), length_bits[reader.read(2)]
        end = min(count, position + reader.read(bits) + 1)
        if repeats:
            values[position:end] = reader.read(value_bits) > 0
        else:
            values[position:end] = [reader.read(value_bits) > 0 for _ in range(end - position)]
        position = end
    return values.reshape(height, width, CHANNELS)[:, :, CHANNELS - 1].copy()


class _BitReader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def read(self, bits: int) -> int:
        start, self.position = self.position, self.position + bits
        last = -(-self.position // 8)
        if last > len(self.data):
            raise FormatError("a brush region's rle is cut short; export it again")
        return int.from_bytes(self.data[start // 8 : last], "big") >> (last * 8 - self.position) & (
            (1 << bits) - 1
        )
