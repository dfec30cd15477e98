"""The database behind the store: how it is opened and brought up to date, transactions."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from magic_demo.core.errors import StoreError, one_line
from magic_demo.core.parts import temporary_folder
from magic_demo.reviews.store.digests import DAMAGED, DamagedReview
from magic_demo.reviews.store.engine.location import read_location
from magic_demo.reviews.store.engine.log_sync import LogSync, make_room
from magic_demo.reviews.store.engine.meanings import explain

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

POOLED = 16
"""Connections to a SQLite file that stay open once they are."""
LOG_PAGES = 10_000
"""Pages of SQLite's log (40 MB) after which a commit writes it back itself, if ``LogSync`` did not."""
WRITE_LOCK = 7_243_001
"""The number of PostgreSQL's advisory lock that every write holds: any number, the same for all."""

_CHANGES_READERS = re.compile(r"\s*(?:INSERT\b.*?\bINTO|UPDATE|DELETE\s+FROM)\s+\"?readers\b", re.IGNORECASE)


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
        self.read_only = self.sqlite and is_read_only(Path(self.location))
        if self.read_only:
            url = self._open_unchanged(Path(self.location))
        elif self.sqlite:
            _make_private(Path(self.location))
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
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)
            sa.event.listen(self.engine, "after_cursor_execute", _count_changed_readers)
        else:
            _expect_broken_connections(self.engine.dialect)
        try:
            with self._translating():
                if self.sqlite and not self.read_only:
                    self._keep_log()
                    self._log = LogSync(Path(f"{self.location}-wal"), self._checkpoint)
                if self.sqlite:
                    self._check_sqlite()
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
        with (
            self._translating(),
            self._checkpointing,
            closing(self.engine.raw_connection()) as raw,
        ):
            connection = raw.cursor()
            if self.sqlite:
                for statement in (
                    "PRAGMA wal_checkpoint(TRUNCATE)",
                    "VACUUM",
                    "PRAGMA wal_checkpoint(TRUNCATE)",
                ):
                    answer = connection.execute(statement).fetchone()
                    if answer is not None and answer[0]:
                        raise StoreError(
                            "{place}: what was deleted may still lie in the database's files, as another program "
                            "reads there; stop it, then purge again",
                            place=self.location,
                        )
                return
            raw.rollback()
            connection.execute(f"SET lock_timeout = {max(1, int(self.wait_seconds * 1000))}")
            raw.commit()
            raw.dbapi_connection.autocommit = True  # type: ignore[union-attr]
            try:
                for table in sa.inspect(self.engine).get_table_names():
                    connection.execute(f'VACUUM FULL "{table}"')
                self._forget_statistics(connection)
            finally:
                connection.execute("RESET lock_timeout")
                raw.dbapi_connection.autocommit = False  # type: ignore[union-attr]

    def _forget_statistics(self, connection: Any) -> None:
        """Drop what PostgreSQL's planner has noted of the tables' columns: their most frequent values, word
        by word. Raises StoreError."""
        connection.execute(
            "SELECT s.tablename, s.attname, format_type(a.atttypid, a.atttypmod) FROM pg_stats s JOIN "
            "pg_attribute a"
            " ON a.attrelid = (quote_ident(s.schemaname) || '.' || quote_ident(s.tablename))::regclass "
            "AND a.attname = s.attname WHERE s.schemaname = current_schema()"
        )
        for table, column, kind in connection.fetchall():
            # the same type; the statistics go
            connection.execute(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" TYPE {kind}')
        connection.execute(
            "SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()"
        )
        if not connection.fetchone()[0]:
            raise StoreError(
                "{place}: what was deleted may still lie in PostgreSQL's statistics, which only the "
                "database's owner can rewrite; let the owner run VACUUM FULL pg_catalog.pg_statistic",
                place=self.location,
            )
        connection.execute("VACUUM FULL pg_catalog.pg_statistic")

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
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {max(1, int(self.wait_seconds * 1000))}")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")

    def _open_unchanged(self, file: Path) -> sa.URL:
        """Return a URL that opens a file on a disk that cannot be written: as it lies there, or its copy
        where a write-ahead log belongs to it."""
        log = file.with_name(f"{file.name}-wal")
        if log.is_file() and log.stat().st_size:
            copy = self._copies.enter_context(temporary_folder()) / file.name
            for path in (file, log):
                copy.with_name(path.name).write_bytes(path.read_bytes())
            return sa.URL.create("sqlite", database=str(copy))
        return sa.URL.create(
            "sqlite", database=file.absolute().as_uri(), query={"mode": "ro", "immutable": "1", "uri": "true"}
        )

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
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _keep_log(self) -> None:
        until = time.monotonic() + self.wait_seconds
        # the journal's mode cannot be changed within a transaction
        with closing(self.engine.raw_connection()) as raw:
            connection = raw.cursor()
            while True:
                try:  # SQLite does not wait by itself when two processes switch a new file at once
                    mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
                    break
                except sqlite3.OperationalError as error:
                    if "locked" not in str(error) or time.monotonic() > until:
                        raise
                    time.sleep(0.02)
            if mode != "wal":
                raise StoreError(
                    "{place}: this place cannot keep a write-ahead log (SQLite says {mode!r}); take a "
                    "folder on a local disk",
                    place=self.location,
                    mode=mode,
                )

    def _check_sqlite(self) -> None:
        with closing(self.engine.raw_connection()) as raw:
            connection = raw.cursor()
            finding = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if finding != "ok":
                raise StoreError(
                    "{place}: the database is damaged ({reason}); restore a backup",
                    place=self.location,
                    reason=one_line(Exception(finding), 120),
                )

    def _migrate(self) -> None:
        # imported where a store is opened: a page that keeps nothing does not wait for it
        from alembic.command import upgrade
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option(
            "script_location", str(Path(__file__).parents[1] / "migrations").replace("%", "%%")
        )
        scripts = ScriptDirectory.from_config(config)
        head = scripts.get_current_head()
        with self.engine.connect() as connection:
            if self._revision(connection, scripts) == head:
                return
        if self.read_only:
            raise StoreError(
                "{place}: is of an older version and cannot be written, so that it cannot be brought "
                "up to date; copy it first",
                place=self.location,
            )
        with self.engine.execution_options(writes=True).begin() as connection:
            self._lock(connection)
            if self._revision(connection, scripts) == head:  # another process was first
                return
            config.attributes["connection"] = connection
            upgrade(config, "head")
        if self._log is not None:
            self._log.wait()

    def _revision(self, connection: sa.Connection, scripts: ScriptDirectory) -> str | None:
        from alembic.migration import MigrationContext

        revision = MigrationContext.configure(connection).get_current_revision()
        if revision is None and self.sqlite and sa.inspect(connection).get_table_names():
            raise StoreError(
                "{place}: holds the tables of another program; give the store a folder of its own",
                place=self.location,
            )
        if revision is not None and revision not in {script.revision for script in scripts.walk_revisions()}:
            raise StoreError(
                "{place}: was written by a newer Magic Demo (schema {revision}); update this one",
                place=self.location,
                revision=revision,
            )
        return revision

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


