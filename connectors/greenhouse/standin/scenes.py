"""One rejected application, ready for the conformance suite."""

from __future__ import annotations

from typing import Any

from careerrelay.connectors import (
    Application,
    ApplicationState,
    Candidate,
    Job,
    Reason,
    RejectionSide,
)
from careerrelay.connectors.testing import Scene

from .desk import GreenhouseStandIn


def scene() -> Scene:
    """A person with a value in another field, rejected for one job."""
    greenhouse = GreenhouseStandIn()
    greenhouse.add_field("Desired salary", name_key="desired_salary", value_type="short_text")
    job_id = greenhouse.add_job("Designer")
    case_id = greenhouse.apply("Haruka", "Mori", emails=["haruka@example.com"], job_id=job_id)
    candidate_id = greenhouse.application(case_id)["candidate_id"]
    greenhouse.edit_candidate(candidate_id, desired_salary="6,000,000")
    reason_id = greenhouse.reason("Too Junior")
    greenhouse.reject(case_id, reason_id, notify=False)

    def effects() -> dict[str, Any]:
        return {
            "fields": greenhouse.fields(candidate_id),
            "tags": greenhouse.tags(candidate_id),
            "notes": [note["body"] for note in greenhouse.notes(candidate_id)],
        }

    application = Application(
        external_id=str(case_id),
        candidate=Candidate(str(candidate_id), ("haruka@example.com",), "Mori", "Haruka"),
        state=ApplicationState.REJECTED,
        changed_at=greenhouse.clock(),
        job=Job(str(job_id), "Designer"),
        reason=Reason(str(reason_id), "Too Junior", RejectionSide.COMPANY),
    )
    return Scene(
        stand_in=greenhouse,
        application=application,
        settings=lambda url: greenhouse.settings(url, webhook_secret="a-secret-for-tests"),  # noqa: S106 - of a stand-in
        effects=effects,
    )
