"""Doctor on the notices of own_mail: what they name and nobody has set is told in time."""

from __future__ import annotations

import pytest

from careerrelay.engine.connections import ConnectionPlan, change_connection
from careerrelay.engine.doctor_notices import notice_findings
from careerrelay.engine.findings import Finding, Status
from careerrelay.models.tables import Company, Connection
from tests.support.world import World


@pytest.fixture
def world(world: World) -> World:
    """A company that sends its notices itself."""
    world.connect("mails", connector="toy", strategies=("own_mail",))
    with world.runtime.database.begin() as session:
        company = session.get_one(Company, "acme")
        company.recruiter_name = "採用担当"
        company.contact_email = "hr@example.jp"
    return world


def told(world: World, name: str = "mails") -> list[Finding]:
    with world.runtime.database.read() as session:
        connection = session.get_one(Connection, name)
    return list(notice_findings(world.runtime, connection))


def plan(world: World, **values: object) -> None:
    change_connection(
        world.runtime, "mails", plan=ConnectionPlan(**values), actor="test"  # type: ignore[arg-type] - passed through
    )  # fmt: skip


def test_a_year_that_the_notice_names_is_asked_for(world: World) -> None:
    plan(world, hiring="new_graduate")
    (fault,) = told(world)
    assert (fault.area, fault.name, fault.status) == ("mails", "notices", Status.FAIL)
    assert "new_graduate (ja)" in fault.detail
    assert "{{graduation_year}} has no value" in fault.detail
    assert fault.remedy == "careerrelay connections set mails --mail-value graduation_year=VALUE"
    plan(world, mail_values={"graduation_year": "2027"})
    assert [f.status for f in told(world)] == [Status.OK]


def test_a_name_that_the_company_lacks_is_asked_for(world: World) -> None:
    with world.runtime.database.begin() as session:
        session.get_one(Company, "acme").recruiter_name = ""
    remedies = {f.remedy for f in told(world)}
    assert remedies == {"careerrelay company set acme --recruiter-name VALUE"}


def test_a_connection_that_sends_no_notice_is_asked_nothing(world: World) -> None:
    assert told(world, "toy") == []
