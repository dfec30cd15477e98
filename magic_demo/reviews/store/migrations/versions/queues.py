"""What is settled for a queue as a whole: its questions, its order, whose second reading it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "queues",
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("questions", sa.Text),
        sa.Column("question_digest", sa.Text),
        sa.Column("order_seed", sa.Text),
        sa.Column("again_of", sa.Text),
        sa.Column("washout_days", sa.Double),
        sa.PrimaryKeyConstraint("queue", name="pk_queues"),
    )
