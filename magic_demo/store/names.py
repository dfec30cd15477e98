"""Names of readers, queues, cases and photos: what may be one, and how one is found again."""

from __future__ import annotations

import unicodedata

from magic_demo.errors import StoreError

LONGEST_NAME = 200


def check_name(name: str, what: str, longest: int = LONGEST_NAME) -> str:
    """Return a name without the space around it. what: "reader", "queue", ... Raises StoreError for one that is empty, too long or cannot be shown."""
    clean = unicodedata.normalize("NFC", name).strip()
    if not clean:
        raise StoreError(f"a {what} needs a name; it was empty")
    if len(clean) > longest:
        raise StoreError(f"a {what}'s name has at most {longest} characters; {clean[:20]!r}... has {len(clean)}")
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in clean):
        raise StoreError(f"a {what}'s name is one line of text; {clean!r} holds other characters")
    return clean


def fold_name(name: str) -> str:
    """Return what two spellings of one name share: upper and lower case, full and half width are not told apart."""
    return unicodedata.normalize("NFKC", name).strip().casefold()
