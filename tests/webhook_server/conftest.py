"""Fixtures: the app on a world, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from careerrelay.engine.ingest import Ingest
from careerrelay.engine.queue import InlineQueue
from careerrelay.engine.runtime import Runtime
from careerrelay.webhook_server import create_app
from tests.support.world import Clock, World, open_runtime
from tests.webhook_server.site import MAIL, Reader, Site


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Runtime]:
    """A runtime whose operator can send mail."""
    queue = InlineQueue(clock)
    made = open_runtime(database_url, tmp_path / "data", clock=clock, queue=queue, mail=MAIL)
    yield made
    made.close()


@pytest.fixture
def ingest(runtime: Runtime) -> Iterator[Ingest]:
    writer = Ingest(runtime)
    yield writer
    writer.stop()


@pytest.fixture
def site(world: World, ingest: Ingest) -> Site:
    """The server, with one company connected to the toy ATS."""
    app = create_app(world.runtime, ingest=ingest)
    app.testing = False
    return Site(world, app)


@pytest.fixture
def reader(site: Site) -> Reader:
    """A browser in Japanese."""
    return site.reader()
