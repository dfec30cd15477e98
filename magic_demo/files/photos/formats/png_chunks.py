"""What a PNG holds beside its picture is bounded before it is unpacked: chunks, texts, profiles.

The picture itself is let be.
"""

from __future__ import annotations

import zlib

from magic_demo.core.errors import PhotoError
from magic_demo.core.messages import Message
from magic_demo.files.photos.colours import BROKEN

MOST_CHUNKS = 2**16
"""A photo of the largest size in pieces of a kilobyte; writers take eight."""
MOST_TEXTS = 64
LARGEST_TEXT = 2**20
"""Bytes of a text or a profile once it is unpacked: Pillow refuses the photo for a larger one."""
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_ONCE = (b"iCCP", b"eXIf")
_SIGNATURE = 8
_FRAME = 12


def thin_png(data: bytes) -> tuple[bytes, list[Message]]:
    """Return a PNG without texts and profiles that are too many or unpack to too much, and a note for each
    kind of those.

    Where nothing is left out it is ``data`` itself. Raises PhotoError for a PNG of more than MOST_CHUNKS
    chunks.
    """
    parts, begin, position, count, texts, left_out = [], 0, _SIGNATURE, 0, 0, 0
    seen: set[bytes] = set()
    notes: list[Message] = []
    while position + _FRAME <= len(data):
        count += 1
        if count > MOST_CHUNKS:
            raise PhotoError(
                "the PNG has more than {limit} chunks; save it again as JPEG or PNG", limit=MOST_CHUNKS
            )
        length, kind = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        end = position + _FRAME + length
        drop = False
        if kind in _TEXTS:
            texts += 1
            drop = texts > MOST_TEXTS or _is_too_much(kind, data[position + 8 : end - 4])
            left_out += drop
        elif kind in _ONCE:
            drop = kind in seen or _is_too_much(kind, data[position + 8 : end - 4])
            if drop and kind == b"iCCP" and kind not in seen:
                notes.append(BROKEN)
            seen.add(kind)
        if drop:
            parts.append(data[begin:position])
            begin = end
        position = end
        if kind == b"IEND":
            break
    if left_out:
        notes.append(Message("{count} of its texts are not read: too many, or too large", count=left_out))
    if not parts:
        return data, notes
    return b"".join([*parts, data[begin:]]), notes


def _is_too_much(kind: bytes, content: bytes) -> bool:
    if len(content) > LARGEST_TEXT:
        return kind != b"eXIf"
    if kind in (b"tEXt", b"eXIf"):
        return False
    _, _, rest = content.partition(b"\0")
    if kind == b"iTXt":
        if rest[:1] != b"\1":
            return False
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    else:
        rest = rest[1:]
    try:
        return len(zlib.decompressobj().decompress(rest, LARGEST_TEXT + 1)) > LARGEST_TEXT
    except zlib.error:  # what Pillow says of it, it says
        return False
