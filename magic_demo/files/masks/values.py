"""What the values of a mask's file mean: 0 and 1, 0 and 255, labels, shades, colours, transparency.

What has two readings is refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.errors import FormatError
from magic_demo.core.messages import Message
from magic_demo.core.types import Mask
from magic_demo.imaging.turning import turn_upright

Values = NDArray[Any]
MOST_LABELS = 31
"""Up to here whole numbers are labels of lesions, from here on shades of grey."""
MOST_COLOURS = 32
_FEW_LEVELS = 8
_EDGE_SHARE = 0.1
"""Of what is not black, at most so much may lie between black and the largest value where there are few
levels: smoothed edges."""


def read_values(
    name: str,
    values: Values,
    repairs: list[str],
    *,
    orientation: int = 1,
    white_is_zero: bool = False,
    as_numbers: bool = False,
) -> Mask:
    """Return the mask (H, W) bool that values (H, W) or (H, W, C) mean, and add to ``repairs`` a few words
    for what was put right.

    C: 2 is grey and transparency, 3 colours, 4 colours and transparency. as_numbers: one bit is read as the
    number that it is, where it could be a shade too, as the organisers' script does. Raises FormatError,
    beginning with ``name``, for values that are none of a mask, and for those that could mean two masks.
    """
    # one page or one channel, written as an axis of its own
    while values.ndim > 2 and 1 in (values.shape[0], values.shape[-1]):
        values = values[0] if values.shape[0] == 1 else values[..., 0]
    if values.ndim == 3 and values.shape[2] in (2, 3, 4):
        values = _join_channels(name, values, repairs)
    if values.ndim != 2:
        raise FormatError(
            "{name}: shape {shape} is not one page of (height, width)", name=name, shape=str(values.shape)
        )
    if values.dtype.kind not in "buif":
        raise FormatError("{name}: {kind} values are not a mask", name=name, kind=values.dtype)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise FormatError("{name}: not a number in a mask", name=name)
    if values.dtype.kind in "if" and values.min() < 0:
        raise FormatError("{name}: negative values are not a mask", name=name)
    if white_is_zero:
        values = _invert(name, values, repairs, as_numbers)
    mask = _read_levels(name, values, repairs)
    if 2 <= orientation <= 8:
        repairs.append(
            Message(
                "has the orientation {orientation} beside its pixels; turned as it says",
                orientation=orientation,
            )
        )
        mask = np.ascontiguousarray(turn_upright(mask, orientation))
    return mask


def _join_channels(name: str, values: Values, repairs: list[str]) -> Values:
    colours = values
    if values.shape[2] in (2, 4):
        alpha, colours = values[..., -1], values[..., :-1]
        if alpha.min() != alpha.max():
            if (colours == colours[0, 0]).all():
                repairs.append(Message("lies in the transparency of one colour; that is read"))
                return np.ascontiguousarray(alpha)
            if not np.array_equal(alpha > 0, colours.any(axis=-1)):
                raise FormatError(
                    "{name}: colours and transparency that differ could be two masks; save the one "
                    "without the other",
                    name=name,
                )
            repairs.append(
                Message("lies in colours and in transparency, both the same; the transparency is read")
            )
            return np.ascontiguousarray(alpha)
    first = colours[..., 0]
    if all(np.array_equal(first, colours[..., channel]) for channel in range(1, colours.shape[2])):
        repairs.append(
            Message("has colour channels; the first is read, they are equal")
            if values.shape[2] > 2
            else Message("has a channel of transparency that says nothing")
        )
        return np.ascontiguousarray(first)
    seen = colours.any(axis=-1)
    if (
        seen.all()
        or len(np.unique(colours[seen][:: max(1, int(seen.sum()) // 10_000)], axis=0)) > MOST_COLOURS
    ):
        raise FormatError(
            "{name}: {count} colour channels that differ are not a mask; save black and white",
            name=name,
            count=values.shape[2],
        )
    repairs.append(Message("holds colours; every one but black is read as lesion"))
    return np.asarray(seen)


def _invert(name: str, values: Values, repairs: list[str], as_numbers: bool) -> Values:
    """Turn values round whose file says that zero is white. 0 and 1 alone are numbers: tifffile says so of
    every mask in one bit that it writes."""
    if values.max() <= 1:
        if values.dtype.kind != "b" or values.mean() <= 0.5:
            return values
        if not as_numbers:
            raise FormatError(
                "{name}: one bit with zero as white, of which 1 covers most; it could be the lesion "
                "or the rest, save it as uint8",
                name=name,
            )
        repairs.append(Message("is one bit with zero as white, of which 1 covers most; 1 is read as lesion"))
        return values
    if values.dtype.kind != "u":
        raise FormatError(
            "{name}: {kind} values whose zero is white have no known black; save (mask > 0) as uint8",
            name=name,
            kind=values.dtype,
        )
    repairs.append(Message("is stored with zero as white; turned round"))
    return np.asarray(np.iinfo(values.dtype).max - values, dtype=values.dtype)


def _read_levels(name: str, values: Values, repairs: list[str]) -> Mask:
    top = values.max()
    if values.dtype.kind == "b":
        return values.astype(np.bool_)
    if values.dtype.kind == "f" and top <= 1:
        lesion = values >= 0.5
        if not np.array_equal(values, lesion):  # 0.0 and 1.0 are exact, the organisers read them right
            repairs.append(Message("holds fractions; 0.5 and more is read as lesion"))
        return np.asarray(lesion, dtype=np.bool_)
    if top <= 1:
        # Of bytes that are 0 and 1, True and False need no copy.
        return (
            values.view(np.bool_)
            if values.dtype == np.uint8 and values.flags.c_contiguous
            else values.astype(np.bool_)
        )
    not_zero = values != 0
    if np.array_equal(values, not_zero * top):
        repairs.append(Message("holds 0 and {highest:g} in place of 0 and 1; read as 0 and 1", highest=top))
        return np.asarray(not_zero, dtype=np.bool_)
    if values.dtype.kind in "ui" and top <= MOST_LABELS:
        if not_zero.all():
            raise FormatError(
                "{name}: labels up to {highest} without a 0 for the skin around; save the lesion as "
                "1 and the rest as 0",
                name=name,
                highest=top,
            )
        repairs.append(
            Message("holds labels up to {highest}; every one but 0 is read as lesion", highest=top)
        )
        return np.asarray(not_zero, dtype=np.bool_)
    _refuse_few_levels(name, values, not_zero, float(top))
    repairs.append(
        Message("holds grey values up to {highest:g}; half of that and more is read as lesion", highest=top)
    )
    return np.asarray(values >= top / 2, dtype=np.bool_)


def _refuse_few_levels(name: str, values: Values, not_zero: Mask, top: float) -> None:
    """Raise FormatError for a few large areas of grey: labels, or surer and less sure parts.

    Two levels, and smoothed edges, have one reading.
    """
    levels = np.unique(values[:: max(1, values.shape[0] // 500), :: max(1, values.shape[1] // 500)])
    above = levels[levels > 0]
    between = np.count_nonzero(not_zero & (values < top))
    if len(levels) == 2 and levels[0] < top / 2:
        return
    if len(above) <= _FEW_LEVELS and between > _EDGE_SHARE * np.count_nonzero(not_zero):
        shown = ", ".join(f"{level:g}" for level in levels)
        raise FormatError(
            "{name}: the values {values} could be labels or shades; save the lesion as 1 and the rest as 0",
            name=name,
            values=shown,
        )
