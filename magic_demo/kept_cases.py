"""Cases that a reader keeps: photos and words of an upload, or a bundled example, are written beside the store and become a case of a queue."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from pathlib import Path

from magic_demo.covered_photos import write_photo
from magic_demo.errors import StoreError
from magic_demo.formats import ENCOUNTER_KEY, read_encounters
from magic_demo.store import LOCAL_READER, NewCase, Store, folder_beside
from magic_demo.types import LANGUAGES, CaseKey, Encounter, Photo
from magic_demo.whole_files import write_json

UPLOADS = "uploads"
"""The queue of photos and words that readers added on the page."""
EXAMPLES = "synthetic examples"
"""The queue of the bundled examples; it says what they are."""
SPLIT = "valid"


@dataclass(frozen=True, eq=False)
class KeptCase:
    """A case that was kept, as it is now: its key, its photos under their new names, and old photo id -> new one."""

    key: CaseKey
    encounter: Encounter
    names: Mapping[str, str]


def keep_example(store: Store, encounter: Encounter) -> KeptCase:
    """Keep a bundled example as it is; one that is kept already is that case again. Raises StoreError."""
    key = CaseKey(EXAMPLES, encounter.encounter_id)
    if not any(case.key == key for case in store.list_cases(EXAMPLES, LOCAL_READER, all_assigned=True)):
        _write_case(store, key, _new_folder(store, key.case_id), encounter)
    return KeptCase(key, encounter, {photo.photo_id: photo.photo_id for photo in encounter.photos})


def keep_upload(store: Store, encounter: Encounter, reader: str, queue: str = UPLOADS) -> KeptCase:
    """Keep photos and words as a new case, named by the time; where readers sign in it is the reader's until it is assigned otherwise.

    Photos get names of the case's: file names may say who is on them, and two cases may both hold an ``IMG_0001``. Raises StoreError.
    """
    folder = _new_folder(store, datetime.now().astimezone().strftime("%Y-%m-%d-%H%M"))
    case_id = folder.name
    names = {photo.photo_id: f"IMG_{case_id}_{number:05d}" for number, photo in enumerate(encounter.photos, start=1)}
    photos = tuple(replace(photo, photo_id=names[photo.photo_id]) for photo in encounter.photos)
    kept = KeptCase(CaseKey(queue, case_id), replace(encounter, encounter_id=case_id, photos=photos), names)
    _write_case(store, kept.key, folder, kept.encounter)
    if reader != LOCAL_READER:
        store.assign(kept.key, [reader])
    return kept


def _new_folder(store: Store, name: str) -> Path:
    """Make a folder for one case alone and return it. Raises StoreError."""
    beside = folder_beside(store.place, "kept").resolve()
    for number in count(1):
        folder = beside / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise StoreError(f"{folder}: the case cannot be kept ({error.strerror or error}); check space and permissions") from error
        return folder
    raise AssertionError("count does not end")


def _write_case(store: Store, key: CaseKey, folder: Path, encounter: Encounter) -> None:
    """Add the case to its queue and write it in the challenge's layout; what cannot be written whole leaves nothing behind."""
    store.add_cases(key.queue, [NewCase(key.case_id, str(folder), photos_kept=True)])  # first: no photo lies there that no case owns
    try:
        for photo in encounter.photos:
            write_photo(folder / f"images_{SPLIT}" / _file_name(photo), photo)
        write_json(folder / f"{SPLIT}.json", [_describe(encounter)])
        if read_encounters(folder).problems:
            raise StoreError(f"{key.case_id}: cannot be kept ({read_encounters(folder).problems[0]})")
    except (OSError, StoreError) as error:
        store.delete_case(key)
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"{folder}: the case cannot be kept ({error.strerror or error}); check space and permissions") from error


def _describe(encounter: Encounter) -> dict[str, object]:
    return {
        ENCOUNTER_KEY: encounter.encounter_id,
        "image_ids": [_file_name(photo) for photo in encounter.photos],
        **{f"query_content_{language}": getattr(encounter.narrative, language) for language in LANGUAGES},
        "responses": [{"content_en": response} for response in encounter.responses],
    }


def _file_name(photo: Photo) -> str:
    return f"{photo.photo_id}.png"
