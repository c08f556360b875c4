"""The Acme ATS connector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from careerrelay import connectors as kit
from careerrelay.connectors import ApplicationState, RejectionSide

from . import webhook
from .client import AcmeClient
from .spec import SPEC

STATES = {
    "open": ApplicationState.ACTIVE,
    "declined": ApplicationState.REJECTED,
    "withdrawn": ApplicationState.WITHDRAWN,
    "hired": ApplicationState.HIRED,
}
SIDES = {"us": RejectionSide.COMPANY, "them": RejectionSide.CANDIDATE}


class AcmeConnector(kit.Connector):
    """One account of Acme ATS."""

    spec = SPEC

    def prepare(self) -> None:
        self._client = AcmeClient(self)

    def parse_webhook(self, request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
        return webhook.parse(request)

    def fetch_application(self, application_id: str) -> kit.Application:
        return snapshot(self._client.case(application_id))

    def report_registration(
        self, application: kit.Application, report: kit.RegistrationReport
    ) -> None:
        self._client.add_label(application.external_id, report.tag)

    def reasons(self) -> Sequence[kit.Reason]:
        return [_reason(row) for row in self._client.reasons()]

    def check(self) -> list[kit.Check]:
        """Reads the reasons: needs the token and the permission to read."""
        probe = kit.Probe(
            "reasons",
            lambda: f"{len(self._client.reasons())} reasons",
            "Give the application the permission cases:read in Acme.",
        )
        remedy = "Look at client_id and client_secret, and whether the application is active."
        return kit.run_probes([probe], credentials="client_id and client_secret", remedy=remedy)


def snapshot(case: Mapping[str, Any]) -> kit.Application:
    """An application from a case that CaseSchema has read."""
    person = case["person"]
    return kit.Application(
        external_id=case["id"],
        candidate=kit.Candidate(person["id"], person["emails"], full_name=person["name"]),
        state=STATES[case["state"]],
        changed_at=case["changed"],
        reason=_reason(case["reason"]) if case["reason"] else None,
    )


def _reason(row: Mapping[str, Any]) -> kit.Reason:
    return kit.Reason(row["id"], row["name"], SIDES.get(row["by"], RejectionSide.UNKNOWN))
