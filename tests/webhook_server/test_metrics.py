"""/metrics: the figures of the rows, for those who may see them."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from careerrelay.connectors import registry
from careerrelay.connectors.spec import RateLimit
from careerrelay.engine import metrics
from careerrelay.engine.ingest import Ingest
from careerrelay.engine.metrics import gauges
from careerrelay.models.tables import Connection, Heartbeat
from tests.engine.test_flow import register
from tests.webhook_server.site import Reader, Site
from tests.webhook_server.test_health import full

MONITORING = Path(__file__).parents[2] / "examples/monitoring"
TOKEN = "a-token-of-the-monitoring"
NAMES = r"\bcareerrelay[_:][\w:]+"
"""Of families, and of what a recording rule makes of them."""


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


def grouped_by(expression: str) -> set[str]:
    """The labels that a PromQL expression keeps."""
    groups = re.findall(r"\bby \(([^)]*)\)", expression)
    return {word.strip() for group in groups for word in group.split(",")}


def wanted_labels(expression: str) -> set[str]:
    """Those it groups by or compares."""
    return grouped_by(expression) | set(re.findall(r'(\w+)\s*[=!]~?=?\s*"', expression))


def known_labels(expression: str, known: dict[str, set[str]]) -> set[str]:
    """Those of the families it names, all of which must be known; and Prometheus' own."""
    names = re.findall(NAMES, expression)
    assert names or "up{" in expression, expression
    return {"job"}.union(*(known[name] for name in names))


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


def test_signals_and_reports_are_counted_by_connection_and_by_what_became_of_them(
    site: Site, neighbour: Reader
) -> None:
    site.world.apply(7)
    site.world.work()
    site.world.clock.forward(seconds=1)
    site.world.reject(7)
    site.world.work()
    register(site.world, 7)
    site.world.work()
    for work, number in (("signals", 2), ("reports", 1)):
        of = {"work": work, "connection": "toy", "state": "done"}
        assert figure(neighbour, "work_last_hour", **of) == number
    site.world.clock.forward(hours=2)
    assert figure(neighbour, "work_last_hour") is None


def test_calls_that_the_ats_would_still_let_us_make_are_told(
    site: Site, neighbour: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = {"connection": "toy", "connector": "toy"}
    assert figure(neighbour, "calls_left", **of) is None, "it publishes no limit"
    with site.runtime.database.read() as session:
        connection = session.get_one(Connection, "toy")
    cls = type(site.runtime.connector(connection))
    monkeypatch.setattr(metrics, "connector_classes", registry.connector_classes)
    monkeypatch.setattr(cls, "spec", replace(cls.spec, rate_limit=RateLimit(20, 3600.0)))
    site.runtime._clients.clear()
    limiter = site.runtime.connector(connection).http._limiter
    assert figure(neighbour, "calls_left", **of) == 20
    for _ in range(3):
        assert limiter is not None
        assert limiter.wait(at_most=0) == 0
    assert figure(neighbour, "calls_left", **of) == 17


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


def test_what_readyz_says_is_a_figure_too(
    site: Site, neighbour: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.runtime.database.begin() as session:
        session.merge(Heartbeat(executor_id="w", beat_at=site.world.clock(), host="h", pid=1))
    assert figure(neighbour, "ready") == 1
    site.runtime.written = -math.inf
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(site.runtime.database, "begin", full)
        assert figure(neighbour, "ready") == 0
    assert figure(neighbour, "ready") == 1


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
    known = {gauge.name: set(gauge.labels) for gauge in gauges(site.runtime, ingest)}
    known["careerrelay_workers_alive"] = set()
    alerts = yaml.safe_load((MONITORING / "alerts.yml").read_text("utf-8"))
    rules = [rule for group in alerts["groups"] for rule in group["rules"]]
    known |= {rule["record"]: grouped_by(rule["expr"]) for rule in rules if "record" in rule}
    panels = json.loads((MONITORING / "dashboard.json").read_text("utf-8"))["panels"]
    shown = [target for panel in panels for target in panel["targets"]]
    asked = [(rule["expr"], str(rule.get("annotations")), r"\$labels\.(\w+)") for rule in rules]
    asked += [(target["expr"], target["legendFormat"], r"{{(\w+)}}") for target in shown]
    for expression, told, label in asked:
        labels = wanted_labels(expression) | set(re.findall(label, told))
        assert labels <= known_labels(expression, known), expression
    seen = set(re.findall(NAMES, " ".join(expression for expression, _, _ in asked)))
    assert seen == known.keys(), "each family is shown, or wakes somebody"


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "Via"])
def test_a_proxy_on_this_machine_lets_no_stranger_read_them(neighbour: Reader, name: str) -> None:
    """Its own address would make everybody a neighbour; and 127.0.0.1 can be claimed."""
    assert neighbour.client.get("/metrics", headers={name: "127.0.0.1"}).status_code == 404
