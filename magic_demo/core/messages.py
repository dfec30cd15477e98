"""Lines for people, kept as an English template and named values, so that a page can say them in another
language without reading the finished sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from string import Formatter
from typing import Any

from magic_demo.core.plural import Counted

LONGEST = 1000
"""Characters of a line; what came may be repeated in it, however long it was."""
LIST_SEPARATOR = ", "
DEEPEST = 16
MOST_UNPACKED = 20 * LONGEST
"""Messages within each other, and characters of each, that are read from a file: it may be anybody's."""
_FORMATS = re.compile(r"|[\w ]+\|[\w ]+|[,0]?\d?(\.\d)?[dfg%]?")
"""What may stand after the colon of a field: nothing, two words for a number to choose from, or the format of a
number. A template may come from a file, so nothing that could make a long line of a short value."""

Value = Any
"""A text, a number, None, a Message, or a tuple of these."""


class Message(str):
    """A line for people: as a text, it is the English line.

    template: the English sentence with ``{named}`` fields, which is also the key of its translations; values:
    what fills the fields. A field may have a conversion or a format: ``{name!r}``, ``{size:.0f}``,
    ``{count:photo|photos}``. A value may be a Message; a list becomes its items with commas between. Without
    values the template stands as it is, braces and all. What is made of a Message by slicing, joining or an
    f-string is an ordinary text: make it a value of another Message instead.
    """

    template: str
    values: Mapping[str, Value]

    def __new__(cls, template: str, /, **values: object) -> Message:
        """Make the line of a template and its values.

        Raises KeyError for a field without a value, ValueError for a template that is none.
        """
        simple_values = {name: _simplify(value) for name, value in values.items()}
        line = super().__new__(cls, _fill(template, simple_values, LIST_SEPARATOR, str))
        line.template, line.values = template, simple_values
        return line

    def translate_with(self, catalogue: Mapping[str, str], separator: str = LIST_SEPARATOR) -> str:
        """Return the line in the language of a catalogue (English template -> template), the messages among
        its values too; in English what the catalogue does not hold. separator: between the items of a list."""
        template = catalogue.get(self.template, self.template)
        return _fill(
            template, self.values, separator, lambda value: value.translate_with(catalogue, separator)
        )

    def replace_values(self, **values: object) -> Message:
        """Return the message with other values of some of its fields."""
        return Message(self.template, **{**self.values, **values})


def chain(lines: Iterable[str]) -> Message:
    """Return several lines, one or more, as one with semicolons between."""
    first, *rest = lines
    line = unpack_message(first)
    for more in rest:
        line = Message("{line}; {more}", line=line, more=more)
    return line


def shorten(line: str) -> str:
    """Return a line without its middle where it is longer than LONGEST: its beginning says what came, its end
    what to do."""
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} ... {line[-LONGEST // 3 :]}"


def pack_message(line: str) -> object:
    """Return a line as JSON has it: a text, or an object that ``unpack_message`` makes a Message of."""
    if not isinstance(line, Message):
        return str(line)
    return {"template": line.template, "values": {name: _pack(value) for name, value in line.values.items()}}


def unpack_message(packed: object) -> Message:
    """Return the Message of what ``pack_message`` returned, or of any text: a finished sentence.

    What comes may be anybody's. Raises ValueError for an object that is none.
    """
    if isinstance(packed, Message):
        return packed
    return _unpack_message(packed, DEEPEST) if isinstance(packed, Mapping) else Message(str(packed))


def list_fields(template: str) -> set[str]:
    """Return the names of a template's fields.

    Raises ValueError for one that is no plain name, or whose format is not one of a Message's.
    """
    return {field for _, field, _, _ in _parse(template) if field is not None}


def _parse(template: str) -> list[tuple[str, str | None, str, str | None]]:
    """Return (text, field, format, conversion) in order; field None after the last."""
    parts = [(text, field, spec or "", shown) for text, field, spec, shown in Formatter().parse(template)]
    for _, field, spec, shown in parts:
        if field is not None and not (
            field.isidentifier() and _FORMATS.fullmatch(spec) and shown in (None, "r")
        ):
            raise ValueError(f"the field {field!r} of a message is no plain name with a simple format")
    return parts


def _fill(template: str, values: Mapping[str, Value], separator: str, say: Callable[[Message], str]) -> str:
    if not values:
        return template
    texts = {name: _say(value, say) for name, value in values.items()}  # once, however often it is shown
    return "".join(
        text if field is None else text + _show(texts[field], spec, conversion, separator)
        for text, field, spec, conversion in _parse(template)
    )


def _say(value: Value, say: Callable[[Message], str]) -> Value:
    if isinstance(value, tuple):
        return tuple(_say(item, say) for item in value)
    return say(value) if isinstance(value, Message) else value


def _show(value: Value, spec: str, conversion: str | None, separator: str) -> str:
    if isinstance(value, tuple):
        return separator.join(_show(item, spec, conversion, separator) for item in value)
    if conversion is not None:
        return repr(value)
    return format(Counted(value) if type(value) is int else value, spec) if spec else str(value)


def _simplify(value: object) -> Value:
    """Return a value as a Message keeps it: such that it can be written as JSON and sent to another process."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return tuple(_simplify(item) for item in value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    said = str(value)
    # an error that says nothing is named by its kind: a line must not end in an empty reason
    return said if said.strip() or not isinstance(value, BaseException) else type(value).__name__


def _pack(value: Value) -> object:
    if isinstance(value, tuple):
        return [_pack(item) for item in value]
    return pack_message(value) if isinstance(value, str) else value


def _unpack(packed: object, deepest: int) -> Value:
    if deepest < 0:
        raise ValueError("a message holds too many messages within each other")
    if isinstance(packed, list):
        return tuple(_unpack(item, deepest - 1) for item in packed)
    return _unpack_message(packed, deepest - 1) if isinstance(packed, Mapping) else packed


def _unpack_message(packed: Mapping[str, object], deepest: int) -> Message:
    template, values = packed.get("template"), packed.get("values")
    if not isinstance(template, str) or not isinstance(values, Mapping):
        raise ValueError("a message needs a template and values")
    if values and not list_fields(template) <= values.keys():
        raise ValueError("a message needs a value for each field")
    message = Message(template, **{str(name): _unpack(value, deepest) for name, value in values.items()})
    if len(message) > MOST_UNPACKED:
        raise ValueError(f"a message of {len(message)} characters; the limit is {MOST_UNPACKED}")
    return message
