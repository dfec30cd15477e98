"""Every row out of a database and into an empty one, whichever of the two kinds either is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from magic_demo.core.errors import StoreError
from magic_demo.reviews.store.checking import check_rows
from magic_demo.reviews.store.records import LOCAL_READER
from magic_demo.reviews.store.rows.audit_trail import add_rows, list_rows
from magic_demo.reviews.store.rows.review_rows import list_damage
from magic_demo.reviews.store.rows.seen import read_known
from magic_demo.reviews.store.rules import MODEL_SEEN
from magic_demo.reviews.store.tables import (
    CaseRow,
    MaskRow,
    ReaderRow,
    ReviewRow,
    SeenRow,
    ShowingRow,
    SignInRow,
    Tables,
    TokenRow,
    TrailRow,
    UtcTime,
)

Row = tuple[str, dict[str, Any]]
"""A table's name, and its columns' values as JSON has them; times as ISO 8601."""

AT_ONCE = 500
LARGEST = 2**63
"""Whole numbers are below it in both databases."""
NUMBERED = {
    "readers": "id",
    "cases": "number",
    "reviews": "number",
    "audit_trail": "number",
    "proposed_covers": "number",
}
"""Tables whose rows are numbered, by the column; of all but readers no number is ever used again."""
OWN = frozenset({"tokens", "sign_ins", "receivers", "outbox"})
"""Tables of one store alone: what opens it opens no copy, and no copy tells a receiver anything twice."""


def dump_rows(session: Session) -> Iterator[Row]:
    """Yield every row, tables that others speak of first; damaged reviews, masks and predictions are left
    out, which no restore would take back. What they say that a reader was shown comes as rows of ``seen``."""
    reviews, masks, predictions = list_damage(session)
    for table in _copied_tables():
        query = sa.select(table).order_by(*table.primary_key.columns)
        if table.name in ("reviews", "save_keys") and reviews:
            query = query.where(table.c.number.not_in(reviews))
        left_out = {"masks": masks, "predictions": predictions, "showings": predictions}.get(
            table.name, set()
        )
        for row in session.execute(query).mappings().yield_per(AT_ONCE):
            if not left_out or (row["case_number"], row["digest"]) not in left_out:
                yield (
                    table.name,
                    {
                        name: value.isoformat() if isinstance(value, datetime) else value
                        for name, value in row.items()
                    },
                )
    yield from _list_shown(session, reviews, predictions)


def _list_shown(
    session: Session, reviews: Collection[int], predictions: Collection[tuple[int, str]]
) -> Iterator[Row]:
    """Yield that readers were shown something, as far as rows that are left out alone say it: what they save after a
    restore is not blind for that."""
    found: set[tuple[int, int, str]] = set()
    saved = (
        sa.select(ReviewRow.case_number, ReviewRow.reader_id, ReviewRow.kind, ReviewRow.known)
        .join(CaseRow, CaseRow.number == ReviewRow.case_number)
        .join(ReaderRow, ReaderRow.id == ReviewRow.reader_id)
        .where(ReviewRow.number.in_(reviews))
    )
    for case, reader, kind, known in session.execute(saved) if reviews else ():
        seen = {*read_known(str(known)), *(("model",) if kind in MODEL_SEEN else ())}
        found |= {(case, reader, what) for what in seen}
    shown = sa.select(ShowingRow.case_number, ShowingRow.reader_id, ShowingRow.digest)
    for case, reader, digest in session.execute(shown) if predictions else ():
        if (case, digest) in predictions:
            found.add((case, reader, "model"))
    if not found:
        return
    there = session.execute(sa.select(SeenRow.case_number, SeenRow.reader_id, SeenRow.what))
    found -= {(case, reader, what) for case, reader, what in there}
    now = datetime.now(UTC).isoformat()
    for case, reader, what in sorted(found):
        yield "seen", {"case_number": case, "reader_id": reader, "what": what, "seen_at": now}


def last_numbers(session: Session, *, sqlite: bool) -> dict[str, int]:
    """Return the highest number that was ever given in each numbered table; 0 where there was none."""
    numbers: dict[str, int] = {}
    connection = session.connection()
    for table, column in NUMBERED.items():
        highest = connection.exec_driver_sql(f"SELECT max({column}) FROM {table}").scalar() or 0
        if not sqlite:
            given, called = connection.exec_driver_sql(
                f"SELECT last_value, is_called FROM {table}_{column}_seq"
            ).one()
            highest = max(highest, given if called else 0)
        elif table != "readers":  # readers' ids are not kept from being used again
            last_value = connection.exec_driver_sql(
                "SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)
            ).scalar()
            highest = max(highest, last_value or 0)
        numbers[table] = highest
    return numbers


def is_empty(session: Session) -> bool:
    """Return whether a store holds nothing but the local reader."""
    readers = session.scalars(sa.select(ReaderRow.folded)).all()
    return list(readers) == [LOCAL_READER] and not any(
        session.scalar(sa.select(table).limit(1)) for table in (CaseRow, ReviewRow, MaskRow)
    )


def load_rows(
    session: Session, rows: Iterable[Row], last: Mapping[str, int], *, sqlite: bool
) -> dict[str, int]:
    """Put rows into a store that has none but the local reader, and return how many by table.

    Raises StoreError.
    """
    if not is_empty(session):
        raise StoreError("this store is not empty; restore into a new one (--store PLACE)")
    session.execute(sa.delete(TokenRow))
    session.execute(sa.delete(SignInRow))
    session.execute(sa.delete(ReaderRow))
    trail = list_rows(session)
    session.execute(sa.delete(TrailRow))
    tables = {table.name: table for table in _copied_tables()}
    counts = dict.fromkeys(tables, 0)
    waiting: list[dict[str, Any]] = []
    before = ""
    older = False
    for name, values in rows:
        if name not in tables:
            raise StoreError(
                "a row of a table {table!r}, which this version does not have; update Magic Demo", table=name
            )
        if name != before or len(waiting) >= AT_ONCE:
            _insert(session, tables.get(before), waiting)
            waiting = []
            before = name
        # of a version that did not keep them
        if name == ReviewRow.__tablename__ and not {"complete", "missing", "known"} & values.keys():
            values, older = {**values, "complete": False, "missing": "[]", "known": ""}, True
        waiting.append(_read_row(tables[name], values))
        counts[name] += 1
    _insert(session, tables.get(before), waiting)
    if not session.scalar(sa.select(ReaderRow.id).where(ReaderRow.folded == LOCAL_READER)):
        raise StoreError("the rows lack the local reader, whom every store has; take another backup")
    check_rows(session)
    if older:
        # alembic: not before it is needed
        from magic_demo.reviews.store.migrations.versions.what_was_known import settle_reviews

        session.flush()
        settle_reviews(session.connection())
    _set_numbers(session, last, sqlite=sqlite)
    add_rows(session, trail)
    return counts


def _copied_tables() -> list[sa.Table]:
    return [table for table in Tables.metadata.sorted_tables if table.name not in OWN]


def _insert(session: Session, table: sa.Table | None, rows: list[dict[str, Any]]) -> None:
    if table is not None and rows:
        session.execute(sa.insert(table), rows)


def _read_row(table: sa.Table, values: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(values) - set(table.columns.keys())
    if unknown:
        raise StoreError(
            "a row of {table} with {column!r}, which this version does not know; update Magic Demo",
            table=table.name,
            column=sorted(unknown)[0],
        )
    return {column.name: _read_value(table, column, values.get(column.name)) for column in table.columns}


def _read_value(table: sa.Table, column: sa.Column[Any], value: Any) -> Any:
    kind = datetime if isinstance(column.type, UtcTime) else column.type.python_type
    if value is None and column.nullable:
        return None
    if kind is datetime and isinstance(value, str):
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):  # the last hour of all years is beyond them in UTC
            kind = str
    elif (type(value) is kind or (kind is float and type(value) is int)) and (
        type(value) is not int or abs(value) < LARGEST
    ):
        return value
    raise StoreError(
        "a row of {table} with a {column} that cannot be ({value!r}); take another backup",
        table=table.name,
        column=column.name,
        value=str(value)[:40],
    )


def _set_numbers(session: Session, last: Mapping[str, int], *, sqlite: bool) -> None:
    connection = session.connection()
    for table, column in NUMBERED.items():
        highest = max(
            last.get(table, 0), connection.exec_driver_sql(f"SELECT max({column}) FROM {table}").scalar() or 0
        )
        if not sqlite:
            connection.execute(
                sa.text("SELECT setval(:name, :number, :used)"),
                {"name": f"{table}_{column}_seq", "number": max(1, highest), "used": highest > 0},
            )
        elif table != "readers":
            connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
            connection.exec_driver_sql(
                "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, highest)
            )
