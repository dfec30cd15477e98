"""Which file below a folder lists the encounters: in the challenge's layout, and in those of its sisters
(docs/layouts.md)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from magic_demo.core.disk.user_files import read_user_head
from magic_demo.core.errors import FormatError
from magic_demo.core.messages import Message

SPLITS = ("train", "valid", "test")
LIST_SUFFIXES = (".json", ".jsonl")
MOST_NAMED = 8
LIST_BYTES = 2**16
"""Bytes of a JSON file that tell whether it lists encounters: its first entry is among them."""
_KEYS = (b'"encounter_id"', b'"image_ids"')
_WORDS = re.compile(rb'"query_(?:title|content)_')


@dataclass(frozen=True)
class EncounterFile:
    """A file that lists encounters: the split that its name or its folder tells, "" where neither does; whether
    its first entries hold the patients' words. exact: it is named ``<split>.json``."""

    path: Path
    split: str
    exact: bool
    words: bool


@dataclass(frozen=True)
class ChosenFile:
    """The file to read the encounters from, its split, and one line for files that could be meant as well."""

    path: Path
    split: str
    notes: tuple[Message, ...] = ()


def find_encounter_file(data: Path, split: str | None) -> ChosenFile | None:
    """Choose the file of a split below a folder, None where no file there lists encounters.

    ``<split>.json`` comes first, then names that hold the split as a word (``valid_ht.json``,
    ``test_downloaded.json``), then files in a folder of that name. Raises FormatError, with all candidates,
    where several could be meant, or none is of the split.
    """
    files = _list_files(data, split)
    if not files:
        return None
    splits = [*SPLITS, *sorted({file.split for file in files} - {*SPLITS, ""})]
    if split is None:
        named = [name for name in splits if any(file.split == name for file in files)]
        if len(named) > 1:
            raise FormatError(
                "{path}: holds the splits {splits}; say which with --split ({files})",
                path=data,
                splits=named,
                files=_show(data, files),
            )
        split = named[0] if named else ""
    of_split = [file for file in files if file.split == split]
    if not of_split:
        raise FormatError(
            "{path}: no {split}.json here or below, but {files}; name that split or another folder",
            path=data,
            split=split,
            files=_show(data, files),
        )
    chosen = _choose(data, split, of_split)
    others = [file for file in of_split if file is not chosen]
    if split in SPLITS:
        others += [file for file in files if not file.split]
    notes = (_note_others(data, chosen, others),) if others else ()
    return ChosenFile(chosen.path, split, notes)


def list_splits(data: Path) -> list[str]:
    """Return the splits of which a file below a folder lists encounters, in their usual order."""
    found = {file.split for file in _list_files(data, None)}
    return [split for split in SPLITS if split in found]


def name_split(stem: str) -> str:
    """Return the split that a file's name tells as one of its words, "" where it tells none or several."""
    words = set(re.split(r"[^a-z]+", stem.casefold()))
    told = [split for split in SPLITS if split in words]
    return told[0] if len(told) == 1 else ""


def _list_files(data: Path, split: str | None) -> list[EncounterFile]:
    """List the files that hold encounters, or are named as a split's."""
    found: list[EncounterFile] = []
    for path in _list_json(data):
        stem = path.stem.casefold()
        exact = path.suffix.casefold() == ".json" and stem in (
            SPLITS if split is None else (split.casefold(),)
        )
        head = read_user_head(path, LIST_BYTES).replace(b"\0", b"")  # UTF-16, which is said when it is read
        holds = all(key in head for key in _KEYS)
        if not holds and not exact:
            continue
        own = split if exact and split is not None else stem if exact else _tell_split(path.relative_to(data))
        found.append(EncounterFile(path, own, exact, _WORDS.search(head) is not None))
    return found


def _list_json(data: Path) -> Iterable[Path]:
    """Yield the JSON files below a folder, sorted; hidden files and folders are nobody's."""
    for top, folders, files in os.walk(data):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if (
                name.casefold().endswith(LIST_SUFFIXES)
                and not name.startswith(".")
                and Path(top, name).is_file()
            ):
                yield Path(top, name)


def _tell_split(path: Path) -> str:
    """Return the split that a file's name tells, or else the nearest of its folders."""
    names = (path.stem, *reversed(path.parent.parts))
    return next((told for told in map(name_split, names) if told), "")


def _choose(data: Path, split: str, files: Sequence[EncounterFile]) -> EncounterFile:
    """Choose among the files of one split. Raises FormatError where several could be meant."""
    exact = [file for file in files if file.exact]
    preferred = [data / split / f"{split}.json", data / f"{split}.json"]
    for place in preferred:
        for file in exact:
            if file.path == place:
                return file
    left = exact or list(files)
    if not exact:
        left = [file for file in left if name_split(file.path.stem) == split] or left
    if len({file.path.parent for file in left}) == 1:
        # beside each other: the answers alone, and the same encounters with the patients' words
        left = [file for file in left if file.words] or left
    if len(left) > 1:
        raise FormatError(
            "{path}: {count} files could be the split {split}: {files}; give one of them as DATA, its "
            "name as --split, or the folder of the right one",
            path=data,
            count=len(left),
            split=split or "asked for",
            files=_show(data, left),
        )
    return left[0]


def _note_others(data: Path, chosen: EncounterFile, others: Sequence[EncounterFile]) -> Message:
    return Message(
        "{chosen} is read; it could also be {others}",
        chosen=str(chosen.path.relative_to(data)),
        others=_show(data, others),
    )


def _show(data: Path, files: Sequence[EncounterFile]) -> list[str]:
    shown = [str(file.path.relative_to(data)) for file in files[:MOST_NAMED]]
    return [*shown, "..."] if len(files) > MOST_NAMED else shown
