"""Pixels turned as an EXIF orientation says, and back."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

Values = NDArray[Any]
ON_ITS_SIDE = (5, 6, 7, 8)
"""Orientations that exchange height and width."""
SAME_SIZE = (2, 3, 4)
"""Orientations that change the pixels and keep the size: a mask's size does not show them."""
_BACK = {6: 8, 8: 6}


def turn_upright(values: Values, orientation: int) -> Values:
    """Return stored values (H, W) or (H, W, C) upright, as a view; 1 and what is no orientation change nothing.

    orientation: 1 to 8 as EXIF counts.
    """
    if orientation in ON_ITS_SIDE:
        values = values.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return values


def turn_back(values: Values, orientation: int) -> Values:
    """Return upright values as they lie in the file: undo ``turn_upright``, as a view."""
    return turn_upright(values, _BACK.get(orientation, orientation))


def turn_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return (height, width) after a turn, either way."""
    return (size[1], size[0]) if orientation in ON_ITS_SIDE else size
