"""The versions of the store's tables: which one a database has, and how it is brought up to date."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from magic_demo.core.errors import StoreError


class Migrations:
    """The steps from one version to the next. location: of the database, for errors. foreign_tables: whether
    tables without a version are another program's."""

    def __init__(self, location: str, *, foreign_tables: bool) -> None:
        # imported where a store is opened: a page that keeps nothing does not wait for it
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        self.location, self.foreign_tables = location, foreign_tables
        self._config = Config()
        self._config.set_main_option(
            "script_location", str(Path(__file__).parents[1] / "migrations").replace("%", "%%")
        )
        self._scripts = ScriptDirectory.from_config(self._config)

    def is_done(self, connection: sa.Connection) -> bool:
        """Return whether a database has the newest version. Raises StoreError where it is not ours, or newer."""
        from alembic.migration import MigrationContext

        revision = MigrationContext.configure(connection).get_current_revision()
        if revision is None and self.foreign_tables and sa.inspect(connection).get_table_names():
            raise StoreError(
                "{place}: holds the tables of another program; give the store a folder of its own",
                place=self.location,
            )
        known = {script.revision for script in self._scripts.walk_revisions()}
        if revision is not None and revision not in known:
            raise StoreError(
                "{place}: was written by a newer Magic Demo (schema {revision}); update this one",
                place=self.location,
                revision=revision,
            )
        return revision == self._scripts.get_current_head()

    def upgrade(self, connection: sa.Connection) -> None:
        """Bring the database up to date within the connection's transaction."""
        from alembic.command import upgrade

        self._config.attributes["connection"] = connection
        upgrade(self._config, "head")
