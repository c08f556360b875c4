"""links and slots: what to paste, taking back, and the ledger added up again."""

from __future__ import annotations

import dataclasses

import pytest

from careerrelay.connectors import Capability
from careerrelay.engine import links
from careerrelay.models.errors import LinkRevokedError
from careerrelay.models.ledger import EntryKind
from careerrelay.models.tables import Company, LedgerEntry
from tests.cli.conftest import BOTH, CommandLine
from tests.engine.test_flow import register
from tests.support.toy import ToyConnector
from tests.support.world import World

pytestmark = BOTH


def test_static_prints_the_paragraph_in_both_languages_with_one_link(cli: CommandLine) -> None:
    told = cli.data("links", "static", "toy")
    assert told["url"].startswith("https://relay.example.jp/r/")
    for text in told["texts"].values():
        assert told["url"] in text.splitlines()
        assert "13-ユ-000000" in text
        assert "{{" not in text
    assert "--- ja ---" in cli("links", "static").stdout
    assert cli.data("links", "static", "toy") == told


def test_a_job_and_a_stage_have_links_of_their_own(cli: CommandLine) -> None:
    urls = {
        cli.data("links", "static", "toy", *more)["url"]
        for more in ([], ["--job", "j1"], ["--stage", "documents"])
    }
    assert len(urls) == 3
    listed = cli.data("links", "list", "toy")
    assert {(link["job_external_id"], link["stage"]) for link in listed} == {
        (None, None), ("j1", None), (None, "documents"),
    }  # fmt: skip


