"""What the data say of a run's masks: which photos have one, how masks lie beside turned photos, how large a mask
is whose photo cannot be read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from magic_demo.core.limits import LIMITS
from magic_demo.core.types import EncounterFiles, Mask, PhotoFile, RemoteFile
from magic_demo.files.encounters import EncounterList
from magic_demo.files.masks.mask_files import find_reference_masks, read_mask_size
from magic_demo.files.masks.turns import Lie, TurnedPhotos, find_turned
from magic_demo.files.photos.heads import read_head
from magic_demo.files.photos.index import PhotoIndex, match_case
from magic_demo.files.remote.addresses import Address, Place


@dataclass(frozen=True)
class DataMasks:
    """The encounters, how their masks are asked to lie (None: as the reference masks do), the reference masks
    (photo id -> files) and the photos that are turned by their EXIF data.

    ahead: all photos' headers were looked at; else those that have a reference mask, and ``of`` looks at the rest.
    """

    found: EncounterList
    asked: Lie | None
    references: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    turned: TurnedPhotos = field(default_factory=TurnedPhotos)
    ahead: bool = True

    @property
    def lie(self) -> Lie:
        """Return how masks are written."""
        return self.asked or self.turned.lie

    @property
    def photos(self) -> tuple[str, ...]:
        """Return every photo that the encounters name, once."""
        return _name_photos(self.found)

    def of(self, files: EncounterFiles) -> DataMasks:
        """Return what is said of one encounter's photos alone; masks lie as in the whole run."""
        named = {photo.photo_id for photo in files.photo_files}
        references = {name: self.references[name] for name in named & self.references.keys()}
        heads = {name: self.turned.heads[name] for name in named & self.turned.heads.keys()}
        return DataMasks(EncounterList((files,)), self.lie, references, TurnedPhotos(heads), self.ahead)

    def look(self) -> DataMasks:
        """Return the same with the photos' headers looked at, where that was not done ahead and masks lie as these
        say."""
        if self.ahead or self.lie == "upright":
            return self
        photos = [
            (photo.photo_id, photo.place) for files in self.found.encounters for photo in files.photo_files
        ]
        return replace(self, turned=find_turned(photos, {}), ahead=True)

    def describe_turned(self) -> str:
        """Return the line that counts turned photos and says how their masks are written."""
        why = f"as --masks {self.asked} says" if self.asked else self.turned.describe_reference()
        how = "upright" if self.lie == "upright" else "as the files store the photos"
        if not self.ahead:
            return f"{len(self.photos)} photos, whose EXIF data are looked at one case at a time; masks lie {how}: {why}"
        unsure = not self.asked and not self.turned.settled
        doubt = "; --masks stored writes them as the files store the photos" if unsure else ""
        return f"{self.turned.describe(len(self.photos))}; their masks lie {how}: {why}{doubt}"

    def lay_mask(self, photo_id: str, mask: Mask) -> Mask:
        """Return an upright mask (H, W) as it is written."""
        return self.turned.lay_mask(photo_id, mask, self.lie)

    def find_size(self, file: PhotoFile) -> tuple[int, int] | None:
        """Return the (height, width) of the mask of a photo that was not seen: its reference mask's, or by its
        header; None where nothing says it."""
        for mask in self.references.get(file.photo_id, ()):
            size = read_mask_size(mask)
            if size is not None and math.prod(size) <= LIMITS.photo_pixels:
                return size
        head = read_head(file.place) if file.place is not None else None
        if head is None:
            return None
        return head.upright if self.lie == "upright" else head.stored


def find_data_masks(
    found: EncounterList, data: Place, asked: Lie | None, most_ahead: int | None = None
) -> DataMasks:
    """Look for reference masks of any split below the data, and for turned photos.

    most_ahead: of more photos than this, only the headers of those that have a reference mask are looked at.
    Below an address no reference masks are looked for, and no headers ahead.
    """
    if isinstance(data, Address):
        return DataMasks(found, asked, ahead=False)
    folder = data if data.is_dir() else data.parent
    references = match_case(find_reference_masks(folder), _name_photos(found))
    named = [photo for files in found.encounters for photo in files.photo_files]
    here = all(not isinstance(photo.place, RemoteFile) for photo in named)
    ahead = here and (most_ahead is None or len(named) <= most_ahead)
    photos = [(photo.photo_id, photo.path) for photo in named if ahead or photo.photo_id in references]

    def others() -> Iterator[tuple[str, Path | None]]:
        index = PhotoIndex(folder, None)
        for photo_id in references:
            yield photo_id, next(map(Path, index.of(photo_id)), None)

    return DataMasks(found, asked, references, find_turned(photos, references, others()), ahead)


def _name_photos(found: EncounterList) -> tuple[str, ...]:
    named = (photo.photo_id for files in found.encounters for photo in files.photo_files)
    return tuple(dict.fromkeys(named))
