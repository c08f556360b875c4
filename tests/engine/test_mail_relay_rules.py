"""Which mails are looked at at all, who may send them, and what may be set."""

from __future__ import annotations

from typing import Any

import pytest

from careerrelay.engine.mail_relay import MailDesk
from careerrelay.engine.mail_relays import (
    RelayPlan,
    add_relay,
    all_relays,
    change_relay,
    drop_old_password,
    remove_relay,
    rotate_password,
    shown_relay,
)
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.errors import ConfigurationError, NotFoundError, RefusedError
from careerrelay.models.tables import MailRelay
from tests.engine.relaying import CONNECTION, VALUES, Relaying, message, relaying
from tests.support.world import World

REJECTED = ApplicationState.REJECTED
PLAIN = message(text="ご連絡いたします。")
ENCODED = "=?utf-8?b?6YG46ICD57WQ5p6c44Gu44GU6YCj57Wh?="
"""選考結果のご連絡"""


@pytest.fixture
def relay(world: World) -> Relaying:
    return relaying(world)


def test_mail_that_is_no_rejection_passes_untouched_and_leaves_nothing(relay: Relaying) -> None:
    relay.tell(1, REJECTED)
    treatment = relay.send(1, content=PLAIN)
    assert (treatment.paragraph, treatment.delivery, treatment.erase) == (None, "", False)
    assert relay.mails() == []
    assert relay.delivery().state == "due"


@pytest.mark.parametrize(
    ("rules", "content"),
    [
        ({"subjects": ["選考結果"]}, PLAIN),
        ({"subjects": ["選考結果"]}, message(subject=ENCODED, text="x")),
        ({"headers": ["X-Template: rejection"]}, message(text="x", X_Template="Rejection 3")),
        ({"headers": ["X-Template:"]}, message(text="x", X_Template="any")),
        ({"recent_hours": 24}, PLAIN),
    ],
)
def test_company_can_say_which_mails_are_rejections(
    world: World, rules: dict[str, Any], content: bytes
) -> None:
    relay = relaying(world, **rules)
    relay.tell(1, REJECTED)
    assert relay.treat(1, content=content).paragraph is not None


@pytest.mark.parametrize(
    ("rules", "content"),
    [
        ({"subjects": ["面接"]}, PLAIN),
        ({"headers": ["X-Template: rejection"]}, message(text="x", X_Template="invitation")),
        ({"headers": ["X-Template: rejection"]}, PLAIN),
    ],
)
def test_rule_that_does_not_fit_leaves_the_mail_alone(
    world: World, rules: dict[str, Any], content: bytes
) -> None:
    relay = relaying(world, **rules)
    relay.tell(1, REJECTED)
    assert relay.treat(1, content=content).delivery == ""


def test_mail_a_rule_takes_for_a_rejection_passes_untouched_when_it_was_none(world: World) -> None:
    relay = relaying(world, subjects=["選考結果"], wait_minutes=0)
    relay.tell(1, ApplicationState.ACTIVE)
    treatment = relay.treat(1, content=PLAIN)
    assert (treatment.paragraph, treatment.erase, treatment.retry_later) == (None, False, "")


def test_only_the_first_mail_soon_after_a_rejection_counts_as_its_notice(world: World) -> None:
    relay = relaying(world, recent_hours=24)
    relay.tell(1, REJECTED)
    assert relay.send(1, content=PLAIN).paragraph is not None
    second = message(text="x", message_id="<2@ats.example>")
    assert relay.send(1, content=second).paragraph is None
    assert relay.treat(1, content=PLAIN).paragraph is not None, "the first one, sent again"


def test_mail_long_after_a_rejection_is_not_its_notice(world: World) -> None:
    relay = relaying(world, recent_hours=24)
    relay.tell(1, REJECTED)
    world.clock.forward(hours=25)
    assert relay.treat(1, content=PLAIN).paragraph is None


def test_mail_to_a_stranger_without_marker_is_not_held_up(world: World) -> None:
    relay = relaying(world, recent_hours=24)
    treatment = relay.send(9, content=PLAIN)
    assert (treatment.paragraph, treatment.retry_later, treatment.erase) == (None, "", False)
    assert relay.mails() == [], "nothing is kept of it"


# Who may send.


def test_account_takes_its_own_password_only(relay: Relaying) -> None:
    assert relay.desk.account("ats", relay.password) == relay.account
    assert relay.desk.account("ats", relay.password[:-1]) is None
    assert relay.desk.account("ats", "") is None
    assert relay.desk.account("nobody", relay.password) is None


def test_old_password_is_good_until_it_is_dropped(relay: Relaying) -> None:
    runtime = relay.world.runtime
    new = rotate_password(runtime, "ats", actor="test")
    assert all(relay.desk.account("ats", p) for p in (new, relay.password))
    assert drop_old_password(runtime, "ats", actor="test")
    assert not drop_old_password(runtime, "ats", actor="test")
    assert relay.desk.account("ats", new)
    assert relay.desk.account("ats", relay.password) is None


def test_removed_account_is_refused_and_its_id_is_not_given_again(relay: Relaying) -> None:
    runtime = relay.world.runtime
    remove_relay(runtime, "ats", actor="test")
    assert relay.desk.account("ats", relay.password) is None
    assert all_relays(runtime) == []
    with pytest.raises(RefusedError, match="taken"):
        add_relay(runtime, "ats", connection=CONNECTION, plan=RelayPlan(VALUES), actor="test")


