"""Whether a row still is what was saved."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import dataclass
from typing import Any, get_args

from sqlalchemy.exc import OperationalError

from magic_demo.core.disk.whole_text import mend_json
from magic_demo.core.errors import StoreError
from magic_demo.core.messages import Message
from magic_demo.core.review_types import REVIEW_KINDS, CaseKey, ReviewState

DAMAGED = "damaged"
"""Where a session keeps the reviews that it met and that are not what was saved: number -> DamagedReview."""


@dataclass(frozen=True)
class DamagedReview:
    """A review whose row is not what was saved, and the line that says so."""

    case: CaseKey
    reader: str
    line: Message


def digest_of(text: str) -> str:
    """Return the digest that rows are known by."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_content(row: Any) -> dict[str, Any]:
    """Return the JSON of a row with ``kind``, ``state``, ``content`` and ``digest``.

    Raises StoreError where it is not what was saved.
    """
    if row.kind not in REVIEW_KINDS or row.state not in get_args(ReviewState):
        raise StoreError(
            "it is {kind!r}, {state!r}, which no review is", kind=row.kind[:40], state=row.state[:40]
        )
    # the digest is of what was sent, not always of what is kept
    kinds = (row.kind, *(kind for kind in REVIEW_KINDS if kind != row.kind))
    if not any(digest_of(f"{kind} {row.state} {row.content}") == row.digest for kind in kinds):
        raise StoreError("its digest is another's: it is not what was saved")
    content: dict[str, Any] = json.loads(mend_json(row.content))
    return content


def is_of_database(error: BaseException) -> bool:
    """Return whether an error says that the database cannot be read, not that a text in it is no text."""
    return isinstance(error, sqlite3.OperationalError | OperationalError) and "decode" not in str(
        getattr(error, "orig", None) or error
    )
