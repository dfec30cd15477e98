"""Masks as run lengths: COCO's compressed code to keep and to hand on, plain row by row lengths for a
browser's canvas.

COCO's code is the one of its public mask API: the mask is read column by column, the lengths of its runs are
noted, background first, each from the fourth on as the difference to the one two before, in groups of five
bits, lowest first, as ASCII characters from ``0`` on; bit 6 of a character says that another group follows.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from magic_demo.core.errors import FormatError
from magic_demo.core.limits import LIMITS
from magic_demo.core.review_types import MaskRuns
from magic_demo.core.types import Mask

Lengths = NDArray[np.int64]
"""Run lengths: (N,) int64, background first (0 where the first pixel is lesion), all others positive, their
sum the number of pixels."""

LONGEST_GROUPS = 12
"""Groups of five bits in one number: more would not fit int64, and no photo has that many pixels."""


def encode_mask(mask: Mask) -> MaskRuns:
    """Encode a mask (H, W) bool, as pycocotools does, to the character.

    Raises FormatError for a mask without pixels.
    """
    _check_size(mask.shape)
    by_columns = _turned(np.ascontiguousarray(mask))
    return MaskRuns(
        size=(int(mask.shape[0]), int(mask.shape[1])), counts=_write_counts(_lengths(by_columns.reshape(-1)))
    )


def decode_mask(runs: MaskRuns) -> Mask:
    """Decode a mask (H, W) bool. Raises FormatError for a code that is damaged or does not fit the size."""
    height, width = _check_size(runs.size)
    return _turned(_pixels(column_lengths(runs)).reshape(width, height))


def row_lengths(mask: Mask) -> Lengths:
    """Return the lengths of a mask's runs row by row, background first: (N,) int64.

    Raises FormatError for a mask without pixels.
    """
    _check_size(mask.shape)
    return _lengths(np.ascontiguousarray(mask).reshape(-1))


def column_lengths(runs: MaskRuns) -> Lengths:
    """Return the lengths of the runs column by column, background first: (N,) int64; COCO's uncompressed
    ``counts``. Raises FormatError."""
    height, width = _check_size(runs.size)
    counts = _read_counts(runs.counts)
    _check_lengths(counts, height * width)
    return counts


def area(runs: MaskRuns) -> int:
    """Return how many pixels are lesion, without decoding the mask. Raises FormatError."""
    return int(column_lengths(runs)[1::2].sum())


def overlap(first: MaskRuns, second: MaskRuns) -> int:
    """Return how many pixels are lesion in both of two masks of one size, without decoding them.

    Raises FormatError.
    """
    if first.size != second.size:
        raise FormatError(
            "masks of {first} and of {second} pixels came; expected two of the same photo",
            first=" x ".join(map(str, first.size)),
            second=" x ".join(map(str, second.size)),
        )
    ends = [np.cumsum(column_lengths(runs)) for runs in (first, second)]
    stops = np.union1d(*ends)
    starts = np.concatenate(([0], stops[:-1]))
    # the runs of odd index are lesion, see column_lengths
    both = np.logical_and(*(np.searchsorted(end, starts, side="right") % 2 == 1 for end in ends))
    return int((stops - starts)[both].sum())


def _turned(mask: Mask) -> Mask:
    # many times faster than numpy's copy of a view
    turned: Mask = np.asarray(cv2.transpose(mask.view(np.uint8)), np.uint8).view(np.bool_)
    return turned.reshape(mask.shape[1], mask.shape[0])


def _lengths(flat: Mask) -> Lengths:
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    bounds = np.concatenate(([0], changes, [flat.size])).astype(np.int64)
    lengths = np.diff(bounds)
    return np.concatenate((np.zeros(1, np.int64), lengths)) if flat[0] else lengths


def _pixels(lengths: Lengths) -> Mask:
    return np.repeat(np.arange(lengths.size) % 2 == 1, lengths)


def _write_counts(lengths: Lengths) -> str:
    numbers = lengths.copy()
    numbers[3:] -= lengths[1:-2]
    groups = np.ones(numbers.size, np.int64)
    for count in range(1, LONGEST_GROUPS):
        room = 1 << (5 * count - 1)
        groups += (numbers < -room) | (numbers >= room)
    digits = np.arange(int(groups.max()))
    characters = (
        ((numbers[:, None] >> (5 * digits)) & 0x1F)
        + np.where(digits < groups[:, None] - 1, 0x20, 0)
        + ord("0")
    )
    return characters[digits < groups[:, None]].astype(np.uint8).tobytes().decode("ascii")


def _read_counts(counts: str) -> Lengths:
    try:
        characters = np.frombuffer(counts.encode("ascii"), np.uint8).astype(np.int64) - ord("0")
    except UnicodeEncodeError as error:
        raise FormatError(
            "run lengths hold characters that are not ASCII; expected COCO's compressed counts"
        ) from error
    if not characters.size or characters.min() < 0 or characters.max() > 0x3F or characters[-1] & 0x20:
        raise FormatError(
            "run lengths {counts} are empty, cut short or hold other characters; expected COCO's "
            "compressed counts",
            counts=repr(counts[:20]),
        )
    last = np.flatnonzero((characters & 0x20) == 0)
    first = np.concatenate(([0], last[:-1] + 1))
    groups = last - first + 1
    if groups.max() > LONGEST_GROUPS:
        raise FormatError(
            "run lengths hold a number of {count} groups; expected at most {limit}",
            count=groups.max(),
            limit=LONGEST_GROUPS,
        )
    shifts = 5 * (np.arange(characters.size) - np.repeat(first, groups))
    numbers = np.add.reduceat((characters & 0x1F) << shifts, first)
    numbers -= np.where(characters[last] & 0x10, np.int64(1) << (5 * groups), 0)
    numbers[1::2] = np.cumsum(numbers[1::2])
    numbers[2::2] = np.cumsum(numbers[2::2])
    return numbers


def _check_size(size: tuple[int, ...]) -> tuple[int, int]:
    if len(size) != 2 or min(size) < 1:
        raise FormatError(
            "a mask of size {size} has no pixels; expected (height, width), both at least 1", size=str(size)
        )
    if size[0] * size[1] > LIMITS.photo_pixels:
        raise FormatError(
            "a mask of {width}x{height} pixels; the limit is {limit} pixels, as for photos",
            width=size[1],
            height=size[0],
            limit=LIMITS.photo_pixels,
        )
    return int(size[0]), int(size[1])


def _check_lengths(lengths: Lengths, pixels: int) -> None:
    if lengths.size and (lengths.min() < 0 or lengths.max() > pixels):
        raise FormatError(
            "a run of {length} pixels; expected 0 to {pixels}",
            length=int(lengths.min()) if lengths.min() < 0 else int(lengths.max()),
            pixels=pixels,
        )
    if int(lengths.sum()) != pixels:
        raise FormatError(
            "run lengths add up to {total} pixels, the photo has {pixels}; take the mask and the "
            "size of one photo",
            total=int(lengths.sum()),
            pixels=pixels,
        )
