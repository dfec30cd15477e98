"""Cases that a reader keeps: photos and words of an upload, or a bundled example, are written beside the
store and become a case of a queue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from pathlib import Path

from magic_demo.core.disk.parts import Claim
from magic_demo.core.disk.whole_files import make_folders, write_json
from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import LANGUAGES, Encounter, Photo
from magic_demo.files.encounters import read_encounters
from magic_demo.files.entries import ENCOUNTER_KEY
from magic_demo.reviews.cases.covered_photos import write_photo
from magic_demo.reviews.store import LOCAL_READER, Store

UPLOADS = "uploads"
"""The queue of photos and words that readers added on the page."""
EXAMPLES = "synthetic examples"
"""The queue of the bundled examples; it says what they are."""
SPLIT = "valid"


@dataclass(frozen=True, eq=False)
class KeptCase:
    """A case that was kept, as it is now: its key, its photos under their new names, and old photo id -> new
    one."""

    key: CaseKey
    encounter: Encounter
    names: Mapping[str, str]


def keep_example(store: Store, encounter: Encounter) -> KeptCase:
    """Keep a bundled example as it is; one that is kept already is that case again. Raises StoreError."""
    kept_case = KeptCase(
        CaseKey(EXAMPLES, encounter.encounter_id),
        encounter,
        {photo.photo_id: photo.photo_id for photo in encounter.photos},
    )
    if not any(
        case.key == kept_case.key for case in store.list_cases(EXAMPLES, LOCAL_READER, all_assigned=True)
    ):
        with _one_line(store.kept_root), _claim_new_folder(store, encounter.encounter_id) as claim:
            _write_files(claim.folder, encounter)
            store.keep_case(kept_case.key, claim.folder, _names(encounter))
    return kept_case


def keep_upload(store: Store, encounter: Encounter, reader: str, queue: str = UPLOADS) -> KeptCase:
    """Keep photos and words as a new case, named by the time; where readers sign in it is the reader's until
    it is assigned otherwise.

    Photos get names of the case's: file names may say who is on them, and two cases may both hold an
    ``IMG_0001``. Raises StoreError.
    """
    with (
        _one_line(store.kept_root),
        _claim_new_folder(store, datetime.now().astimezone().strftime("%Y-%m-%d-%H%M")) as claim,
    ):
        case_id = claim.folder.name
        names = {
            photo.photo_id: f"IMG_{case_id}_{number:05d}"
            for number, photo in enumerate(encounter.photos, start=1)
        }
        photos = tuple(replace(photo, photo_id=names[photo.photo_id]) for photo in encounter.photos)
        kept_case = KeptCase(
            CaseKey(queue, case_id), replace(encounter, encounter_id=case_id, photos=photos), names
        )
        _write_files(claim.folder, kept_case.encounter)
        store.keep_case(
            kept_case.key,
            claim.folder,
            _names(kept_case.encounter),
            [reader] if reader != LOCAL_READER else (),
        )
    return kept_case


def _claim_new_folder(store: Store, name: str) -> Claim:
    """Make and claim a folder for one case alone: it stays when the case is in the store at the end, and goes
    otherwise. Raises StoreError."""
    beside = store.kept_root
    for number in count(1):
        folder = beside / (name if number == 1 else f"{name}-{number}")
        with _one_line(folder):
            make_folders(beside, private=True)
            try:
                return Claim(folder, store.owns, store.label, new=True)
            except FileExistsError:
                continue
    raise AssertionError("count does not end")


@contextmanager
def _one_line(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            "{folder}: the case cannot be kept ({reason}); check space and permissions",
            folder=folder,
            reason=error.strerror or error,
        ) from error


def _write_files(folder: Path, encounter: Encounter) -> None:
    """Write a case in the challenge's layout, and read it again. Raises StoreError, OSError."""
    for photo in encounter.photos:
        write_photo(folder / f"images_{SPLIT}" / _file_name(photo), photo)
    write_json(folder / f"{SPLIT}.json", [_describe(encounter)], private=True)
    problems = read_encounters(folder).problems
    if problems:
        raise StoreError(
            "{encounter}: cannot be kept ({reason})", encounter=encounter.encounter_id, reason=problems[0]
        )


def _names(encounter: Encounter) -> tuple[str, ...]:
    return tuple(photo.photo_id for photo in encounter.photos)


def _describe(encounter: Encounter) -> dict[str, object]:
    return {
        ENCOUNTER_KEY: encounter.encounter_id,
        "image_ids": [_file_name(photo) for photo in encounter.photos],
        **{f"query_content_{language}": getattr(encounter.narrative, language) for language in LANGUAGES},
        "responses": [{"content_en": response} for response in encounter.responses],
    }


def _file_name(photo: Photo) -> str:
    return f"{photo.photo_id}.png"
