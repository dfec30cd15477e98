"""Masks between the page and the program: run lengths at the photo's working size become a mask at the
photo's own size, and back.

The page draws a photo at its working size. Its masks are run lengths, row by row, the first run outside the
lesion (it may be 0 long): ``{"width": 4, "height": 2, "runs": [1, 2, 5]}`` is a row of which the middle two
pixels are lesion, and an empty row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from magic_demo.core.errors import FormError
from magic_demo.core.review_content import write_mark
from magic_demo.core.review_types import Mark
from magic_demo.core.types import Mask
from magic_demo.imaging.run_lengths import row_lengths

WORKING_SIDE = 2048
"""Longest side, in pixels, of the photo that the page draws; masks are kept at the photo's own size."""


def working_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return the (height, width) a photo of ``size`` is drawn at: its own, or WORKING_SIDE along its longest
    side."""
    height, width = size
    scale = min(1.0, WORKING_SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def read_mask(payload: object, size: tuple[int, int]) -> Mask:
    """Return the (H, W) bool mask at ``size`` (height, width) that the page sent; its border is off by less
    than one working pixel.

    Raises FormError, one line, when the payload is not a mask of a photo of this size.
    """
    small = read_working_mask(payload, size)
    if small.shape == size:
        return small
    grown = cv2.resize(
        small.view(np.uint8) * np.uint8(255), (size[1], size[0]), interpolation=cv2.INTER_LINEAR
    )
    return np.asarray(grown >= 128, dtype=np.bool_)


def read_working_mask(payload: object, size: tuple[int, int]) -> Mask:
    """Return the same at the working size of a photo of ``size``. Raises FormError, one line."""
    height, width = working_size(size)
    if not isinstance(payload, Mapping):
        raise FormError(
            "a mask came as {came}, expected width, height and runs; outline the photo again",
            came=type(payload).__name__,
        )
    if (payload.get("height"), payload.get("width")) != (height, width):
        came = f"{payload.get('width')!r} x {payload.get('height')!r}"[:40]
        raise FormError(
            "a mask of {came} pixels came, the photo is drawn at {width} x {height}; outline the photo again",
            came=came,
            width=width,
            height=height,
        )
    return _unpack(payload.get("runs"), height * width).reshape(height, width)


def write_runs(mask: Mask) -> dict[str, Any]:
    """Return what the page draws of a (H, W) mask at its photo's size: width, height and runs at the working
    size."""
    height, width = working_size((mask.shape[0], mask.shape[1]))
    small = mask
    if mask.shape != (height, width):
        area = cv2.resize(
            mask.astype(np.uint8) * np.uint8(255), (width, height), interpolation=cv2.INTER_AREA
        )
        small = np.asarray(area >= 128, dtype=np.bool_)
        if not small.any():  # a lesion too small for one working pixel must not come back as "no lesion here"
            small = np.asarray(area == max(1, int(area.max())), dtype=np.bool_)
    return {"width": width, "height": height, "runs": row_lengths(small).tolist()}


def write_outline(mask: Mask, clicks: Sequence[Mark] = ()) -> dict[str, Any]:
    """Return what the page draws of a reader's (H, W) mask, and what it was clicked from."""
    return {**write_runs(mask), **({"clicks": [*map(write_mark, clicks)]} if clicks else {})}


def _unpack(runs: object, pixels: int) -> Mask:
    """Return (pixels,) bool from run lengths; raises FormError where they are not whole numbers that add up
    to ``pixels``."""
    if (
        not isinstance(runs, list)
        or len(runs) > pixels + 1
        or not all(type(run) is int and 0 <= run <= pixels for run in runs)
    ):
        raise FormError(
            "a mask's runs must be a list of whole numbers of 0 and more; outline the photo again"
        )
    if sum(runs) != pixels:
        raise FormError(
            "a mask's runs add up to {total} pixels, expected {pixels}; outline the photo again",
            total=sum(runs),
            pixels=pixels,
        )
    lesion = np.arange(len(runs)) % 2 == 1
    return np.repeat(lesion, np.asarray(runs, dtype=np.int64))


def check_decided(mask: Mask, payload: Mapping[str, Any], name: str) -> None:
    """Raise FormError for a mask without a pixel that does not come from Clear, which alone says that there
    is no lesion on the photo ``name``."""
    if not mask.any() and payload.get("cleared") is not True:
        raise FormError(
            "{photo}: an outline without a pixel came and Clear was not pressed; what was saved "
            "stays. Draw it again, or press Clear",
            photo=name[:80],
        )
