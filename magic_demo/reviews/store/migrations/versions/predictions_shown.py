"""What models said of a case when it was shown, and to whom: known again after a restart, without a
bundle."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "predictions",
        sa.Column(
            "case_number",
            sa.Integer,
            sa.ForeignKey("cases.number", name="fk_predictions_case_number_cases"),
            nullable=False,
        ),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("case_number", "digest", name="pk_predictions"),
    )
    op.create_table(
        "showings",
        sa.Column(
            "case_number",
            sa.Integer,
            sa.ForeignKey("cases.number", name="fk_showings_case_number_cases"),
            nullable=False,
        ),
        sa.Column(
            "reader_id",
            sa.Integer,
            sa.ForeignKey("readers.id", name="fk_showings_reader_id_readers"),
            nullable=False,
        ),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("case_number", "reader_id", "shown_at", name="pk_showings"),
    )
