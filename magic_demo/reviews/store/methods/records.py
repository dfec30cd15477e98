"""What the store is asked as a whole: copies of every row, and the audit trail."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey
from magic_demo.reviews.store import copies
from magic_demo.reviews.store.methods.opened import OpenedStore
from magic_demo.reviews.store.records import PROGRAM, Actor, TrailEntry, TrailKind
from magic_demo.reviews.store.rows import audit_trail, cases


@dataclass(frozen=True)
class Dump:
    """Every row of a store, and the highest number ever given in each numbered table."""

    rows: Iterator[copies.Row]
    last_numbers: Mapping[str, int]


class RecordMethods(OpenedStore):
    """Every row at one moment, and who did what."""

    @contextmanager
    def dump(self) -> Iterator[Dump]:
        """Give every row as it was at one moment, while others may go on saving; to be read within the
        block."""
        with self._database.reading() as session:
            yield Dump(copies.dump_rows(session), copies.last_numbers(session, sqlite=self._database.sqlite))

    def is_empty(self) -> bool:
        """Return whether there is nothing but the local reader."""
        with self._database.reading() as session:
            return copies.is_empty(session)

    def load(
        self,
        rows: Iterable[copies.Row],
        last_numbers: Mapping[str, int],
        counts: Mapping[str, int],
        *,
        by: Actor = PROGRAM,
        at_end: Callable[[], None] = lambda: None,
    ) -> dict[str, int]:
        """Put the rows of a dump into this store, all or none, and return how many by table.

        counts: how many there should be. at_end: called when all rows were found good, before they are kept.
        Raises StoreError when this store is not empty, or rows are missing or cannot be.
        """
        with self._database.writing() as session:
            loaded = copies.load_rows(session, rows, last_numbers, sqlite=self._database.sqlite)
            missing = [table for table, count in loaded.items() if count != counts.get(table, 0)]
            if missing:
                raise StoreError(
                    "{expected} rows of {table} were said and {count} came; take another backup",
                    expected=counts.get(missing[0], 0),
                    table=missing[0],
                    count=loaded[missing[0]],
                )
            audit_trail.add_entry(
                session, "restore", by, detail=f"{loaded['cases']} cases, {loaded['reviews']} reviews"
            )
            at_end()
            return loaded

    def note(
        self, what: TrailKind, by: Actor, *, case: CaseKey | None = None, detail: str = ""
    ) -> tuple[str, ...]:
        """Keep in the audit trail what left no other row here; what changes the store is kept by the method
        that changes it.

        detail: a few words of the program's own, none of a patient's and no path. Returns a line where the
        store lies on a disk that cannot be written, so that nothing can be kept. Raises StoreError where it
        can be written and was not.
        """
        if self.read_only:
            return (
                f"{self.location}: cannot be written; its audit trail does not say that this was done ({what})",
            )
        with self._database.writing() as session:
            number = None if case is None else cases.find_case(session, case).number
            audit_trail.add_entry(session, what, by, case_number=number, detail=detail)
        return ()

    def trail(
        self, *, kinds: Collection[str] = (), who: str | None = None, most: int = 500
    ) -> list[TrailEntry]:
        """Return the newest rows of the audit trail first, of these kinds (none: of all) and of this name:
        for an adjudicator's eyes."""
        with self._database.reading() as session:
            return audit_trail.list_entries(session, kinds, who, most)

    def trail_names(self) -> list[str]:
        """Return everybody whom the audit trail names as who did something."""
        with self._database.reading() as session:
            return audit_trail.list_names(session)
