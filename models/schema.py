"""The schema's revision: brought up to date while everything runs, old code and new side by side.

An upgrade of several machines is never one moment: the first new process upgrades the database,
and the old ones work on until their turn comes. So every migration says which code survives it
(``survived_by``, a revision), the newest such word is kept in the database, and code that meets
an unknown revision reads there whether it may go on. What a migration may do is checked by
``tests/models/test_migrations.py``: add, never take away or narrow what older code writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, delete, insert, inspect, select

from .errors import ConfigurationError
from .facts import SURVIVED_BY, Fact

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_SECONDS = 5
"""How long a change of a table waits for it on PostgreSQL: everybody behind it waits as long."""


class Schema:
    """The schema behind ``engine``, whose transactions may write."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def upgrade(self) -> None:
        """Bring it to this version's revision; a newer one that lets us work is left alone.

        Raises ConfigurationError when a newer one does not.
        """
        if self.is_newer:
            self.check()
            return
        with self._engine.connect() as connection, _impatient(connection):
            command.upgrade(_config(connection), "head")
            self._tell_who_survives(connection)
            connection.commit()

    def check(self) -> None:
        """Raises ConfigurationError unless this version may work on it."""
        found = self.revision()
        if found is None:
            raise ConfigurationError("the database is empty; run 'careerrelay init'")
        if found == self.head:
            return
        if not self._is_newer(found):
            raise ConfigurationError(
                f"the database is at revision {found}, this version needs {self.head}; "
                "run 'careerrelay database upgrade'"
            )
        if not self._is_survived():
            raise ConfigurationError(
                f"the database is at revision {found}, which is too new for this version "
                f"({self.head}); install the newer version here as well"
            )

    def revision(self) -> str | None:
        """What it is at, None before the first upgrade."""
        with self._engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    @cached_property
    def head(self) -> str:
        """What this version brings it to."""
        return str(_scripts().get_current_head())

    @property
    def is_newer(self) -> bool:
        """A later version than this one has been here."""
        return self._is_newer(self.revision())

    @staticmethod
    def _is_newer(found: str | None) -> bool:
        return found is not None and found not in {s.revision for s in _scripts().walk_revisions()}

    def _is_survived(self) -> bool:
        with self._engine.connect() as connection:
            if not inspect(connection).has_table(Fact.__tablename__):
                return False
            value = connection.scalar(select(Fact.value).where(Fact.name == SURVIVED_BY))
        # Revisions are numbers of four digits, so their order is that of their letters.
        return value is not None and str(value["revision"]) <= self.head

    @staticmethod
    def _tell_who_survives(connection: Connection) -> None:
        value = {"revision": survived_by()}
        connection.execute(delete(Fact).where(Fact.name == SURVIVED_BY))
        connection.execute(insert(Fact).values(name=SURVIVED_BY, value=value))


@contextmanager
def _impatient(connection: Connection) -> Iterator[None]:
    if connection.dialect.name != "postgresql":
        yield
        return
    connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_SECONDS}s'")
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.exec_driver_sql("RESET lock_timeout")
        connection.commit()


def survived_by() -> str:
    """The oldest revision whose code may work on this version's schema."""
    return max(getattr(s.module, "survived_by", s.revision) for s in _scripts().walk_revisions())


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
