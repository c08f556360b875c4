"""Connectors that rest on reports are off until somebody switches them on."""

from __future__ import annotations

import dataclasses

import pytest

from careerrelay.engine.config import load
from careerrelay.engine.connections import ConnectionPlan, add_connection
from careerrelay.models.errors import ConfigurationError
from tests.support.toy import SECRET, ToyConnector
from tests.support.world import World

PLAN = ConnectionPlan(secrets={"webhook_secret": SECRET})


@pytest.fixture(autouse=True)
def experimental(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = dataclasses.replace(ToyConnector.spec, experimental=True)
    monkeypatch.setattr(ToyConnector, "spec", spec)


def add(world: World) -> None:
    add_connection(world.runtime, "other", company="acme", connector="toy", plan=PLAN, actor="test")


def test_experimental_connector_is_refused_and_says_where_to_switch_it_on(world: World) -> None:
    with pytest.raises(ConfigurationError, match=r"name toy in \[connectors\] experimental"):
        add(world)


def test_experimental_connector_that_is_switched_on_works(world: World) -> None:
    named = load(environ={}, overrides={"connectors": {"experimental": "other, toy"}})
    world.runtime.settings = dataclasses.replace(
        world.runtime.settings, connectors=named.connectors
    )
    add(world)


@pytest.mark.parametrize("named", ["", "toys", "other"])
def test_another_name_switches_nothing_on(named: str) -> None:
    settings = load(environ={}, overrides={"connectors": {"experimental": named}})
    assert not settings.allows("toy")
