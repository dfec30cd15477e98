"""Whether the readers of a queue take its lesions one by one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"


def upgrade() -> None:
    """Add the column."""
    op.add_column("queues", sa.Column("lesions_apart", sa.Boolean))
