"""Label Studio's brush code, against a plain bit-by-bit reader of its format."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes, arrays

from magic_demo.core.errors import FormatError
from magic_demo.core.types import Mask
from magic_demo.reviews.exports.label_studio.brush_code import decode_brush, encode_brush

MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40))


def _unpack(code: list[int]) -> list[int]:
    """Read the values one bit after another, as the format is described."""
    bits = "".join(f"{byte:08b}" for byte in code)
    place = 0

    def take(count: int) -> int:
        nonlocal place
        place += count
        return int(bits[place - count : place], 2)

    number, word = take(32), take(5) + 1
    lengths = [take(4) + 1 for _ in range(4)]
    values: list[int] = []
    while len(values) < number:
        repeats = take(1)
        count = take(lengths[take(2)]) + 1
        values += [take(word)] * count if repeats else [take(word) for _ in range(count)]
    return values


@settings(max_examples=60)
@given(MASKS)
def test_a_mask_becomes_rgba_bytes_with_the_lesion_opaque(mask: Mask) -> None:
    values = np.array(_unpack(encode_brush(mask))).reshape(*mask.shape, 4)
    assert np.array_equal(values, np.repeat(mask[:, :, None], 4, axis=2) * 255)


@settings(max_examples=60)
@given(MASKS)
def test_what_is_read_is_what_was_written(mask: Mask) -> None:
    assert np.array_equal(decode_brush(encode_brush(mask), (mask.shape[0], mask.shape[1])), mask)


@pytest.mark.parametrize("lesion", [False, True])
def test_runs_longer_than_one_chunk_are_split(lesion: bool) -> None:
    mask = np.full((300, 700), lesion)
    mask[150, 350] = not lesion
    assert np.array_equal(decode_brush(encode_brush(mask), mask.shape), mask)


def test_values_that_do_not_repeat_are_read_and_alpha_is_the_mask() -> None:
    """A brush drawn in the browser has a colour, soft borders, and chunks of values that differ."""
    pixels = [[10, 20, 30, 0], [200, 0, 0, 128], [0, 0, 0, 255]]
    bits = f"{12:032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in (3, 4, 8, 16))
    bits += "0" + "01" + f"{11:04b}" + "".join(f"{value:08b}" for pixel in pixels for value in pixel)
    code = [int(bits[place : place + 8].ljust(8, "0"), 2) for place in range(0, len(bits), 8)]
    assert decode_brush(code, (1, 3)).tolist() == [[False, True, True]]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ([], "cut short"),
        ([0, 0, 0, 4], "cut short"),
        ([0, 0, 1, 4], "holds 260 values; 4 are expected"),
        ([0, 0, 0, 300], "not|bytes"),
        (["a"], "bytes"),
    ],
)
def test_a_damaged_code_is_one_line(code: list[int], said: str) -> None:
    with pytest.raises(FormatError, match=said):
        decode_brush(code, (1, 1))


def test_a_code_of_another_photo_is_refused() -> None:
    with pytest.raises(FormatError, match="of a photo of 7x5 pixels"):
        decode_brush(encode_brush(np.ones((5, 6), np.bool_)), (5, 7))
