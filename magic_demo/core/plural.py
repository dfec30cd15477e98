"""Numbers within texts, said as English counts them: one case, two cases."""

from __future__ import annotations

from collections.abc import Mapping


class Counted(int):
    """A number that also chooses between two words: ``{count:case|cases}`` becomes ``case`` for 1 and
    ``cases`` for all others."""

    def __format__(self, spec: str) -> str:
        """Return the word that goes with the number, or the number as any other."""
        singular, bar, more = spec.partition("|")
        return (singular if self == 1 else more) if bar else format(int(self), spec)


def fill_places(text: str, values: Mapping[str, object]) -> str:
    """Return a text with its ``{places}`` filled; whole numbers choose words, see ``Counted``.

    Raises KeyError for a place without a value.
    """
    return text.format(
        **{name: Counted(value) if type(value) is int else value for name, value in values.items()}
    )


def count(number: int, singular: str, more: str) -> str:
    """Return ``1 case`` or ``2 cases``."""
    return f"{number} {singular if number == 1 else more}"
