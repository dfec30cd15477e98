"""A store in a SQLite file: its modes, its log, its connections, and what is left of deleted rows."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from magic_demo.core.disk.parts import temporary_folder
from magic_demo.core.errors import StoreError, one_line

LOG_PAGES = 10_000
"""Pages of SQLite's log (40 MB) after which a commit writes it back itself, if ``LogSync`` did not."""

_CHANGES_READERS = re.compile(r"\s*(?:INSERT\b.*?\bINTO|UPDATE|DELETE\s+FROM)\s+\"?readers\b", re.IGNORECASE)


def is_read_only(file: Path) -> bool:
    """Return whether a database is there and neither it nor its folder can be written, as on a read-only
    disk."""
    return file.is_file() and not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK))


def make_private(file: Path) -> None:
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


def open_unchanged(file: Path, copies: ExitStack) -> sa.URL:
    """Return a URL that opens a file on a disk that cannot be written: as it lies there, or its copy
    where a write-ahead log belongs to it. copies: what holds that copy."""
    log = file.with_name(f"{file.name}-wal")
    if log.is_file() and log.stat().st_size:
        copy = copies.enter_context(temporary_folder()) / file.name
        for path in (file, log):
            copy.with_name(path.name).write_bytes(path.read_bytes())
        return sa.URL.create("sqlite", database=str(copy))
    return sa.URL.create(
        "sqlite", database=file.absolute().as_uri(), query={"mode": "ro", "immutable": "1", "uri": "true"}
    )


def keep_log(engine: sa.Engine, location: str, wait_seconds: float) -> None:
    """Switch a database to a write-ahead log. Raises StoreError where its place cannot keep one."""
    until = time.monotonic() + wait_seconds
    # the journal's mode cannot be changed within a transaction
    with closing(engine.raw_connection()) as raw:
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
                place=location,
                mode=mode,
            )


def check(engine: sa.Engine, location: str) -> None:
    """Raise StoreError where the database is damaged."""
    with closing(engine.raw_connection()) as raw:
        connection = raw.cursor()
        finding = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if finding != "ok":
            raise StoreError(
                "{place}: the database is damaged ({reason}); restore a backup",
                place=location,
                reason=one_line(Exception(finding), 120),
            )


def erase_traces(raw: sa.PoolProxiedConnection, location: str) -> None:
    """Write every table anew and empty the write-ahead log. Raises StoreError."""
    connection = raw.cursor()
    for statement in ("PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
        connection.execute(statement)
        answer = connection.fetchall()  # to its end, as in ``Database``
        if answer and answer[0][0]:
            raise StoreError(
                "{place}: what was deleted may still lie in the database's files, as another program "
                "reads there; stop it, then purge again",
                place=location,
            )


def listen(engine: sa.Engine) -> None:
    """Prepare each connection, begin its transactions, and count changes of readers."""
    sa.event.listen(engine, "connect", prepare)
    sa.event.listen(engine, "begin", _begin)
    sa.event.listen(engine, "after_cursor_execute", _count_changed_readers)


def prepare(connection: sqlite3.Connection, _: object) -> None:
    """Set what a connection holds to."""
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


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql(
        "BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN"
    )
