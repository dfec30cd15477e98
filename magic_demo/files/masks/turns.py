"""Which way masks lie beside photos that are turned by their EXIF data: as the upright photo, or as the stored
one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from magic_demo.core.types import Mask, RemoteFile
from magic_demo.files.masks.mask_files import read_mask_size
from magic_demo.files.photos.heads import PhotoHead, read_head
from magic_demo.imaging.turning import SAME_SIZE, turn_back, turn_upright

Lie = Literal["upright", "stored"]
"""Whose size and sides a mask has: the upright photo's, or those of the pixels as the file stores them."""
MOST_NAMED = 5
"""Photos that a line names."""


@dataclass(frozen=True)
class TurnedPhotos:
    """The photos that are turned by their EXIF data, and what the reference masks say of how masks lie.

    heads: photo id -> header, of turned photos alone. upright, stored: ids whose reference mask has the
    upright or the stored size, and not the other.
    """

    heads: Mapping[str, PhotoHead] = field(default_factory=dict)
    upright: tuple[str, ...] = ()
    stored: tuple[str, ...] = ()

    @property
    def lie(self) -> Lie:
        """Return how the reference masks lie: as most of those that tell; upright where none does."""
        return "stored" if len(self.stored) > len(self.upright) else "upright"

    @property
    def settled(self) -> bool:
        """Tell whether a reference mask says how masks lie, and no other says otherwise."""
        return bool(self.upright) != bool(self.stored)

    @property
    def same_size(self) -> tuple[str, ...]:
        """Return the ids whose masks have one size either way: turned by 180 degrees or mirrored, square."""
        return tuple(
            photo_id
            for photo_id, head in self.heads.items()
            if head.orientation in SAME_SIZE or head.stored[0] == head.stored[1]
        )

    def turn_mask(self, photo_id: str, mask: Mask) -> Mask:
        """Return a reference mask (H, W) upright: turned with its photo where it has the stored size; where
        its size does not tell, as ``lie`` says."""
        head = self.heads.get(photo_id)
        if head is None:
            return mask
        sizes = (mask.shape == head.upright, mask.shape == head.stored)
        if sizes == (False, True) or (sizes == (True, True) and self.lie == "stored"):
            return np.ascontiguousarray(turn_upright(mask, head.orientation))
        return mask

    def lay_mask(self, photo_id: str, mask: Mask, lie: Lie) -> Mask:
        """Return an upright mask (H, W) as masks are to lie."""
        head = self.heads.get(photo_id)
        if lie == "upright" or head is None or mask.shape != head.upright:
            return mask
        return np.ascontiguousarray(turn_back(mask, head.orientation))

    def describe(self, photos: int) -> str:
        """Return how many of so many photos are turned, and which of them by 180 degrees."""
        line = f"{len(self.heads)} of {photos} photos are turned by their EXIF data"
        same = self.same_size
        if same:
            line += f" ({len(same)} by 180 degrees or without a change of size: {_name(same)})"
        return line

    def describe_reference(self) -> str:
        """Return what the reference masks say, for a line after a semicolon."""
        if not self.upright and not self.stored:
            return "no reference mask says how masks lie"
        if self.settled:
            return f"the reference masks have the {self.lie} size ({_name(self.upright or self.stored)})"
        return (
            f"of the reference masks {len(self.upright)} have the upright size ({_name(self.upright)}) and "
            f"{len(self.stored)} the stored size ({_name(self.stored)})"
        )


def find_turned(
    photos: Iterable[tuple[str, Path | str | RemoteFile | None]],
    masks: Mapping[str, Sequence[Path]],
    others: Iterable[tuple[str, Path | None]] = (),
) -> TurnedPhotos:
    """Look at the headers of photos (id, path) and, of those that are turned, at the size of their reference
    masks (id -> files).

    others: further photos of the same data, looked at where the masks of ``photos`` do not tell.
    """
    heads: dict[str, PhotoHead] = {}
    fits: dict[Lie, list[str]] = {"upright": [], "stored": []}
    _look(photos, masks, heads, fits)
    if heads and not any(fits.values()):
        _look(others, masks, {}, fits)
    return TurnedPhotos(heads, tuple(fits["upright"]), tuple(fits["stored"]))


def _look(
    photos: Iterable[tuple[str, Path | str | RemoteFile | None]],
    masks: Mapping[str, Sequence[Path]],
    heads: dict[str, PhotoHead],
    fits: Mapping[Lie, list[str]],
) -> None:
    for photo_id, path in photos:
        head = read_head(path) if path is not None else None
        if head is None or head.orientation == 1 or photo_id in heads:
            continue
        heads[photo_id] = head
        sizes = {read_mask_size(mask) for mask in masks.get(photo_id, ())}
        if (head.upright in sizes) != (head.stored in sizes):
            fits["upright" if head.upright in sizes else "stored"].append(photo_id)


def _name(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - MOST_NAMED} more" if len(ids) > MOST_NAMED else ""
    return ", ".join(ids[:MOST_NAMED]) + more
