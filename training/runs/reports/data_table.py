"""The table of a run's data: what its files name, what is there, what was left out and why."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeVar

from magic_demo.core.disk.user_files import read_user_text
from magic_demo.core.disk.whole_files import write_json
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import chain
from training.runs.run import SettingsError

Source = TypeVar("Source")
BadFiles = Literal["refuse", "leave_out"]
SHOWN = 5
"""Ids that a line names of those that are on one side only."""


@dataclass(frozen=True)
class Join:
    """Ids that should lie on both of two sides. what: "photos named that have a file". wanted, found: how many
    of the one side, and of both. missing: the ids without the other side, the first few."""

    what: str
    wanted: int
    found: int
    missing: tuple[str, ...] = ()

    @classmethod
    def of(cls, what: str, wanted: Iterable[str], there: Iterable[str]) -> Join:
        """Return the join of two sides, in the order of the first."""
        listed, known = list(dict.fromkeys(wanted)), set(there)
        missing = [one for one in listed if one not in known]
        return cls(what, len(listed), len(listed) - len(missing), tuple(missing[:SHOWN]))

    @classmethod
    def of_usable(cls, listed: int, usable: int) -> Join:
        """Return the join of the encounters that a file lists with those that could be read; the notes name the
        others."""
        return cls("encounters listed that can be used", listed, usable)

    @property
    def share(self) -> float:
        """Return the share found, 0..1; 1 of nothing."""
        return self.found / self.wanted if self.wanted else 1.0

    def __str__(self) -> str:
        """Return the join in words, with the first ids that are missing."""
        more = self.wanted - self.found
        named = ", ".join(self.missing) + (", ..." if more > len(self.missing) else "")
        return f"{self.what}: {self.found} of {self.wanted}" + (f"; without: {named}" if self.missing else "")


@dataclass(frozen=True)
class SourceTable:
    """What there is of one source. counts: column -> number. joins: what ``least_found`` is asked of. notes:
    ids on one side only that no share is asked of, and encounters that could not be read. left_out: name of a
    photo or encounter that is there and was left out -> why. digest: of the ids that are used."""

    name: str
    counts: Mapping[str, int]
    joins: tuple[Join, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""

    def without(self, bad: Mapping[str, str]) -> SourceTable:
        """Return the table with these left out as well, counted in a column of their own."""
        left_out = {**self.left_out, **bad}
        return replace(self, counts={**self.counts, "left out": len(left_out)}, left_out=left_out)


def title_sources(names: Sequence[str], sources: Sequence[Source]) -> dict[str, Source]:
    """Return the sources by title: its name, numbered where several have the same, so that none is lost."""
    titles = [
        f"{name} ({names[: place + 1].count(name)})" if names.count(name) > 1 else name
        for place, name in enumerate(names)
    ]
    return dict(zip(titles, sources, strict=True))


def digest_ids(ids: Iterable[str]) -> str:
    """Return 12 hexadecimal digits that are the same for the same ids in any order."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()[:12]


def format_tables(tables: Sequence[SourceTable]) -> str:
    """Return the sources as one table, then a line for each join that is not whole and each note."""
    columns = list(dict.fromkeys(column for table in tables for column in table.counts))
    rows = [["data", *columns]]
    rows += [[table.name, *(str(table.counts.get(column, "-")) for column in columns)] for table in tables]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    for table in tables:
        lines += [f"{table.name}: {join}" for join in table.joins if join.found < join.wanted]
        lines += [f"{table.name}: {note}" for note in table.notes]
        lines += [f"{table.name}: left out: {name} ({why})" for name, why in table.left_out.items()]
    return "\n".join(lines)


def check_found(tables: Sequence[SourceTable], least: float) -> None:
    """Raise SettingsError where less than the share ``least`` of a join was found, naming each."""
    short = [f"{table.name}: {join}" for table in tables for join in table.joins if join.share < least]
    if short:
        raise SettingsError(
            "{short}; at least {least} is asked for: are these the right files and ids? "
            "Correct the data, or lower data.least_found",
            short=chain(short),
            least=f"{least:.0%}",
        )


def check_bad(bad: Mapping[str, str], of: int, how: BadFiles, least: float) -> None:
    """List the files that cannot be used, name -> reason, on the standard error, all at once.

    Raises SettingsError where ``how`` is "refuse", or more of the ``of`` files are bad than ``least`` allows.
    """
    for name, reason in bad.items():
        print(f"cannot be used: {name} ({reason})", file=sys.stderr)
    if bad and how == "refuse":
        raise SettingsError(
            "{count} of {of} photos cannot be used, listed above, {name} the first; mend or remove them, or set "
            "data.bad_files to leave_out",
            count=len(bad),
            of=of,
            name=next(iter(bad)),
        )
    if bad and 1 - len(bad) / of < least:
        raise SettingsError(
            "{good} of {of} photos can be used, at least {least} is asked for; mend those listed above, or "
            "lower data.least_found",
            good=of - len(bad),
            of=of,
            least=f"{least:.0%}",
        )


def write_tables(path: Path, tables: Sequence[SourceTable]) -> None:
    """Write the tables as JSON."""
    write_json(path, [asdict(table) for table in tables], indent=1)


def read_left_out(path: Path) -> dict[str, frozenset[str]]:
    """Return source -> names left out, as another process of the run wrote them."""
    tables = json.loads(read_user_text(path, LIMITS.json_bytes))
    return {table["name"]: frozenset(table["left_out"]) for table in tables}
