"""What was known when an answer was given, what a finished review left open, and which photos a case has."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

SLOTS = {
    "CQID010": 1, "CQID011": 6, "CQID012": 6, "CQID015": 1, "CQID020": 9, "CQID025": 1, "CQID034": 1, "CQID035": 1, "CQID036": 1,
}  # fmt: skip
"""The families of this version, and how many questions each has."""


def upgrade() -> None:
    """Add the columns and the table, and fill them for the reviews that there are."""
    op.add_column("cases", sa.Column("photos", sa.Text))
    op.add_column("reviews", sa.Column("complete", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("reviews", sa.Column("missing", sa.Text, nullable=False, server_default="[]"))
    op.add_column("reviews", sa.Column("known", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "seen",
        sa.Column(
            "case_number",
            sa.Integer,
            sa.ForeignKey("cases.number", name="fk_seen_case_number_cases"),
            nullable=False,
        ),
        sa.Column(
            "reader_id",
            sa.Integer,
            sa.ForeignKey("readers.id", name="fk_seen_reader_id_readers"),
            nullable=False,
        ),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("case_number", "reader_id", "what", name="pk_seen"),
    )
    settle_reviews(op.get_bind())


def settle_reviews(connection: sa.Connection) -> None:
    """Say of every review whether it is complete and whether the model had been shown, as far as its rows
    tell.

    The photos of a case are those that any review of it names, or that a model spoke of. Whether others'
    readings had been shown was not kept.
    """
    photos: dict[int, dict[str, None]] = defaultdict(dict)
    for case_number, content in connection.exec_driver_sql(
        "SELECT case_number, content FROM predictions ORDER BY digest"
    ):
        photos[case_number].update(dict.fromkeys(_photos_of_prediction(content)))
    rows = list(
        connection.exec_driver_sql(
            "SELECT number, case_number, reader_id, kind, state, saved_at, content FROM reviews ORDER BY "
            "number"
        )
    )
    contents = {row.number: json.loads(row.content) for row in rows}
    for row in rows:
        photos[row.case_number].update(
            dict.fromkeys([*contents[row.number]["masks"], *contents[row.number]["unusable"]])
        )
    first_shown = {
        (row.case_number, row.reader_id): row.first
        for row in connection.exec_driver_sql(
            "SELECT case_number, reader_id, min(shown_at) AS first FROM showings GROUP BY case_number, "
            "reader_id"
        )
    }
    found: list[dict[str, Any]] = []
    for row in rows:
        content = contents[row.number]
        missing = _find_missing(content, photos[row.case_number]) if row.state == "done" else []
        shown = first_shown.get((row.case_number, row.reader_id))
        knew = (
            bool(content["models"]) or row.kind == "revealed" or (shown is not None and shown <= row.saved_at)
        )
        found.append(
            {
                "n": row.number,
                "c": row.state == "done" and not missing,
                "m": json.dumps(missing),
                "k": "model" if knew else "",
            }
        )
    if found:
        connection.execute(
            sa.text("UPDATE reviews SET complete = :c, missing = :m, known = :k WHERE number = :n"), found
        )


def _photos_of_prediction(content: str) -> Iterable[str]:
    try:
        return [str(photo["photo_id"]) for photo in json.loads(content)["photos"]]
    except (ValueError, KeyError, TypeError):
        return ()  # a damaged prediction is said where it is read


def _find_missing(content: dict[str, Any], photos: Iterable[str]) -> list[str]:
    answered = [
        family
        for family, slots in SLOTS.items()
        if all(f"{family}-{slot:03d}" in content["answers"] for slot in range(1, slots + 1))
    ]
    treated = {*content["masks"], *content["unusable"]}
    return [
        *(family for family in SLOTS if family not in answered),
        *(photo for photo in photos if photo not in treated),
    ]
