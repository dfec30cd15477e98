"""Comments on single lesions of a photo, between the page and the program (``core.remark.write_remarks``)."""

from __future__ import annotations

from typing import Any

from magic_demo.core.errors import FormError
from magic_demo.core.remark import Remark, read_remarks


def read_photo_remarks(value: Any, photo: str, size: tuple[int, int]) -> tuple[Remark, ...] | None:
    """Return the remarks on the lesions of a photo of ``size`` (height, width), None for none.

    Raises FormError, one line, where they cannot be read or lie outside of the photo.
    """
    if value is None:
        return None
    try:
        remarks = read_remarks(value)
    except (TypeError, ValueError) as error:
        raise FormError(
            "{photo}: the comments on its lesions cannot be read ({reason}); write them again",
            photo=photo,
            reason=str(error)[:80],
        ) from error
    if any(remark.at[0] >= size[1] or remark.at[1] >= size[0] for remark in remarks):
        raise FormError(
            "{photo}: a comment lies outside of the photo of {width} x {height} pixels; write it again",
            photo=photo,
            width=size[1],
            height=size[0],
        )
    return remarks or None
