"""Whether a disk was full, whichever library found out."""

from __future__ import annotations

import errno

_FULL = (errno.ENOSPC, errno.EDQUOT)
_SAID = ("No space left on device", "Disk quota exceeded", "basic_ios::clear: iostream error")
"""What the libraries that write weights and optimizers say of it, in errors that are no OSError."""


def is_disk_full(error: BaseException | None) -> bool:
    """Tell whether an error, or one that it came from, says that the disk is full."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        if any(said in str(error) for said in _SAID):
            return True
        error = error.__cause__ or error.__context__
    return False
