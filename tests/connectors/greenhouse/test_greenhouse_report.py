"""Note, tag and field after a registration, over real HTTP against the stand-in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from careerrelay.connectors import (
    ApiNotFoundError,
    ApiRequestError,
    ApiUnavailableError,
    Application,
    Candidate,
    RegistrationReport,
)
from careerrelay.connectors.greenhouse.connector import GreenhouseConnector
from careerrelay.connectors.greenhouse.standin import GreenhouseStandIn

from .conftest import Connect

LINK = "https://relay.example.com/r/abc123"
REPORT = RegistrationReport(marker="CR-7F3K", text="Registered (CR-7F3K). 3 to go.", tag="Relay")


@pytest.fixture
def application(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, case: str
) -> Application:
    greenhouse.reject(int(case), greenhouse.reason("Too Junior"))
    return connector.fetch_application(case)


def test_note_and_tag_are_written_once(
    greenhouse: GreenhouseStandIn,
    connector: GreenhouseConnector,
    application: Application,
) -> None:
    person = int(application.candidate.external_id)
    connector.report_registration(application, REPORT)
    connector.report_registration(application, REPORT)
    [note] = greenhouse.notes(person)
    assert (note["body"], note["visibility"]) == (REPORT.text, "privately_visible")
    assert (note["application_id"], note["user_id"]) == (int(application.external_id), 4080)
    assert greenhouse.tags(person) == ["Relay"]


@pytest.mark.parametrize("path", ["/v3/notes", "/v3/candidate_tags", "/v3/applied_candidate_tags"])
def test_lost_answer_leaves_one_note_and_one_tag(
    greenhouse: GreenhouseStandIn,
    connector: GreenhouseConnector,
    application: Application,
    path: str,
) -> None:
    """The work is done, the answer to the POST is lost: the engine calls again."""
    greenhouse.meanwhile("GET", path, lambda: greenhouse.fail_next(path=path, after_effect=True))
    with pytest.raises(ApiUnavailableError):
        connector.report_registration(application, REPORT)
    connector.report_registration(application, REPORT)
    person = int(application.candidate.external_id)
    assert len(greenhouse.notes(person)) == 1
    assert greenhouse.tags(person) == ["Relay"]


def test_settings_choose_tag_visibility_and_field(
    greenhouse: GreenhouseStandIn, connect: Connect, application: Application
) -> None:
    greenhouse.add_field("Relay", name_key="relay", value_type="short_text")
    person = int(application.candidate.external_id)
    greenhouse.edit_candidate(person, careerrelay_link=LINK, relay="an older word")
    chosen = connect(tag="登録済み", note_visibility="admin_only", report_field="relay")
    chosen.report_registration(application, REPORT)
    assert greenhouse.tags(person) == ["登録済み"]
    assert greenhouse.notes(person)[0]["visibility"] == "admin_only_visible"
    assert greenhouse.fields(person) == {"careerrelay_link": LINK, "relay": "Relay"}


def test_tag_that_exists_in_other_capitals_is_used(
    greenhouse: GreenhouseStandIn,
    connector: GreenhouseConnector,
    application: Application,
) -> None:
    greenhouse.records.tags[5] = "RELAY"
    connector.report_registration(application, REPORT)
    assert greenhouse.tags(int(application.candidate.external_id)) == ["RELAY"]


def test_nobody_gets_an_orphan_note(
    greenhouse: GreenhouseStandIn,
    connector: GreenhouseConnector,
    application: Application,
) -> None:
    """The notes endpoint takes any candidate id; we look first."""
    stranger = replace(application, candidate=Candidate("424242"))
    with pytest.raises(ApiNotFoundError):
        connector.report_registration(stranger, REPORT)
    assert greenhouse.notes(424242) == []


def test_acting_user_who_is_gone_is_refused(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, case: str
) -> None:
    application = connector.fetch_application(case)
    greenhouse.users.clear()
    with pytest.raises(ApiRequestError) as refused:
        connector.report_registration(application, REPORT)
    assert "haruka" not in refused.value.message.lower()
