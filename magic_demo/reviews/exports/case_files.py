"""Where the photos and words of a queue's cases lie, found again from the folders that the queue names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from magic_demo.core.errors import FormatError
from magic_demo.core.types import EncounterFiles
from magic_demo.files.encounters import EncounterList, read_encounters
from magic_demo.files.layouts import SPLITS
from magic_demo.reviews.cases.covered_photos import CoveredPhotos
from magic_demo.reviews.store import QueueCase


def find_case_files(cases: Iterable[QueueCase], covered: CoveredPhotos) -> tuple[EncounterFiles, ...]:
    """Return the files of those cases whose folder holds them: in the challenge's layout, in any split, or
    the photos of an upload, which are all of one case. Where a photo was covered, its file is the ``covered``
    copy.

    A case whose folder is not there any more, or does not hold it, is absent.
    """
    return tuple(covered.put_in_place(case.key.queue, files) for case, files in find_originals(cases))


def find_originals(cases: Iterable[QueueCase]) -> Iterator[tuple[QueueCase, EncounterFiles]]:
    """Yield the cases whose folder holds them, each with the files that lie there, covered since or not."""
    read = lru_cache(_read_folder)
    for case in cases:
        for encounters in read(Path(case.folder)) if case.folder else ():
            files = _pick(encounters, case)
            if files is not None:
                yield case, files
                break


def _read_folder(folder: Path) -> tuple[EncounterList, ...]:
    try:
        return (read_encounters(folder),)
    except FormatError:  # several splits, whose cases are looked for one after another, or nothing there
        lists = []
        for split in SPLITS:
            try:
                lists.append(read_encounters(folder, split))
            except FormatError:
                continue
        return tuple(lists)


def _pick(encounters: EncounterList, case: QueueCase) -> EncounterFiles | None:
    for files in encounters.encounters:
        if files.encounter_id == case.key.case_id:
            return files
    if case.photos_kept and encounters.plain:  # uploads: the folder is the case
        return EncounterFiles(
            case.key.case_id,
            photo_files=tuple(photo for files in encounters.encounters for photo in files.photo_files),
        )
    return None
