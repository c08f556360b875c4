"""An installation's folder: made, opened, upgraded, and owned by one process at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, make_url, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..models.database import Database
from ..models.errors import CareerRelayError, ConfigurationError, RefusedError
from ..models.facts import MOVE
from ..models.tables import Company, Fact
from .config import Settings
from .dbos_queue import DbosQueue
from .keys import KeyFile
from .locks import Locks
from .runtime import Runtime, utcnow


@dataclass(frozen=True, slots=True)
class Step:
    """One thing ``prepare`` saw to. ``made``: it was not there, or not up to date, before."""

    name: str
    made: bool
    detail: str


def prepare(settings: Settings) -> list[Step]:
    """Folder, key file and database, each only where missing; any number of times.

    Raises ConfigurationError; RefusedError where the key file is gone but data are there: a new
    key would not open them.
    """
    steps = [prepare_folder(settings)]
    with _database(settings) as database:
        steps.append(_keys(settings, database))
        steps.append(upgrade(settings, database))
    return steps


def prepare_folder(settings: Settings) -> Step:
    """The data folder alone, 0700 where it is made here. Raises ConfigurationError."""
    folder = settings.folder
    made = not folder.exists()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        raise ConfigurationError(f"[store] folder: {folder} cannot be made") from None
    if made:
        # mkdir's mode is cut by the umask of the shell, and a wider one is not wanted either.
        folder.chmod(0o700)
    return Step("folder", made, str(folder))


def _keys(settings: Settings, database: Database) -> Step:
    file = KeyFile(settings.key_file)
    made = not settings.key_file.exists()
    if made:
        if _has_data(database):
            raise RefusedError(
                f"the key file {settings.key_file} is missing, but the database holds data sealed "
                "with it; restore the key file from your backup"
            )
        file.create()
    file.current()
    return Step("keys", made, str(settings.key_file))


def _has_data(database: Database) -> bool:
    if database.revision() is None:
        return False
    with database.read() as session:
        return bool(session.scalar(select(func.count()).select_from(Company)))


def upgrade(settings: Settings, database: Database) -> Step:
    """The schema and the engine's own tables, brought to this version's."""
    head = database.head()
    with _exclusively(database, settings):
        was = database.revision()
        if was != head:
            database.upgrade()
        _queue(database).migrate()
        now = database.revision()
    where = "SQLite" if database.is_sqlite else "PostgreSQL"
    return Step("database", was != now, f"{where}, revision {now}")


@contextmanager
def _exclusively(database: Database, settings: Settings) -> Iterator[None]:
    """One process upgrades, the others wait for it and find the work done."""
    if database.is_sqlite:
        with _beside(settings, "upgrade.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        return
    locks = Locks(database)
    try:
        with locks.hold("upgrade"):
            yield
    finally:
        locks.close()


def _queue(database: Database) -> DbosQueue:
    return DbosQueue(database, clock=utcnow)


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    database = Database(settings.database_url)
    try:
        with store_errors():
            yield database
    finally:
        database.close()


def unchecked_runtime(settings: Settings) -> Runtime:
    """The runtime of an installation that may not be in order; for doctor."""
    return Runtime(settings)


@contextmanager
def opened(settings: Settings, *, moving: bool = False) -> Iterator[Runtime]:
    """The runtime of a prepared installation, for one command.

    Raises ConfigurationError when it was never prepared, or by another version, or when a move
    into it has not ended, unless ``moving``.
    """
    KeyFile(settings.key_file).current()
    with _database(settings) as database:
        check_schema(database, moving=moving)
    runtime = Runtime(settings)
    try:
        with store_errors():
            yield runtime
    finally:
        runtime.close()


def check_schema(database: Database, *, moving: bool = False) -> None:
    """Raises ConfigurationError unless this version may work on all of the database.

    ``moving``: for the command that ends a move that was cut off.
    """
    database.schema.check()
    if moving:
        return
    with database.read() as session:
        begun = session.get(Fact, MOVE)
    if begun is not None:
        raise ConfigurationError(
            f"the move from {begun.value['source']} into this database has not ended; "
            "run 'careerrelay database move' with that file again"
        )


def check_engine_tables(runtime: Runtime) -> None:
    """Raises ConfigurationError unless the queue's own tables answer."""
    try:
        with store_errors():
            runtime.queue.alive(["careerrelay.doctor"])
    except CareerRelayError:
        raise ConfigurationError(
            "the engine's tables are missing or out of date; run 'careerrelay database upgrade'"
        ) from None


@contextmanager
def store_errors() -> Iterator[None]:
    """What the database driver raises, as one sentence of ours without its SQL and values."""
    try:
        yield
    except DBAPIError as error:
        kind = type(error.orig).__name__
        raise ConfigurationError(
            f"the database does not do what is asked ({kind}); check [store] url and folder, "
            "and that its server runs and its disk has room"
        ) from None
    except SQLAlchemyError as error:
        raise ConfigurationError(
            f"the database cannot be used ({type(error).__name__}); check [store] url"
        ) from None


@contextmanager
def only_process(settings: Settings, *, what: str) -> Iterator[None]:
    """On SQLite the only one that serves or works; PostgreSQL takes any number.

    The lock dies with the process, so a kill leaves nothing to clean up. Raises RefusedError.
    """
    if not settings.database_url.startswith("sqlite"):
        yield
        return
    if (note := moved_note(_file(settings))).exists():
        raise RefusedError(
            f"the data of this SQLite file were moved to another database; {note} says when. "
            "Two places must not go on with them: remove that note only if the other one is gone"
        )
    with locked(_beside(settings, "lock"), what=what):
        yield


def moved_note(file: Path) -> Path:
    """Stands beside a SQLite file whose data live elsewhere now."""
    return Path(f"{file}.moved")


@contextmanager
def locked(path: Path, *, what: str) -> Iterator[None]:
    """Hold a lock file while ``what`` is done; RefusedError names who holds it already."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = file.read().strip() or "another process"
            raise RefusedError(
                f"{holder} works on this SQLite file already; stop it first, or move to "
                "PostgreSQL ([store] url) to run several processes"
            ) from None
        file.truncate(0)
        file.write(f"'careerrelay {what}' (process {os.getpid()})")
        file.flush()
        yield


def _beside(settings: Settings, ending: str) -> Path:
    """A file next to the SQLite file: whoever opens the same database meets the same lock."""
    return Path(f"{_file(settings)}.{ending}")


def _file(settings: Settings) -> Path:
    return Path(str(make_url(settings.database_url).database))


def backup(database: Database, target: Path) -> int:
    """A consistent, checked copy of the SQLite file, 0600; returns its size in bytes.

    An existing file is never overwritten, and a failed copy leaves none.
    """
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise RefusedError(f"{target} exists already; name another file") from None
    except OSError:
        raise ConfigurationError(f"{target} cannot be written") from None
    try:
        database.backup(target)
        copy = Database(f"sqlite:///{target}")
        try:
            copy.check()
        finally:
            copy.close()
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return target.stat().st_size
