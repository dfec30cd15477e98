"""A store in PostgreSQL: its lock, broken connections, and what is left of deleted rows."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import sqlalchemy as sa

from magic_demo.core.errors import StoreError

WRITE_LOCK = 7_243_001
"""The number of PostgreSQL's advisory lock that every write holds: any number, the same for all."""


def lock(connection: sa.Connection, wait_seconds: float) -> None:
    """Hold what every write holds, until the transaction ends."""
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {max(1, int(wait_seconds * 1000))}")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")


def expect_broken_connections(dialect: sa.Dialect) -> None:
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


def erase_traces(
    raw: sa.PoolProxiedConnection, engine: sa.Engine, location: str, wait_seconds: float
) -> None:
    """Write every table anew, and drop what the planner has noted of them. Raises StoreError."""
    connection = raw.cursor()
    raw.rollback()
    connection.execute(f"SET lock_timeout = {max(1, int(wait_seconds * 1000))}")
    raw.commit()
    raw.dbapi_connection.autocommit = True  # type: ignore[union-attr]
    try:
        for table in sa.inspect(engine).get_table_names():
            connection.execute(f'VACUUM FULL "{table}"')
        _forget_statistics(connection, location)
    finally:
        connection.execute("RESET lock_timeout")
        raw.dbapi_connection.autocommit = False  # type: ignore[union-attr]


def _forget_statistics(connection: Any, location: str) -> None:
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
            place=location,
        )
    connection.execute("VACUUM FULL pg_catalog.pg_statistic")
