"""Masks as run lengths: COCO's code to the character, canvas runs, nothing lost, nothing damaged taken."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco

from magic_demo.core.errors import FormatError
from magic_demo.core.review_types import MaskRuns
from magic_demo.core.types import Mask
from magic_demo.imaging.run_lengths import (
    area,
    column_lengths,
    decode_mask,
    encode_mask,
    overlap,
    row_lengths,
)

masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40))
"""Masks that Hypothesis draws: from one pixel to 40 x 40, noise, plain, stripes."""


@st.composite
def blobs(draw: st.DrawFn) -> Mask:
    """Draw a mask of a few rectangles on a larger photo, so that runs and their differences need several
    characters."""
    height, width = draw(st.integers(1, 700)), draw(st.integers(1, 700))
    mask = np.zeros((height, width), np.bool_)
    for _ in range(draw(st.integers(0, 5))):
        top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
        mask[top : top + draw(st.integers(1, height)), left : left + draw(st.integers(1, width))] ^= True
    return mask


# pycocotools 2.0.11 reads its codes with a call that numpy 2 has deprecated
reads_with_pycocotools = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


def _fill_rows(mask: Mask) -> Mask:
    """Return the mask again, from the lengths of its rows' runs alone."""
    lengths = row_lengths(mask)
    return np.repeat(np.arange(lengths.size) % 2 == 1, lengths).reshape(mask.shape)


def _as_coco(runs: MaskRuns) -> dict[str, object]:
    return {"size": list(runs.size), "counts": runs.counts.encode("ascii")}


@reads_with_pycocotools
@given(masks | blobs())
def test_the_code_is_pycocotools_own(mask: Mask) -> None:
    theirs = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    ours = encode_mask(mask)
    assert (list(ours.size), ours.counts) == (theirs["size"], theirs["counts"].decode("ascii"))
    assert np.array_equal(coco.decode(_as_coco(ours)), mask)
    assert area(ours) == coco.area(_as_coco(ours)) == mask.sum()


@given(masks | blobs())
def test_a_mask_comes_back_as_it_was(mask: Mask) -> None:
    back = decode_mask(encode_mask(mask))
    assert back.dtype == np.bool_ and back.shape == mask.shape
    assert np.array_equal(back, mask)


@given(masks | blobs())
def test_a_masks_rows_are_all_of_it(mask: Mask) -> None:
    lengths = row_lengths(mask)
    assert lengths.sum() == mask.size and (lengths[1:] > 0).all()
    assert np.array_equal(_fill_rows(mask), mask)


@given(masks, st.integers(0, 2**32 - 1))
def test_the_overlap_of_two_outlines_is_counted_without_their_pixels(mask: Mask, seed: int) -> None:
    other = np.random.default_rng(seed).random(mask.shape) < 0.5
    assert overlap(encode_mask(mask), encode_mask(other)) == np.count_nonzero(mask & other)


def test_outlines_of_two_sizes_have_no_overlap() -> None:
    with pytest.raises(FormatError, match="2 x 3 and of 3 x 2 pixels"):
        overlap(encode_mask(np.ones((2, 3), bool)), encode_mask(np.ones((3, 2), bool)))


def test_canvas_runs_go_row_by_row_and_coco_runs_column_by_column() -> None:
    mask = np.array([[False, True, True], [True, False, False]])
    assert row_lengths(mask).tolist() == [1, 3, 2]
    assert column_lengths(encode_mask(mask)).tolist() == [1, 2, 1, 1, 1]


@pytest.mark.parametrize("pixel", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1)])
def test_plain_masks_of_any_size(pixel: bool, size: tuple[int, int]) -> None:
    mask = np.full(size, pixel)
    assert np.array_equal(decode_mask(encode_mask(mask)), mask)
    assert np.array_equal(_fill_rows(mask), mask)


@pytest.mark.parametrize("view", [lambda mask: mask[::2, ::3], lambda mask: mask.T, np.asfortranarray])
def test_a_mask_may_lie_in_memory_in_any_way(view: Callable[[Mask], Mask]) -> None:
    mask = np.random.default_rng(1).random((30, 41)) < 0.4
    seen = view(mask)
    assert np.array_equal(decode_mask(encode_mask(seen)), seen)
    assert np.array_equal(_fill_rows(seen), seen)


@pytest.mark.parametrize("counts", ["", "P", "1é", "\n", "z", "o" * 40 + "0", "5", "50", "I0"])
def test_a_damaged_code_is_refused(counts: str) -> None:
    with pytest.raises(FormatError):
        decode_mask(MaskRuns(size=(2, 2), counts=counts))


@given(st.text(max_size=30))
def test_whatever_stands_there_is_a_mask_or_an_error(counts: str) -> None:
    try:
        mask = decode_mask(MaskRuns(size=(5, 4), counts=counts))
    except FormatError:
        return
    assert mask.shape == (5, 4)


@pytest.mark.parametrize("size", [(0, 3), (3, 0), (-1, -4), (2, 2, 1)])
def test_a_size_without_pixels_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(FormatError, match="no pixels"):
        decode_mask(MaskRuns(size, "4"))


def test_a_mask_of_48_megapixels_is_encoded_and_decoded_in_under_a_second() -> None:
    rows, columns = np.ogrid[:6000, :8000]
    mask = ((rows - 3000) ** 2 + (columns - 4000) ** 2 < 1800**2) & ((rows // 97 + columns // 89) % 5 != 0)
    # once is enough: other work on the machine is not measured
    assert any(_seconds_there_and_back(mask) < 1.0 for _ in range(3))


def _seconds_there_and_back(mask: Mask) -> float:
    start = time.perf_counter()
    back = decode_mask(encode_mask(mask))
    seconds = time.perf_counter() - start
    assert np.array_equal(back, mask)
    return seconds
