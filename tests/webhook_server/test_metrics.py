"""/metrics: the figures of the rows, for those who may see them."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from careerrelay.engine.ingest import Ingest
from careerrelay.engine.metrics import gauges
from careerrelay.models.tables import Connection, Heartbeat
from tests.webhook_server.site import Reader, Site

MONITORING = Path(__file__).parents[2] / "examples/monitoring"
TOKEN = "a-token-of-the-monitoring"


@pytest.fixture
def neighbour(site: Site) -> Reader:
    """Asks from the same machine."""
    return site.reader(address="127.0.0.1")


def protect(site: Site) -> None:
    server: Any = site.runtime.settings.server
    server["metrics_token"] = TOKEN


def figure(reader: Reader, name: str, **labels: str) -> float | None:
    """What a Prometheus reads under that name and those labels; None: nothing."""
    response = reader.get("/metrics")
    assert response.status_code == 200
    found = [
        sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
        if sample.name == f"careerrelay_{name}" and labels.items() <= sample.labels.items()
    ]
    assert len(found) <= 1
    return found[0] if found else None


def test_work_that_waits_is_counted_with_its_age(site: Site, neighbour: Reader) -> None:
    site.world.apply(7)
    site.world.queue.lose_everything()
    site.world.clock.forward(minutes=10)
    of = {"work": "signals", "connection": "toy"}
    assert figure(neighbour, "work_due", **of) == 1
    assert figure(neighbour, "work_oldest_seconds", **of) == 600


def test_dead_work_stays_in_sight(site: Site, neighbour: Reader) -> None:
    def trouble(_operation: str) -> None:
        raise ValueError

    site.world.vendor.trouble = trouble
    site.world.apply(7)
    site.world.work()
    assert figure(neighbour, "work_dead", work="deliveries", connection="toy") == 1


def test_deliveries_are_told_by_strategy_and_result(site: Site, neighbour: Reader) -> None:
    site.world.apply(7)
    site.world.work()
    of = {"connection": "toy", "strategy": "field_token", "state": "done", "code": ""}
    assert figure(neighbour, "deliveries_last_hour", **of) == 1
    site.world.clock.forward(hours=2)
    assert figure(neighbour, "deliveries_last_hour") is None


def test_parked_connection_is_told(site: Site, neighbour: Reader) -> None:
    with site.runtime.database.begin() as session:
        connection = session.get_one(Connection, "toy")
        connection.attention = "the key was refused"
        connection.paused_until = site.world.clock() + timedelta(seconds=90)
        name = connection.connector
    of = {"connection": "toy", "connector": name}
    assert figure(neighbour, "connection_needs_attention", **of) == 1
    assert figure(neighbour, "connection_paused_seconds", **of) == 90


def test_workers_that_beat_are_counted_where_several_may_work(
    site: Site, neighbour: Reader
) -> None:
    with site.runtime.database.begin() as session:
        session.merge(Heartbeat(executor_id="w", beat_at=site.world.clock(), host="h", pid=1))
    expected = None if site.runtime.database.is_sqlite else 1
    assert figure(neighbour, "workers_alive") == expected


def test_strangers_do_not_learn_that_there_are_figures(site: Site, reader: Reader) -> None:
    assert reader.get("/metrics").status_code == 404
    protect(site)
    assert reader.get("/metrics").status_code == 404
    for sent in ("", TOKEN, f"Bearer {TOKEN}x", "Bearer é"):
        assert reader.client.get("/metrics", headers={"Authorization": sent}).status_code == 404


def test_the_token_opens_them_from_anywhere(site: Site) -> None:
    protect(site)
    response = site.app.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert response.status_code == 200
    assert "careerrelay_ingest_waiting 0.0" in response.text


def test_no_person_is_in_the_figures(site: Site, neighbour: Reader) -> None:
    site.world.apply(7)
    site.world.work()
    shown = neighbour.get("/metrics").text
    for word in ("person7", "example.com", "応募", "a7", "c7"):
        assert word not in shown


def test_alerts_and_dashboard_ask_only_for_what_there_is(site: Site, ingest: Ingest) -> None:
    known = {gauge.name for gauge in gauges(site.runtime, ingest)} | {"careerrelay_workers_alive"}
    for name in ("alerts.yml", "dashboard.json"):
        asked = set(re.findall(r"\bcareerrelay_\w+", (MONITORING / name).read_text("utf-8")))
        assert asked
        assert asked <= known
    assert json.loads((MONITORING / "dashboard.json").read_text("utf-8"))["panels"]


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "Via"])
def test_a_proxy_on_this_machine_lets_no_stranger_read_them(neighbour: Reader, name: str) -> None:
    """Its own address would make everybody a neighbour; and 127.0.0.1 can be claimed."""
    assert neighbour.client.get("/metrics", headers={name: "127.0.0.1"}).status_code == 404
