"""What a reader says of one lesion of a photo, where a study or the reader takes the lesions one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MOST_REMARKS = 100
"""Remarks on one photo."""
MOST_CHARACTERS = 500
"""Of one remark."""
_FURTHEST = 1_000_000


@dataclass(frozen=True)
class Remark:
    """A short comment on one lesion: on the part of the outline that has the pixel ``at``.

    at: x, y of a pixel of the photo at its own size, from 0. Where the outline has no part there, the comment waits for
    one: it is shown as one of no lesion, and kept.
    """

    at: tuple[int, int]
    comment: str


def write_remarks(remarks: Sequence[Remark]) -> list[list[Any]]:
    """Return remarks as JSON: [[x, y, comment]]."""
    return [[*remark.at, remark.comment] for remark in remarks]


def read_remarks(value: Any) -> tuple[Remark, ...]:
    """Read what ``write_remarks`` returns. Raises TypeError or ValueError for anything else."""
    if not isinstance(value, list | tuple):
        raise TypeError(f"remarks are a list, not {type(value).__name__}")
    if len(value) > MOST_REMARKS:
        raise ValueError(f"{len(value)} remarks; {MOST_REMARKS} are the most")
    return tuple(map(_read_remark, value))


def _read_remark(value: Any) -> Remark:
    x, y, comment = value
    if not all(type(one) is int and 0 <= one < _FURTHEST for one in (x, y)):
        raise ValueError("a remark outside of its photo; x and y are whole pixels, 0 and more")
    if not isinstance(comment, str) or not comment.strip():
        raise ValueError("a remark without words")
    if len(comment) > MOST_CHARACTERS:
        raise ValueError(f"a remark of {len(comment)} characters; {MOST_CHARACTERS} are the most")
    return Remark((x, y), comment)
