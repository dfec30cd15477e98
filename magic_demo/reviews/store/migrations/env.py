"""What Alembic runs: the steps that are lacking, on the connection and in the transaction that ``database``
hands over."""

from __future__ import annotations

from alembic import context

from magic_demo.reviews.store.tables import Tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Tables.metadata,
    transactional_ddl=False,
)
context.run_migrations()
