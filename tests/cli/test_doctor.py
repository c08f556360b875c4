"""doctor: each thing that can be wrong is found, named, and comes with a remedy."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from careerrelay.connectors.base import Check
from careerrelay.engine.signals import refuse
from careerrelay.models.candidates import ApplicationState, Reason, RejectionSide
from careerrelay.models.tables import Company, Connection, MailTemplate
from tests.cli.conftest import BOTH, CommandLine, ReasonToy
from tests.support.mailbox import running_mailbox
from tests.support.toy import toy_webhook
from tests.support.world import World


def finding(cli: CommandLine, area: str, name: str, *, code: int = 1) -> dict[str, Any]:
    found = [f for f in cli.data("doctor", code=code) if (f["area"], f["name"]) == (area, name)]
    assert len(found) == 1, found
    return found[0]


def set_value(cli: CommandLine, before: str, after: str) -> None:
    content = cli.config.read_text()
    assert before in content
    cli.config.write_text(content.replace(before, after))


@pytest.fixture
def healthy(cli: CommandLine, world: World):
    """Nothing to complain of: a mailbox answers for the operator's SMTP account."""
    world.apply(1)
    world.work()
    with running_mailbox() as mailbox:
        set_value(
            cli,
            '[mail]\nhost = ""\nport = 587',
            f'[mail]\nhost = "127.0.0.1"\nport = {mailbox.port}',
        )
        yield cli


@BOTH
def test_a_healthy_installation_passes_in_order(healthy: CommandLine) -> None:
    found = healthy.data("doctor")
    assert {f["status"] for f in found} <= {"ok", "hint"}
    areas = list(dict.fromkeys(f["area"] for f in found))
    assert areas == ["keys", "settings", "database", "operator", "toy", "work", "acme"]
    assert "0 failed" in healthy("doctor").stdout


def test_a_mistyped_connection_does_not_pass_for_a_healthy_one(healthy: CommandLine) -> None:
    found = healthy.data("doctor", "--connection", "toi", code=1)
    failed = [f for f in found if f["status"] == "fail"]
    assert [(f["area"], f["name"]) for f in failed] == [("toi", "name")]
    assert "there is no connection 'toi'; known: toy" in failed[0]["detail"]
    assert healthy.data("doctor", "--connection", "toy")


def test_a_missing_key_file_is_found_and_what_rests_on_it_left_out(cli: CommandLine) -> None:
    folder = cli.config.parent / "data"
    (folder / "keys.toml").unlink()
    found = cli.data("doctor", code=1)
    assert found[0]["area"] == "keys"
    assert found[0]["status"] == "fail"
    assert {f["area"] for f in found} == {"keys", "settings"}


def test_a_wrong_setting_is_a_finding(cli: CommandLine) -> None:
    set_value(cli, 'locale = "ja"', 'locale = "fr"')
    found = cli.data("doctor", code=1)
    assert len(found) == 1
    assert "[server] locale" in found[0]["detail"]


def test_an_old_schema_is_a_finding(cli: CommandLine, world: World) -> None:
    with world.runtime.database.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    assert "database upgrade" in finding(cli, "database", "revision")["detail"]


def test_operator_fields_are_named(healthy: CommandLine) -> None:
    set_value(healthy, 'license_no = "13-ユ-000000"', 'license_no = ""')
    found = finding(healthy, "operator", "fields")
    assert found["remedy"] == "set [operator] license_no"


def test_plain_http_is_a_finding_and_this_machine_a_hint(healthy: CommandLine) -> None:
    set_value(healthy, "https://relay.example.jp", "http://relay.example.jp")
    assert "https" in finding(healthy, "settings", "base_url")["remedy"]
    set_value(healthy, "http://relay.example.jp", "http://127.0.0.1:8080")
    assert finding(healthy, "settings", "base_url", code=0)["status"] == "hint"


def test_smtp_is_probed_for_the_operator_and_those_who_send(
    healthy: CommandLine, world: World
) -> None:
    assert "it answers" in finding(healthy, "operator", "smtp", code=0)["detail"]
    healthy("connections", "set", "toy", "--strategy", "own_mail")
    assert "smtp host is not set" in finding(healthy, "acme", "smtp")["detail"]


def test_smtp_that_does_not_answer_is_a_finding(cli: CommandLine) -> None:
    set_value(cli, '[mail]\nhost = ""\nport = 587', '[mail]\nhost = "127.0.0.1"\nport = 1')
    assert "smtp host" in finding(cli, "operator", "smtp")["detail"]


def test_a_setting_that_is_gone_parks_the_connection(healthy: CommandLine, world: World) -> None:
    with world.runtime.database.begin() as session:
        session.get_one(Connection, "toy").secrets = {}
    found = finding(healthy, "toy", "settings")
    assert "webhook_secret is missing" in found["detail"]
    assert found["remedy"] == "careerrelay connections set toy"


