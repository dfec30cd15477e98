"""Who did what, and coverings that wait for an adjudicator."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables."""
    time = sa.DateTime(timezone=True)
    op.create_table(
        "audit_trail",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("case_number", sa.Integer),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_trail"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "proposed_covers",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column(
            "case_number",
            sa.Integer,
            sa.ForeignKey("cases.number", name="fk_proposed_covers_case_number_cases"),
            nullable=False,
        ),
        sa.Column("photo_id", sa.Text, nullable=False),
        sa.Column(
            "reader_id",
            sa.Integer,
            sa.ForeignKey("readers.id", name="fk_proposed_covers_reader_id_readers"),
            nullable=False,
        ),
        sa.Column("proposed_at", time, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_proposed_covers"),
        sqlite_autoincrement=True,
    )
