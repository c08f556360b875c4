"""Reading and writing one candidate's record, over real HTTP against the stand-in."""

from __future__ import annotations

import pytest

from careerrelay.connectors import (
    ApiConflictError,
    ApiNotFoundError,
    ApiUnavailableError,
    Application,
    ApplicationState,
    Channel,
    Flag,
    RejectionSide,
    Stage,
)
from careerrelay.connectors.greenhouse.connector import GreenhouseConnector
from careerrelay.connectors.greenhouse.standin import GreenhouseStandIn

from .conftest import NOW, Connect

OURS = "https://relay.example.com/r/"
LINK = OURS + "abc123"


def candidate_of(greenhouse: GreenhouseStandIn, case: str) -> int:
    return greenhouse.application(int(case))["candidate_id"]


def test_fetched_application_holds_all_a_decision_needs(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, case: str
) -> None:
    greenhouse.reject(int(case), greenhouse.reason("Too Junior"))
    found = connector.fetch_application(case)
    assert found.state is ApplicationState.REJECTED
    assert found.reason
    assert (found.reason.text, found.reason.side) == ("Too Junior", RejectionSide.COMPANY)
    assert found.candidate.emails == ("haruka@example.com",)
    assert (found.candidate.family_name, found.candidate.given_name) == ("Mori", "Haruka")
    assert found.job
    assert found.job.title == "Designer"
    assert (found.stage, found.stage_text) == (Stage.DOCUMENTS, "Application Review")
    assert (found.changed_at, found.applied_at) == (NOW, NOW)


def test_fetched_withdrawal_is_no_rejection(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, case: str
) -> None:
    greenhouse.withdraw(int(case))
    assert connector.fetch_application(case).state is ApplicationState.WITHDRAWN


def test_reason_without_a_side_is_left_to_the_reason_map(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, case: str
) -> None:
    greenhouse.reject(int(case), greenhouse.reason("Other"))
    found = connector.fetch_application(case)
    assert found.state is ApplicationState.REJECTED
    assert found.reason
    assert found.reason.side is RejectionSide.UNKNOWN


def test_rejection_without_a_reason_has_none(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, case: str
) -> None:
    greenhouse.reject(int(case), None)
    assert connector.fetch_application(case).reason is None


def test_do_not_email_and_private_become_flags(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, case: str
) -> None:
    greenhouse.edit_candidate(candidate_of(greenhouse, case), can_email=False, private=True)
    expected = {Flag.DO_NOT_CONTACT, Flag.PRIVATE}
    assert connector.fetch_application(case).flags == expected


def test_confidential_job_makes_the_case_private(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector
) -> None:
    job_id = greenhouse.add_job("CFO", confidential=True)
    case = greenhouse.apply("Haruka", "Mori", emails=["h@example.com"], job_id=job_id)
    assert connector.fetch_application(str(case)).flags == {Flag.PRIVATE}


def test_prospect_without_job_is_a_scouted_person(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, case: str
) -> None:
    prospect = greenhouse.apply_again(candidate_of(greenhouse, case), prospect=True)
    found = connector.fetch_application(str(prospect))
    assert (found.job, found.channel) == (None, Channel.SCOUT)


def test_agency_is_known_by_the_type_of_its_source(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector
) -> None:
    source = greenhouse.add_source("Example Agency", kind="Agencies")
    case = greenhouse.apply("Haruka", "Mori", emails=["h@example.com"], source_id=source)
    assert connector.fetch_application(str(case)).channel is Channel.AGENT


def test_own_words_for_a_source_win(greenhouse: GreenhouseStandIn, connect: Connect) -> None:
    source = greenhouse.add_source("Example School", kind="Other")
    case = greenhouse.apply("Haruka", "Mori", emails=["h@example.com"], source_id=source)
    connector = connect(source_channels=f"{source} = school")
    assert connector.fetch_application(str(case)).channel is Channel.SCHOOL


@pytest.mark.parametrize("wrong", ["999999", "abc", "", "１２", "1,2"])
def test_unknown_application_is_not_found(connector: GreenhouseConnector, wrong: str) -> None:
    with pytest.raises(ApiNotFoundError):
        connector.fetch_application(wrong)


