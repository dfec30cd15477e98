"""The cases of a run: each encounter with what decides its files, and its photos once they are read."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from stat import S_ISREG

from magic_demo.challenge.data_masks import DataMasks
from magic_demo.core.errors import PhotoError
from magic_demo.core.types import (
    LANGUAGES,
    Encounter,
    EncounterFiles,
    Language,
    Narrative,
    Photo,
    PromptKind,
    RemoteFile,
)
from magic_demo.files.encounters import EncounterList
from magic_demo.files.photos.processes.workers import read_photo_apart

_NOTHING_SAID = DataMasks(EncounterList(()), "upright")


@dataclass(frozen=True)
class Case:
    """One encounter to go through, whole by itself: another process or machine needs nothing else.

    number: its place in the data, from 0. shared: its photos whose mask is another's (photo id -> whose).
    source: a digest of what it is predicted from. masks: what the data say of its own photos' masks.
    """

    number: int
    files: EncounterFiles
    shared: Mapping[str, str]
    source: str
    masks: DataMasks = _NOTHING_SAID


def plan_cases(encounters: Iterable[EncounterFiles], kind: PromptKind) -> Iterator[Case]:
    """Yield the encounters in their order as cases; a photo that several name has the mask of the first.

    Of what the data say of their masks nothing is said yet: that is for those that are to be done.
    """
    owners: dict[str, str] = {}
    for number, files in enumerate(encounters):
        shared = {}
        for photo in files.photo_files:
            owner = owners.setdefault(photo.photo_id, files.encounter_id)
            if owner != files.encounter_id:
                shared[photo.photo_id] = owner
        yield Case(number, files, shared, _digest(files, shared, kind))


def read_encounter(
    files: EncounterFiles, language: Language | None = None
) -> tuple[Encounter, dict[str, str]]:
    """Read an encounter's photos.

    Returns it with those that can be read, and photo id -> one line for each that cannot.
    """
    photos: list[Photo] = []
    unseen: dict[str, str] = {}
    for file in files.photo_files:
        place = file.file
        if place is None:
            unseen[file.photo_id] = f"{file.photo_id}: the photo is named but not found below the data folder"
            continue
        try:
            photos.append(read_photo_apart(place, photo_id=file.photo_id))
        except PhotoError as error:
            unseen[file.photo_id] = str(error)
    narrative = (
        files.narrative if language is None else Narrative(**{language: getattr(files.narrative, language)})
    )
    return Encounter(files.encounter_id, narrative, tuple(photos), files.responses), unseen


def _digest(files: EncounterFiles, shared: Mapping[str, str], kind: PromptKind) -> str:
    """Return a digest of what an encounter is predicted from: its words, the responses where they are asked
    with, its photos' names, sizes and times, whose mask they have."""
    narrative = {language: getattr(files.narrative, language) for language in LANGUAGES}
    words: list[object] = [narrative] + ([files.responses] if kind != "narrative" else [])
    photos = [
        [photo.photo_id, _describe_file(photo.place), shared.get(photo.photo_id)]
        for photo in files.photo_files
    ]
    return hashlib.sha256(json.dumps([*words, photos]).encode()).hexdigest()[:16]


def _describe_file(place: str | RemoteFile | None) -> Sequence[object] | None:
    """Return a file's size and time, or what its folder said of it; None where there is none."""
    if isinstance(place, RemoteFile):
        return [place.size, place.version]
    try:
        status = os.stat(place) if place is not None else None  # noqa: PTH116 - a million of them
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns] if status is not None and S_ISREG(status.st_mode) else None
