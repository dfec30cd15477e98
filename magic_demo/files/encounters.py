"""Encounters of a challenge's JSON, or of a plain folder of photos, with their photos' places."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from magic_demo.core.disk.user_files import read_user_head
from magic_demo.core.errors import FormatError
from magic_demo.core.messages import Message
from magic_demo.core.types import EncounterFiles, PhotoFile, RemoteFile
from magic_demo.files.entries import (
    ENCOUNTER_KEY,
    is_file_name,
    is_number,
    parse_encounter,
)
from magic_demo.files.json_files import iterate_json_list
from magic_demo.files.layouts import SPLITS, ChosenFile, find_encounter_file, name_split
from magic_demo.files.photos.index import PhotoIndex, name_others
from magic_demo.files.photos.kinds import sniff_kind

_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_MASK_STEM = re.compile(r".+_mask_[A-Za-z0-9]+")


@dataclass(frozen=True)
class EncounterList:
    """What was read: encounters in the file's order, and one line for each encounter that could not be used.

    plain: there was no JSON of the challenge, every photo is an encounter. notes: what was left out because
    it is no photo, or not read. listed: encounters that the file lists, those that could not be used among
    them.
    """

    encounters: tuple[EncounterFiles, ...]
    problems: tuple[str, ...] = ()
    plain: bool = False
    notes: tuple[str, ...] = ()
    listed: int = 0


def read_encounters(data: Path, split: str | None = None) -> EncounterList:
    """Read the encounters of a split, or make one of every photo of a plain folder.

    data: the challenge's folder (``<split>/<split>.json`` or ``<split>.json`` anywhere below, or a sister
    challenge's file, see ``layouts``), a split's folder, or the JSON file itself. Without a file that lists
    encounters the folder is taken as plain: each photo an encounter, its id the file name without ending. Photos are found by file name wherever they lie below
    ``data`` (below the JSON's folder when ``data`` is the file), whatever of the photo endings they have,
    first in ``images_<split>`` and last in folders of thumbnails; letters may be composed otherwise or of
    another case than in the JSON. A photo that is not there has ``path`` None. In a plain folder pictures
    that are not read are named in ``problems``. What is wrong with one encounter becomes a line in
    ``problems`` and the others go on. Raises FormatError when nothing can be read.
    """
    if data.is_file():
        refuse_other_file(data)
        return read_encounter_file(ChosenFile(data, split or name_split(data.stem) or data.stem), data.parent)
    if not data.is_dir():
        raise FormatError(
            "{path}: no such file or folder; a challenge folder, its JSON file or a folder of "
            "photos is expected",
            path=data,
        )
    check_split(split)
    with _without_collecting():
        file = find_encounter_file(data, split)
        return read_photo_folder(data) if file is None else read_encounter_file(file, data)


def check_split(split: str | None) -> None:
    """Raise FormatError for what can be no split's name."""
    if split is not None and not _ID.fullmatch(split):
        raise FormatError(
            "split '{split}': a name such as valid is expected, of letters, digits, '_', '.' and '-'",
            split=split,
        )


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Keep Python from looking for circles among what is read: there are none, and among millions it takes long."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def refuse_other_file(file: Path) -> None:
    """Raise FormatError for a file that is a zip or a photo, as people give them."""
    head = read_user_head(file, 132)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        raise FormatError("{path}: is a zip; unpack it and give the folder", path=file)
    if sniff_kind(head):
        raise FormatError("{path}: is a photo; give the folder that it lies in", path=file)


def read_encounter_file(
    chosen: ChosenFile, folder: Path, listed: Mapping[str, RemoteFile] | None = None
) -> EncounterList:
    """Read the encounters of a file, their photos from below a folder. listed: as ``PhotoIndex`` takes it. Raises
    FormatError."""
    file = chosen.path
    encounters: dict[str, EncounterFiles] = {}
    problems: list[str] = []
    number, twice = 0, 0
    numbers: list[int] = []
    photos = PhotoIndex(folder, name_split(chosen.split) or chosen.split, listed)
    for number, entry in enumerate(iterate_json_list(file, Message("a JSON list of encounters")), start=1):
        if isinstance(entry, dict) and is_number(entry.get(ENCOUNTER_KEY)):
            numbers.append(entry[ENCOUNTER_KEY])
        try:
            encounter = parse_encounter(entry, photos, problems)
            if encounter.encounter_id in encounters:
                twice += 1
                raise FormatError(
                    "{encounter} comes twice; the first is used", encounter=encounter.encounter_id
                )
        except FormatError as error:
            problems.append(
                Message("{name}, entry {number}: {problem}", name=file.name, number=number, problem=error)
            )
        else:
            encounters[encounter.encounter_id] = encounter
    found = tuple(encounters.values())
    problems += _name_zips(photos, found, folder)
    notes = (*chosen.notes, *_note_numbers(numbers), *_note_no_words(file.name, found))
    return EncounterList(found, tuple(problems), notes=notes, listed=number - twice)


def _name_zips(photos: PhotoIndex, found: Iterable[EncounterFiles], folder: Path) -> list[str]:
    """Return a line that names zips which lie where photos are missing."""
    missing = sum(photo.place is None for files in found for photo in files.photo_files)
    zips = [str(path.relative_to(folder)) for path in photos.others if path.suffix.lower() == ".zip"]
    if not missing or not zips:
        return []
    return [
        Message(
            "{count} photos are not found, and {zips} is not unpacked; unpack it there",
            count=missing,
            zips=zips,
        )
    ]


def _note_numbers(numbers: Sequence[int]) -> tuple[Message, ...]:
    """Return a line for ids that are numbers."""
    if not numbers:
        return ()
    return (
        Message(
            "{count} ids of encounters are numbers, such as {first}; they are read as text",
            count=len(numbers),
            first=numbers[0],
        ),
    )


def _note_no_words(name: str, found: Sequence[EncounterFiles]) -> tuple[Message, ...]:
    """Return a line where no encounter has words: a sister challenge's list before its texts are there."""
    if not found or any(files.narrative.en or files.narrative.zh for files in found):
        return ()
    return (Message("{name}: no encounter has the patient's words; photos alone are looked at", name=name),)


def read_photo_folder(folder: Path, listed: Mapping[str, RemoteFile] | None = None) -> EncounterList:
    """Make an encounter of every photo below a folder. listed: as ``PhotoIndex`` takes it. Raises FormatError."""
    encounters: list[EncounterFiles] = []
    index = PhotoIndex(folder, None, listed)
    problems, notes = name_others(index.others, folder)
    for stem in index.stems():
        # Masks that lie beside the photos are no photos: predicting into the photos' own folder must not feed
        # on itself.
        paths = [
            path
            for path in map(Path, index.of(stem))
            if not (path.suffix.lower() in (".tif", ".tiff") and _MASK_STEM.fullmatch(stem))
        ]
        if not paths:
            continue
        if not is_file_name(stem):
            problems.append(
                Message(
                    "{photo!r}: a photo's name needs printable characters, no ':' or backslash and at "
                    "most 200 bytes; rename it",
                    photo=stem[:60],
                )
            )
            continue
        if len(paths) > 1:
            names = [str(path.relative_to(folder)) for path in paths]
            problems.append(
                Message(
                    "{photo}: {names} have the same name without ending; {used} is used, rename the others",
                    photo=stem,
                    names=" and ".join(names),
                    used=names[0],
                )
            )
        encounters.append(EncounterFiles(stem, photo_files=(PhotoFile(stem, index.place_of(str(paths[0]))),)))
    if not encounters and not problems:
        raise FormatError(
            "{folder}: neither a challenge JSON ({names}) nor photos here or below",
            folder=folder,
            names=[f"{split}.json" for split in SPLITS],
        )
    return EncounterList(tuple(encounters), tuple(problems), plain=True, notes=notes)
