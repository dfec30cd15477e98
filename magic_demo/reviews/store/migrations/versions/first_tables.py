"""The first tables, and the local reader."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table. Types are written out: a step must do the same whatever ``tables`` becomes later."""
    time = sa.DateTime(timezone=True)
    readers = op.create_table(
        "readers",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("folded", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("password", sa.Text),
        sa.Column("added_at", time, nullable=False),
        sa.Column("removed_at", time),
        sa.PrimaryKeyConstraint("id", name="pk_readers"),
        sa.UniqueConstraint("folded", name="uq_readers_folded"),
    )
    op.create_table(
        "cases",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("folder", sa.Text),
        sa.Column("photos_kept", sa.Boolean, nullable=False),
        sa.Column("uncertainty", sa.Double),
        sa.PrimaryKeyConstraint("number", name="pk_cases"),
        sa.UniqueConstraint("queue", "case_id", name="uq_cases_queue_case_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "assignments",
        sa.Column("case_number", sa.Integer, nullable=False),
        sa.Column("reader_id", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("case_number", "reader_id", name="pk_assignments"),
        sa.ForeignKeyConstraint(["case_number"], ["cases.number"], name="fk_assignments_case_number"),
        sa.ForeignKeyConstraint(["reader_id"], ["readers.id"], name="fk_assignments_reader_id"),
    )
    op.create_table(
        "reviews",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("case_number", sa.Integer, nullable=False),
        sa.Column("reader_id", sa.Integer, nullable=False),
        sa.Column("saved_at", time, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("flagged", sa.Boolean, nullable=False),
        sa.Column("differs", sa.Boolean, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("taken_back_from", sa.Integer),
        sa.PrimaryKeyConstraint("number", name="pk_reviews"),
        sa.ForeignKeyConstraint(["case_number"], ["cases.number"], name="fk_reviews_case_number"),
        sa.ForeignKeyConstraint(["reader_id"], ["readers.id"], name="fk_reviews_reader_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_reviews_case_number_reader_id", "reviews", ["case_number", "reader_id"])
    op.create_table(
        "masks",
        sa.Column("case_number", sa.Integer, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("case_number", "digest", name="pk_masks"),
        sa.ForeignKeyConstraint(["case_number"], ["cases.number"], name="fk_masks_case_number"),
    )
    op.create_table(
        "save_keys",
        sa.Column("reader_id", sa.Integer, nullable=False),
        sa.Column("client_key", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("reader_id", "client_key", name="pk_save_keys"),
        sa.ForeignKeyConstraint(["reader_id"], ["readers.id"], name="fk_save_keys_reader_id"),
        sa.ForeignKeyConstraint(["number"], ["reviews.number"], name="fk_save_keys_number"),
    )
    op.create_index("ix_save_keys_number", "save_keys", ["number"])
    op.bulk_insert(
        readers, [{"name": "local", "folded": "local", "role": "reader", "added_at": datetime.now(UTC)}]
    )
