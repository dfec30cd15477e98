"""What the store is asked of readers: names, roles, passwords."""

from __future__ import annotations

import sqlalchemy as sa

from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.store.engine.database import Database
from magic_demo.reviews.store.methods.opened import OpenedStore
from magic_demo.reviews.store.records import PROGRAM, Actor, Reader, ReaderRole
from magic_demo.reviews.store.rows import audit_trail, readers
from magic_demo.reviews.store.rows.programs import tokens
from magic_demo.reviews.store.tables import ReaderRow

MOST_REMEMBERED = 1000
"""Readers that are remembered."""


class ReaderMethods(OpenedStore):
    """Readers, by name; upper and lower case are alike."""

    def __init__(self, database: Database, questions: QuestionSet) -> None:
        """Remember nobody yet."""
        super().__init__(database, questions)
        self._readers: dict[str, tuple[int, Reader]] = {}

    def add_reader(
        self, name: str, *, role: ReaderRole = "reader", password: str | None = None, by: Actor = PROGRAM
    ) -> Reader:
        """Add a reader, or bring a removed one back with this role and password.

        Raises StoreError for a name or password that cannot be used.
        """
        # slow on purpose: not while others wait to write
        hashed = None if password is None else readers.hash_password(password)
        with self._database.writing() as session:
            reader = readers.add_reader(session, name, role, hashed)
            audit_trail.add_entry(session, "reader added", by, detail=f"{reader.name}, {role}")
            return reader

    def readers(self, *, removed: bool = False) -> list[Reader]:
        """Return the readers by name, the local one first, on request with those who were removed."""
        with self._database.reading() as session:
            return readers.list_readers(session, removed=removed)

    def reader(self, name: str) -> Reader:
        """Return one reader, removed or not. Raises StoreError when there is none of this name.

        Every request asks: the answer is remembered until a reader is changed.
        """
        version = self._database.readers_version()
        remembered = self._readers.get(name)
        if version is not None and remembered is not None and remembered[0] == version:
            return remembered[1]
        with self._database.reading() as session:
            reader = readers.as_reader(readers.find_row(session, name))
        if version is not None:
            if len(self._readers) >= MOST_REMEMBERED:
                self._readers.clear()
            self._readers[name] = version, reader
        return reader

    def find_readers(self, name: str) -> list[Reader]:
        """Return the reader of this name, removed or not; an empty list where there is none."""
        with self._database.reading() as session:
            row = readers.find_row_if_any(session, name)
            return [] if row is None else [readers.as_reader(row)]

    def remove_reader(self, name: str, *, by: Actor = PROGRAM) -> int:
        """End a reader's access, with their tokens, and return how many reviews are kept under the name."""
        with self._database.writing() as session:
            row = readers.find_row(session, name)
            audit_trail.add_entry(session, "reader removed", by, detail=row.name)
            tokens.revoke_tokens_of(session, row)
            return readers.remove_reader(session, name)

    def set_password(self, name: str, password: str, *, by: Actor = PROGRAM) -> None:
        """Give a reader a new password."""
        hashed = readers.hash_password(password)
        with self._database.writing() as session:
            readers.set_password(session, name, hashed)
            audit_trail.add_entry(
                session, "password changed", by, detail=readers.find_row(session, name).name
            )

    def set_role(self, name: str, role: ReaderRole, *, by: Actor = PROGRAM) -> None:
        """Give a reader another role."""
        with self._database.writing() as session:
            row = readers.find_row(session, name)
            audit_trail.add_entry(session, "role changed", by, detail=f"{row.name}, {row.role} to {role}")
            readers.set_role(session, name, role)

    def check_password(self, name: str, password: str) -> Reader | None:
        """Return the reader when the password is theirs, else None; an unknown name takes as long as a wrong
        password."""
        with self._database.reading() as session:
            row = readers.find_row_if_any(session, name)
            reader = None if row is None else readers.as_reader(row)
            stored = None if row is None or row.removed_at is not None else row.password
        return reader if readers.verify_password(stored, password) else None

    def needs_sign_in(self) -> bool:
        """Return whether anybody has a password; without one, everyone at the page is the local reader."""
        with self._database.reading() as session:
            return (
                session.scalar(sa.select(ReaderRow.id).where(ReaderRow.password.is_not(None)).limit(1))
                is not None
            )
