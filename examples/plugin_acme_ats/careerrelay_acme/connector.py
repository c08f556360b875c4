"""The Acme ATS connector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from careerrelay.connectors import (
    ApiError,
    Application,
    ApplicationEvent,
    ApplicationState,
    Candidate,
    Check,
    Connector,
    Reason,
    RegistrationReport,
    RejectionSide,
    WebhookRequest,
)

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


class AcmeConnector(Connector):
    """One account of Acme ATS."""

    spec = SPEC

    def verify_webhook(self, request: WebhookRequest) -> None:
        webhook.verify(request, passwords=self.settings["webhook_password"])

    def parse_webhook(self, request: WebhookRequest) -> list[ApplicationEvent]:
        return webhook.parse(request)

    def sign_webhook(self, request: WebhookRequest) -> WebhookRequest:
        return webhook.sign(request, passwords=self.settings["webhook_password"])

    def fetch_application(self, application_id: str) -> Application:
        return snapshot(AcmeClient(self).case(application_id))

    def report_registration(self, application: Application, report: RegistrationReport) -> None:
        AcmeClient(self).add_label(application.external_id, report.tag)

    def reasons(self) -> Sequence[Reason]:
        return [_reason(row) for row in AcmeClient(self).reasons()]

    def check(self) -> list[Check]:
        """Reads the reasons: needs the token and the permission to read."""
        try:
            AcmeClient(self).reasons()
        except ApiError as error:
            remedy = "Look at client_id, client_secret and the application's permissions in Acme"
            return [Check("API", False, error.message, remedy)]
        return [Check("API", True, "reasons can be read")]


def snapshot(case: Mapping[str, Any]) -> Application:
    """An application from a case that CaseSchema has read."""
    person = case["person"]
    return Application(
        external_id=case["id"],
        candidate=Candidate(person["id"], tuple(person["emails"]), full_name=person["name"]),
        state=STATES[case["state"]],
        changed_at=case["changed"],
        reason=_reason(case["reason"]) if case["reason"] else None,
    )


def _reason(row: Mapping[str, Any]) -> Reason:
    return Reason(row["id"], row["name"], SIDES.get(row["by"], RejectionSide.UNKNOWN))
