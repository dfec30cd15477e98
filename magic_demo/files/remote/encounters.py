"""Encounters of a folder wherever it lies, or of a list here with photos elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from magic_demo.core.disk.parts import temporary_folder
from magic_demo.core.errors import FormatError
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message
from magic_demo.core.types import RemoteFile
from magic_demo.files.encounters import (
    EncounterList,
    check_split,
    read_encounter_file,
    read_encounters,
    read_photo_folder,
)
from magic_demo.files.layouts import LIST_BYTES, LIST_SUFFIXES, ChosenFile, find_encounter_file, name_split
from magic_demo.files.remote.addresses import Address, Place, name_below
from magic_demo.files.remote.files import list_files, read_remote, read_remote_head

MOST_LISTS = 100
"""JSON files below an address of which the first bytes are read."""


def read_encounters_at(data: Place, split: str | None = None, photos: Place | None = None) -> EncounterList:
    """Do what ``read_encounters`` does, of a path or of an address.

    photos: where they lie, if not beside the list. Photos below an address are listed and not read. Raises
    FormatError.
    """
    if not isinstance(data, Address) and photos is None:
        return read_encounters(data, split)
    check_split(split)
    if isinstance(data, Address):
        with temporary_folder() as copies:
            return _read_below(data, split, photos, copies)
    assert photos is not None
    chosen = ChosenFile(data, split or name_split(data.stem) or data.stem)
    if not data.is_file():
        found = find_encounter_file(data, split)
        if found is None:
            raise FormatError("{data}: lists no encounters, of which the photos could be", data=data)
        chosen = found
    return read_encounter_file(chosen, *_list_photos(photos))


def _read_below(address: Address, split: str | None, photos: Place | None, copies: Path) -> EncounterList:
    """Read encounters below an address. copies: an empty folder."""
    is_list = address.name.casefold().endswith(LIST_SUFFIXES)
    folder = address.parent if is_list else address
    files = list_files(folder)
    lists = [file for file in files if _is_list(file, address.name if is_list else None)]
    chosen = _choose(address, split, lists, copies, whole=is_list)
    where = _list_photos(photos) if photos is not None else (folder.folder, _by_path(folder, files))
    if chosen is None:
        if not files:
            raise FormatError("{address}: holds no file; check the address", address=address)
        return read_photo_folder(*where)
    return read_encounter_file(chosen, *where)


def _is_list(file: RemoteFile, named: str | None) -> bool:
    if named is not None:
        return file.name == named
    hidden = file.name.startswith(".") or "/." in file.name
    return file.name.casefold().endswith(LIST_SUFFIXES) and not hidden


def _choose(
    address: Address, split: str | None, lists: Sequence[RemoteFile], copies: Path, *, whole: bool
) -> ChosenFile | None:
    """Return a copy of the file that lists the encounters, None where none does. whole: it is the only one."""
    if len(lists) > MOST_LISTS:
        raise FormatError(
            "{address}: {count} JSON files, any of which could be the list; give the address of the one",
            address=address,
            count=len(lists),
        )
    if whole and not lists:
        raise FormatError("{address}: there is no such file", address=address)
    of_copy = {copies / file.name: file for file in lists}
    for copy, file in of_copy.items():
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(b"" if whole else read_remote_head(file, LIST_BYTES))
    if whole:
        (copy,) = of_copy
        chosen: ChosenFile | None = ChosenFile(copy, split or name_split(copy.stem) or copy.stem)
    else:
        try:
            chosen = find_encounter_file(copies, split)
        except FormatError as error:
            raise FormatError(Message(str(error).replace(str(copies), str(address)))) from error
    if chosen is not None:
        _copy(of_copy[chosen.path], chosen.path)
    return chosen


def _copy(file: RemoteFile, path: Path) -> None:
    try:
        path.write_bytes(read_remote(file, LIMITS.json_bytes))
    except OSError as error:
        raise FormatError(
            "{address}: cannot be read ({reason}); check the connection, and give the same command again",
            address=file.url,
            reason=error.strerror or error,
        ) from error


def _list_photos(photos: Place) -> tuple[Path, Mapping[str, RemoteFile] | None]:
    if isinstance(photos, Address):
        return photos.folder, _by_path(photos, list_files(photos))
    if not photos.is_dir():
        raise FormatError("{folder}: no such folder; a folder of photos is expected", folder=photos)
    return photos, None


def _by_path(address: Address, files: Sequence[RemoteFile]) -> dict[str, RemoteFile]:
    return {str(name_below(address, file)): file for file in files}
