"""The items of a long JSON list, one at a time."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from magic_demo.core.disk.whole_text import mend_json

_PIECE = 2**20
_SPACE = re.compile(r"[ \t\n\r]*")
_ENDS = tuple(" \t\n\r,]")
"""What may follow an item."""
_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def decode_items(file: BinaryIO) -> Iterator[Any]:
    """Yield the items of a list in UTF-8 JSON, with or without a byte order mark, half characters as U+FFFD; only a
    part of the file is in memory.

    Raises ValueError, at the latest where the fault is, for what is no JSON list.
    """
    text = _Text(file)
    letter = text.next_letter()
    if letter != "[":
        raise ValueError("no list")
    text.skip()
    if text.next_letter() == "]":
        letter = "]"
    while letter != "]":
        yield text.next_item()
        letter = text.next_letter()
        if letter not in (",", "]"):
            raise ValueError("no list")
        if letter == ",":
            text.skip()
    text.skip()
    if text.next_letter():
        raise ValueError("more than a list")


class _Text:
    """A part of a JSON text, from where it is read on."""

    def __init__(self, file: BinaryIO) -> None:
        self._stream = codecs.getreader("utf-8-sig")(file)
        self._text, self._at = "", 0
        self._decode = json.JSONDecoder().raw_decode

    def skip(self) -> None:
        """Go over one letter."""
        self._at += 1

    def next_letter(self) -> str:
        """Return the letter after white space, "" at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._text) or not self._fill():
                return self._text[self._at : self._at + 1]

    def next_item(self) -> Any:
        """Return the value that begins after white space, and go over it. Raises ValueError."""
        self.next_letter()
        while True:
            try:
                item, end = self._decode(self._text, self._at)
            except ValueError:
                if not self._fill():
                    raise
                continue
            if self._text[end : end + 1] in _ENDS:  # else a number may go on
                break
            if not self._fill():
                raise ValueError("the text ends in an item")
        if _HALF.search(self._text, self._at, end):
            item = json.loads(mend_json(self._text[self._at : end]))
        self._at = end
        return item

    def _fill(self) -> bool:
        more = self._stream.read(max(_PIECE, len(self._text) - self._at))
        self._text, self._at = self._text[self._at :] + more, 0
        return bool(more)
