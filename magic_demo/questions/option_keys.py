"""The letters that choose options on the cards, where a question file names them."""

from __future__ import annotations

import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from magic_demo.core.errors import FormatError

RESERVED = frozenset("anijkyz")
"""Letters that mean something else on the page (``option_keys.mjs`` says what)."""
FREE = "".join(letter for letter in string.ascii_lowercase if letter not in RESERVED)


def read_keys(path: Path, qid: str, value: Any, options: int) -> tuple[str, ...]:
    """Return the letter of each option, "" where the page is to give one; () where the file names none.

    value: a list of letters, in the order of the options; those that are missing at its end are given by the page.
    Raises FormatError for anything else.
    """
    if value is None:
        return ()
    letters = [str(letter or "").lower() for letter in value] if isinstance(value, Sequence) else []
    named = [letter for letter in letters if letter]
    fit = all(letter in FREE and len(letter) == 1 for letter in named) and len(set(named)) == len(named)
    if not named or not fit or len(letters) > options:
        raise FormatError(
            "{path}: {question} has the keys {came!r}; a list of different letters is expected, one an option, "
            "out of {free}",
            path=path,
            question=qid,
            came=str(value)[:60],
            free=FREE,
        )
    return (*letters, *[""] * (options - len(letters)))


def write_keys(keys: Sequence[str]) -> dict[str, Any]:
    """Return what a question file says of the letters."""
    return {"keys": list(keys)} if keys else {}
