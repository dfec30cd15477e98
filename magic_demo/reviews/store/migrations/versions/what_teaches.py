"""What the models leave open of a case, for the order in which cases teach most."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column."""
    op.add_column("cases", sa.Column("doubts", sa.Text))