def test_reasons_include_those_of_the_vendor(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector
) -> None:
    greenhouse.add_reason("Runner-up")
    sides = {reason.text: reason.side for reason in connector.reasons()}
    assert sides == {
        "Too Junior": RejectionSide.COMPANY,
        "Withdrew": RejectionSide.CANDIDATE,
        "Other": RejectionSide.UNKNOWN,
        "Runner-up": RejectionSide.COMPANY,
    }


class TestWriteLink:
    """The link field, among fields that belong to recruiters."""

    @pytest.fixture
    def person(self, greenhouse: GreenhouseStandIn, case: str) -> int:
        greenhouse.add_field("Salary", name_key="desired_salary", value_type="short_text")
        greenhouse.add_field("Skills", name_key="skills", value_type="multi_select")
        greenhouse.add_field("Pay", name_key="pay", value_type="currency")
        person = candidate_of(greenhouse, case)
        greenhouse.edit_candidate(person, desired_salary="6,000,000", skills=["Ruby", "Go"])
        return person

    @pytest.fixture
    def application(self, connector: GreenhouseConnector, case: str, person: int) -> Application:
        found = connector.fetch_application(case)
        assert found.candidate.external_id == str(person)
        return found

    def test_recruiters_fields_stay(
        self,
        greenhouse: GreenhouseStandIn,
        connector: GreenhouseConnector,
        application: Application,
        person: int,
    ) -> None:
        connector.write_link(application, LINK, ours=OURS)
        assert greenhouse.fields(person) == {
            "desired_salary": "6,000,000",
            "skills": ["Ruby", "Go"],
            "careerrelay_link": LINK,
        }

    def test_second_time_writes_nothing(
        self,
        greenhouse: GreenhouseStandIn,
        connector: GreenhouseConnector,
        application: Application,
    ) -> None:
        connector.write_link(application, LINK, ours=OURS)
        connector.write_link(application, LINK, ours=OURS)
        assert [call[0] for call in greenhouse.calls].count("PATCH") == 1

    def test_link_is_taken_out_again_and_the_recruiters_fields_stay(
        self,
        greenhouse: GreenhouseStandIn,
        connector: GreenhouseConnector,
        application: Application,
        person: int,
    ) -> None:
        connector.write_link(application, LINK, ours=OURS)
        connector.write_link(application, "", ours=OURS)
        connector.write_link(application, "", ours=OURS)
        assert greenhouse.fields(person) == {
            "desired_salary": "6,000,000",
            "skills": ["Ruby", "Go"],
        }
        assert [call[0] for call in greenhouse.calls].count("PATCH") == 2

    def test_older_link_of_ours_is_replaced(
        self,
        greenhouse: GreenhouseStandIn,
        connector: GreenhouseConnector,
        application: Application,
        person: int,
    ) -> None:
        greenhouse.edit_candidate(person, careerrelay_link=OURS + "old")
        connector.write_link(application, LINK, ours=OURS)
        assert greenhouse.fields(person)["careerrelay_link"] == LINK

    def test_value_of_somebody_else_is_left_alone(
        self,
        greenhouse: GreenhouseStandIn,
        connector: GreenhouseConnector,
        application: Application,
        person: int,
    ) -> None:
        greenhouse.edit_candidate(person, careerrelay_link="https://example.com/portfolio")
        with pytest.raises(ApiConflictError, match="careerrelay_link holds a value"):
            connector.write_link(application, LINK, ours=OURS)
        assert greenhouse.fields(person)["careerrelay_link"] == "https://example.com/portfolio"

    def test_edit_that_takes_the_link_away_is_merged_again(
        self,
        greenhouse: GreenhouseStandIn,
        connector: GreenhouseConnector,
        application: Application,
        person: int,
    ) -> None:
        """A recruiter had the form open: saving it empties our field and changes another."""
        greenhouse.meanwhile(
            "PATCH",
            "/v3/candidates",
            lambda: greenhouse.edit_candidate(
                person, careerrelay_link=None, desired_salary="7,000,000"
            ),
        )
        connector.write_link(application, LINK, ours=OURS)
        fields = greenhouse.fields(person)
        assert (fields["careerrelay_link"], fields["desired_salary"]) == (LINK, "7,000,000")

    def test_later_edit_of_another_field_stands(
        self,
        greenhouse: GreenhouseStandIn,
        connector: GreenhouseConnector,
        application: Application,
        person: int,
    ) -> None:
        greenhouse.meanwhile(
            "PATCH",
            "/v3/candidates",
            lambda: greenhouse.edit_candidate(person, desired_salary="8,000,000"),
        )
        connector.write_link(application, LINK, ours=OURS)
        assert greenhouse.fields(person)["desired_salary"] == "8,000,000"

    def test_field_emptied_meanwhile_is_told(
        self,
        greenhouse: GreenhouseStandIn,
        connector: GreenhouseConnector,
        application: Application,
        person: int,
    ) -> None:
        greenhouse.meanwhile(
            "PATCH", "/v3/candidates", lambda: greenhouse.edit_candidate(person, skills=None)
        )
        with pytest.raises(ApiConflictError, match="custom field skills"):
            connector.write_link(application, LINK, ours=OURS)

    def test_link_taken_away_again_and_again_is_a_conflict(
        self,
        greenhouse: GreenhouseStandIn,
        connector: GreenhouseConnector,
        application: Application,
        person: int,
    ) -> None:
        for _ in range(3):
            greenhouse.meanwhile(
                "PATCH",
                "/v3/candidates",
                lambda: greenhouse.edit_candidate(person, careerrelay_link=None),
            )
        with pytest.raises(ApiConflictError, match="changed back"):
            connector.write_link(application, LINK, ours=OURS)

    def test_lost_answer_does_no_harm(
        self,
        greenhouse: GreenhouseStandIn,
        connector: GreenhouseConnector,
        application: Application,
        person: int,
    ) -> None:
        connector.fetch_application(application.external_id)
        greenhouse.fail_next(path=f"/v3/candidates/{person}", after_effect=True)
        with pytest.raises(ApiUnavailableError):
            connector.write_link(application, LINK, ours=OURS)
        connector.write_link(application, LINK, ours=OURS)
        assert greenhouse.fields(person)["careerrelay_link"] == LINK
        assert greenhouse.fields(person)["desired_salary"] == "6,000,000"

    def test_value_whose_written_form_is_unknown_is_refused(
        self,
        greenhouse: GreenhouseStandIn,
        connector: GreenhouseConnector,
        application: Application,
        person: int,
    ) -> None:
        greenhouse.edit_candidate(person, pay={"amount": 5000, "unit": "USD"})
        with pytest.raises(ApiConflictError, match="pay has a value of type currency"):
            connector.write_link(application, LINK, ours=OURS)
        assert "careerrelay_link" not in greenhouse.fields(person)

    def test_value_of_a_tried_type_travels_back(
        self,
        greenhouse: GreenhouseStandIn,
        connect: Connect,
        application: Application,
        person: int,
    ) -> None:
        greenhouse.edit_candidate(person, pay={"amount": 5000, "unit": "USD"})
        connect(round_trip_types="user, currency").write_link(application, LINK, ours=OURS)
        assert greenhouse.fields(person)["pay"] == {"amount": 5000, "unit": "USD"}

    def test_missing_field_says_where_to_make_it(
        self, connect: Connect, application: Application
    ) -> None:
        with pytest.raises(ApiConflictError, match="Configure > Custom Options"):
            connect(link_field="nowhere").write_link(application, LINK, ours=OURS)

    def test_candidate_deleted_meanwhile_is_not_found(
        self,
        greenhouse: GreenhouseStandIn,
        connector: GreenhouseConnector,
        application: Application,
        person: int,
    ) -> None:
        greenhouse.delete_candidate(person)
        with pytest.raises(ApiNotFoundError):
            connector.write_link(application, LINK, ours=OURS)
