"""Names of readers, queues, cases, folders: what may be one, and how a reader's is found again."""

from __future__ import annotations

import unicodedata

from magic_demo.core.errors import StoreError
from magic_demo.core.messages import Message

LONGEST_NAME = 200


def check_name(name: str, what: Message, longest: int = LONGEST_NAME) -> str:
    """Return a name as it is. what: "queue", "case", ...

    Raises StoreError for one that is empty, too long or no line of text.
    """
    if not name.strip():
        raise StoreError("a {what} needs a name; it was empty", what=what)
    if len(name) > longest:
        raise StoreError(
            "a {what}'s name has at most {limit} characters; {name!r}... has {count}",
            what=what,
            limit=longest,
            name=name[:20],
            count=len(name),
        )
    if not is_line(name):
        raise StoreError(
            "a {what}'s name is one line of text; {name!r} holds other characters", what=what, name=name
        )
    return name


def is_name(name: str, longest: int = LONGEST_NAME) -> bool:
    """Return whether a text can be a name."""
    return bool(name.strip()) and len(name) <= longest and is_line(name)


def is_line(text: str) -> bool:
    """Return whether a text is one line that every database keeps: no control characters, no halves of
    characters."""
    return not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text)


def fold_name(name: str) -> str:
    """Return what two spellings of one name share: upper and lower case, full and half width are not told
    apart."""
    return unicodedata.normalize("NFKC", name).strip().casefold()