def test_static_names_the_job_as_that_ats_writes_it(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "cannot name the job" in cli("links", "static", "--job-title", code=2).stderr
    spec = dataclasses.replace(ToyConnector.spec, merge_syntax="{{JOB_NAME}}")
    monkeypatch.setattr(ToyConnector, "spec", spec)
    told = cli.data("links", "static", "toy", "--job-title")
    assert told["texts"]["ja"].startswith("{{JOB_NAME}}にご応募くださった皆様へ\n\n")
    assert told["texts"]["en"].startswith("To everyone who applied for {{JOB_NAME}}\n\n")
    assert "is {{JOB_NAME}} there" in cli("links", "static").stdout
    assert "there" not in cli("links", "static", "--job-title").stdout.splitlines()[-1]


def test_static_prints_the_paragraph_around_a_token_of_the_ats(cli: CommandLine) -> None:
    told = cli.data("links", "static", "toy", "--field-token", "{{CAREERRELAY_LINK}}")
    plain = cli.data("links", "static", "toy")
    assert told["url"] == ""
    for locale, text in told["texts"].items():
        assert "{{CAREERRELAY_LINK}}" in text.splitlines()
        assert text == plain["texts"][locale].replace(plain["url"], "{{CAREERRELAY_LINK}}")
        assert "https://relay.example.jp/s/" in text
    shown = cli("links", "static", "--field-token", "{{CAREERRELAY_LINK}}").stdout
    assert "--- link:" not in shown


@pytest.mark.parametrize(
    "token", ["", " ", "　", "{{A}}\n{{B}}", "{{A}}\r", "{{A}}\u2028", "\x1b[2J"]
)
def test_static_refuses_a_token_that_no_editor_shows_and_issues_no_link(
    cli: CommandLine, token: str
) -> None:
    """In double quotes a shell leaves nothing of ${Link}: no reason to print the company's link."""
    told = cli("links", "static", "--job", "j9", "--field-token", token, code=2)
    assert "must be one line" in told.stderr
    assert told.stdout == ""
    assert cli.data("links", "list", "toy") == []


def test_static_says_where_nothing_fills_the_field_yet(cli: CommandLine, world: World) -> None:
    world.connect("later", strategies=("static_link",))
    asked = ("links", "static", "later", "--field-token", "{{LINK}}")
    assert "run 'careerrelay connections set later --strategy field_token'" in cli(*asked).stdout
    assert "まだ項目にリンクが書き込まれません" in cli(*asked, lang="ja").stdout
    cli("connections", "set", "later", "--strategy", "field_token")
    assert cli.data(*asked)["hint"] == ""


def test_links_beside_a_token_are_those_of_the_same_job(cli: CommandLine) -> None:
    """The stop link is the company's own for that template, and no person's."""
    told = cli.data("links", "static", "toy", "--job", "j1", "--field-token", " {{LINK}} ")
    plain = cli.data("links", "static", "toy", "--job", "j1")
    for locale, text in told["texts"].items():
        assert text == plain["texts"][locale].replace(plain["url"], "{{LINK}}")
        assert plain["url"] not in text


def test_static_refuses_a_token_where_the_ats_has_no_link_field(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = ToyConnector.spec
    less = {kind: way for kind, way in spec.capabilities.items() if kind != Capability.FIELD_TOKEN}
    monkeypatch.setattr(ToyConnector, "spec", dataclasses.replace(spec, capabilities=less))
    told = cli("links", "static", "--field-token", "{{CAREERRELAY_LINK}}", code=2).stderr
    assert "field_token" in told
    assert "offers no way" in told


def test_static_link_carries_the_hint_that_this_atss_templates_fill_in(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = cli.data("links", "static", "toy")
    spec = dataclasses.replace(ToyConnector.spec, link_query="job=[m_job_title]")
    monkeypatch.setattr(ToyConnector, "spec", spec)
    told = cli.data("links", "static", "toy")
    assert told["url"] == plain["url"]
    for text in told["texts"].values():
        assert f"{plain['url']}?job=[m_job_title]" in text.splitlines()


def test_static_says_what_to_know_of_that_atss_templates(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.data("links", "static", "toy")["notes"] == {}
    notes = {"ja": "宛名から書き始めないでください。", "en": "Do not begin with a name."}
    spec = dataclasses.replace(ToyConnector.spec, paste_note=notes)
    monkeypatch.setattr(ToyConnector, "spec", spec)
    assert cli.data("links", "static", "toy")["notes"] == notes
    shown = cli("links", "static").stdout
    assert f"--- {notes['ja']}\n" in shown.partition("--- en ---")[0]
    assert f"--- {notes['en']}\n" in shown.partition("--- en ---")[2]


def test_static_names_the_operator_setting_it_cannot_do_without(cli: CommandLine) -> None:
    text = cli.config.read_text().replace('license_no = "13-ユ-000000"', 'license_no = ""')
    cli.config.write_text(text)
    assert "[operator] license_no" in cli("links", "static", code=2).stderr


@pytest.mark.parametrize("form", ["url", "token", "id"])
def test_revoke_takes_a_link_in_any_form(cli: CommandLine, world: World, form: str) -> None:
    told = cli.data("links", "static", "toy")
    token = told["url"].rpartition("/")[2]
    given = {"url": told["url"], "token": token, "id": told["id"]}[form]
    assert cli.data("links", "revoke", given) == {
        "id": told["id"], "revoked": True, "was_revoked": False,
    }  # fmt: skip
    assert cli.data("links", "revoke", given)["was_revoked"] is True
    with world.runtime.database.read() as session, pytest.raises(LinkRevokedError):
        links.open_link(world.runtime, session, token)
    assert cli.data("links", "static", "toy")["url"] != told["url"]


def test_revoke_of_no_link_is_not_found(cli: CommandLine) -> None:
    assert "no such link" in cli("links", "revoke", "nothing", code=1).stderr
    foreign = "https://relay.example.jp/r/abc.def"
    assert "no relay link" in cli("links", "revoke", foreign, code=1).stderr


@pytest.fixture
def registered(world: World) -> World:
    """Three registrations, and three to a slot."""
    with world.runtime.database.begin() as session:
        session.get_one(Company, "acme").batch_size = 3
    for number in range(4):
        world.apply(number)
        world.clock.forward(seconds=1)
        world.reject(number)
    world.work()
    for number in range(4):
        register(world, number)
    return world


def test_slots_are_shown_with_what_is_left(cli: CommandLine, registered: World) -> None:
    report = cli.data("slots", "show", "acme")[0]
    assert (report["credits"], report["slots"], report["remaining"]) == (4, 1, 2)
    assert report["faults"] == []
    assert "agrees" in cli("slots", "show").stdout


def test_the_ledger_shows_every_line(cli: CommandLine, registered: World) -> None:
    lines = cli.data("slots", "show", "acme", "--ledger")["ledger"]
    assert [(e["kind"], e["number"]) for e in lines if e["kind"] == "slot"] == [("slot", 1)]
    assert len(lines) == 5
    assert "--ledger needs" in cli("slots", "show", "--ledger", code=2).stderr


def test_a_ledger_that_disagrees_fails(cli: CommandLine, registered: World) -> None:
    with registered.runtime.database.begin() as session:
        session.add(
            LedgerEntry(
                company_id="acme", kind=EntryKind.SLOT.value, number=7, registration_id=None,
                rule_version="x", evidence={}, at=registered.clock(),
            )
        )  # fmt: skip
    answer = cli("slots", "show", "acme", code=1)
    assert "gap or a double" in answer.stdout
    assert "4 credits earn 1 slots, but 2 are written" in answer.stdout
    assert cli.data("doctor", code=1)
