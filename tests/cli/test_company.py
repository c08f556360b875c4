"""company: values, the SMTP account and its password, templates."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from careerrelay.engine.own_mail import SMTP_PASSWORD, account_of
from careerrelay.models.tables import AuditEntry, Company
from tests.cli.conftest import BOTH, CommandLine
from tests.support.world import World

TEMPLATE = """Subject: 選考結果のご連絡（{{company_name}}）

{{candidate_name}} 様

{{company_name}}の{{recruiter_name}}でございます。
このたびは弊社の求人にご応募いただき、誠にありがとうございました。

慎重に選考いたしました結果、誠に残念ながら、今回は採用を
見送らせていただくこととなりました。

{{relay_block}}

末筆ながら、今後のご活躍を心よりお祈り申し上げます。

{{signature}}
"""


def company(world: World, id_: str = "acme") -> Company:
    with world.runtime.database.read() as session:
        return session.get_one(Company, id_)


@BOTH
def test_add_list_and_show(cli: CommandLine) -> None:
    added = cli.data("company", "add", "beta", "--name", "株式会社ベータ", "--locale", "en")
    assert (added["id"], added["locale"], added["retention_months"]) == ("beta", "en", 12)
    assert [c["id"] for c in cli.data("company", "list")] == ["acme", "beta"]
    assert cli.data("company", "list")[0]["connections"] == 1
    assert "株式会社ベータ" in cli("company", "show", "beta").stdout


@BOTH
def test_set_changes_only_what_is_given(cli: CommandLine, world: World) -> None:
    cli("company", "set", "acme", "--send-from-hour", "8", "--business-days-only", "no")
    changed = company(world)
    assert (changed.send_from_hour, changed.business_days_only) == (8, False)
    assert changed.contact_email == "saiyo@acme.example.jp"


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("--timezone", "Mars/Base", "timezone"),
        ("--contact-email", "no-address", "contact_email"),
        ("--retention-months", "0", "retention_months"),
        ("--retention-months", "a year", "retention_months"),
        ("--send-from-hour", "20", "send_until_hour"),
        ("--careers-url", "acme.example.jp", "careers_url"),
        ("--switched-off", "withdrawn", "switched_off"),
        ("--locale", "fr", "locale"),
        ("--smtp-port", "0", "smtp port"),
        ("--smtp-security", "ssl", "smtp security"),
        ("--smtp-sender", "nobody", "smtp sender"),
        ("--name", " ", "name"),
    ],
)
def test_an_impossible_value_is_named(
    cli: CommandLine, option: str, value: str, named: str
) -> None:
    error = cli("company", "set", "acme", option, value, code=2).stderr
    assert f"company {named}: " in error


def test_rules_are_switched_off_and_on_again(cli: CommandLine, world: World) -> None:
    cli("company", "set", "acme", "--switched-off", "private")
    assert company(world).switched_off == ["private"]
    cli("company", "set", "acme", "--switched-off", "none")
    assert company(world).switched_off == []


def test_ids_are_short_names(cli: CommandLine) -> None:
    assert "company id" in cli("company", "add", "Acme Inc", "--name", "A", code=2).stderr
    assert "already" in cli("company", "add", "acme", "--name", "A", code=1).stderr
    assert "is missing" in cli("company", "add", code=2).stderr
    assert "known: acme" in cli("company", "show", "nobody", code=1).stderr


def test_a_set_of_nothing_is_a_usage_error(cli: CommandLine) -> None:
    assert "nothing to change" in cli("company", "set", "acme", code=2).stderr


def test_smtp_password_comes_from_a_file_is_sealed_and_never_shown(
    cli: CommandLine, world: World, secret_file: Path
) -> None:
    account = ["--smtp-host", "smtp.acme.example.jp", "--smtp-sender", "jinji@acme.example.jp"]
    cli("company", "set", "acme", *account, "--smtp-password-file", str(secret_file))
    stored = company(world)
    assert "never-to-be-seen" not in stored.smtp[SMTP_PASSWORD]
    assert account_of(world.runtime, stored).password == "never-to-be-seen-3141"
    for answer in (cli("company", "show", "acme"), cli("company", "show", "acme", "--json")):
        assert "never-to-be-seen" not in answer.stdout
        assert stored.smtp[SMTP_PASSWORD] not in answer.stdout
    assert cli.data("company", "show", "acme")["smtp"]["password"] == "set"


def test_smtp_password_from_the_environment_and_forgotten(cli: CommandLine, world: World) -> None:
    cli("company", "set", "acme", "--smtp-password-env", "PW", env={"PW": "never-3141"})
    assert SMTP_PASSWORD in company(world).smtp
    cli("company", "set", "acme", "--forget-smtp-password")
    assert SMTP_PASSWORD not in company(world).smtp
    assert "PW is not set" in cli(
        "company", "set", "acme", "--smtp-password-env", "PW", code=2, env={"PW": ""}
    ).stderr  # fmt: skip


def test_smtp_password_has_one_source_and_no_silent_prompt(
    cli: CommandLine, secret_file: Path
) -> None:
    two = ["--smtp-password-file", str(secret_file), "--smtp-password-env", "PW"]
    assert "one way only" in cli("company", "set", "acme", *two, code=2).stderr
    assert "no terminal" in cli("company", "set", "acme", "--smtp-password", code=2).stderr


def test_an_emptied_smtp_value_is_taken_out(cli: CommandLine, world: World) -> None:
    cli("company", "set", "acme", "--smtp-username", "acme")
    cli("company", "set", "acme", "--smtp-username", "")
    assert "username" not in company(world).smtp


def test_what_was_changed_is_audited_by_name_without_values(
    cli: CommandLine, world: World, secret_file: Path
) -> None:
    cli("company", "set", "acme", "--recruiter-name", "採用 次郎",
        "--smtp-password-file", str(secret_file))  # fmt: skip
    with world.runtime.database.read() as session:
        entry = session.scalars(select(AuditEntry)).one()
    assert entry.action == "company.set"
    assert entry.detail == {"changed": ["recruiter_name", "smtp.password"]}
    assert entry.actor.startswith("cli:")


def test_a_good_template_is_stored_and_shown(
    cli: CommandLine, tmp_path: Path, world: World
) -> None:
    path = tmp_path / "documents.txt"
    path.write_text(TEMPLATE)
    told = cli.data("company", "template", "set", "acme", "documents", str(path))
    assert told["locale"] == "ja"
    shown = cli("company", "template", "show", "acme", "documents").stdout
    assert shown.startswith(
        "Subject: 選考結果のご連絡（{{company_name}}）\n\n{{candidate_name}} 様"
    )
    listed = cli.data("company", "template", "list", "acme")
    own = [t["kind"] for t in listed if t["text"] == "own"]
    assert own == ["documents"]
    assert "proof" not in {t["kind"] for t in listed}


def test_what_template_show_prints_template_set_takes(cli: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "shipped.txt"
    path.write_text(cli("company", "template", "show", "acme", "documents").stdout)
    before = cli.data("company", "template", "show", "acme", "documents")
    cli("company", "template", "set", "acme", "documents", str(path))
    after = cli.data("company", "template", "show", "acme", "documents")
    assert (after["subject"], after["body"].strip()) == (before["subject"], before["body"].strip())


def test_a_template_the_linter_refuses_is_not_stored(cli: CommandLine) -> None:
    text = TEMPLATE.replace("{{relay_block}}", "{{relay_block}}\n登録で商品券を差し上げます。")
    error = cli("company", "template", "set", "acme", "documents", "-", code=1, text=text).stderr
    assert "the template is refused" in error
    shown = cli.data("company", "template", "show", "acme", "documents")
    assert shown["text"] == "shipped"


def test_a_template_goes_back_to_the_shipped_one(cli: CommandLine) -> None:
    cli("company", "template", "set", "acme", "documents", "-", text=TEMPLATE)
    cli("company", "template", "remove", "acme", "documents")
    assert cli.data("company", "template", "show", "acme", "documents")["text"] == "shipped"
    assert "already" in cli("company", "template", "remove", "acme", "documents", code=1).stderr


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        ("proof", TEMPLATE, "there is no template 'proof'"),
        ("nonsense", TEMPLATE, "choose one of: documents"),
        ("documents", "no subject\n", "first line"),
    ],
)
def test_a_template_that_is_none_is_refused(
    cli: CommandLine, kind: str, text: str, told: str
) -> None:
    assert told in cli("company", "template", "set", "acme", kind, "-", code=1, text=text).stderr


def test_the_batch_size_stands_once_somebody_is_counted(cli: CommandLine, world: World) -> None:
    from tests.engine.test_flow import register

    cli("company", "set", "acme", "--batch-size", "5")
    world.apply(1)
    world.reject(1)
    world.work()
    register(world, 1)
    assert "counted already" in cli("company", "set", "acme", "--batch-size", "3", code=1).stderr
    cli("company", "set", "acme", "--batch-size", "5")
