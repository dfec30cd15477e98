"""The database behind the store: how it is opened and brought up to date, transactions."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from magic_demo.core.errors import StoreError, one_line
from magic_demo.reviews.store.digests import DAMAGED, DamagedReview
from magic_demo.reviews.store.engine import postgresql, sqlite_files
from magic_demo.reviews.store.engine.location import read_location
from magic_demo.reviews.store.engine.log_sync import LogSync, make_room
from magic_demo.reviews.store.engine.meanings import explain
from magic_demo.reviews.store.engine.migrating import Migrations

POOLED = 16
"""Connections to a SQLite file that stay open once they are."""


class Database:
    """One database, shared by all threads of a process.

    Writes happen one after another, on SQLite and on PostgreSQL alike.

    So review numbers grow in the order in which they become visible, and a rule that was checked within a
    write still holds at its end.
    """

    def __init__(self, location: str | Path, wait_seconds: float) -> None:
        """Open it, make it where there is none, bring it up to date. Raises StoreError."""
        url, connect_arguments = read_location(location)
        self._copies = ExitStack()
        self.sqlite = url.get_backend_name() == "sqlite"
        self.location = (
            str(url.database)
            if self.sqlite
            else url.render_as_string(hide_password=True).replace("+pg8000", "")
        )
        self.wait_seconds = wait_seconds
        self._writing = threading.Lock()
        self._together = threading.local()
        self._info: dict[Any, Any] = {DAMAGED: {}}
        self._log: LogSync | None = None
        self._checkpointing = threading.Lock()
        self._watching = threading.Lock()
        self._watch: Any = None
        # SQLite waits so long for another write; pg8000 for any answer at all, which must leave the server
        # time to say that its own wait is over
        connect_arguments["timeout"] = wait_seconds if self.sqlite else wait_seconds + 10
        self.read_only = self.sqlite and sqlite_files.is_read_only(Path(self.location))
        if self.read_only:
            url = sqlite_files.open_unchanged(Path(self.location), self._copies)
        elif self.sqlite:
            sqlite_files.make_private(Path(self.location))
        with self._translating():
            try:
                self.engine = sa.create_engine(
                    url,
                    connect_args=connect_arguments,
                    poolclass=sa.QueuePool,
                    # opening one again costs more than what is asked of it
                    pool_size=POOLED if self.sqlite else 5,
                    pool_pre_ping=not self.sqlite,
                    pool_timeout=wait_seconds,
                )
            except ImportError as error:
                raise StoreError("PostgreSQL needs its driver pg8000; run: pip install pg8000") from error
        if self.sqlite:
            sqlite_files.listen(self.engine)
        else:
            postgresql.expect_broken_connections(self.engine.dialect)
        try:
            with self._translating():
                if self.sqlite and not self.read_only:
                    sqlite_files.keep_log(self.engine, self.location, self.wait_seconds)
                    self._log = LogSync(Path(f"{self.location}-wal"), self._checkpoint)
                if self.sqlite:
                    sqlite_files.check(self.engine, self.location)
                self._migrate()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of every connection."""
        if self._log is not None:
            self._log.close()
        with self._watching:
            if self._watch is not None:
                self._watch.close()
                self._watch = None
        self.engine.dispose()
        self._copies.close()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session that sees one state of the database from beginning to end. Raises StoreError."""
        if (own := self._joined()) is not None:
            with self._translating():
                yield own
            return
        # SQLite's deferred transactions are snapshots by themselves
        engine = (
            self.engine if self.sqlite else self.engine.execution_options(isolation_level="REPEATABLE READ")
        )
        with self._translating(), Session(engine, info=self._info) as session:
            yield session

    def readers_version(self) -> int | None:
        """Return a number that is another one as soon as a reader was changed, by whatever program; None where
        the database has none, or within ``together``.

        Raises StoreError.
        """
        if not self.sqlite or self._joined() is not None:
            return None
        with self._translating(), self._watching:
            if self._watch is None:
                raw = self.engine.raw_connection()
                raw.detach()
                self._watch = raw.dbapi_connection
            return int(self._watch.execute("PRAGMA user_version").fetchone()[0])

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session that nobody else writes beside; when the block is left without an error, what it
        wrote is on the disk. Raises StoreError."""
        if (own := self._joined()) is not None:
            with self._translating(), own.begin_nested():
                yield own
            return
        if self.read_only:
            raise StoreError("{place}: cannot be written; it can be read and exported", place=self.location)
        engine = self.engine.execution_options(writes=True)
        with (
            self._translating(),
            self._turn(),
            Session(engine, expire_on_commit=False, info=self._info) as session,
            session.begin(),
        ):
            self._lock(session.connection())
            yield session
        if self._log is not None:  # the next one writes meanwhile
            self._log.wait()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make one transaction of all that this thread reads and writes within the block; each write in it
        can fail alone. Raises StoreError."""
        with self.writing() as session:
            self._together.session = session
            try:
                yield
            finally:
                self._together.session = None

    @property
    def damaged(self) -> dict[int, DamagedReview]:
        """Return the reviews that were met and are not what was saved: by number."""
        found: dict[int, DamagedReview] = self._info[DAMAGED]
        return found

    def _joined(self) -> Session | None:
        return getattr(self._together, "session", None)

    def erase_traces(self) -> None:
        """Write every table anew and empty the write-ahead log: nothing of deleted rows is left in the files.

        Raises StoreError.
        """
        with self._translating(), self._checkpointing, closing(self.engine.raw_connection()) as raw:
            if self.sqlite:
                sqlite_files.erase_traces(raw, self.location)
            else:
                postgresql.erase_traces(raw, self.engine, self.location, self.wait_seconds)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Let this process's threads write in turn: SQLite itself looks for the lock again and again, up to a
        tenth of a second apart."""
        if not self._writing.acquire(timeout=self.wait_seconds):
            raise StoreError("{place}: another write holds the database; try again", place=self.location)
        try:
            yield
        finally:
            self._writing.release()

    def _lock(self, connection: sa.Connection) -> None:
        if not self.sqlite:  # SQLite's lock came with BEGIN IMMEDIATE
            postgresql.lock(connection, self.wait_seconds)

    def _checkpoint(self) -> None:
        """Write SQLite's log back into the database as far as nobody reads it, and see to it that the log has
        room. Raises StoreError."""
        with self._translating(), self._checkpointing, closing(self.engine.raw_connection()) as raw:
            connection = raw.cursor()
            with self._turn():
                connection.execute("BEGIN IMMEDIATE")  # of other programs, too, nobody writes meanwhile
                try:
                    with suppress(OSError):  # a full disk is told by whoever saves next
                        make_room(Path(f"{self.location}-wal"))
                finally:
                    connection.execute("ROLLBACK")
            # read to its end: a statement in progress would refuse the commit of whoever gets this connection next
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _migrate(self) -> None:
        migrations = Migrations(self.location, foreign_tables=self.sqlite)
        with self.engine.connect() as connection:
            if migrations.is_done(connection):
                return
        if self.read_only:
            raise StoreError(
                "{place}: is of an older version and cannot be written, so that it cannot be brought "
                "up to date; copy it first",
                place=self.location,
            )
        with self.engine.execution_options(writes=True).begin() as connection:
            self._lock(connection)
            if migrations.is_done(connection):  # another process was first
                return
            migrations.upgrade(connection)
        if self._log is not None:
            self._log.wait()

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except UnicodeEncodeError as error:
            raise StoreError(
                "{place}: half a character cannot be kept; send whole text", place=self.location
            ) from error
        except (ConnectionError, TimeoutError) as error:  # pg8000 lets through what a socket says
            raise StoreError(
                "{place}: the server does not answer any more; check that it runs ({reason})",
                place=self.location,
                reason=one_line(error, 160),
            ) from error
        except (SQLAlchemyError, sqlite3.Error) as error:
            meaning, line = explain(error)
            raise StoreError(
                "{place}: {meaning} ({reason})", place=self.location, meaning=meaning, reason=line
            ) from error
