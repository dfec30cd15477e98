"""Lengths that a reader measures in a photo, in millimetres once something of known length was shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Line = tuple[float, float, float, float]
"""x, y of one end and x, y of the other, in pixels of the photo at its own size."""

MOST_MM = 1000.0
"""The longest known length, a metre; the shortest is a tenth of a millimetre."""
LEAST_MM = 0.1
MOST_LINES = 100
"""Lines on one photo."""
_FURTHEST = 1e6


@dataclass(frozen=True)
class Ruler:
    """What a reader measured in one photo.

    known: a line along something of known length, which is mm long; both None where the photo is not calibrated.
    lines: what was measured, in the order in which it was.
    """

    known: Line | None = None
    mm: float | None = None
    lines: tuple[Line, ...] = ()

    def __bool__(self) -> bool:
        """Return whether it says anything."""
        return self.known is not None or bool(self.lines)

    @property
    def mm_per_pixel(self) -> float | None:
        """Return how long a pixel is, None where the photo is not calibrated."""
        if self.known is None or self.mm is None:
            return None
        return self.mm / length(self.known)

    def measure(self, pixels: float) -> float | None:
        """Return so many pixels in millimetres, None where the photo is not calibrated."""
        scale = self.mm_per_pixel
        return None if scale is None else pixels * scale

    def measure_area(self, pixels: float) -> float | None:
        """Return an area of so many pixels in square millimetres, None where the photo is not calibrated."""
        scale = self.mm_per_pixel
        return None if scale is None else pixels * scale**2


def length(line: Line) -> float:
    """Return how long a line is, in pixels."""
    return math.hypot(line[2] - line[0], line[3] - line[1])


def write_ruler(ruler: Ruler) -> dict[str, Any]:
    """Return a ruler as JSON: {"known": [x, y, x, y] | None, "mm": number | None, "lines": [[x, y, x, y]]}."""
    known = None if ruler.known is None else list(ruler.known)
    return {"known": known, "mm": ruler.mm, "lines": [*map(list, ruler.lines)]}


def read_ruler(value: Any) -> Ruler:
    """Read what ``write_ruler`` returns. Raises KeyError, TypeError or ValueError for anything else."""
    if not isinstance(value, Mapping):
        raise TypeError(f"a ruler is an object, not {type(value).__name__}")
    known, mm, lines = value.get("known"), value.get("mm"), value["lines"]
    if (known is None) != (mm is None):
        raise ValueError("a known line without its length, or a length without a line")
    if mm is not None and not (type(mm) in (int, float) and LEAST_MM <= mm <= MOST_MM):
        raise ValueError(f"a known length of {mm!r} mm; {LEAST_MM} to {MOST_MM:g} are expected")
    if len(lines) > MOST_LINES:
        raise ValueError(f"{len(lines)} lines; {MOST_LINES} are the most")
    return Ruler(
        None if known is None else read_line(known),
        None if mm is None else float(mm),
        tuple(map(read_line, lines)),
    )


def read_line(value: Any) -> Line:
    """Read a line: four numbers, its ends apart. Raises TypeError or ValueError for anything else."""
    x, y, to_x, to_y = value
    if not all(type(one) in (int, float) and 0 <= one <= _FURTHEST for one in (x, y, to_x, to_y)):
        raise ValueError("a line outside of its photo; its numbers are pixels, 0 and more")
    line = (float(x), float(y), float(to_x), float(to_y))
    if not length(line) > 0:
        raise ValueError("a line without a length")
    return line
