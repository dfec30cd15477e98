"""When a case was added, so that cases nobody has reviewed can be purged by their age; unknown of older
ones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column."""
    op.add_column("cases", sa.Column("added_at", sa.DateTime(timezone=True)))
