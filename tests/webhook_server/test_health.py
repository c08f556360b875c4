"""/healthz and /readyz."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any, NoReturn

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from careerrelay.engine.health import OVERDUE, troubles
from careerrelay.engine.ingest import Ingest
from careerrelay.models.tables import Heartbeat
from tests.webhook_server.site import Reader, Site, dump


@pytest.fixture
def beating(site: Site) -> Site:
    """A worker has just beaten (it only does on PostgreSQL)."""
    with site.runtime.database.begin() as session:
        session.merge(Heartbeat(executor_id="w", beat_at=site.world.clock(), host="h", pid=1))
    return site


def test_the_process_answers_whatever_the_store_does(site: Site, reader: Reader) -> None:
    site.runtime.database.close()
    with site.runtime.database.begin() as session:
        session.execute(text("ALTER TABLE signals RENAME TO elsewhere"))
    response = reader.get("/healthz")
    assert (response.status_code, response.text) == (200, "ok\n")


def test_ready_when_all_is_well(beating: Site, reader: Reader) -> None:
    response = reader.get("/readyz")
    assert (response.status_code, response.text) == (200, "ready\n")


def test_not_ready_while_owed_work_is_left_lying(
    beating: Site, reader: Reader, capsys: pytest.CaptureFixture[str]
) -> None:
    beating.world.apply(1)
    beating.world.queue.lose_everything()
    assert reader.get("/readyz").status_code == 200
    beating.world.clock.forward(seconds=(OVERDUE + timedelta(seconds=1)).total_seconds())
    response = reader.get("/readyz")
    assert (response.status_code, response.text) == (503, "not ready\n")
    assert "overdue" in capsys.readouterr().out


def test_not_ready_when_no_worker_beats(beating: Site, ingest: Ingest) -> None:
    beating.world.clock.forward(minutes=2)
    expected = [] if beating.runtime.database.is_sqlite else ["heartbeat"]
    assert troubles(beating.runtime, ingest) == expected


def test_not_ready_without_the_writer(beating: Site, ingest: Ingest, reader: Reader) -> None:
    ingest.stop()
    assert troubles(beating.runtime, ingest) == ["ingest"]
    assert reader.get("/readyz").status_code == 503


def test_not_ready_without_the_store(
    beating: Site, ingest: Ingest, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise OperationalError("SELECT", {}, Exception("person1@example.com"))

    monkeypatch.setattr(beating.runtime.database, "read", away)
    assert troubles(beating.runtime, ingest) == ["store"]
    assert reader.get("/readyz").text == "not ready\n"


def full(*_args: Any, **_named: Any) -> NoReturn:
    raise OperationalError("INSERT", {}, Exception("database or disk is full"))


def test_not_ready_while_all_can_be_read_and_nothing_written(
    beating: Site, ingest: Ingest, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a full disk, where each web hook hears 503."""
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(beating.runtime.database, "begin", full)
        assert troubles(beating.runtime, ingest) == ["store"]
        assert reader.get("/readyz").status_code == 503
    assert reader.get("/readyz").status_code == 200


def test_asking_leaves_nothing_in_the_store_and_writes_once_a_second_at_most(
    beating: Site, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dump(beating.runtime.database)
    assert troubles(beating.runtime, ingest) == []
    assert dump(beating.runtime.database) == before
    assert beating.runtime.written > 0
    beating.runtime.written += 3600
    monkeypatch.setattr(beating.runtime.database, "begin", full)
    assert troubles(beating.runtime, ingest) == [], "it has just been seen to write"


def test_a_store_that_hangs_in_a_commit_is_not_asked_anything_more(
    beating: Site, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ingest, "stuck", True)
    monkeypatch.setattr(beating.runtime.database, "read", full)
    assert troubles(beating.runtime, ingest) == ["store"]


def test_not_ready_on_a_schema_of_another_time(
    beating: Site, ingest: Ingest, reader: Reader
) -> None:
    """The new code is here, and nobody ran the upgrade."""
    with beating.runtime.database.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0002'"))
    assert troubles(beating.runtime, ingest) == ["migration"]
    assert reader.get("/readyz").status_code == 503


def test_not_ready_when_the_embedded_worker_has_gone_silent(
    beating: Site, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    beating.world.service().tick()
    assert troubles(beating.runtime, ingest) == []
    hour_ago = time.monotonic() - 3600
    monkeypatch.setattr(beating.runtime, "ticked", hour_ago)
    expected = ["heartbeat"] if beating.runtime.database.is_sqlite else []
    assert troubles(beating.runtime, ingest) == expected
