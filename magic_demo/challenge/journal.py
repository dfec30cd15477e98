"""The journal of a batch run: one line a finished encounter, so that a run that was stopped goes on where it
was."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

from magic_demo.core.errors import FormatError
from magic_demo.core.limits import LIMITS
from magic_demo.core.user_files import read_user_file
from magic_demo.core.whole_files import write_whole


@dataclass(frozen=True)
class JournalEntry:
    """One finished encounter: its answers, the mask files written for it, those among them that are empty as
    their photo was not seen, what went wrong, and a digest of what was predicted from."""

    encounter_id: str
    source: str = ""
    answers: Mapping[str, int] = field(default_factory=dict)
    masks: Sequence[str] = ()
    empty: Sequence[str] = ()
    problems: Sequence[str] = ()


def append_entry(journal: TextIO, entry: JournalEntry) -> None:
    """Add one line, and return only when it is on the disk."""
    journal.write(json.dumps(asdict(entry)) + "\n")
    journal.flush()
    os.fsync(journal.fileno())


def read_journal(path: Path, masks: Path) -> dict[str, JournalEntry]:
    """Read the finished encounters whose files are all in the folder ``masks``; a line that was cut short or
    damaged does not count.

    Raises FormatError where what lies there is no file, or is larger than a journal can be.
    """
    entries: dict[str, JournalEntry] = {}
    try:
        content = read_user_file(path, LIMITS.json_bytes)
    except FileNotFoundError:
        return entries
    except OSError as error:
        raise FormatError(
            "{path}: the journal cannot be read ({reason}); choose another --out, or remove it",
            path=path,
            reason=error.strerror or error,
        ) from error
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        write_whole(path, whole)
    for line in whole.splitlines():
        try:
            entry = JournalEntry(**json.loads(line))
            there = all((masks / name).is_file() for name in entry.masks)
        except (ValueError, TypeError):
            # a crash of the machine can leave any bytes: that encounter is predicted again
            continue
        if there:
            entries[entry.encounter_id] = entry
        else:
            entries.pop(entry.encounter_id, None)
    return entries
