"""Fixtures for all tests. Databases: each test gets its own, migrated, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from careerrelay.connectors import registry
from careerrelay.engine import links as links_module
from careerrelay.engine import polling as polling_module
from careerrelay.engine import runtime as runtime_module
from careerrelay.engine.queue import InlineQueue
from careerrelay.engine.runtime import Runtime
from careerrelay.engine.service import Service
from tests.support.databases import migrate, sqlite_copy, sqlite_template
from tests.support.logged import listening, people_in
from tests.support.mailbox import Mailbox, running_mailbox
from tests.support.postgres import PostgresServer, running_postgres
from tests.support.toy import (
    HintToyConnector,
    KeepingToyConnector,
    MessagingToyConnector,
    ToyConnector,
    ToyVendor,
    UnseenToyConnector,
)
from tests.support.world import Clock, World, open_runtime

# How fast examples are made says something of the machine, nothing of the code.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A real SMTP server that keeps what it takes."""
    with running_mailbox() as box:
        yield box


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A command run inside a test says where all log lines go; the next test reads its own."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(autouse=True)
def _nobody_is_in_the_logs() -> Iterator[None]:
    """Whatever a test does: no line that is logged meanwhile holds an address or a name."""
    with listening() as lines:
        yield
    told = [line for line in lines if people_in(line)]
    assert told == []


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server per test process, started by the first test that needs it."""
    with running_postgres(fsync=False) as server:
        yield server


@pytest.fixture(scope="session")
def _postgres_template(postgres_server: PostgresServer) -> str:
    return postgres_server.create_template("migrated_template", fill=migrate)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sqlite_template(tmp_path_factory.mktemp("template") / "careerrelay.db")


@pytest.fixture
def sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh, migrated SQLite database."""
    return sqlite_copy(_sqlite_template, tmp_path / "careerrelay.db")


@pytest.fixture
def postgresql_url(postgres_server: PostgresServer, _postgres_template: str) -> Iterator[str]:
    """A fresh, migrated PostgreSQL database."""
    url = postgres_server.create_database(template=_postgres_template)
    yield url
    postgres_server.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh, migrated database; the test runs once on each kind."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def clock() -> Clock:
    """A clock that stands until a test moves it."""
    return Clock()


@pytest.fixture
def vendor() -> ToyVendor:
    """What the toy ATS holds."""
    return ToyVendor()


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch, vendor: ToyVendor) -> None:
    """The toy connectors, installed beside the real ones."""
    toy = type("BoundToy", (ToyConnector,), {"vendor": vendor})
    hint = type("BoundHint", (HintToyConnector,), {"vendor": vendor})
    messaging = type("BoundMessaging", (MessagingToyConnector,), {"vendor": vendor})
    keeping = type("BoundKeeping", (KeepingToyConnector,), {"vendor": vendor})
    unseen = type("BoundUnseen", (UnseenToyConnector,), {"vendor": vendor})
    real = dict(registry.connector_classes())

    def with_toys() -> dict[str, type]:
        return {
            **real,
            "toy": toy,
            "hint": hint,
            "messaging": messaging,
            "keeping": keeping,
            "unseen": unseen,
        }

    with_toys.cache_clear = lambda: None  # type: ignore[attr-defined]
    for module in (registry, runtime_module, links_module, polling_module):
        monkeypatch.setattr(module, "connector_classes", with_toys)


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Runtime]:
    """An installation's runtime with the queue in memory."""
    made = open_runtime(database_url, tmp_path / "data", clock=clock, queue=InlineQueue(clock))
    yield made
    made.close()


@pytest.fixture
def world(runtime: Runtime, clock: Clock, vendor: ToyVendor, toys: None) -> World:
    """An installation with one company connected to the toy ATS by field token."""
    made = World(runtime, clock, vendor)
    runtime.queue.start(Service(runtime).run)
    made.add_company()
    made.connect()
    return made
