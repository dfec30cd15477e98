"""Names that differ in case alone: some systems keep capitals, some do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

Found = TypeVar("Found")


def match_case(found: Mapping[str, Found], wanted: Iterable[str]) -> dict[str, Found]:
    """Return what was found under the wanted names where they differ in case alone, the rest under its own."""
    matched = dict(found)
    names = list(wanted)
    folded = {name.casefold(): name for name in found if name not in set(names)}
    for name in names:
        other = folded.pop(name.casefold(), None) if name not in matched else None
        if other is not None:
            matched[name] = matched.pop(other)
    return matched
