"""What other programs read cases with: ``from magic_demo import read_encounters`` (docs/library.md)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from magic_demo.core.errors import PhotoError
from magic_demo.core.limits import check_limits
from magic_demo.core.types import Encounter, EncounterFiles, Photo
from magic_demo.files.photos.processes.workers import read_photo_apart
from magic_demo.files.remote.addresses import read_place
from magic_demo.files.remote.encounters import read_encounters_at

log = logging.getLogger("magic_demo")


def read_encounters(
    data: str | Path, split: str | None = None, photos: str | Path | None = None
) -> Iterator[Encounter]:
    """Read the encounters of a folder, one after the other, each with its narrative and photos.

    data, split: the challenge's folder and the split in it (train, valid or test, where it holds several), the JSON
    file itself, or a folder of photos, each of which is an encounter. photos: the folder of the photos, where it is not
    the list's. Both may be addresses such as ``s3://bucket/folder`` (docs/scale.md). An encounter or a photo that cannot be
    used is left out, and the logger ``magic_demo`` warns of it in one line. Raises FormatError when nothing can
    be read, LimitError where the environment sets a limit wrongly, both before the first encounter.
    """
    check_limits()
    where = None if photos is None else read_place(str(photos))
    found = read_encounters_at(read_place(str(data)), split, where)
    for problem in found.problems:
        log.warning("%s", problem)
    return map(read_photos, found.encounters)


def read_photos(files: EncounterFiles) -> Encounter:
    """Read an encounter's photos; one that cannot be used is left out, and the logger warns of it."""
    photos: list[Photo] = []
    for file in files.photo_files:
        place = file.file
        if place is None:
            log.warning("%s: photo %s is named but not found", files.encounter_id, file.photo_id)
            continue
        try:
            photos.append(read_photo_apart(place, photo_id=file.photo_id))
        except PhotoError as error:
            log.warning("%s: %s", files.encounter_id, error)
    return Encounter(files.encounter_id, files.narrative, tuple(photos), files.responses)