def is_read_only(file: Path) -> bool:
    """Return whether a database is there and neither it nor its folder can be written, as on a read-only
    disk."""
    return file.is_file() and not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK))


def _make_private(file: Path) -> None:
    """Make a database's file, or leave its content, such that its owner alone can read it; SQLite gives its
    log the same mode."""
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        if not hasattr(os, "geteuid"):  # Windows: who may read is said by the folder's rights, not by modes
            return
        for path in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
            if path.is_file() and path.stat().st_uid == os.geteuid() and path.stat().st_mode & 0o077:
                path.chmod(0o600)
    except OSError as error:
        raise StoreError(
            "{file}: it cannot be opened ({reason}); check the path and the permissions of the folder",
            file=file,
            reason=error.strerror or error,
        ) from error


def _expect_broken_connections(dialect: sa.Dialect) -> None:
    """Let a connection that broke while nobody used it be replaced by a new one: pg8000's own errors of
    sockets are not what SQLAlchemy looks for."""
    ping, terminate = dialect.do_ping, dialect.do_terminate

    def do_ping(connection: Any) -> bool:
        try:
            return ping(connection)
        except OSError:
            return False

    def do_terminate(connection: Any) -> None:
        with suppress(OSError, dialect.loaded_dbapi.Error):  # it has ended already
            terminate(connection)

    dialect.do_ping, dialect.do_terminate = do_ping, do_terminate  # type: ignore[method-assign, assignment]


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # transactions begin below, not by the driver's own guess
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA secure_delete=ON")  # what is deleted is overwritten with zeros
    connection.execute("PRAGMA synchronous=NORMAL")  # LogSync waits for the disk, after the commit
    connection.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")


def _count_changed_readers(_connection: sa.Connection, cursor: Any, statement: str, *_: object) -> None:
    """Give the database another ``user_version`` in the transaction that changes a reader."""
    if _CHANGES_READERS.match(statement):
        raw = cursor.connection
        version = raw.execute("PRAGMA user_version").fetchone()[0]
        raw.execute(f"PRAGMA user_version = {(version + 1) % 2**31}")


def _begin_sqlite(connection: sa.Connection) -> None:
    connection.exec_driver_sql(
        "BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN"
    )
