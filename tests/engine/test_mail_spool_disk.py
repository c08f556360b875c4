"""Cases 165 and 166 on a real SQLite file: a disk that is full or broken, a torn log."""

from __future__ import annotations

import resource
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event, select

from careerrelay.engine.mail_spool import MailSpool, content_of
from careerrelay.models.database import Database
from careerrelay.models.tables import SpooledMail
from tests.engine.test_mail_spool import PLAIN, Spooling, spooling
from tests.mail.relay.hop import Hop, running_hop
from tests.support.world import Clock, World, open_runtime

LARGE = PLAIN + b"x" * 76 * 4000 + b"\r\n"


@pytest.fixture
def hop() -> Iterator[Hop]:
    with running_hop() as made:
        yield made


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """PostgreSQL's own disk is PostgreSQL's."""
    return sqlite_url


@contextmanager
def full_disk(database: Database) -> Iterator[None]:
    """SQLite's own word for no space left: no page more than there are."""

    def no_more(connection: sqlite3.Connection, *_: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")

    database.engine.dispose()
    event.listen(database.engine, "connect", no_more)
    try:
        yield
    finally:
        event.remove(database.engine, "connect", no_more)
        database.engine.dispose()


@contextmanager
def failing_writes(path: Path) -> Iterator[None]:
    """The kernel refuses every byte beyond what the log of changes has now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = path.stat().st_size + 10_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def failing_commits(database: Database) -> Iterator[None]:
    """As when the flush at a commit fails: nobody knows what is on disk."""

    def fail(_connection: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    event.listen(database.engine, "commit", fail)
    try:
        yield
    finally:
        event.remove(database.engine, "commit", fail)


def arrived(spool: Spooling) -> int:
    spool.world.work()
    return len(spool.hop.taken)


def wal_of(world: World) -> Path:
    return Path(f"{world.runtime.database.engine.url.database}-wal")


def test_case_165_full_disk_is_no_250_and_the_relay_goes_on_when_there_is_room(
    world: World, hop: Hop
) -> None:
    with spooling(world, hop) as spool:
        with full_disk(world.runtime.database):
            assert spool.send(LARGE).startswith("452 4.3.1")
        assert spool.rows() == []
        assert spool.send(LARGE).startswith("250")
        assert arrived(spool) == 1


def test_case_165_write_error_is_no_250(world: World, hop: Hop) -> None:
    with spooling(world, hop) as spool:
        assert spool.send().startswith("250")
        with failing_writes(wal_of(world)):
            assert spool.send(LARGE).startswith("452 4.3.1")
        assert len(spool.rows()) == 1
        assert spool.send(LARGE).startswith("250")
        assert arrived(spool) == 2
        world.runtime.database.check()


def test_case_165_error_at_the_flush_is_no_250(world: World, hop: Hop) -> None:
    with spooling(world, hop) as spool:
        with failing_commits(world.runtime.database):
            assert spool.send().startswith("452 4.3.1")
        assert spool.rows() == []
        assert spool.send().startswith("250")
        assert arrived(spool) == 1


@pytest.mark.parametrize("damage", ["cut", "garbage"])
@pytest.mark.parametrize("missing", [1, 500, 4000, 20_000])
def test_case_166_torn_end_of_the_log_is_cut_and_what_was_acknowledged_before_is_there(
    world: World, hop: Hop, tmp_path: Path, damage: str, missing: int
) -> None:
    """A power cut in the middle of the write of the second mail: it was not acknowledged."""
    with spooling(world, hop) as spool:
        wal = wal_of(world)
        assert spool.send().startswith("250")
        before = wal.stat().st_size
        assert spool.send(LARGE).startswith("250")
        database = Path(str(wal).removesuffix("-wal"))
        torn = tmp_path / "torn" / "careerrelay.db"
        torn.parent.mkdir()
        shutil.copy(database, torn)
        content = wal.read_bytes()
    assert len(content) - before > missing
    tail = b"\xff" * missing if damage == "garbage" else b""
    Path(f"{torn}-wal").write_bytes(content[:-missing] + tail)
    shutil.copy(world.runtime.settings.key_file, torn.parent / "keys.toml")
    found = open_runtime(f"sqlite:///{torn}", torn.parent, clock=Clock(), queue=world.queue)
    try:
        found.database.check()
        with found.database.read() as session:
            mails = session.scalars(select(SpooledMail)).all()
            assert [content_of(found, session, mail)[1] for mail in mails] == [PLAIN]
        spool_again = MailSpool(found)
        spool_again.stop()
    finally:
        found.close()