def test_listed_network_needs_no_sign_in(world: World) -> None:
    relay = relaying(world, networks=["192.0.2.0/24"])
    for peer in ("192.0.2.7", "::ffff:192.0.2.7"):
        assert relay.desk.accounts_of_address(peer) == [relay.account]
    assert relay.desk.accounts_of_address("198.51.100.1") == []


def test_network_two_companies_share_is_no_reason_for_one_to_be_the_other(world: World) -> None:
    relay = relaying(world, networks=["192.0.2.0/24"])
    plan = RelayPlan({**VALUES, "senders": ["other.example.jp"], "networks": ["192.0.2.0/24"]})
    add_relay(world.runtime, "other", connection=CONNECTION, plan=plan, actor="test")
    both = relay.desk.accounts_of_address("192.0.2.7")
    assert [(a.id, sorted(a.senders)) for a in both] == [
        ("ats", ["acme.example.jp"]),
        ("other", ["other.example.jp"]),
    ]
    with pytest.raises(ConfigurationError, match="same network and sender"):
        change_relay(
            world.runtime, "other", plan=RelayPlan({"senders": ["acme.example.jp"]}), actor="test"
        )


def test_password_and_secrets_are_stored_sealed_and_never_shown(world: World) -> None:
    relay = relaying(world)
    plan = RelayPlan({"next_hop_username": "relay"}, next_hop_password="n3xt-h0p")
    changed = change_relay(world.runtime, "ats", plan=plan, actor="test")
    account = relay.desk.account("ats", relay.password)
    assert account is not None
    assert account.next_hop.password == "n3xt-h0p"
    with world.runtime.database.read() as session:
        row = session.get_one(MailRelay, "ats")
        stored = f"{row.next_hop} {row.password_hashes}"
    shown = shown_relay(changed)
    for told in (stored, str(shown), repr(plan)):
        assert "n3xt-h0p" not in told
        assert relay.password not in told
    assert (shown["password"], shown["next_hop_password"]) == ("set", "set")


# What may be set.


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"next_hop_host": ""}, "next_hop_host"),
        ({"senders": []}, "senders"),
        ({"senders": ["Not A Domain"]}, "senders"),
        ({"networks": ["0.0.0.0/0"]}, "networks"),
        ({"networks": ["here"]}, "networks"),
        ({"marker": "{{x"}, "marker"),
        ({"marker": "two\nlines"}, "marker"),
        ({"headers": ["no colon"]}, "headers"),
        ({"without_link": "hope"}, "without_link"),
        ({"wait_minutes": "5000"}, "wait_minutes"),
        ({"next_hop_security": "maybe"}, "next_hop_security"),
        ({"dkim_domain": "acme.example.jp"}, "go together"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_work_is_refused_by_name(
    world: World, values: dict[str, Any], told: str
) -> None:
    world.connect(CONNECTION, strategies=("mail_relay",))
    plan = RelayPlan({**VALUES, **values})
    with pytest.raises(ConfigurationError, match=told):
        add_relay(world.runtime, "ats", connection=CONNECTION, plan=plan, actor="test")
    assert all_relays(world.runtime) == []


def test_bad_signing_key_is_refused(world: World) -> None:
    world.connect(CONNECTION, strategies=("mail_relay",))
    plan = RelayPlan(
        {**VALUES, "dkim_domain": "acme.example.jp", "dkim_selector": "cr"}, signing_key="no key"
    )
    with pytest.raises(ConfigurationError, match="dkim"):
        add_relay(world.runtime, "ats", connection=CONNECTION, plan=plan, actor="test")


def test_relay_without_password_needs_a_network(world: World) -> None:
    world.connect(CONNECTION, strategies=("mail_relay",))
    with pytest.raises(ConfigurationError, match="networks"):
        add_relay(
            world.runtime, "ats", connection=CONNECTION, plan=RelayPlan(VALUES), actor="test",
            sign_in=False,
        )  # fmt: skip


def test_key_for_a_shared_network_needs_a_password(world: World) -> None:
    world.connect(CONNECTION, strategies=("mail_relay",))
    keyed = {"senders": ["acme.example.jp"], "networks": ["192.0.2.0/24"], "network_key": True}
    hop = {"next_hop_host": "smtp.acme.example.jp"}
    for sign_in, values in ((False, {**keyed, **hop}), (True, {**keyed, "milter": True})):
        with pytest.raises(ConfigurationError, match="network_key"):
            add_relay(
                world.runtime, "ats", connection=CONNECTION, plan=RelayPlan(values), actor="test",
                sign_in=sign_in,
            )  # fmt: skip


def test_key_of_a_shared_network_is_the_password(world: World) -> None:
    relay = relaying(world, networks=["192.0.2.0/24"], network_key=True)
    (account,) = relay.desk.accounts_of_address("192.0.2.7")
    assert account.keyed
    assert relay.desk.account(account.id, relay.password) == account


def test_unknown_relay_is_told_with_those_there_are(relay: Relaying) -> None:
    with pytest.raises(NotFoundError, match="known: ats"):
        change_relay(relay.world.runtime, "atz", plan=RelayPlan(), actor="test")


def test_desk_is_what_the_relay_asks_for(relay: Relaying) -> None:
    assert isinstance(relay.desk, MailDesk)
    assert relay.account.senders == {"acme.example.jp"}
    assert relay.account.next_hop.port == 587
