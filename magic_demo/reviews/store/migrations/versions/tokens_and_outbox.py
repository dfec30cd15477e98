"""Tokens of programs, and finished reviews that wait to be told to a receiver."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables."""
    time = sa.DateTime(timezone=True)
    op.create_table(
        "tokens",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column(
            "reader_id",
            sa.Integer,
            sa.ForeignKey("readers.id", name="fk_tokens_reader_id_readers"),
            nullable=False,
        ),
        sa.Column("program", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("made_at", time, nullable=False),
        sa.Column("revoked_at", time),
        sa.PrimaryKeyConstraint("number", name="pk_tokens"),
        sa.UniqueConstraint("digest", name="uq_tokens_digest"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "receivers",
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("seen", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_receivers"),
    )
    op.create_table(
        "outbox",
        sa.Column(
            "receiver",
            sa.Text,
            sa.ForeignKey("receivers.digest", name="fk_outbox_receiver_receivers"),
            nullable=False,
        ),
        sa.Column("review_number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("due_at", time, nullable=False),
        sa.PrimaryKeyConstraint("receiver", "review_number", name="pk_outbox"),
    )
