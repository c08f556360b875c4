"""Companies, connections and what is said of them, below the command line."""

from __future__ import annotations

import pytest

from careerrelay.engine import companies, connections
from careerrelay.engine.connections import ConnectionPlan
from careerrelay.models.errors import ConfigurationError, NotFoundError, RefusedError
from tests.support.world import World


@pytest.mark.parametrize("id_", ["", "-a", "a-", "A", "a_b", "あ", "a" * 41, "a/b", "a b", "a\n"])
def test_a_bad_short_name_is_refused(world: World, id_: str) -> None:
    with pytest.raises(ConfigurationError, match="company id"):
        companies.add_company(world.runtime, id_, actor="test", name="X")


@pytest.mark.parametrize("id_", ["a", "7", "acme-tokyo", "a" * 40])
def test_a_good_short_name_is_taken(world: World, id_: str) -> None:
    assert companies.add_company(world.runtime, id_, actor="test", name="X").id == id_


def test_unknown_values_are_refused_by_name(world: World) -> None:
    with pytest.raises(ConfigurationError, match="company colour: unknown field"):
        companies.change_company(world.runtime, "acme", actor="test", colour="red")


def test_a_change_that_is_refused_changes_nothing(world: World) -> None:
    with pytest.raises(ConfigurationError):
        companies.change_company(
            world.runtime, "acme", actor="test", recruiter_name="次郎", send_from_hour=23
        )
    assert companies.find_company(world.runtime, "acme").recruiter_name == "採用 花子"


def test_a_name_of_control_characters_does_not_get_into_mail_headers(world: World) -> None:
    with pytest.raises(ConfigurationError, match="must be one line"):
        companies.change_company(world.runtime, "acme", actor="test", name="A\r\nBcc: x")


def test_what_is_not_there_is_told_with_what_is(world: World) -> None:
    with pytest.raises(NotFoundError, match="known: acme"):
        companies.find_company(world.runtime, "beta")
    with pytest.raises(NotFoundError, match="known: toy"):
        connections.find_connection(world.runtime, "beta")
    with pytest.raises(NotFoundError, match="no company 'beta'"):
        connections.all_connections(world.runtime, company="beta")


def test_a_connection_needs_its_company(world: World) -> None:
    with pytest.raises(NotFoundError, match="no company"):
        connections.add_connection(
            world.runtime, "x", company="nobody", connector="toy", plan=ConnectionPlan(),
            actor="test",
        )  # fmt: skip


def test_an_id_of_a_removed_connection_is_not_given_again(world: World) -> None:
    connections.remove_connection(world.runtime, "toy", actor="test")
    plan = ConnectionPlan(secrets={"webhook_secret": "s"})
    with pytest.raises(RefusedError, match="taken"):
        connections.add_connection(
            world.runtime, "toy", company="acme", connector="toy", plan=plan, actor="test"
        )


def test_secrets_do_not_show_in_a_plans_repr() -> None:
    assert "hidden" not in repr(ConnectionPlan(secrets={"k": "hidden"}))


def test_strategies_are_kept_in_order_and_once(world: World) -> None:
    plan = ConnectionPlan(strategies=["static_link", "field_token", "static_link"])
    changed = connections.change_connection(world.runtime, "toy", plan=plan, actor="test")
    assert changed.strategies == ["static_link", "field_token"]
    nothing = ConnectionPlan(strategies=[])
    with pytest.raises(ConfigurationError, match="at least one"):
        connections.change_connection(world.runtime, "toy", plan=nothing, actor="test")
