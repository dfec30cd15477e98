"""What was measured in a photo, between the page and the program (``core.ruler.write_ruler``)."""

from __future__ import annotations

from typing import Any

from magic_demo.core.errors import FormError
from magic_demo.core.ruler import Ruler, read_ruler


def read_photo_ruler(value: Any, photo: str, size: tuple[int, int]) -> Ruler | None:
    """Return what was measured in a photo of ``size`` (height, width), None for nothing.

    Raises FormError, one line, where that cannot be read or lies outside of the photo.
    """
    if value is None:
        return None
    try:
        ruler = read_ruler(value)
    except (LookupError, TypeError, ValueError) as error:
        raise FormError(
            "{photo}: the measured lines cannot be read ({reason}); measure again",
            photo=photo,
            reason=str(error)[:80],
        ) from error
    lines = (*ruler.lines, *([ruler.known] if ruler.known is not None else []))
    height, width = size
    if any(max(line[0], line[2]) > width or max(line[1], line[3]) > height for line in lines):
        raise FormError(
            "{photo}: a line lies outside of the photo of {width} x {height} pixels; measure again",
            photo=photo,
            width=width,
            height=height,
        )
    return ruler or None
