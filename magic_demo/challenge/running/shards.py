"""Parts of a run that several machines do without knowing of each other, and their gathering into one run."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Self, TypeVar

from magic_demo.challenge.run_folder import (
    BUNDLE,
    GATHERED,
    JOURNAL,
    MANIFEST,
    MASKS,
    PICTURES,
    SHARD_FOLDER,
    find_differing,
)
from magic_demo.challenge.running.journal import Journal
from magic_demo.core.disk.parts import alone_at
from magic_demo.core.disk.user_files import read_user_text
from magic_demo.core.disk.whole_files import write_json
from magic_demo.core.errors import FormatError
from magic_demo.core.limits import LIMITS

Chosen = TypeVar("Chosen")
_WRITTEN = re.compile(r"([1-9]\d{0,5})/([1-9]\d{0,5})")


@dataclass(frozen=True)
class Shard:
    """Every ``count``-th encounter, from the ``number``-th on, which counts from 1."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``3/8``. Raises FormatError."""
        match = _WRITTEN.fullmatch(text)
        if match is None or int(match[1]) > int(match[2]):
            raise FormatError(
                "--shard {text}: a part and how many there are is expected, such as 3/8", text=text
            )
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @property
    def folder(self) -> str:
        """Return the name of the shard's folder below the run's."""
        return f"shard-{self.number}-of-{self.count}"

    def choose(self, cases: Iterable[Chosen]) -> Iterator[Chosen]:
        """Yield those of all cases that are the shard's."""
        return islice(cases, self.number - 1, None, self.count)


def gather_shards(out: Path, settings: Mapping[str, Any]) -> int:
    """Move what the finished shards below ``out`` wrote into ``out``, their journals' entries last, and remove
    their folders; returns how many there were.

    A run that is killed meanwhile, or later, is gathered further by the next: what was moved is noted until the run has
    come to its end. Raises FormatError where a shard is missing, not finished, still written, or of other settings.
    """
    moved = _clear_moved(out)
    if moved and not _list_shards(out):
        return moved
    folders = _find_shards(out, settings)
    with ExitStack() as held:
        for folder in folders:
            if not held.enter_context(alone_at(folder)):
                raise FormatError("{folder}: its run is still at work; wait for its end", folder=folder)
        for folder in folders:
            _move(folder, out)
        write_json(out / GATHERED, {folder.name: _finished_at(folder) for folder in folders}, indent=1)
    for folder in folders:
        shutil.rmtree(folder)
    return len(folders)


def _clear_moved(out: Path) -> int:
    """Remove the shards' folders that a killed run had moved already, and return how many it had moved."""
    try:
        moved: Mapping[str, Any] = dict(json.loads(read_user_text(out / GATHERED, LIMITS.json_bytes)))
    except (OSError, ValueError, TypeError):
        return 0
    for folder in _list_shards(out).values():
        with alone_at(folder) as alone:
            # one that was done anew since has another end, or none yet
            left = not (folder / MANIFEST).exists() or _finished_at(folder) == moved.get(folder.name)
            done = alone and folder.name in moved and left
        if done:
            shutil.rmtree(folder)
    return len(moved)


def _list_shards(out: Path) -> dict[Shard, Path]:
    return {
        Shard(int(match[1]), int(match[2])): path
        for path in out.iterdir()
        if (match := SHARD_FOLDER.fullmatch(path.name)) and path.is_dir()
    }


def _find_shards(out: Path, settings: Mapping[str, Any]) -> list[Path]:
    """Return the shards' folders, in their order."""
    found = _list_shards(out)
    counts = {shard.count for shard in found}
    if len(counts) != 1:
        raise FormatError(
            "{out}: shards of one number are expected, such as shard-1-of-8 to shard-8-of-8; there are {names}",
            out=out,
            names=sorted(path.name for path in found.values()) or "none",
        )
    (count,) = counts
    missing = [f"{number}/{count}" for number in range(1, count + 1) if Shard(number, count) not in found]
    unfinished = [str(shard) for shard, path in sorted(found.items(), key=_number) if not _finished_at(path)]
    if missing or unfinished:
        raise FormatError(
            "{out}: the shards {names} are missing or not finished; run them with --shard, then --merge again",
            out=out,
            names=[*missing, *unfinished],
        )
    for shard, path in found.items():
        kept = json.loads(read_user_text(path / MANIFEST, LIMITS.json_bytes))["settings"]
        differing = find_differing(kept, {**settings, "shard": str(shard)})
        if differing:
            raise FormatError(
                "{path}: was run with another {settings}; merge with the same options as the shards had",
                path=path,
                settings=" and ".join(differing),
            )
    return [path for _, path in sorted(found.items(), key=_number)]


def _number(item: tuple[Shard, Path]) -> int:
    return item[0].number


def _finished_at(folder: Path) -> str:
    """Return when a shard came to its end, "" where it did not."""
    try:
        return str(json.loads(read_user_text(folder / MANIFEST, LIMITS.json_bytes))["finished"] or "")
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _move(folder: Path, out: Path) -> None:
    for name in (MASKS, PICTURES, BUNDLE):
        if (folder / name).is_dir():
            (out / name).mkdir(exist_ok=True)
            for path in (folder / name).iterdir():
                path.replace(out / name / path.name)
    with Journal(out / JOURNAL, out / MASKS) as whole:
        part = Journal(folder / JOURNAL, out / MASKS)
        for encounter_id in part:
            entry = part[encounter_id]
            # the files that lie there now are the shard's, and so is what is said of them
            if encounter_id not in whole or whole[encounter_id] != entry:
                whole.add(entry)
