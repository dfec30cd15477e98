"""What a TIFF says of its pages, read by hand and within bounds before any library looks at the file."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from magic_demo.core.errors import PhotoError

MOST_PAGES = 100
"""Directories of a chain that are looked at; what comes after is counted by nobody."""
MOST_TAGS = 500
MOST_CHUNKS = 65_536
"""Strips or tiles of a page: a photo of the largest size in strips of one row has fewer."""
MOST_TAG_BYTES = 8 * 2**20

SUBFILE, WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
OFFSETS, ORIENTATION, SAMPLES, ROWS, COUNTS, MAX_VALUE, PLANAR = 273, 274, 277, 278, 279, 281, 284
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_COUNTS = 322, 323, 324, 325
SUB_IFDS, EXTRA_SAMPLES, FORMAT, SUBSAMPLING, PROFILE = 330, 338, 339, 530, 34675

_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_WANTED = frozenset(
    {SUBFILE, WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION, SAMPLES, ROWS, MAX_VALUE, PLANAR}
)
_ALSO = frozenset({TILE_WIDTH, TILE_LENGTH, SUB_IFDS, EXTRA_SAMPLES, FORMAT, SUBSAMPLING})
_CHUNKS = frozenset({OFFSETS, COUNTS, TILE_OFFSETS, TILE_COUNTS})


@dataclass(frozen=True)
class TiffPage:
    """One directory: where it stands in the file, where its link to the next does, its numbers by tag, and
    its colour profile."""

    offset: int
    link: int
    tags: Mapping[int, tuple[int, ...]]
    profile: bytes = b""
    sub: bool = False

    def get(self, tag: int, default: int) -> int:
        """Return a tag's first number."""
        return (self.tags.get(tag) or (default,))[0]

    @property
    def size(self) -> tuple[int, int]:
        """Return (height, width) as stored."""
        return self.get(LENGTH, 0), self.get(WIDTH, 0)

    @property
    def reduced(self) -> bool:
        """Return whether it says that it is a smaller copy of another page."""
        return bool(self.get(SUBFILE, 0) & 1)


@dataclass(frozen=True)
class TiffLayout:
    """The pages that a TIFF's chain holds, and those below its first; ``more``: the chain goes on past what
    was looked at."""

    pages: tuple[TiffPage, ...]
    subs: tuple[TiffPage, ...]
    more: bool
    order: str
    big: bool

    def choose(self) -> TiffPage:
        """Return the page of the full picture: the first one, unless it is a preview of another."""
        first = self.pages[0]
        others = [
            page
            for page in (*self.pages[1:], *self.subs)
            if not page.reduced and not page.get(SUBFILE, 0) & 4
        ]
        fuller = [page for page in others if _is_preview(first, page)]
        if not fuller and first.reduced:
            fuller = [*self.pages, *self.subs]  # previews alone: the largest of them
        if not fuller:
            return first
        chosen = max(fuller, key=lambda page: page.size)
        inherited = {tag: first.tags[tag] for tag in (ORIENTATION,) if tag in first.tags and chosen.sub}
        return replace(chosen, tags={**inherited, **chosen.tags}, profile=chosen.profile or first.profile)

    def alone(self, data: bytes, page: TiffPage) -> bytes:
        """Return the file with ``page`` as its only one, so that no library walks the chain."""
        if len(self.pages) == 1 and not self.more and page is self.pages[0]:
            return data
        kind, position = (self.order + "Q", 8) if self.big else (self.order + "I", 4)
        copy = bytearray(data)
        struct.pack_into(kind, copy, position, page.offset)
        struct.pack_into(kind, copy, page.link, 0)
        return bytes(copy)


def read_layout(data: bytes) -> TiffLayout:
    """Read the directories of a TIFF or BigTIFF.

    Raises PhotoError (without a name) where they are broken or beyond bounds.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    try:
        offset = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0]
        pages: list[TiffPage] = []
        seen: set[int] = set()
        while offset and offset not in seen and len(pages) < MOST_PAGES:
            seen.add(offset)
            page, offset = _read_page(data, offset, order, big)
            pages.append(page)
        subs = (
            [
                _read_page(data, position, order, big)[0]
                for position in pages[0].tags.get(SUB_IFDS, ())[:MOST_PAGES]
            ]
            if pages
            else []
        )
    except (struct.error, OverflowError) as error:
        raise PhotoError(
            "the TIFF is broken or cut short (its directory lies outside the file); export or copy it again"
        ) from error
    if not pages:
        raise PhotoError("the TIFF holds no picture; export or copy it again")
    return TiffLayout(tuple(pages), tuple(replace(page, sub=True) for page in subs), bool(offset), order, big)


def _read_page(data: bytes, offset: int, order: str, big: bool) -> tuple[TiffPage, int]:
    head, entry_size, word = ("Q", 20, "Q") if big else ("H", 12, "I")
    count = struct.unpack_from(order + head, data, offset)[0]
    if count > MOST_TAGS:
        raise PhotoError(
            "the TIFF's directory has {count} tags, at most {limit} are read; save it as JPEG or PNG",
            count=count,
            limit=MOST_TAGS,
        )
    start = offset + struct.calcsize(head)
    link = start + count * entry_size
    tags: dict[int, tuple[int, ...]] = {}
    profile, heavy = b"", 0
    for position in range(start, link, entry_size):
        tag, kind, number = struct.unpack_from(order + "HH" + word, data, position)
        size = _SIZES.get(kind, 1) * number
        at = position + (12 if big else 8)
        if size > (8 if big else 4):
            at = struct.unpack_from(order + word, data, at)[0]
        if tag in _CHUNKS:
            if number > MOST_CHUNKS:
                raise PhotoError(
                    "the TIFF is cut into {count} pieces, at most {limit} are read; save it as JPEG or PNG",
                    count=number,
                    limit=MOST_CHUNKS,
                )
            tags[tag] = _read_numbers(data, at, order, kind, number)
            continue
        heavy += size
        if tag in _WANTED or tag in _ALSO:
            tags[tag] = _read_numbers(data, at, order, kind, min(number, MOST_PAGES))
        elif tag == PROFILE and kind in (1, 7):
            profile = data[at : at + number]
    if heavy > MOST_TAG_BYTES:
        raise PhotoError(
            "the TIFF's directory holds {size:.0f} MB beside the picture; save it as JPEG or PNG",
            size=heavy / 2**20,
        )
    return TiffPage(offset, link, tags, profile), struct.unpack_from(order + word, data, link)[0]


def _read_numbers(data: bytes, at: int, order: str, kind: int, number: int) -> tuple[int, ...]:
    if kind not in _NUMBERS:
        return ()
    return tuple(struct.unpack_from(f"{order}{number}{_NUMBERS[kind]}", data, at))


def _is_preview(small: TiffPage, full: TiffPage) -> bool:
    """Return whether ``small`` says that it is reduced, or is at most two thirds of a page of the same
    shape."""
    if small.reduced:
        return True
    (height, width), (full_height, full_width) = small.size, full.size
    if not height or not width or 3 * height > 2 * full_height or 3 * width > 2 * full_width:
        return False
    return abs(height * full_width - width * full_height) <= 0.05 * height * full_width


def bits_of(page: TiffPage) -> Sequence[int]:
    """Return the bits of each sample."""
    return page.tags.get(BITS) or (1,)
