"""Who is signed in, for all the processes that show one store."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "sign_ins",
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column(
            "reader_id",
            sa.Integer,
            sa.ForeignKey("readers.id", name="fk_sign_ins_reader_id_readers"),
            nullable=False,
        ),
        sa.Column("access", sa.Text, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.Column("used", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_sign_ins"),
    )
