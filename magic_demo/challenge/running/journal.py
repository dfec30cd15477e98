"""The journal of a batch run: one line a finished encounter, so that a run that was stopped goes on where it
was."""

from __future__ import annotations

import json
import os
import re
import threading
from array import array
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, Self

import orjson

from magic_demo.core.disk.user_files import open_user_file
from magic_demo.core.errors import FormatError
from magic_demo.core.limits import LIMITS

LONGEST_LINE = 2**20
"""Bytes; a line of the journal is a few hundred."""
_DIGEST = re.compile("[0-9a-f]{16}")


@dataclass(frozen=True)
class JournalEntry:
    """One finished encounter: its answers, the mask files written for it, those among them that are empty as
    their photo was not seen, what went wrong, a digest of what was predicted from, and what the models leave open
    (``Doubts.pack``, None in journals of earlier versions)."""

    encounter_id: str
    source: str = ""
    answers: Mapping[str, int] = field(default_factory=dict)
    masks: Sequence[str] = ()
    empty: Sequence[str] = ()
    problems: Sequence[str] = ()
    doubts: str | None = None


class Finished(NamedTuple):
    """What is told of a finished encounter without reading its entry again: how many masks were written for it, and
    how many of them are empty."""

    masks: int
    empty: int


class Journal(Mapping[str, JournalEntry]):
    """Encounter id -> entry of the finished encounters whose mask files are all there.

    An entry stays in the file until it is asked for: in memory is where its line begins, and what tells whether it
    is to be done again, so that a million of them need little. A line that was cut short or damaged does not count.
    """

    def __init__(self, path: Path, masks: Path) -> None:
        """Read where the entries are. masks: the folder of mask files.

        Raises FormatError where what lies at ``path`` is no file, or is larger than a journal can be.
        """
        self._path = path
        self._rows: dict[str, int] = {}
        self._places, self._sources = array("Q"), array("Q")
        self._masks, self._empty = array("L"), array("L")
        self._end = 0
        self._adding = threading.Lock()
        self._file: BinaryIO | None = None
        try:
            with open_user_file(path, LIMITS.journal_bytes) as file:
                self._find_entries(file, str(masks))
        except FileNotFoundError:
            return
        except OSError as error:
            raise FormatError(
                "{path}: the journal cannot be read ({reason}); choose another --out, or remove it",
                path=path,
                reason=error.strerror or error,
            ) from error

    def _find_entries(self, file: BinaryIO, masks: str) -> None:
        there = _list_files(masks)
        while (line := file.readline(LONGEST_LINE)).endswith(b"\n") or len(line) == LONGEST_LINE:
            place, self._end = self._end, self._end + len(line)
            entry = _parse(line)
            if entry is None:
                continue  # a crash of the machine can leave any bytes: that encounter is predicted again
            if all(name in there or Path(masks, name).is_file() for name in entry.masks):
                self._note(entry, place)
            else:
                self._rows.pop(entry.encounter_id, None)

    def _note(self, entry: JournalEntry, place: int) -> None:
        row = len(self._places)
        self._places.append(place)
        self._sources.append(0 if entry.problems else _as_number(entry.source))
        self._masks.append(len(entry.masks))
        self._empty.append(len(entry.empty))
        self._rows[entry.encounter_id] = row  # last, as another thread may look for it

    def find_finished(self, encounter_id: str, source: str) -> Finished | None:
        """Return what is told of an encounter that was finished without a problem, predicted from what has this
        digest; None where it is to be done."""
        row = self._rows.get(encounter_id)
        if row is None or not self._sources[row] or self._sources[row] != _as_number(source):
            return None
        return Finished(self._masks[row], self._empty[row])

    def __enter__(self) -> Self:
        """Open the file to add entries; what a killed run left of a line is cut off. Raises OSError."""
        self._file = self._path.open("ab+")
        self._file.truncate(self._end)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def add(self, *entries: JournalEntry) -> None:
        """Add a line for each entry, and return only when all are on the disk."""
        assert self._file is not None, "entries are added within the block of the journal"
        with self._adding:
            for entry in entries:
                line = json.dumps(asdict(entry)).encode() + b"\n"
                self._file.write(line)
                self._note(entry, self._end)
                self._end += len(line)
            self._file.flush()
            os.fsync(self._file.fileno())

    def __getitem__(self, encounter_id: str) -> JournalEntry:
        """Read an entry. Raises KeyError for an encounter that is not finished."""
        place = self._places[self._rows[encounter_id]]
        with self._adding:
            if self._file is not None:
                self._file.seek(place)
                line = self._file.readline()
            else:
                with open_user_file(self._path, LIMITS.journal_bytes) as file:
                    file.seek(place)
                    line = file.readline()
        entry = _parse(line)
        if entry is None:
            raise FormatError(
                "{path}: was changed while it was read; give the same command again", path=self._path
            )
        return entry

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


class JournalAnswers(Mapping[str, Mapping[str, int]]):
    """Encounter id -> answers of finished encounters, in an order of their own, read one at a time."""

    def __init__(self, journal: Journal, encounter_ids: Sequence[str]) -> None:
        self._journal, self._ids = journal, encounter_ids

    def __getitem__(self, encounter_id: str) -> Mapping[str, int]:
        return self._journal[encounter_id].answers

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)


def _list_files(folder: str) -> Container[str]:
    """Return the names of the files in a folder: one look at it, in place of one at each of a million files."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.is_file()}
    except OSError:
        return ()


def _as_number(source: str) -> int:
    """Return a digest as a number of 64 bits, 0 for what is no digest of this program's."""
    return int(source, 16) if _DIGEST.fullmatch(source) else 0


def _decode(line: bytes) -> Any:
    """Return what a line says; the standard library reads what orjson takes for no JSON, as half a character."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return json.loads(line.decode())


def _parse(line: bytes) -> JournalEntry | None:
    try:
        entry = JournalEntry(**_decode(line))
    except (ValueError, TypeError, RecursionError):
        return None
    names = isinstance(entry.masks, list) and all(isinstance(name, str) for name in entry.masks)
    texts = isinstance(entry.encounter_id, str) and isinstance(entry.source, str)
    return entry if names and texts and isinstance(entry.empty, list | tuple) else None
