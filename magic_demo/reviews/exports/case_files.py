"""Where the photos and words of a queue's cases lie, found again from the folders that the queue names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from magic_demo.core.errors import FormatError
from magic_demo.core.types import EncounterFiles
from magic_demo.files.encounters import EncounterList, read_encounters
from magic_demo.files.layouts import SPLITS
from magic_demo.reviews.cases.covered_photos import CoveredPhotos, covered_beside
from magic_demo.reviews.exports.readings import ExportError
from magic_demo.reviews.store import LOCAL_READER, QueueCase, Store


def find_case_files(cases: Iterable[QueueCase], covered: CoveredPhotos) -> tuple[EncounterFiles, ...]:
    """Return the files of those cases whose folder holds them: in the challenge's layout, in any split, or
    the photos of an upload, which are all of one case. Where a photo was covered, its file is the ``covered``
    copy.

    A case whose folder is not there any more, or does not hold it, is absent.
    """
    return tuple(covered.put_in_place(case.key.queue, files) for case, files in find_originals(cases))


def find_queue_files(store: Store, queue: str) -> tuple[EncounterFiles, ...]:
    """Return the files of a queue's cases, as ``find_case_files`` finds them."""
    cases = store.list_cases(queue, LOCAL_READER, all_assigned=True)
    return find_case_files(cases, covered_beside(store.location))


def choose_queue(store: Store, asked: str | None) -> str:
    """Return the queue that was asked for, or the one that there is.

    Raises ExportError where that is not one.
    """
    queues = store.queues()
    if asked is None and len(queues) == 1:
        return queues[0]
    if not queues:
        raise ExportError(
            "{place}: holds no queue of cases; name the store with --store", place=store.location
        )
    if asked is None:
        raise ExportError("no queue was named; give --queue one of: {known}", known=list(queues))
    if asked not in queues:
        raise ExportError(
            "there is no queue {queue!r}; give --queue one of: {known}", queue=asked, known=list(queues)
        )
    return asked


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
