"""mail-relay: accounts of the relay, whose secrets are shown once or never."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from careerrelay.engine.mail_relay import MailDesk
from careerrelay.engine.mail_relays import all_relays
from tests.cli.conftest import BOTH, CommandLine
from tests.support.world import World

pytestmark = BOTH

ADD = ("mail-relay", "add", "ats", "--connection", "toy", "--sender", "acme.example.jp",
       "--next-hop-host", "smtp.acme.example.jp")  # fmt: skip


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    key = generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = tmp_path / "dkim.pem"
    path.write_bytes(pem)
    return path


def test_password_is_shown_once_and_signs_in(cli: CommandLine, world: World) -> None:
    entered = cli.data(*ADD)["enter_in_ats"]
    assert (entered["user"], entered["port"]) == ("ats", 2525)
    assert MailDesk(world.runtime).account("ats", entered["password"]) is not None
    for words in (("show", "ats"), ("list",)):
        assert entered["password"] not in cli("mail-relay", *words).stdout


def test_people_are_told_what_to_enter_and_what_comes_next(cli: CommandLine) -> None:
    told = cli(*ADD).stdout
    assert "SMTP user:     ats" in told
    assert "not shown again" in told
    assert "{{career_relay_link}}" in told
    assert "connections set toy --strategy mail_relay" in told


def test_values_are_changed_one_by_one_and_lists_as_a_whole(cli: CommandLine) -> None:
    cli(*ADD)
    changed = cli.data(
        "mail-relay", "set", "ats", "--subject", "選考結果", "--subject", "お祈り",
        "--wait-minutes", "0", "--without-link", "erase", "--demand", "yes",
    )  # fmt: skip
    assert changed["subjects"] == ["選考結果", "お祈り"]
    assert (changed["wait_minutes"], changed["without_link"]) == (0, "erase")
    assert changed["demand"] is True
    assert changed["senders"] == ["acme.example.jp"]
    assert cli.data("mail-relay", "set", "ats", "--subject", "")["subjects"] == []


def test_dkim_key_is_taken_from_a_file_and_forgotten_on_demand(
    cli: CommandLine, world: World, key_file: Path
) -> None:
    cli(*ADD)
    shown = cli.data(
        "mail-relay", "set", "ats", "--dkim-domain", "acme.example.jp", "--dkim-selector", "cr",
        "--dkim-key-file", str(key_file),
    )  # fmt: skip
    assert shown["dkim_key"] == "set"
    (relay,) = all_relays(world.runtime)
    assert "PRIVATE" not in str(relay.signing)
    gone = cli.data(
        "mail-relay", "set", "ats", "--forget-dkim-key", "--dkim-domain", "", "--dkim-selector", ""
    )
    assert (gone["dkim_key"], gone["dkim_domain"]) == ("missing", "")


def test_next_hop_password_is_taken_from_the_environment(cli: CommandLine, world: World) -> None:
    cli(*ADD, "--next-hop-username", "relay", "--next-hop-password-env", "HOP", env={"HOP": "s3"})
    entered = cli.data("mail-relay", "rotate", "ats")
    account = MailDesk(world.runtime).account("ats", entered["password"])
    assert account is not None
    assert account.next_hop.password == "s3"
    error = cli(
        "mail-relay", "set", "ats", "--next-hop-password-env", "HOP", "--forget-next-hop-password",
        code=2, env={"HOP": "s3"},
    ).stderr  # fmt: skip
    assert "in one way only" in error


def test_rotation_leaves_no_gap(cli: CommandLine, world: World) -> None:
    old = cli.data(*ADD)["enter_in_ats"]["password"]
    new = cli.data("mail-relay", "rotate", "ats")["password"]
    desk = MailDesk(world.runtime)
    assert desk.account("ats", old)
    assert cli.data("mail-relay", "rotate", "ats", "--drop-old")["dropped"]
    assert desk.account("ats", old) is None
    assert desk.account("ats", new)
    assert "there was no old password" in cli("mail-relay", "rotate", "ats", "--drop-old").stdout


def test_key_of_a_shared_network_is_told_as_a_header(cli: CommandLine) -> None:
    told = cli(*ADD, "--network", "192.0.2.0/24", "--network-key", "yes").stdout
    password = told.partition("SMTP password: ")[2].split()[0]
    assert f"X-CareerRelay-Key: {password} " in told
    assert cli.data("mail-relay", "show", "ats")["network_key"] is True


def test_relay_known_by_its_network_has_no_password(cli: CommandLine) -> None:
    made = cli.data(*ADD, "--no-password", "--network", "192.0.2.0/24")
    assert (made["enter_in_ats"]["password"], made["password"]) == (None, "missing")


@pytest.mark.parametrize(
    ("extra", "code", "told"),
    [
        (["--sender", "not a domain"], 2, "senders"),
        (["--connection", "nothing"], 1, "there is no connection 'nothing'"),
        (["--no-password"], 2, "networks"),
        (["--no-password", "--network", "192.0.2.0/24", "--network-key", "yes"], 2, "network_key"),
        (["--next-hop-port", "many"], 2, "next_hop_port"),
        (["--dkim-key-file", "/no/such/file"], 2, "cannot read the file"),
    ],
)
def test_what_cannot_work_is_refused_by_name(
    cli: CommandLine, world: World, extra: list[str], code: int, told: str
) -> None:
    assert told in cli(*ADD, *extra, code=code).stderr
    assert all_relays(world.runtime) == []


def test_set_without_anything_is_a_usage_error(cli: CommandLine) -> None:
    cli(*ADD)
    assert "nothing to change" in cli("mail-relay", "set", "ats", code=2).stderr


def test_removed_relay_is_gone_from_the_list(cli: CommandLine) -> None:
    cli(*ADD)
    assert "nothing was done" in cli("mail-relay", "remove", "ats", code=1).stderr
    cli("mail-relay", "remove", "ats", "--yes")
    assert cli.data("mail-relay", "list") == []
    assert "no mail relay yet" in cli("mail-relay", "list").stdout
    assert "there is no mail relay 'ats'" in cli("mail-relay", "show", "ats", code=1).stderr


def test_mails_and_report_are_empty_before_the_first_mail(cli: CommandLine) -> None:
    cli(*ADD)
    assert cli.data("mail-relay", "mails", "toy") == []
    assert cli.data("mail-relay", "report", "toy") == []
    assert cli("mail-relay", "report", "toy").stdout.startswith("mails\t")


def test_relay_by_the_milter_is_told_as_what_to_enter_in_the_mta(cli: CommandLine) -> None:
    words = ("mail-relay", "add", "mta", "--connection", "toy", "--sender", "acme.example.jp",
             "--milter", "yes")  # fmt: skip
    told = cli(*words).stdout
    assert "Set [mail_relay] milter: no place to listen is set yet" in told
    cli("mail-relay", "remove", "mta", "--yes")
    listening = {"CAREERRELAY_MAIL_RELAY_MILTER": "inet:8894@127.0.0.1"}
    again = (*words[:2], "mta2", *words[3:])
    told = cli(*again, env=listening).stdout
    assert "before the one that signs: inet:8894@127.0.0.1" in told
    last = (*words[:2], "mta3", *words[3:6], "two.example.jp", *words[7:])
    assert cli.data(*last)["enter_in_mta"] == {"milter": None}