def test_the_accounts_own_findings_and_its_attention_are_told(
    healthy: CommandLine, world: World, reason_toy: type[ReasonToy]
) -> None:
    world.connect("tokyo", connector="reasontoy", settings={"region": "jp"},
                  secrets={"webhook_secret": "s", "api_key": "k"})  # fmt: skip
    reason_toy.checks = (Check("notes", False, "may not write", "tick notes:write"),)
    with world.runtime.database.begin() as session:
        session.get_one(Connection, "tokyo").attention = "the key is refused; check api_key"
    assert finding(healthy, "tokyo", "notes")["remedy"] == "tick notes:write"
    assert "check api_key" in finding(healthy, "tokyo", "attention")["detail"]


def test_only_one_connection_may_be_asked_for(healthy: CommandLine, world: World) -> None:
    world.connect("other")
    areas = {f["area"] for f in healthy.data("doctor", "--connection", "other")}
    assert "other" in areas
    assert "toy" not in areas


def test_webhooks_that_were_all_refused_are_told_from_none(
    healthy: CommandLine, world: World
) -> None:
    world.connect("other")
    found = finding(healthy, "other", "webhook", code=0)
    assert found["status"] == "hint"
    assert "https://relay.example.jp/webhooks/other" in found["remedy"]
    from careerrelay.models.events import ApplicationEvent, EventKind

    event = ApplicationEvent(EventKind.REJECTED, world.clock(), "a1", "c1")
    request = toy_webhook(event, delivery="d")
    refuse(world.runtime, "other", request, status=401, code="unverified", cause="wrong secret")
    assert "wrong secret" in finding(healthy, "other", "webhook")["detail"]
    refuse(world.runtime, "toy", request, status=401, code="unverified", cause="wrong secret")
    healthy("connections", "remove", "other", "--yes")
    assert finding(healthy, "toy", "webhook", code=0)["status"] == "hint"


def test_unmapped_reasons_with_cases_are_a_hint(healthy: CommandLine, world: World) -> None:
    reason = Reason("r9", "その他", RejectionSide.UNKNOWN)
    world.tell(world.application(9, ApplicationState.REJECTED, reason=reason))
    world.work()
    found = finding(healthy, "toy", "reasons", code=0)
    assert found["detail"] == "1 reason is not mapped; cases without a link because of that: 1"


def test_a_better_strategy_is_named_with_what_is_missing(
    healthy: CommandLine, world: World, reason_toy: type[ReasonToy]
) -> None:
    world.connect("tokyo", connector="reasontoy", settings={"region": "jp"},
                  strategies=("static_link",),
                  secrets={"webhook_secret": "s", "api_key": "k"})  # fmt: skip
    better = finding(healthy, "tokyo", "better: field_token", code=0)
    assert better["remedy"].endswith("careerrelay connections set tokyo --strategy field_token")
    impossible = finding(healthy, "tokyo", "better: ats_message", code=0)
    assert "No endpoint sends mail" in impossible["detail"]
    assert finding(healthy, "tokyo", "better: own_mail", code=0)["status"] == "hint"


def test_templates_are_linted_again(healthy: CommandLine, world: World) -> None:
    with world.runtime.database.begin() as session:
        session.get_one(Company, "acme")
        session.add(
            MailTemplate(
                company_id="acme", kind="documents", locale="ja", subject="結果",
                body="登録で商品券を差し上げます。\n", updated_at=world.clock(),
            )
        )  # fmt: skip
    found = finding(healthy, "acme", "template documents (ja)")
    assert found["status"] == "fail"
    assert found["detail"].startswith("line 1: ")
    shown = healthy("doctor", lang="ja", code=1).stdout
    assert "エラー\tacme\tひな形 documents（ja）\t1行目：" in shown


def test_dead_work_is_a_hint(healthy: CommandLine, world: World) -> None:
    from tests.cli.test_signals import die

    die(world)
    assert "1 delivery" in finding(healthy, "work", "dead", code=0)["detail"]


def test_a_rotation_left_half_done_is_a_hint(healthy: CommandLine) -> None:
    healthy("keys", "new")
    assert "keys rotate" in finding(healthy, "keys", "rotation", code=0)["remedy"]


def test_no_company_yet_is_a_hint(fresh: CommandLine) -> None:
    fresh("init")
    assert finding(fresh, "companies", "none")["status"] == "hint"


def test_open_folders_are_a_hint(healthy: CommandLine) -> None:
    (healthy.config.parent / "data").chmod(0o755)
    assert "chmod 700" in finding(healthy, "settings", "folder", code=0)["remedy"]
